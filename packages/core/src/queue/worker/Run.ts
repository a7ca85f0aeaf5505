/** One delivery: the context its handler sees, and how its end becomes a settlement. */
import { Cause, type Clock, Effect, Exit, type Fiber, type Schema } from "effect"
import type { NewEvent } from "../../domain/Event.ts"
import type { ErrorClass } from "../../domain/ErrorClass.ts"
import type { Delivery } from "../../domain/WorkTask.ts"
import { maxDataBytes } from "../../ports/stores/EventLog.ts"
import { maxPayloadBytes, type Settlement } from "../../ports/stores/WorkQueueStore.ts"
import * as RetryPolicy from "../RetryPolicy.ts"
import type { TaskEvent, TaskEvents } from "../TaskEvents.ts"
import type { TaskContext, TaskFailure } from "../TaskHandlers.ts"
import * as Transition from "../Transition.ts"
import { encodedBytes } from "../WorkQueue.ts"

/** Why a worker interrupted a handler. `lost`: the lease is gone, nothing more may be said about the task. */
export type Stop = "cancel" | "timeout" | "handback" | "lost"

export interface Run {
  readonly delivery: Delivery
  /** Of the monotonic clock. */
  readonly startedMillis: number
  fiber: Fiber.Fiber<Schema.Json, TaskFailure> | null
  stop: Stop | null
  progress: Schema.Json
  /** Progress that no heartbeat has carried yet. */
  fresh: boolean
}

export const taskEvent = ({ task }: Delivery, type: string, data: NewEvent["data"]): TaskEvent => ({
  owner: task.owner,
  event: { type, subject: { taskId: task.id }, data }
})

/** What a handler sees of its run. Its verbs are made when they are asked for: most handlers of short tasks never do. */
export class RunContext implements TaskContext {
  readonly task: TaskContext["task"]
  readonly fence: bigint
  readonly attempt: number
  readonly #run: Run
  readonly #events: TaskEvents["Service"]
  constructor(run: Run, events: TaskEvents["Service"]) {
    this.task = run.delivery.task
    this.fence = run.delivery.fence
    this.attempt = run.delivery.task.deliveries
    this.#run = run
    this.#events = events
  }

  /** A function of its own, as handlers take it out of the context. */
  get progress(): TaskContext["progress"] {
    const run = this.#run
    const events = this.#events
    return (value) => {
      const bytes = encodedBytes(value)
      if (bytes === null || bytes > maxDataBytes / 2)
        return Effect.logWarning(
          `progress of task ${run.delivery.task.id} dropped: ${bytes ?? "not JSON"} bytes, at most ${maxDataBytes / 2}`
        )
      run.progress = value
      run.fresh = true
      return events.enabled
        ? Effect.catch(events.append([taskEvent(run.delivery, "task.progress", { progress: value })]), (error) =>
            Effect.logWarning(`progress event of task ${run.delivery.task.id} lost`, error)
          )
        : Effect.void
    }
  }

  get emit(): TaskContext["emit"] {
    const { id, owner } = this.task
    const events = this.#events
    return (event) => events.append([{ owner, event: { ...event, subject: { ...event.subject, taskId: id } } }])
  }
}

/** Tells `task.started`; null when nobody listens. */
export const begun = (
  { delivery }: Run,
  events: TaskEvents["Service"],
  workerName: string
): Effect.Effect<void> | null => {
  if (!events.enabled) return null
  const { task } = delivery
  const published = events.append([
    taskEvent(delivery, "task.started", { kind: task.kind, attempt: task.deliveries, worker: workerName })
  ])
  return Effect.catch(published, (error) => Effect.logWarning(`start event of task ${task.id} lost`, error))
}

/** A settlement with what led to it: the decision behind a failure, and what to tell with it. */
export interface Ended extends Settlement {
  readonly delivery: Delivery
  /** The outcome in a word, as metrics show it. */
  readonly ending: string
  readonly error: ErrorClass | null
  readonly decision: RetryPolicy.Decision | null
  /** Type and data of the event that tells it; null for what nobody saw begin. */
  readonly published: { readonly type: string; readonly data: NewEvent["data"] } | null
}

export const eventsOf = ({ delivery, published }: Ended): ReadonlyArray<TaskEvent> =>
  published === null
    ? []
    : [
        taskEvent(delivery, published.type, {
          kind: delivery.task.kind,
          attempt: delivery.task.deliveries,
          ...published.data
        })
      ]

const message = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause)).slice(0, 2_000)

