/** A unit of queued work and its record, which stays readable after the work is done. Schemas only. */
import { Schema } from "effect"
import { ErrorClass } from "./ErrorClass.ts"
import { ProjectId, TaskId } from "./Ids.ts"

export const TaskStatus = Schema.Literals(["pending", "running", "completed", "failed", "cancelled"])
export type TaskStatus = typeof TaskStatus.Type

/** What a producer gives; defaults are filled in by WorkQueue. */
export const TaskSpec = Schema.Struct({
  projectId: ProjectId,
  /** Names the handler, e.g. `agent`, `command`, `ci`, `feature`. */
  kind: Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9.-]{0,62}$/)),
  /** JSON input of the handler. */
  payload: Schema.Json,
  /** Higher runs first within a project. */
  priority: Schema.Int.check(Schema.isBetween({ minimum: -100, maximum: 100 })),
  /** Earliest start, epoch milliseconds; null = now. */
  runAtMillis: Schema.NullOr(Schema.Int),
  /** While a task of the project with this key is pending or running, another enqueue returns that task. */
  dedupeKey: Schema.NullOr(Schema.String),
  /** At most `concurrencyLimit` tasks of the project with this key run at once. */
  concurrencyKey: Schema.NullOr(Schema.String),
  concurrencyLimit: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  /** Attempts that count before the task fails. */
  maxAttempts: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })),
  timeoutMillis: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  /** Tasks that must complete first; a failed or cancelled one fails this task. */
  dependsOn: Schema.Array(TaskId),
  /** A worker must carry all of these labels. */
  requires: Schema.Array(Schema.String)
})
export type TaskSpec = typeof TaskSpec.Type

export const Attempt = Schema.Struct({
  number: Schema.Int,
  /** Greater at every delivery of the task; writes that carry an old fence are refused. */
  fence: Schema.BigInt,
  workerId: Schema.String,
  startedAtMillis: Schema.Int,
  endedAtMillis: Schema.NullOr(Schema.Int),
  error: Schema.NullOr(ErrorClass),
  /** Whether it counted towards `maxAttempts`. */
  counted: Schema.Boolean
})
export type Attempt = typeof Attempt.Type

export class WorkTask extends Schema.Class<WorkTask>("rdev/WorkTask")({
  id: TaskId,
  ...TaskSpec.fields,
  status: TaskStatus,
  /** Deliveries so far, and how many of them counted. */
  deliveries: Schema.Int,
  attemptsCounted: Schema.Int,
  crashes: Schema.Int,
  /** Set while parked for a human: why. */
  parked: Schema.NullOr(Schema.String),
  cancelRequested: Schema.Boolean,
  workerId: Schema.NullOr(Schema.String),
  progress: Schema.NullOr(Schema.Json),
  result: Schema.NullOr(Schema.Json),
  error: Schema.NullOr(ErrorClass),
  createdAtMillis: Schema.Int,
  startedAtMillis: Schema.NullOr(Schema.Int),
  endedAtMillis: Schema.NullOr(Schema.Int)
}) {}

/** What a worker holds while it runs a task. */
export const Delivery = Schema.Struct({
  task: WorkTask,
  fence: Schema.BigInt,
  leaseUntilMillis: Schema.Int
})
export type Delivery = typeof Delivery.Type
