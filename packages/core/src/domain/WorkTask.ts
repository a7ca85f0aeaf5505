/** A unit of queued work and its record, which stays readable after the work is done. Schemas only. */
import { Schema } from "effect"
import { ErrorClass } from "./ErrorClass.ts"
import { TaskId } from "./Ids.ts"
import { OwnerId } from "./Owner.ts"
import { QueueName } from "./QueueName.ts"

export const TaskStatus = Schema.Literals(["pending", "running", "completed", "failed", "cancelled"])
export type TaskStatus = typeof TaskStatus.Type

export const Label = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._:/=-]{0,99}$/u, {
    message: "expected letters, digits and . _ : / = - , at most 100 characters"
  })
)

/** What a producer gives; defaults are filled in by WorkQueue. */
export const TaskSpec = Schema.Struct({
  owner: OwnerId,
  /** Names the handler, e.g. `agent`, `command`, `ci`, `feature`. */
  kind: Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9.-]{0,62}$/u)),
  /** JSON input of the handler. */
  payload: Schema.Json,
  /** Higher runs first among those of one owner. */
  priority: Schema.Int.check(Schema.isBetween({ minimum: -100, maximum: 100 })),
  /** Earliest start, epoch milliseconds up to the end of the year 9999; null = now. */
  runAtMillis: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Date.UTC(10_000, 0) - 1 }))),
  /** While a task of the owner with this key is pending or running, another enqueue returns that task. */
  dedupeKey: Schema.NullOr(QueueName),
  /** At most `concurrencyLimit` tasks of the owner with this key run at once. */
  concurrencyKey: Schema.NullOr(QueueName),
  concurrencyLimit: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })),
  /** Attempts that count before the task fails. */
  maxAttempts: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })),
  timeoutMillis: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 * 24 * 3_600_000 })),
  /** Tasks that must complete first; a failed or cancelled one fails this task. */
  dependsOn: Schema.Array(TaskId).check(Schema.isMaxLength(256)),
  /** A worker must carry all of these labels. */
  requires: Schema.Array(Label).check(Schema.isMaxLength(16)),
  /** Account or provider whose limits this task shares: it does not start while that gate is closed. */
  gate: Schema.NullOr(QueueName)
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

/** How many ended deliveries a record keeps; older ones are dropped. */
export const keptAttempts = 20

/** The part of a record that deliveries change. */
export const TaskState = Schema.Struct({
  /** Deliveries so far, and how many of them counted. */
  deliveries: Schema.Int,
  attemptsCounted: Schema.Int,
  /** Deliveries that ended with the worker's disappearance. */
  crashes: Schema.Int,
  /** Grows after a timeout. */
  timeoutMillis: Schema.Int,
  /** Set while parked for a human: why. */
  parked: Schema.NullOr(Schema.String),
  /** Name of the capacity it waits for. */
  awaits: Schema.NullOr(Schema.String),
  progress: Schema.NullOr(Schema.Json),
  error: Schema.NullOr(ErrorClass),
  /** Ended deliveries, oldest first, at most `keptAttempts`. */
  attempts: Schema.Array(Attempt)
})
export type TaskState = typeof TaskState.Type

export class WorkTask extends Schema.Class<WorkTask>("rdev/WorkTask")({
  id: TaskId,
  ...TaskSpec.fields,
  ...TaskState.fields,
  status: TaskStatus,
  cancelRequested: Schema.Boolean,
  workerId: Schema.NullOr(Schema.String),
  result: Schema.NullOr(Schema.Json),
  createdAtMillis: Schema.Int,
  /** Start of the current or last delivery. */
  startedAtMillis: Schema.NullOr(Schema.Int),
  endedAtMillis: Schema.NullOr(Schema.Int)
}) {}

/** What a worker holds while it runs a task. */
export const Delivery = Schema.Struct({
  task: WorkTask,
  fence: Schema.BigInt
})
export type Delivery = typeof Delivery.Type
