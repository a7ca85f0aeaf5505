/**
 * Pure: which policy is in force, given the one that was accepted and the one that stands on the default branch. What the latter
 * demands more holds at once; what it demands less waits until somebody who may approve has accepted it.
 */

import { changes, type KeyringEntry, type Policy, type PolicyChange, stricter } from "@rdev/sdlc/model/Policy"
import { policyRev, standardPolicy } from "@rdev/sdlc/model/Presets"
import { sha256 } from "@rdev/sdlc/repo/Digest"
import * as Layout from "@rdev/sdlc/repo/Layout"
import * as PolicyFile from "@rdev/sdlc/repo/PolicyFile"
import { nobody } from "@rdev/sdlc/model/PolicyOrder"

/** The policy file of a commit. */
export interface Written {
  /** Of what it demands; of a file that is none, of its text. */
  readonly digest: string
  readonly text: string | null
  readonly policy: Policy | null
  /** Why it is none; null when it is one. */
  readonly problem: string | null
}

export interface Proposal {
  readonly digest: string
  readonly problem: string | null
  /** What waits for acceptance. */
  readonly weakens: ReadonlyArray<PolicyChange>
  /** What holds already. */
  readonly strengthens: ReadonlyArray<PolicyChange>
  /** Somebody who may approve said no to it: none of it holds. */
  readonly rejected: boolean
}

export const parse = (text: string): Written => {
  const parsed = PolicyFile.parse(text)
  return parsed._tag === "Ok"
    ? { digest: policyRev(parsed.value), text, policy: parsed.value, problem: null }
    : {
        digest: `text:${sha256(text)}`,
        text,
        policy: null,
        problem: `${parsed.problem}; ${PolicyFile.fixFor(parsed.problem)}`
      }
}

export const readFrom = (files: ReadonlyMap<string, Uint8Array | string>): Written => {
  const content = files.get(Layout.policyPath)
  if (content === undefined)
    return { digest: "missing", text: null, policy: null, problem: `${Layout.policyPath} is missing` }
  if (content.length > Layout.maxStateBytes)
    return {
      digest: "too-large",
      text: null,
      policy: null,
      problem: `${Layout.policyPath} is larger than ${Layout.maxStateBytes} bytes`
    }
  return parse(typeof content === "string" ? content : Buffer.from(content).toString("utf8"))
}

/** Null when what stands there demands what was accepted. */
export const compare = (accepted: Policy, written: Written, rejected: ReadonlySet<string>): Proposal | null => {
  const { digest, policy, problem } = written
  if (policy === null) return { digest, problem, weakens: [], strengthens: [], rejected: rejected.has(digest) }
  if (digest === policyRev(accepted)) return null
  const found = changes(accepted, policy)
  return {
    digest,
    problem,
    weakens: found.filter(({ effect }) => effect !== "stricter"),
    strengthens: found.filter(({ effect }) => effect === "stricter"),
    rejected: rejected.has(digest)
  }
}

/** Without the platform's own key nothing that it records would count, and a proposal would stop every feature: its key stays until an acceptance takes it away. */
const keepKey = (policy: Policy, accepted: Policy, own: KeyringEntry | null): Policy => {
  const kept = accepted.keyring.find((entry) => entry.id === own?.id && entry.ed25519 === own.ed25519)
  if (kept === undefined || policy.keyring.some((entry) => entry.id === kept.id && entry.ed25519 === kept.ed25519))
    return policy
  return {
    ...policy,
    keyring: [...policy.keyring.filter((entry) => entry.id !== kept.id && entry.id !== nobody.id), kept]
  }
}

/** `own`: the platform's key as a keyring lists it. */
export const inForce = (
  accepted: Policy,
  written: Written,
  proposal: Proposal | null,
  own: KeyringEntry | null
): Policy =>
  proposal === null || proposal.rejected || written.policy === null
    ? accepted
    : keepKey(stricter(accepted, written.policy), accepted, own)

/** Where no acceptance of this installation's can be found, nothing is laxer than the standard policy. */
export const cautious = (candidates: ReadonlyArray<Policy>): Policy => candidates.reduce(stricter, standardPolicy)
