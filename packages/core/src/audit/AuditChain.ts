/**
 * The hash chain of an audit trail: pure functions that stores use to write it and anybody can use to check it offline.
 * An entry's hash covers the canonical JSON (keys in UTF-16 code unit order at every depth, no white space) of all its other fields, the previous
 * hash among them; so an edit, a removal, a swap or an insertion breaks the chain at that entry. A truncated tail is only seen
 * by who kept the head (number and hash) elsewhere.
 */
import { canonicalJson } from "@rdev/sdlc/model/Digest"
import { Schema } from "effect"
import { createHash } from "node:crypto"
import { AuditEntry } from "../domain/Audit.ts"

/** `previousHash` of entry 1. */
export const genesis = "0".repeat(64)

export type Unhashed = Omit<typeof AuditEntry.Encoded, "hash">

/** Lower-case hex SHA-256 of the canonical JSON of everything but `hash`. */
export const hashOf = (entry: Unhashed): string => {
  const { hash: _, ...covered } = entry as typeof AuditEntry.Encoded
  return createHash("sha256").update(canonicalJson(covered)).digest("hex")
}

const decode = Schema.decodeSync(AuditEntry)
/** The entry with its hash. */
export const seal = (entry: Unhashed): AuditEntry => decode({ ...entry, hash: hashOf(entry) })

export interface Break {
  readonly number: number
  readonly problem: "gap" | "previous hash differs" | "hash differs"
}

/**
 * The first entry that does not fit, or null. Entries ascend from `from`: the number and hash of the entry before the first,
 * by default the beginning of the chain.
 */
export const verify = (
  entries: Iterable<typeof AuditEntry.Encoded>,
  from: { readonly number: number; readonly hash: string } = { number: 0, hash: genesis }
): Break | null => {
  let { number, hash } = from
  for (const entry of entries) {
    if (entry.number !== number + 1) return { number: number + 1, problem: "gap" }
    if (entry.previousHash !== hash) return { number: entry.number, problem: "previous hash differs" }
    if (entry.hash !== hashOf(entry)) return { number: entry.number, problem: "hash differs" }
    number = entry.number
    hash = entry.hash
  }
  return null
}
