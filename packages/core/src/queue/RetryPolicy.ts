/**
 * What happens to a task after a failure: one pure decision per error class. The jitter is a hash of the task and its delivery
 * number, so that a decision can be replayed. Every class has a bound: attempts that count, a count of deliveries, or a human.
 */
import type { ErrorClass, ErrorClassTag } from "../domain/ErrorClass.ts"
import type { WorkTask } from "../domain/WorkTask.ts"

export type Decision =
  | {
      readonly _tag: "Again"
      readonly delayMillis: number
      /** Whether the delivery uses up one of `maxAttempts`. */
      readonly counts: boolean
      readonly crash: boolean
      /** Time limit of the next delivery. */
      readonly timeoutMillis: number
      /** Gate to close for everybody. */
      readonly closes: { readonly gate: string; readonly forMillis: number } | null
      /** Capacity whose return starts the task before the delay has passed. */
      readonly awaits: string | null
    }
  | { readonly _tag: "Fail"; readonly counts: boolean; readonly crash: boolean; readonly notify: boolean }
  | { readonly _tag: "Park"; readonly why: string }

/** Deliveries of one task, counted or not, after which it fails: with the longest backoff about five days of waiting. */
export const maxDeliveries = 500
/** Crashes of the worker under a task after which it is taken for the cause. */
export const maxCrashes = 3
/** Conflicts in a row that do not count. */
export const freeConflicts = 5
export const maxTimeoutMillis = 24 * 3_600_000

/** base × 2^(n−1), capped; the upper half is jitter, so that tasks that failed together do not return together. */
export interface Backoff {
  readonly baseMillis: number
  readonly capMillis: number
}
export const backoffs = {
  rateLimited: { baseMillis: 2_000, capMillis: 900_000 },
  unknown: { baseMillis: 1_000, capMillis: 600_000 },
  timeout: { baseMillis: 1_000, capMillis: 60_000 },
  conflict: { baseMillis: 200, capMillis: 10_000 },
  exhausted: { baseMillis: 15_000, capMillis: 300_000 }
} satisfies Record<string, Backoff>

/** FNV-1a over the text, as a fraction of 1. */
export const fraction = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0) / 0x1_0000_0000
}

export const delay = (backoff: Backoff, turn: number, seed: string): number => {
  const full = Math.min(backoff.capMillis, backoff.baseMillis * 2 ** Math.min(30, Math.max(0, turn - 1)))
  return Math.round(full / 2 + (full / 2) * fraction(seed))
}

/** How many of the last deliveries in a row ended with this class, the current one included. */
const streak = (task: WorkTask, tag: ErrorClassTag): number => {
  let n = 1
  for (let i = task.attempts.length - 1; i >= 0 && task.attempts[i]?.error?._tag === tag; i--) n++
  return n
}

/**
 * The decision for a delivery of `task` that ended with `error`. `task` is the record as it was handed out: its `deliveries`
 * includes this one, its `attempts` does not.
 */
export const decide = (error: ErrorClass, task: WorkTask, nowMillis: number): Decision => {
  const seed = `${task.id}:${task.deliveries}`
  const gate = "gate" in error ? (error.gate ?? task.gate) : null
  const wait = (backoff: Backoff) => delay(backoff, streak(task, error._tag), seed)
  const again = (delayMillis: number, change: Partial<Extract<Decision, { _tag: "Again" }>>): Decision =>
    task.deliveries >= maxDeliveries
      ? fail()
      : {
          _tag: "Again",
          delayMillis,
          counts: false,
          crash: false,
          timeoutMillis: task.timeoutMillis,
          closes: null,
          awaits: null,
          ...change
        }
  const fail = (change: Partial<Extract<Decision, { _tag: "Fail" }>> = {}): Decision => ({
    _tag: "Fail",
    counts: true,
    crash: false,
    notify: false,
    ...change
  })
  const counted = (delayMillis: number, timeoutMillis = task.timeoutMillis): Decision =>
    task.attemptsCounted + 1 >= task.maxAttempts ? fail() : again(delayMillis, { counts: true, timeoutMillis })
  const closing = (forMillis: number) => again(forMillis, { closes: gate === null ? null : { gate, forMillis } })

  switch (error._tag) {
    case "RateLimited":
      return closing(Math.max(0, error.retryAfterMillis ?? wait(backoffs.rateLimited)))
    case "AccountLimit":
      return closing(Math.max(1_000, error.resetAtMillis - nowMillis))
    case "AuthFailed":
      return fail({ notify: true })
    case "Timeout":
      return counted(
        wait(backoffs.timeout),
        Math.max(task.timeoutMillis, Math.min(maxTimeoutMillis, task.timeoutMillis * 2))
      )
    case "StaleWorker":
      return task.crashes + 1 >= maxCrashes
        ? fail({ counts: false, crash: true, notify: true })
        : again(0, { crash: true })
    case "ResourceExhausted":
      return again(wait(backoffs.exhausted), { awaits: error.resource })
    case "Conflict":
      return streak(task, "Conflict") <= freeConflicts
        ? again(wait(backoffs.conflict), {})
        : counted(wait(backoffs.conflict))
    case "Budget":
    case "NeedsApproval":
      return { _tag: "Park", why: error.message }
    case "Invalid":
    case "PolicyDenied":
    case "AgentFault":
      return fail()
    case "Defect":
      return counted(wait(backoffs.unknown))
    case "Unknown":
      return counted(
        error.retryAfterMillis === undefined ? wait(backoffs.unknown) : Math.max(0, error.retryAfterMillis)
      )
  }
}
