/**
 * Signatures of events: Ed25519 over the canonical JSON of the event without its `signature`.
 *
 * Promises that, once the policy has a keyring, an event that carries authority (a person's verdict, a CI result, a merge, …)
 * counts only with a valid signature of a listed key, and that a wrong signature is never overlooked. Keeps no keys.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign as signBytes,
  verify as verifyBytes,
  type KeyObject
} from "node:crypto"
import { needsSignature } from "../derive/fold/Trust.ts"
import type { FeatureEvent, LoadedEvent } from "../model/FeatureEvent.ts"
import type { KeyringEntry } from "../model/Policy.ts"
import { canonicalJson } from "./Digest.ts"

/** A private key together with the id under which the keyring lists its public half. */
export interface SigningKey {
  readonly id: string
  /** A `KeyObject` of node:crypto; written so that the declarations need no types of Node. */
  readonly privateKey: { readonly asymmetricKeyType?: string | undefined }
}

const payload = (event: FeatureEvent): Buffer => {
  const { signature: _signature, ...unsigned } = event
  return Buffer.from(canonicalJson(unsigned))
}

/** The event with a signature by `key`. */
export const sign = <E extends FeatureEvent>(event: E, key: SigningKey): E => ({
  ...event,
  signature: {
    key: key.id,
    ed25519: signBytes(null, payload(event), key.privateKey as KeyObject).toString("base64url")
  }
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
  if (entry.principals !== undefined && !entry.principals.includes(event.actor.id))
    return `key "${entry.id}" may not speak for ${event.actor.id}`
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
  const problem = event.signature === undefined && !needsSignature(event) ? null : signatureProblem(event, keyring)
  return { event: { ...event, trusted: problem === null }, problem }
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
  if (privateKey.asymmetricKeyType !== "ed25519")
    throw new TypeError(`the key is ${privateKey.asymmetricKeyType ?? "unknown"}, not ed25519`)
  return { id, privateKey }
}

/** The keyring entry of a private key. */
export const entryOf = (key: SigningKey): KeyringEntry => {
  const jwk = createPublicKey(key.privateKey as KeyObject).export({ format: "jwk" })
  return { id: key.id, ed25519: String(jwk.x) }
}