/** Null when nothing may be said (the lease was lost). */
export const end = (run: Run, exit: Exit.Exit<Schema.Json, TaskFailure>, clock: Clock.Clock): Ended | null => {
  if (run.stop === "lost") return null
  return Exit.isSuccess(exit)
    ? completed(run, exit.value ?? null, clock)
    : interruptedOrFailed(run, exit.cause, clock.currentTimeMillisUnsafe())
}

const interruptedOrFailed = (run: Run, cause: Cause.Cause<TaskFailure>, nowMillis: number): Ended => {
  const failure = cause.reasons.find(Cause.isFailReason)
  const defect = cause.reasons.find(Cause.isDieReason)
  if (run.stop === "handback")
    return over(run, "handed_back", Transition.handedBack(withProgress(run)), "task.retrying", {
      delay_ms: 0,
      reason: "the worker stops"
    })
  if (run.stop === "cancel")
    return over(
      run,
      "cancelled",
      Transition.cancelled(withProgress(run), run.delivery.fence, nowMillis),
      "task.cancelled",
      {}
    )
  if (run.stop === "timeout") {
    const afterMillis = run.delivery.task.timeoutMillis
    return failed(run, { _tag: "Timeout", message: `not done after ${afterMillis} ms`, afterMillis }, nowMillis)
  }
  if (failure !== undefined) return failed(run, failure.error.reason, nowMillis)
  return failed(
    run,
    defect === undefined
      ? { _tag: "Unknown", message: "the handler interrupted itself" }
      : {
          _tag: "Defect",
          message: `the handler of ${run.delivery.task.kind} failed unexpectedly: ${message(defect.defect)}`
        },
    nowMillis
  )
}

const withProgress = (run: Run) =>
  run.progress === null ? run.delivery.task : Transition.withFields(run.delivery.task, { progress: run.progress })

const over = (
  run: Run,
  ending: string,
  outcome: Settlement["outcome"],
  type: string,
  data: NewEvent["data"]
): Ended => ({
  id: run.delivery.task.id,
  fence: run.delivery.fence,
  outcome,
  delivery: run.delivery,
  ending,
  error: null,
  decision: null,
  published: { type, data }
})

/** The usual end, one object for all. */
const bare: Settlement["outcome"] = { _tag: "Completed", result: null, progress: null }
const publishedCompleted: Ended["published"] = { type: "task.completed", data: {} }

const completed = (run: Run, result: Schema.Json, clock: Clock.Clock): Ended => {
  const bytes = result === null ? 0 : encodedBytes(result)
  if (bytes === null || bytes > maxPayloadBytes) {
    return failed(
      run,
      {
        _tag: "Invalid",
        field: "result",
        message:
          bytes === null
            ? "the handler's result is not JSON"
            : `the handler's result has ${bytes} bytes, at most ${maxPayloadBytes} are kept`
      },
      clock.currentTimeMillisUnsafe()
    )
  }
  const outcome =
    result === null && run.progress === null ? bare : { _tag: "Completed" as const, result, progress: run.progress }
  return {
    id: run.delivery.task.id,
    fence: run.delivery.fence,
    outcome,
    delivery: run.delivery,
    ending: "completed",
    error: null,
    decision: null,
    published: publishedCompleted
  }
}

/** Given back before it was started: nobody saw it begin, so nothing is published. */
export const unstarted = (delivery: Delivery): Ended => ({
  id: delivery.task.id,
  fence: delivery.fence,
  outcome: Transition.handedBack(delivery.task),
  delivery,
  ending: "handed_back",
  error: null,
  decision: null,
  published: null
})

export const failed = (run: Run, error: ErrorClass, nowMillis: number): Ended => {
  const task = withProgress(run)
  const decision = RetryPolicy.decide(error, task, nowMillis)
  const published = { class: error._tag, message: error.message.slice(0, 2_000) }
  const outcome = Transition.failed(task, run.delivery.fence, error, decision, nowMillis)
  const ended =
    decision._tag === "Again"
      ? over(run, "retried", outcome, "task.retrying", { ...published, delay_ms: decision.delayMillis })
      : decision._tag === "Park"
        ? over(run, "parked", outcome, "task.retrying", { ...published, parked: decision.why })
        : over(run, "failed", outcome, "task.failed", { ...published, notify: decision.notify })
  return { ...ended, error, decision }
}

/** A delivery whose worker vanished, settled by whoever found it. */
export const vanished = (delivery: Delivery, nowMillis: number): Ended =>
  failed(
    { delivery, startedMillis: 0, fiber: null, stop: null, progress: null, fresh: false },
    { _tag: "StaleWorker", message: `worker ${delivery.task.workerId} stopped beating` },
    nowMillis
  )
