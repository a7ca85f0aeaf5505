/** Verdicts: approve, reject or waive, always by somebody, always on a subject that names exact content. */
import type { Upstream } from "./Artifact.ts"
import type { Principal } from "./Principal.ts"

/**
 * What a verdict can be about, and its subject:
 * spec, design, tasks, qa-plan → the document's hash (null only to waive an absent one); start → the plan digest;
 * human-review, uat, merge → the digest of the feature's own changes, or the code tree where these are not known; risk → the digest of the accepted findings; action → the idempotency key of the action confirmed.
 * agent-review and audit have no verdicts: their results are recorded by `review-recorded` and `audit-recorded`.
 */
export type VerdictGate =
  | "spec"
  | "design"
  | "tasks"
  | "qa-plan"
  | "start"
  | "human-review"
  | "risk"
  | "uat"
  | "merge"
  | "action"

export interface VerdictData {
  readonly gate: VerdictGate
  readonly subject: string | null
  readonly upstream?: Upstream
  readonly verdict: "approve" | "reject" | "waive"
  readonly reason?: string
  readonly evidence?: string
}

export interface Verdict extends VerdictData {
  readonly by: Principal
  readonly at: string
  readonly event: string
}
