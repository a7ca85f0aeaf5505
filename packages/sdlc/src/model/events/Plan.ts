/** Events of planning: submissions, verdicts, the slot and the workspace. */
import type { ArtifactKind, Upstream } from "../Artifact.ts"
import type { VerdictData } from "../Verdict.ts"

export interface PlanData {
  readonly "artifact-submitted": { readonly kind: ArtifactKind; readonly hash: string; readonly upstream: Upstream }
  readonly "verdict": VerdictData
  readonly "claim-taken": { readonly slot?: string }
  readonly "claim-released": { readonly reason?: string }
  readonly "branch-provisioned": { readonly branch: string; readonly base?: string; readonly resources?: ReadonlyArray<string> }
  readonly "branch-lost": { readonly reason: string }
  /** Everything provisioned for the feature was given back; it also ends the claim. */
  readonly "cleanup-recorded": { readonly resources: ReadonlyArray<string> }
}
