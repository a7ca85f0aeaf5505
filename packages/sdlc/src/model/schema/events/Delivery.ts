/** Events of landing and releasing: merge queue, deploy, verification, rollback, incidents, sync of the living specs. */
import { Schema } from "effect"
import { event, maybeText, text } from "./Event.ts"

const outcome = Schema.Literals(["succeeded", "failed"])

export const MergeQueued = event("merge-queued", { sha: text, position: Schema.optionalKey(Schema.Int) })
export const MergeDequeued = event("merge-dequeued", { reason: text })
export const MergeEjected = event("merge-ejected", { reason: text })
/** outOfBand: landed without the flow's merge step; the violation stays on record. */
export const Merged = event("merged", { sha: text, outOfBand: Schema.Boolean })
export const DeployStarted = event("deploy-started", { deploy: text, sha: text, environment: text })
export const DeployRecorded = event("deploy-recorded", {
  deploy: text,
  status: outcome,
  url: maybeText,
  error: maybeText
})
export const ReleaseVerified = event("release-verified", { deploy: text, version: maybeText })
export const ReleaseUnhealthy = event("release-unhealthy", { deploy: text, check: text })
export const RollbackStarted = event("rollback-started", { deploy: text })
export const RollbackRecorded = event("rollback-recorded", { deploy: text, status: outcome, error: maybeText })
export const IncidentOpened = event("incident-opened", { incident: text, cause: text })
export const IncidentClosed = event("incident-closed", { incident: text })
export const SyncRecorded = event("sync-recorded", { specs: Schema.Array(text) })

export const DeliveryEvents = [
  MergeQueued,
  MergeDequeued,
  MergeEjected,
  Merged,
  DeployStarted,
  DeployRecorded,
  ReleaseVerified,
  ReleaseUnhealthy,
  RollbackStarted,
  RollbackRecorded,
  IncidentOpened,
  IncidentClosed,
  SyncRecorded
] as const
