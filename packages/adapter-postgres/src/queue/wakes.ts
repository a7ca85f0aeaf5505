/** Wake-ups of workers: NOTIFY on PostgreSQL, in-process on the embedded engine. Hints only; workers poll besides. */
import type { StoreError } from "@rdev/core/ports/StoreError"
import type { Wake } from "@rdev/core/ports/WorkQueueStore"
import { Effect, Fiber, type Scope } from "effect"
import type { Database, Session } from "../Database.ts"

export type Way = "rides" | "asks" | "rings"

export interface Bell {
  readonly channel: string
  /**
   * How an insert outside of any transaction tells of its tasks. On PostgreSQL it carries a notification (`rides`), which stands for
   * whatever was to be notified soon; as long as there is nobody to notify it only asks whether there is (`asks`), which costs a producer
   * less, and says so with `told`. On the embedded engine it rings.
   */
  way(): Way
  /** Whether any worker was there when tasks were added; if so, they are notified now. */
  told(workers: boolean): void
  /** Notifies soon, outside of any transaction; many calls in a millisecond make one notification. */
  ring(wake: Wake): void
  /** Begins with one for what came before there was anybody to hear it. */
  hear(heard: (wake: Wake) => void): Effect.Effect<void, StoreError, Scope.Scope>
}

const channel = "rdev_queue"
const pauseMillis = 1
/** Inserts that carry a notification before one asks whether that is worth it. */
export const ridesPerQuestion = 256

/** Heard on the session that claims. */
export const make = (database: Database["Service"], session: Session): Effect.Effect<Bell, never, Scope.Scope> => Effect.gen(function*() {
  const scope = yield* Effect.scope
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const due = new Set<Wake>()
  let sending = false
  let workers = true
  let rides = 0
  /** Workers of this process hear what it adds. */
  let hears = false
  const send = Effect.gen(function*() {
    while (due.size > 0) {
      if (database.engine === "postgresql") yield* Effect.sleep(pauseMillis)
      const wakes = [...due]
      due.clear()
      if (wakes.length === 0) return
      yield* Effect.catch(database.notify(channel, wakes), (error) => Effect.logDebug("a wake-up was lost; workers poll", error))
    }
  }).pipe(Effect.ensuring(Effect.sync(() => { sending = false })))
  const ring = (wake: Wake) => {
    due.add(wake)
    if (sending) return
    sending = true
    Fiber.runIn(fork(send), scope)
  }
  return {
    channel,
    way: () => {
      if (database.engine !== "postgresql") return "rings"
      if (!hears && (!workers || rides === ridesPerQuestion)) return "asks"
      rides++
      due.delete("work")
      return "rides"
    },
    told: (anybody) => {
      workers = anybody
      rides = 0
      if (anybody) ring("work")
    },
    ring,
    hear: (heard) => Effect.andThen(
      session.hear(channel, (payload) => {
        if (payload !== "cancel") heard("work")
        // After a lost connection anything may have happened meanwhile.
        if (payload === "cancel" || payload === null) heard("cancel")
      }),
      Effect.sync(() => {
        hears = true
        heard("work")
      })
    )
  }
})
