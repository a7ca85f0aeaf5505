/**
 * The life of a task as pure functions on its record: pending → running → completed | failed | cancelled, and back to pending
 * on a retry. Stores apply what these return; nothing else changes a record's status.
 */
import type { Schema } from "effect"
import type { TaskId } from "../domain/Ids.ts"
import { type Attempt, keptAttempts, type TaskState, WorkTask } from "../domain/WorkTask.ts"
import type { ErrorClass } from "../domain/ErrorClass.ts"
import type { NewTask, Outcome } from "../ports/stores/WorkQueueStore.ts"
import type { Decision } from "./RetryPolicy.ts"

type Fields = { readonly [K in keyof WorkTask]: WorkTask[K] }

/** A record from fields that are known to be valid: the schema's constructor would check each of them again, 13 µs per task. */
export const record = (fields: Fields): WorkTask => Object.setPrototypeOf(fields, WorkTask.prototype) as WorkTask

export const withFields = (task: WorkTask, change: Partial<Fields>): WorkTask => record({ ...task, ...change })

type Shared = Pick<
  NewTask,
  "owner" | "kind" | "concurrencyKey" | "concurrencyLimit" | "maxAttempts" | "timeoutMillis" | "requires" | "gate"
>
type Mutable = { -readonly [K in keyof Fields]: Fields[K] }

/** A plain constructor, as the engine lays out its objects once and fills them in 0.2 µs; a literal whose prototype is set takes 2. */
function plain(
  this: Mutable,
  id: TaskId,
  shared: Shared,
  payload: Schema.Json,
  priority: number,
  createdAtMillis: number
): void {
  this.id = id
  this.owner = shared.owner
  this.kind = shared.kind
  this.payload = payload
  this.priority = priority
  this.runAtMillis = null
  this.dedupeKey = null
  this.concurrencyKey = shared.concurrencyKey
  this.concurrencyLimit = shared.concurrencyLimit
  this.maxAttempts = shared.maxAttempts
  this.timeoutMillis = shared.timeoutMillis
  this.dependsOn = none
  this.requires = shared.requires
  this.gate = shared.gate
  this.deliveries = 0
  this.attemptsCounted = 0
  this.crashes = 0
  this.parked = null
  this.awaits = null
  this.progress = null
  this.error = null
  this.attempts = none
  this.status = "pending"
  this.cancelRequested = false
  this.workerId = null
  this.result = null
  this.createdAtMillis = createdAtMillis
  this.startedAtMillis = null
  this.endedAtMillis = null
}
plain.prototype = WorkTask.prototype
const Plain = plain as unknown as new (...fields: Parameters<typeof plain>) => WorkTask & Mutable
const none: ReadonlyArray<never> = []

export const pending = (task: NewTask, nowMillis: number): WorkTask => {
  const made = new Plain(task.id, task, task.payload, task.priority, nowMillis)
  made.runAtMillis = task.runAtMillis
  made.dedupeKey = task.dedupeKey
  made.dependsOn = task.dependsOn
  return made
}

/** `started(pending(…))` of a task without dedupe key, time or dependencies, in one step. */
export const firstDelivery = (
  id: TaskId,
  createdAtMillis: number,
  shared: Shared,
  payload: Schema.Json,
  priority: number,
  workerId: string,
  startedAtMillis: number
): WorkTask => {
  const made = new Plain(id, shared, payload, priority, createdAtMillis)
  made.deliveries = 1
  made.status = "running"
  made.workerId = workerId
  made.startedAtMillis = startedAtMillis
  return made
}

export const stateOf = (task: WorkTask): TaskState => ({
  deliveries: task.deliveries,
  attemptsCounted: task.attemptsCounted,
  crashes: task.crashes,
  timeoutMillis: task.timeoutMillis,
  parked: task.parked,
  awaits: task.awaits,
  progress: task.progress,
  error: task.error,
  attempts: task.attempts
})

/** Handed to a worker. */
export const started = (task: WorkTask, workerId: string, nowMillis: number): WorkTask =>
  withFields(task, {
    status: "running",
    deliveries: task.deliveries + 1,
    workerId,
    startedAtMillis: nowMillis,
    awaits: null,
    parked: null,
    runAtMillis: null
  })

