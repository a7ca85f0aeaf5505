/** Findings of reviews and audits, and what was decided about them. */
import { Schema } from "effect"
import { Severity } from "./Scalars.ts"

export const Finding = Schema.Struct({
  /** Stable over re-runs for the same problem, so that a disposition keeps applying to it. */
  id: Schema.NonEmptyString,
  severity: Severity,
  title: Schema.String,
  detail: Schema.optionalKey(Schema.String),
  file: Schema.optionalKey(Schema.String),
  line: Schema.optionalKey(Schema.Int)
})
export type Finding = typeof Finding.Type

/** fix: a fix task exists · track: an issue exists (never enough for a blocking finding) · accept, false-positive: a human has to agree. */
export const Disposition = Schema.Literals(["fix", "track", "accept", "false-positive"])
export type Disposition = typeof Disposition.Type

export const QaCheck = Schema.Struct({
  id: Schema.NonEmptyString,
  /** Scenario (SC-001) that the check shows. */
  scenario: Schema.optionalKey(Schema.String),
  status: Schema.Literals(["passed", "failed", "not-run"]),
  detail: Schema.optionalKey(Schema.String),
  evidence: Schema.optionalKey(Schema.String)
})
export type QaCheck = typeof QaCheck.Type
