/**
 * The life of a task as pure functions on its record: pending → running → completed | failed | cancelled, and back to pending
 * on a retry. Stores apply what these return; nothing else changes a record's status.
 */
import type { Schema } from "effect"
import type { TaskId } from "../domain/Ids.ts"
import { type Attempt, keptAttempts, type TaskSpec, type TaskState, WorkTask } from "../domain/WorkTask.ts"
import type { ErrorClass } from "../domain/ErrorClass.ts"
import type { NewTask, Outcome } from "../ports/WorkQueueStore.ts"
import type { Decision } from "./RetryPolicy.ts"

type Fields = { readonly [K in keyof WorkTask]: WorkTask[K] }

/** A record from fields that are known to be valid: the schema's constructor would check each of them again, 13 µs per task. */
export const record = (fields: Fields): WorkTask => Object.setPrototypeOf(fields, WorkTask.prototype) as WorkTask

export const withFields = (task: WorkTask, change: Partial<Fields>): WorkTask => record({ ...task, ...change })

export const pending = (task: NewTask, nowMillis: number): WorkTask =>
  record({
    ...task,
    deliveries: 0,
    attemptsCounted: 0,
    crashes: 0,
    parked: null,
    awaits: null,
    progress: null,
    error: null,
    attempts: [],
    status: "pending",
    cancelRequested: false,
    workerId: null,
    result: null,
    createdAtMillis: nowMillis,
    startedAtMillis: null,
    endedAtMillis: null
  })

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
  withFields(task, { status: "running", deliveries: task.deliveries + 1, workerId, startedAtMillis: nowMillis, awaits: null, parked: null, runAtMillis: null })

/** `started(pending(…))` of a task without dedupe key, delay or dependencies, in one object. */
export const firstDelivery = (
  id: TaskId, createdAtMillis: number,
  shared: Pick<TaskSpec, "projectId" | "kind" | "concurrencyKey" | "concurrencyLimit" | "maxAttempts" | "timeoutMillis" | "requires" | "gate">,
  payload: Schema.Json, priority: number, workerId: string, startedAtMillis: number
): WorkTask => {
  const fields: Fields & { readonly __proto__: WorkTask } = {
    __proto__: WorkTask.prototype,
    id,
    projectId: shared.projectId,
    kind: shared.kind,
    payload,
    priority,
    runAtMillis: null,
    dedupeKey: null,
    concurrencyKey: shared.concurrencyKey,
    concurrencyLimit: shared.concurrencyLimit,
    maxAttempts: shared.maxAttempts,
    timeoutMillis: shared.timeoutMillis,
    dependsOn: none,
    requires: shared.requires,
    gate: shared.gate,
    deliveries: 1,
    attemptsCounted: 0,
    crashes: 0,
    parked: null,
    awaits: null,
    progress: null,
    error: null,
    attempts: none,
    status: "running",
    cancelRequested: false,
    workerId,
    result: null,
    createdAtMillis,
    startedAtMillis,
    endedAtMillis: null
  }
  return fields
}
const none: ReadonlyArray<never> = []

/** The ended delivery of a running task, appended to those kept. */
export const ended = (task: WorkTask, fence: bigint, error: ErrorClass | null, counted: boolean, nowMillis: number): ReadonlyArray<Attempt> => [
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
export const failed = (task: WorkTask, fence: bigint, error: ErrorClass, decision: Decision, nowMillis: number): Outcome => {
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
    case "Again": return { _tag: "Again", state: { ...state, timeoutMillis: decision.timeoutMillis, awaits: decision.awaits }, delayMillis: decision.delayMillis }
    case "Park": return { _tag: "Again", state: { ...state, parked: decision.why }, delayMillis: 0 }
    case "Fail": return { _tag: "Failed", state }
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
export const retried = (task: WorkTask): TaskState => ({ ...stateOf(task), attemptsCounted: 0, crashes: 0, parked: null, awaits: null, error: null, progress: null })

/** A running record after an outcome was accepted. */
export const settled = (task: WorkTask, fence: bigint, outcome: Outcome, nowMillis: number): WorkTask => {
  const over = { workerId: task.workerId, endedAtMillis: nowMillis, cancelRequested: false }
  switch (outcome._tag) {
    case "Completed":
      return withFields(task, { ...over, status: "completed", result: outcome.result, progress: outcome.progress ?? task.progress, error: null, attempts: ended(task, fence, null, true, nowMillis), attemptsCounted: task.attemptsCounted + 1 })
    case "Failed": return withFields(task, { ...outcome.state, ...over, status: "failed" })
    case "Cancelled": return withFields(task, { ...outcome.state, ...over, status: "cancelled" })
    case "Again":
      return task.cancelRequested
        ? withFields(task, { ...outcome.state, ...over, status: "cancelled", parked: null, awaits: null })
        : withFields(task, { ...outcome.state, status: "pending", workerId: null, runAtMillis: outcome.delayMillis > 0 ? nowMillis + outcome.delayMillis : null })
  }
}

/** Fails because a task it waits for did not complete. */
export const dependencyFailed = (task: WorkTask, dependency: string, nowMillis: number): WorkTask =>
  withFields(task, { status: "failed", endedAtMillis: nowMillis, runAtMillis: null, error: dependencyError(dependency) })

export const dependencyError = (dependency: string): ErrorClass => ({ _tag: "Invalid", field: "dependsOn", message: `task ${dependency} did not complete` })
