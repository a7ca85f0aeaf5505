/** Findings of reviews and audits, and what was decided about them. */
import type { severities } from "./Names.ts"

export type Severity = (typeof severities)[number]

export interface Finding {
  /** Stable over re-runs for the same problem, so that a disposition keeps applying to it. */
  readonly id: string
  readonly severity: Severity
  readonly title: string
  readonly detail?: string
  readonly file?: string
  readonly line?: number
}

/** fix: a fix task exists · track: an issue exists (never enough for a blocking finding) · accept, false-positive: a human has to agree. */
export type Disposition = "fix" | "track" | "accept" | "false-positive"

export interface QaCheck {
  readonly id: string
  /** Scenario (SC-001) that the check shows. */
  readonly scenario?: string
  readonly status: "passed" | "failed" | "not-run"
  readonly detail?: string
  readonly evidence?: string
}
