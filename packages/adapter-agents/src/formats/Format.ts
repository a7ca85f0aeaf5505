/**
 * What an agent's output format has to supply: a pure reading of one line of standard output. Formats hold no state; what spans
 * several lines (which call an edit belongs to, what the last verdict was) is put together by Transcript.
 */
import type { AgentEvent } from "@rdev/core/ports/agents/AgentHarness"
import type { Schema } from "effect"

export type Json = Schema.Json

/** Beside events, what a line can say about the run as a whole. */
export type Reading =
  | AgentEvent
  /** The tool call changes this file, if it succeeds. */
  | { readonly _tag: "Edit"; readonly id: string; readonly path: string }
  /** The agent's own word on how the run ended. */
  | { readonly _tag: "Verdict"; readonly ok: boolean; readonly summary: string }
  /** Something went wrong, in the words of the agent or its provider; the last ones decide the class if the run fails. */
  | { readonly _tag: "Failure"; readonly text: string }

export interface Format {
  readonly name: string
  /** Whether every run begins with a line that is read as `Started`. */
  readonly announcesStart: boolean
  /** null: not a line of this format; it is passed on as plain output. */
  readonly read: (line: string) => ReadonlyArray<Reading> | null
}

export type Fields = { readonly [key: string]: Json }

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)
export const fields = (value: unknown): Fields => (isFields(value) ? value : {})
export const text = (value: unknown): string => (typeof value === "string" ? value : "")
export const textOrNull = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null)
export const count = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) ? Math.max(0, Math.trunc(value)) : 0
export const list = (value: unknown): ReadonlyArray<Json> => (Array.isArray(value) ? value : [])
export const json = (value: unknown): Json => (value === undefined ? null : (value as Json))

/** A line that holds one JSON object, or null. */
export const object = (line: string): Fields | null => {
  if (!line.startsWith("{")) return null
  try {
    const value: unknown = JSON.parse(line)
    return isFields(value) ? value : null
  } catch {
    return null
  }
}
