/**
 * Who is at the keyboard. `SDLC_PRINCIPAL` (such as `agent:claude` or `human:ada`) decides; without it a person is taken from
 * git's user.email. Promises that nothing an agent sets makes it a person: `--as-human` is refused under an agent's
 * principal, and under a keyring a person's words need a signing key.
 */
import { readFileSync } from "node:fs"
import { needsSignature } from "../derive/fold/Trust.ts"
import type { EventType } from "../model/FeatureEvent.ts"
import type { KeyringEntry, Policy } from "../model/Policy.ts"
import type { Principal } from "../model/Principal.ts"
import * as Trust from "../repo/Trust.ts"
import { Failure } from "./Failure.ts"
import * as Git from "./Git.ts"

export type Env = Readonly<Record<string, string | undefined>>

const types = ["human", "agent", "ci", "platform"] as const

/** The principal of the environment, or `null` when none is set. */
export const fromEnv = (env: Env): Principal | null => {
  const text = env["SDLC_PRINCIPAL"]
  if (text === undefined || text === "") return null
  const at = text.indexOf(":")
  const type = types.find((candidate) => candidate === text.slice(0, at))
  const id = text.slice(at + 1)
  if (type === undefined || id === "")
    throw new Failure(
      `SDLC_PRINCIPAL: "${text}" is not <type>:<name>.`,
      `write one of ${types.join(", ")}, a colon and a name, such as agent:claude.`
    )
  const { SDLC_MODEL: model, SDLC_SESSION: session } = env
  return {
    id,
    type,
    ...(type === "agent" && model !== undefined ? { model } : {}),
    ...(type === "agent" && session !== undefined ? { session } : {})
  }
}

/** Who records ordinary work. */
export const current = (env: Env, root: string): Principal => {
  const named = fromEnv(env)
  if (named !== null) return named
  const user = Git.user(root)
  if (user === null)
    throw new Failure(
      "Nobody knows who you are.",
      "set SDLC_PRINCIPAL (agent:<name> or human:<name>), or git config user.email."
    )
  return { id: user.email, type: "human" }
}

/** The key that signs, when the environment names one: a PKCS#8 PEM file whose public half is in the keyring. */
export const signingKey = (env: Env, keyring: ReadonlyArray<KeyringEntry>): Trust.SigningKey | null => {
  const path = env["SDLC_SIGNING_KEY"]
  if (path === undefined || path === "") return null
  let key: Trust.SigningKey
  try {
    key = Trust.signingKey("", readFileSync(path, "utf8"))
  } catch (cause) {
    throw new Failure(
      `SDLC_SIGNING_KEY: ${path} is no readable Ed25519 private key (${cause instanceof Error ? cause.message : String(cause)}).`,
      "point it at the PEM file that sdlc keys wrote."
    )
  }
  const entry = keyring.find((candidate) => candidate.ed25519 === Trust.entryOf(key).ed25519)
  if (keyring.length > 0 && entry === undefined)
    throw new Failure(
      "SDLC_SIGNING_KEY: its public key is not in the policy's keyring.",
      "add it under keyring in .sdlc/policy.yaml, or use another key."
    )
  return { ...key, id: entry?.id ?? "local" }
}

export interface Signer {
  readonly actor: Principal
  readonly key?: Trust.SigningKey
}

/** Adds the key that `actor` needs for this kind of event under this policy, or refuses. */
export const signer = (env: Env, policy: Policy, actor: Principal, type: EventType): Signer => {
  const key = actor.type === "agent" ? null : signingKey(env, policy.keyring)
  const principals = policy.keyring.find((entry) => entry.id === key?.id)?.principals
  if (key !== null && (principals === undefined || principals.includes(actor.id))) return { actor, key }
  // Signed with it, the event would stand there and not count.
  if (key !== null && needsSignature({ type, actor })) {
    throw new Failure(
      `SDLC_SIGNING_KEY: key "${key.id}" may not speak for ${actor.type} ${actor.id}.`,
      `use a key that may, or add ${actor.id} to its principals in .sdlc/policy.yaml.`
    )
  }
  if (policy.keyring.length > 0 && needsSignature({ type, actor })) {
    throw new Failure(
      `${type} by ${actor.type} ${actor.id} needs a signature: the policy has a keyring.`,
      actor.type === "agent"
        ? "leave this to the platform."
        : "do it through the platform, or set SDLC_SIGNING_KEY to your key file."
    )
  }
  return { actor }
}

/** Who gives a verdict: an agent as itself; a person only with a key, or with `--as-human` where the policy has no keyring. */
export const judge = (env: Env, policy: Policy, root: string, asHuman: boolean): Signer => {
  const named = fromEnv(env)
  if (named !== null && named.type !== "human") {
    if (asHuman)
      throw new Failure(
        `--as-human: SDLC_PRINCIPAL is ${named.type}:${named.id}.`,
        "ask a person; an agent cannot give a person's verdict."
      )
    return signer(env, policy, named, "verdict")
  }
  const actor = current(env, root)
  if (policy.keyring.length === 0 && !asHuman && signingKey(env, []) === null) {
    throw new Failure(
      "A verdict is given in a person's name.",
      "add --as-human if you are that person, or set SDLC_PRINCIPAL=agent:<name> if you are not."
    )
  }
  return signer(env, policy, actor, "verdict")
}
