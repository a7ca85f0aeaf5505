/** Events of planning: submissions, verdicts, the slot and the workspace. */
import type { ArtifactKind, Upstream } from "../Artifact.ts"
import type { VerdictData } from "../Verdict.ts"

export interface PlanData {
  readonly "artifact-submitted": { readonly kind: ArtifactKind; readonly hash: string; readonly upstream: Upstream }
  readonly verdict: VerdictData
  readonly "claim-taken": { readonly slot?: string }
  readonly "claim-released": { readonly reason?: string }
  /** sha: the commit of the base that the branch started from. */
  readonly "branch-provisioned": {
    readonly branch: string
    readonly base?: string
    readonly sha?: string
    readonly resources?: ReadonlyArray<string>
  }
  /** The base was taken into the branch and nothing else was done: results for the patch `from` are stale because of it, not of the feature. */
  readonly "branch-updated": { readonly base: string; readonly from: string; readonly to: string }
  readonly "branch-lost": { readonly reason: string }
  /** Everything provisioned for the feature was given back; it also ends the claim. */
  readonly "cleanup-recorded": { readonly resources: ReadonlyArray<string> }
}
