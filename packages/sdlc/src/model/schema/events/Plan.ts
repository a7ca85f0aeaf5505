/** Events of planning: submissions, verdicts, the slot and the workspace. */
import { Schema } from "effect"
import { ArtifactKind, Upstream } from "../Artifact.ts"
import { Digest } from "../Scalars.ts"
import { VerdictFields } from "../Verdict.ts"
import { event, maybeText, text } from "./Event.ts"

export const ArtifactSubmitted = event("artifact-submitted", { kind: ArtifactKind, hash: Digest, upstream: Upstream })
export const VerdictGiven = event("verdict", VerdictFields)
export const ClaimTaken = event("claim-taken", { slot: maybeText })
export const ClaimReleased = event("claim-released", { reason: maybeText })
export const BranchProvisioned = event("branch-provisioned", {
  branch: text,
  base: maybeText,
  sha: maybeText,
  resources: Schema.optionalKey(Schema.Array(text))
})
export const BranchUpdated = event("branch-updated", { base: text, from: Digest, to: Digest })
export const BranchLost = event("branch-lost", { reason: text })
/** Everything provisioned for the feature was given back; it also ends the claim. */
export const CleanupRecorded = event("cleanup-recorded", { resources: Schema.Array(text) })

export const PlanEvents = [
  ArtifactSubmitted,
  VerdictGiven,
  ClaimTaken,
  ClaimReleased,
  BranchProvisioned,
  BranchUpdated,
  BranchLost,
  CleanupRecorded
] as const
