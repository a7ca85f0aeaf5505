/** A durable multi-step change to the world and its ledger rows. Schemas only; see operations/ for what runs them. */
import { Schema } from "effect"
import { OperationId, ProjectId } from "./Ids.ts"

export const OperationStatus = Schema.Literals([
  "planned",
  "running",
  "waiting",
  "compensating",
  "completed",
  "failed",
  "cancelled",
  "compensation_failed",
  "parked"
])
export type OperationStatus = typeof OperationStatus.Type
export const terminal: ReadonlySet<OperationStatus> = new Set(["completed", "failed", "cancelled", "compensation_failed"])

export const StepPhase = Schema.Literals(["do", "undo"])
export const StepStatus = Schema.Literals(["planned", "started", "done", "failed", "unknown", "skipped"])
export type StepStatus = typeof StepStatus.Type

export const StepError = Schema.Struct({ code: Schema.String, message: Schema.String, retryable: Schema.Boolean })
export type StepError = typeof StepError.Type

export class OperationStep extends Schema.Class<OperationStep>("rdev/OperationStep")({
  operationId: OperationId,
  key: Schema.String,
  phase: StepPhase,
  title: Schema.String,
  /** What the plan says will happen. */
  change: Schema.Literals(["create", "adopt", "update", "no-op", "conflict", "delete"]),
  /** Why, in a sentence. */
  changeReason: Schema.String,
  dependsOn: Schema.Array(Schema.String),
  status: StepStatus,
  attempt: Schema.Int,
  output: Schema.NullOr(Schema.Json),
  error: Schema.NullOr(StepError),
  epoch: Schema.Int,
  startedAtMillis: Schema.NullOr(Schema.Int),
  endedAtMillis: Schema.NullOr(Schema.Int)
}) {}

export class Operation extends Schema.Class<Operation>("rdev/Operation")({
  id: OperationId,
  /** Names the definition that can run it, e.g. `project.provision`. */
  kind: Schema.String,
  /** Version of that definition; an unknown one parks the operation. */
  version: Schema.Int,
  projectId: Schema.NullOr(ProjectId),
  input: Schema.Json,
  output: Schema.NullOr(Schema.Json),
  idempotencyKey: Schema.String,
  status: OperationStatus,
  error: Schema.NullOr(StepError),
  cancelRequested: Schema.Boolean,
  leaseOwner: Schema.NullOr(Schema.String),
  leaseEpoch: Schema.Int,
  leaseUntilMillis: Schema.NullOr(Schema.Int),
  /** Earliest time a waiting operation is looked at again. */
  wakeAtMillis: Schema.NullOr(Schema.Int),
  /** Who asked for it (principal id) and with which request. */
  actor: Schema.String,
  requestId: Schema.NullOr(Schema.String),
  createdAtMillis: Schema.Int,
  startedAtMillis: Schema.NullOr(Schema.Int),
  endedAtMillis: Schema.NullOr(Schema.Int)
}) {}