/** The ended delivery of a running task, appended to those kept. */
export const ended = (
  task: WorkTask,
  fence: bigint,
  error: ErrorClass | null,
  counted: boolean,
  nowMillis: number
): ReadonlyArray<Attempt> => [
  ...task.attempts.slice(1 - keptAttempts),
  {
    number: task.deliveries,
    fence,
    workerId: task.workerId ?? "",
    startedAtMillis: task.startedAtMillis ?? nowMillis,
    endedAtMillis: nowMillis,
    error,
    counted
  }
]

/** The outcome of a failed delivery under the policy's decision. */
export const failed = (
  task: WorkTask,
  fence: bigint,
  error: ErrorClass,
  decision: Decision,
  nowMillis: number
): Outcome => {
  const counts = decision._tag !== "Park" && decision.counts
  const crash = decision._tag !== "Park" && decision.crash
  const state: TaskState = {
    ...stateOf(task),
    attemptsCounted: task.attemptsCounted + (counts ? 1 : 0),
    crashes: task.crashes + (crash ? 1 : 0),
    error,
    attempts: ended(task, fence, error, counts, nowMillis)
  }
  switch (decision._tag) {
    case "Again":
      return {
        _tag: "Again",
        state: { ...state, timeoutMillis: decision.timeoutMillis, awaits: decision.awaits },
        delayMillis: decision.delayMillis
      }
    case "Park":
      return { _tag: "Again", state: { ...state, parked: decision.why }, delayMillis: 0 }
    case "Fail":
      return { _tag: "Failed", state }
  }
}

/** Given back untouched, e.g. because the worker stops: the delivery leaves no mark but its number. */
export const handedBack = (task: WorkTask): Outcome => ({ _tag: "Again", state: stateOf(task), delayMillis: 0 })

/** Stopped while running because somebody asked for it. */
export const cancelled = (task: WorkTask, fence: bigint, nowMillis: number): Outcome => ({
  _tag: "Cancelled",
  state: { ...stateOf(task), attempts: ended(task, fence, null, false, nowMillis) }
})

/** Tried again by a human: the counters start over, the history of deliveries stays. */
export const retried = (task: WorkTask): TaskState => ({
  ...stateOf(task),
  attemptsCounted: 0,
  crashes: 0,
  parked: null,
  awaits: null,
  error: null,
  progress: null
})

/** A running record after an outcome was accepted. */
export const settled = (task: WorkTask, fence: bigint, outcome: Outcome, nowMillis: number): WorkTask => {
  const over = { workerId: task.workerId, endedAtMillis: nowMillis, cancelRequested: false }
  switch (outcome._tag) {
    case "Completed":
      return withFields(task, {
        ...over,
        status: "completed",
        result: outcome.result,
        progress: outcome.progress ?? task.progress,
        error: null,
        attempts: ended(task, fence, null, true, nowMillis),
        attemptsCounted: task.attemptsCounted + 1
      })
    case "Failed":
      return withFields(task, { ...outcome.state, ...over, status: "failed" })
    case "Cancelled":
      return withFields(task, { ...outcome.state, ...over, status: "cancelled" })
    case "Again":
      return task.cancelRequested
        ? withFields(task, { ...outcome.state, ...over, status: "cancelled", parked: null, awaits: null })
        : withFields(task, {
            ...outcome.state,
            status: "pending",
            workerId: null,
            runAtMillis: outcome.delayMillis > 0 ? nowMillis + outcome.delayMillis : null
          })
  }
}

/** Fails because a task it waits for did not complete. */
export const dependencyFailed = (task: WorkTask, dependency: string, nowMillis: number): WorkTask =>
  withFields(task, {
    status: "failed",
    endedAtMillis: nowMillis,
    runAtMillis: null,
    error: dependencyError(dependency)
  })

export const dependencyError = (dependency: string): ErrorClass => ({
  _tag: "Invalid",
  field: "dependsOn",
  message: `task ${dependency} did not complete`
})
