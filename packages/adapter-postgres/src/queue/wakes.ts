/** Wake-ups of workers: NOTIFY on PostgreSQL, in-process on the embedded engine. Hints only; workers poll besides. */
import type { StoreError } from "@rdev/core/ports/StoreError"
import type { Wake } from "@rdev/core/ports/WorkQueueStore"
import { Effect, type Scope } from "effect"
import type { Database, Session } from "../Database.ts"

export interface Bell {
  readonly channel: string
  /**
   * Whether an insert that commits at once may carry a notification: how many milliseconds after the last one, or null. At most one per
   * millisecond does, and none on the embedded engine. It stands for whatever was to be notified soon.
   */
  rides(): number | null
  /** Notifies soon, outside of any transaction; many calls in a millisecond make one notification. */
  ring(wake: Wake): Effect.Effect<void>
  /** Begins with one for what came before there was anybody to hear it. */
  hear(heard: (wake: Wake) => void): Effect.Effect<void, StoreError, Scope.Scope>
}

const channel = "rdev_queue"
const pauseMillis = 1

/** Heard on the session that claims. */
export const make = (database: Database["Service"], session: Session, nowMillis: () => number): Effect.Effect<Bell, never, Scope.Scope> => Effect.map(Effect.scope, (scope) => {
  let rang = Number.NEGATIVE_INFINITY
  let askedAt = Number.NEGATIVE_INFINITY
  let coveredAt = Number.NEGATIVE_INFINITY
  const due = new Set<Wake>()
  let sending = false
  const send = Effect.gen(function*() {
    while (due.size > 0) {
      if (database.engine === "postgresql") yield* Effect.sleep(pauseMillis)
      if (coveredAt > askedAt) due.delete("work")
      const wakes = [...due]
      due.clear()
      if (wakes.length === 0) return
      rang = nowMillis()
      yield* Effect.catch(database.notify(channel, wakes), (error) => Effect.logDebug("a wake-up was lost; workers poll", error))
    }
  }).pipe(Effect.ensuring(Effect.sync(() => { sending = false })))
  return {
    channel,
    rides: () => {
      const now = nowMillis()
      const quiet = now - rang
      if (database.engine !== "postgresql" || quiet < pauseMillis) return null
      rang = now
      coveredAt = now
      return quiet
    },
    ring: (wake) => Effect.suspend(() => {
      due.add(wake)
      askedAt = nowMillis()
      if (sending) return Effect.void
      sending = true
      return Effect.asVoid(Effect.forkIn(send, scope))
    }),
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
