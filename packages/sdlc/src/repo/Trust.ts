/**
 * Signatures of events: Ed25519 over the canonical JSON of the event without its `signature`.
 *
 * Promises that, once the policy has a keyring, nothing an unsigned file says in the name of a person, a CI system or the
 * platform counts, and that an agent's unsigned file counts only for what agents may say. Keeps no keys.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign as signBytes, verify as verifyBytes, type KeyObject } from "node:crypto"
import type { EventType, FeatureEvent, LoadedEvent } from "../model/FeatureEvent.ts"
import type { KeyringEntry } from "../model/Policy.ts"
import { canonicalJson } from "./Digest.ts"

/** A private key together with the id under which the keyring lists its public half. */
export interface SigningKey {
  readonly id: string
  readonly privateKey: KeyObject
}

/** What an agent may record without a signature. Everything else is for people, CI and the platform. */
export const agentTypes: ReadonlySet<EventType> = new Set<EventType>([
  "feature-created", "feature-amended", "artifact-submitted", "verdict",
  "task-started", "task-claimed", "task-failed", "task-blocked", "task-unblocked", "fix-tasks-added",
  "review-started", "review-recorded", "thread-opened", "thread-resolved", "audit-started", "audit-recorded", "finding-disposed",
  "qa-started", "qa-recorded", "evidence-attached", "sync-recorded",
  "blocker-opened", "blocker-cleared", "rework-counted", "cost-recorded", "attempt-recorded"
])

const payload = (event: FeatureEvent): Buffer => {
  const { signature: _signature, ...unsigned } = event
  return Buffer.from(canonicalJson(unsigned))
}

/** The event with a signature by `key`. */
export const sign = <E extends FeatureEvent>(event: E, key: SigningKey): E => ({
  ...event,
  signature: { key: key.id, ed25519: signBytes(null, payload(event), key.privateKey).toString("base64url") }
})

const publicKey = (entry: KeyringEntry): KeyObject | null => {
  try {
    return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: entry.ed25519 }, format: "jwk" })
  } catch {
    return null
  }
}

/** Why a signature does not count, or `null` when it does. */
export const signatureProblem = (event: FeatureEvent, keyring: ReadonlyArray<KeyringEntry>): string | null => {
  if (event.signature === undefined) return "it is not signed"
  const entry = keyring.find((candidate) => candidate.id === event.signature?.key)
  if (entry === undefined) return `its key "${event.signature.key}" is not in the policy's keyring`
  if (entry.principals !== undefined && !entry.principals.includes(event.actor.id)) return `key "${entry.id}" may not speak for ${event.actor.id}`
  const key = publicKey(entry)
  if (key === null) return `keyring entry "${entry.id}" holds no Ed25519 public key`
  let valid = false
  try {
    valid = verifyBytes(null, payload(event), key, Buffer.from(event.signature.ed25519, "base64url"))
  } catch {
    valid = false
  }
  return valid ? null : "its signature does not fit its content"
}

export interface Judged {
  readonly event: LoadedEvent
  /** Why it does not count. */
  readonly problem: string | null
}

/** Marks an event as trusted or not. Without a keyring there is nothing to check and nothing is marked. */
export const judge = (event: FeatureEvent, keyring: ReadonlyArray<KeyringEntry>): Judged => {
  if (keyring.length === 0) return { event, problem: null }
  const free = event.actor.type === "agent" && agentTypes.has(event.type) && event.signature === undefined
  const problem = free ? null : signatureProblem(event, keyring)
  const reason = problem !== null && event.actor.type === "agent" && event.signature === undefined ? `an agent may not record ${event.type} unsigned` : problem
  return { event: { ...event, trusted: reason === null }, problem: reason }
}

/** A new key pair: PKCS#8 PEM to keep secret, base64url public key for the keyring. */
export const generate = (): { readonly privatePem: string; readonly publicKey: string } => {
  const pair = generateKeyPairSync("ed25519")
  const jwk = pair.publicKey.export({ format: "jwk" })
  return { privatePem: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), publicKey: String(jwk.x) }
}

/** Reads a PKCS#8 PEM. Throws when the text holds no Ed25519 private key. */
export const signingKey = (id: string, pem: string): SigningKey => {
  const privateKey = createPrivateKey(pem)
  if (privateKey.asymmetricKeyType !== "ed25519") throw new TypeError(`the key is ${privateKey.asymmetricKeyType ?? "unknown"}, not ed25519`)
  return { id, privateKey }
}

/** The keyring entry of a private key. */
export const entryOf = (key: SigningKey): KeyringEntry => {
  const jwk = createPublicKey(key.privateKey).export({ format: "jwk" })
  return { id: key.id, ed25519: String(jwk.x) }
}
