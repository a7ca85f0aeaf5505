/** Verdicts: approve, reject or waive, always by somebody, always on a subject that names exact content. */
import { Schema } from "effect"
import { Upstream } from "./Artifact.ts"
import { Principal } from "./Principal.ts"
import { Digest, Instant } from "./Scalars.ts"

/**
 * What a verdict can be about, and its subject:
 * spec, design, tasks, qa-plan → the document's hash (null only to waive an absent one); start → the plan digest;
 * human-review, uat, merge → the code tree; risk → the digest of the accepted findings; action → the idempotency key of the action confirmed.
 * agent-review and audit have no verdicts: their results are recorded by `review-recorded` and `audit-recorded`.
 */
export const VerdictGate = Schema.Literals([
  "spec",
  "design",
  "tasks",
  "qa-plan",
  "start",
  "human-review",
  "risk",
  "uat",
  "merge",
  "action"
])
export type VerdictGate = typeof VerdictGate.Type

export const VerdictFields = {
  gate: VerdictGate,
  subject: Schema.NullOr(Digest),
  upstream: Schema.optionalKey(Upstream),
  verdict: Schema.Literals(["approve", "reject", "waive"]),
  reason: Schema.optionalKey(Schema.String),
  evidence: Schema.optionalKey(Digest)
}

export const Verdict = Schema.Struct({ ...VerdictFields, by: Principal, at: Instant, event: Schema.String })
export type Verdict = typeof Verdict.Type
