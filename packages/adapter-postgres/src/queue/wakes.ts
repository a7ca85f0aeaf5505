/** Wake-ups of workers: NOTIFY on PostgreSQL, in-process on the embedded engine. Hints only; workers poll besides. */
import type { StoreError } from "@rdev/core/ports/StoreError"
import type { Wake } from "@rdev/core/ports/WorkQueueStore"
import { Effect, Fiber, type Scope } from "effect"
import type { Database, Session } from "../Database.ts"

export interface Bell {
  readonly channel: string
  /**
   * Whether an insert outside of any transaction carries a notification: on PostgreSQL, not on the embedded engine. It stands for whatever
   * was to be notified soon.
   */
  rides(): boolean
  /** Notifies soon, outside of any transaction; many calls in a millisecond make one notification. */
  ring(wake: Wake): void
  /** Begins with one for what came before there was anybody to hear it. */
  hear(heard: (wake: Wake) => void): Effect.Effect<void, StoreError, Scope.Scope>
}

const channel = "rdev_queue"
const pauseMillis = 1

/** Heard on the session that claims. */
export const make = (database: Database["Service"], session: Session): Effect.Effect<Bell, never, Scope.Scope> => Effect.gen(function*() {
  const scope = yield* Effect.scope
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const due = new Set<Wake>()
  let sending = false
  const send = Effect.gen(function*() {
    while (due.size > 0) {
      if (database.engine === "postgresql") yield* Effect.sleep(pauseMillis)
      const wakes = [...due]
      due.clear()
      if (wakes.length === 0) return
      yield* Effect.catch(database.notify(channel, wakes), (error) => Effect.logDebug("a wake-up was lost; workers poll", error))
    }
  }).pipe(Effect.ensuring(Effect.sync(() => { sending = false })))
  return {
    channel,
    rides: () => {
      if (database.engine !== "postgresql") return false
      due.delete("work")
      return true
    },
    ring: (wake) => {
      due.add(wake)
      if (sending) return
      sending = true
      Fiber.runIn(fork(send), scope)
    },
    hear: (heard) => Effect.andThen(
      session.hear(channel, (payload) => {
        if (payload !== "cancel") heard("work")
        // After a lost connection anything may have happened meanwhile.
        if (payload === "cancel" || payload === null) heard("cancel")
      }),
      Effect.sync(() => heard("work"))
    )
  }
})
