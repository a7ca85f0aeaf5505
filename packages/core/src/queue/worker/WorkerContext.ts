/** What the loops of a worker share: the store and how to retryUntil on it, and the writing of ends with what follows from them. */
import { Cause, Effect, Exit, Metric } from "effect"
import type { StoreError } from "../../ports/stores/StoreError.ts"
import type { WorkerInfo, WorkQueueStore } from "../../ports/stores/WorkQueueStore.ts"
import * as QueueMetrics from "../QueueMetrics.ts"
import type { TaskEvents } from "../TaskEvents.ts"
import * as Run from "./Run.ts"

export interface WorkerOptions {
  /** Tasks that run at once, ≥ 1. */
  readonly capacity: number
  /** What this worker offers to tasks that `require` it. */
  readonly labels?: ReadonlyArray<string>
  /** Name shown in the pool, e.g. host and pid; not an identity. */
  readonly id?: string
  readonly version?: string
  /** Beats come every third of it. Default 30 s. */
  readonly leaseMillis?: number
  /** Backstop for lost wake-ups. Default 500. */
  readonly pollMillis?: number
  /** How long the end waits for running tasks. Default 30 s. */
  readonly drainMillis?: number
  /** How long tasks whose worker vanished wait for a worker that happens to be idle, before this one stops taking others. Default 60 s. */
  readonly quarantinePatienceMillis?: number
  /** Longest time between two looks at what comes due and at what vanished workers held; any worker's look serves all. Default 1 s. */
  readonly choresMillis?: number
}

export type Settings = Required<WorkerOptions>
export const settingsOf = (options: WorkerOptions): Settings => ({
  labels: [],
  id: "worker",
  version: "0",
  leaseMillis: 30_000,
  pollMillis: 500,
  drainMillis: 30_000,
  quarantinePatienceMillis: 60_000,
  choresMillis: 1_000,
  ...options
})

type Store = WorkQueueStore["Service"]
export interface WorkerContext {
  readonly store: Store
  readonly events: TaskEvents["Service"]
  readonly settings: Settings
  /** A session brings the id. */
  readonly info: Omit<WorkerInfo, "id">
  /** Capacity that tasks of this worker wait for: it may be back when another ends here. At most 100. */
  readonly freed: Set<string>
}

export const warn = (what: string) => (error: StoreError) => Effect.logWarning(`worker: ${what}: ${error.message}`)

/** The error of a failed call; a defect or an interruption stays what it is. */
export const errorOf = <E>(exit: Exit.Failure<unknown, E>): Effect.Effect<E> => {
  const error = exit.cause.reasons.find(Cause.isFailReason)
  return error === undefined ? Effect.failCause(exit.cause as Cause.Cause<never>) : Effect.succeed(error.error)
}

/** Tries until the store answers; false when `over` says to give up first. */
export const retryUntil = <A, R>(
  effect: Effect.Effect<A, StoreError, R>,
  what: string,
  over: () => boolean
): Effect.Effect<boolean, never, R> =>
  Effect.gen(function* () {
    for (let wait = 50; !over(); wait = Math.min(2_000, wait * 2)) {
      const exit = yield* Effect.exit(effect)
      if (Exit.isSuccess(exit)) return true
      yield* warn(what)(yield* errorOf(exit))
      yield* Effect.sleep(wait)
    }
    return false
  })

/** What a decision asks for besides the record: closed gates, and capacity that came back because something ended here. */
const sideEffects = Effect.fnUntraced(function* (worker: WorkerContext, batch: ReadonlyArray<Run.Ended>) {
  for (const { decision } of batch) {
    if (decision?._tag === "Again" && decision.closes !== null)
      yield* worker.store.closeGate(decision.closes.gate, decision.closes.forMillis)
  }
})
const freeCapacity = Effect.fnUntraced(function* (worker: WorkerContext, batch: ReadonlyArray<Run.Ended>) {
  const back = batch.some((entry) => entry.ending !== "retried") ? [...worker.freed] : []
  for (const resource of back) {
    yield* worker.store.release(resource)
    worker.freed.delete(resource)
  }
  for (const { decision } of batch)
    if (decision?._tag === "Again" && decision.awaits !== null && worker.freed.size < 100)
      worker.freed.add(decision.awaits)
})

/** Writes ends until accepted or refused. Repeating is safe: a second try of what was written is refused by its fence. */
export const write = Effect.fnUntraced(function* (worker: WorkerContext, batch: ReadonlyArray<Run.Ended>) {
  const refused = yield* worker.events.after(
    Effect.andThen(sideEffects(worker, batch), worker.store.settle(batch)),
    (refused) => {
      if (!worker.events.enabled) return []
      const not = new Set(refused)
      return batch.filter((entry) => !not.has(entry.id)).flatMap(Run.eventsOf)
    }
  )
  yield* freeCapacity(worker, batch)
  if (refused.length > 0) yield* Metric.update(QueueMetrics.fenced, refused.length)
  const counts = new Map<string, Map<string | null, number>>()
  for (const { ending, error } of batch) {
    let classes = counts.get(ending)
    if (classes === undefined) counts.set(ending, (classes = new Map()))
    const errorClass = error?._tag ?? null
    classes.set(errorClass, (classes.get(errorClass) ?? 0) + 1)
  }
  for (const [ending, classes] of counts)
    for (const [errorClass, n] of classes) yield* Metric.update(QueueMetrics.outcome(ending, errorClass), n)
})
