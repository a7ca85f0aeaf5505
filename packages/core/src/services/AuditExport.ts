/**
 * An audit chain as a file that anybody can check without this installation: JSON lines, one entry each, ascending, and a last line
 * with the head. An edited, removed, swapped or inserted entry breaks the chain; a cut-off end is seen because the head is missing or
 * is not the last entry's. A chain that somebody rewrote as a whole is seen only by who kept an earlier head: give it to `verify`.
 */
import { Option, Result, Schema } from "effect"
import { AuditEntry } from "../domain/Audit.ts"
import * as AuditChain from "../audit/AuditChain.ts"

export const Head = Schema.Struct({ number: Schema.Int, hash: Schema.String })
export type Head = typeof Head.Type
const HeadLine = Schema.Struct({ head: Head })

export interface Verdict {
  readonly ok: boolean
  readonly entries: number
  /** Number and hash of the last entry that fits. */
  readonly head: Head
  /** The first thing wrong; `line` counts from 1. `entry`: the number of the entry that does not fit, null when it is the end of the file. */
  readonly problem: { readonly line: number; readonly entry: number | null; readonly message: string } | null
}

const encode = Schema.encodeSync(AuditEntry)
const decodeHead = Schema.decodeUnknownResult(HeadLine, { onExcessProperty: "error" })
const decodeEntry = Schema.decodeUnknownResult(AuditEntry, { onExcessProperty: "error" })

export const genesis: Head = { number: 0, hash: AuditChain.genesis }
export const headOf = (entries: ReadonlyArray<AuditEntry>): Head => {
  const last = entries.at(-1)
  return last === undefined ? genesis : { number: last.number, hash: last.hash }
}

/** One line of a file, without its end. */
export const line = (entry: AuditEntry): string => JSON.stringify(encode(entry))
export const headLine = (head: Head): string => JSON.stringify({ head })
/** The whole file of a chain; entries ascending from number 1. */
export const text = (entries: ReadonlyArray<AuditEntry>): string =>
  [...entries.map(line), headLine(headOf(entries))].map((one) => `${one}\n`).join("")

const parsed = (source: string): Option.Option<unknown> => {
  try {
    return Option.some(JSON.parse(source))
  } catch {
    // Said by the caller, with the line.
    return Option.none()
  }
}

const explain: Readonly<Record<AuditChain.Break["problem"], string>> = {
  gap: "an entry is missing before this one, or two have changed places",
  "previous hash differs": "the entry before this one was changed or replaced",
  "hash differs": "this entry was changed after it was written"
}

/** A head noted down earlier; the hash alone is enough. */
export interface Kept {
  readonly number?: number
  readonly hash: string
}

/** Checks a file from its first line; `kept` is a head noted down earlier, which the chain must contain. */
export const verify = (source: string, kept: Kept | null = null): Verdict => {
  const lines = source.split("\n").filter((one) => one.trim() !== "")
  let head = genesis
  let seenKept = kept === null || kept.number === 0 || kept.hash === genesis.hash
  const broken = (at: number, message: string): Verdict => ({
    ok: false,
    entries: head.number,
    head,
    problem: { line: at, entry: null, message }
  })
  const misfit = (at: number, message: string): Verdict => ({
    ok: false,
    entries: head.number,
    head,
    problem: { line: at, entry: head.number + 1, message }
  })
  for (const [i, one] of lines.entries()) {
    const value = parsed(one)
    if (Option.isNone(value)) return misfit(i + 1, "this line is not JSON")
    const last = decodeHead(value.value)
    if (Result.isSuccess(last)) {
      if (i !== lines.length - 1) return broken(i + 1, "the head stands before the end of the file")
      if (last.success.head.number !== head.number || last.success.head.hash !== head.hash)
        return broken(
          i + 1,
          `the head says entry ${last.success.head.number}, the file ends with entry ${head.number}: the end was cut off or replaced`
        )
      return seenKept
        ? { ok: true, entries: head.number, head, problem: null }
        : broken(
            i + 1,
            `${kept?.number === undefined ? "an entry" : `entry ${kept.number}`} with the hash noted down earlier is not in the chain: the chain was rewritten or cut off`
          )
    }
    const entry = decodeEntry(value.value)
    if (Result.isFailure(entry)) return misfit(i + 1, `this line is not an audit entry: ${entry.failure.message}`)
    const problem = AuditChain.verify([encode(entry.success)], head)
    if (problem !== null) return misfit(i + 1, explain[problem.problem])
    head = { number: entry.success.number, hash: entry.success.hash }
    if (kept !== null && (kept.number === undefined || kept.number === head.number) && kept.hash === head.hash)
      seenKept = true
  }
  return broken(lines.length + 1, "the file has no head line: its end was cut off")
}
