/** A durable multi-step change to the world and its ledger rows. Schemas only; see operations/ for what runs them. */
import { Schema } from "effect"
import { OperationId, ProjectId } from "./Ids.ts"

export const OperationStatus = Schema.Literals([
  "planned",
  "running",
  /** No step can go on before a time or an answer; nobody holds it. */
  "waiting",
  "compensating",
  "completed",
  /** Ended with an error; what it had created is undone (or, where its definition goes on after failures, the rest is done). */
  "failed",
  "cancelled",
  /** An undo failed for good: something it created may still be there. Visible until a retry undoes it. */
  "compensation_failed",
  /** Needs a human: unknown version, unreadable ledger, unknown outcome. Nothing was undone. */
  "parked"
])
export type OperationStatus = typeof OperationStatus.Type
export const terminal: ReadonlySet<OperationStatus> = new Set([
  "completed",
  "failed",
  "cancelled",
  "compensation_failed"
])
/** What a runner may claim. */
export const runnable: ReadonlySet<OperationStatus> = new Set(["planned", "running", "waiting", "compensating"])

export const StepPhase = Schema.Literals(["do", "undo"])
export type StepPhase = typeof StepPhase.Type
export const StepStatus = Schema.Literals(["planned", "started", "waiting", "done", "failed", "unknown", "skipped"])
export type StepStatus = typeof StepStatus.Type
/** What a step does to the world: `run` is an action without a resource of its own. */
export const StepChange = Schema.Literals(["create", "adopt", "update", "no-op", "conflict", "delete", "run"])
export type StepChange = typeof StepChange.Type

export const StepError = Schema.Struct({ code: Schema.String, message: Schema.String, retryable: Schema.Boolean })
export type StepError = typeof StepError.Type

/** Why a step waits and until when; `question` is set when a human is asked. */
export const StepWait = Schema.Struct({
  kind: Schema.Literals(["timer", "answer", "retry"]),
  untilMillis: Schema.NullOr(Schema.Int),
  reason: Schema.String,
  question: Schema.NullOr(Schema.String)
})
export type StepWait = typeof StepWait.Type

export class OperationStep extends Schema.Class<OperationStep>("rdev/OperationStep")({
  operationId: OperationId,
  key: Schema.String,
  phase: StepPhase,
  title: Schema.String,
  /** What the plan says will happen; replaced by what was observed when the step began. */
  change: StepChange,
  /** Why, in a sentence. */
  changeReason: Schema.String,
  dependsOn: Schema.Array(Schema.String),
  status: StepStatus,
  /** Calls of `do` (or `undo`) begun so far; a step that has begun is observed before it is called again. */
  attempt: Schema.Int,
  /** Attempts that count towards the step's retry limit, failed observations among them. */
  tries: Schema.Int,
  output: Schema.NullOr(Schema.Json),
  error: Schema.NullOr(StepError),
  wait: Schema.NullOr(StepWait),
  /** Lease epoch under which the row was written last. */
  epoch: Schema.Int,
  /** Start of the first attempt. */
  startedAtMillis: Schema.NullOr(Schema.Int),
  endedAtMillis: Schema.NullOr(Schema.Int)
}) {}

export const ResourceState = Schema.Literals(["planned", "created", "adopted", "deleted", "unavailable"])

/** What a step makes in the outside world. Committed as `planned` before the call that creates it. */
export class OperationResource extends Schema.Class<OperationResource>("rdev/OperationResource")({
  operationId: OperationId,
  /** Key of the step that owns it. */
  key: Schema.String,
  /** e.g. `forge`, `dns`, `database`. */
  provider: Schema.String,
  externalId: Schema.String,
  state: ResourceState
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
  /** Digest of the plan it was applied from; each step must then find the world as planned. */
  planDigest: Schema.NullOr(Schema.String),
  status: OperationStatus,
  /** `undo` once compensation has begun. */
  direction: StepPhase,
  error: Schema.NullOr(StepError),
  cancelRequested: Schema.Boolean,
  leaseOwner: Schema.NullOr(Schema.String),
  /** Grows with every claim; a write that carries an old one is refused. */
  leaseEpoch: Schema.Int,
  leaseUntilMillis: Schema.NullOr(Schema.Int),
  /** Earliest time at which it is claimed again; null = at once. */
  wakeAtMillis: Schema.NullOr(Schema.Int),
  /** A cancel or an answer came since the claim: a release then wakes at once. */
  wakeRequested: Schema.Boolean,
  /** Who asked for it (principal id), with which request, from where. */
  actor: Schema.String,
  requestId: Schema.NullOr(Schema.String),
  sourceAddress: Schema.NullOr(Schema.String),
  createdAtMillis: Schema.Int,
  startedAtMillis: Schema.NullOr(Schema.Int),
  endedAtMillis: Schema.NullOr(Schema.Int)
}) {}
