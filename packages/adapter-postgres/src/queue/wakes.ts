/** Wake-ups of workers: NOTIFY on PostgreSQL, in-process on the embedded engine. Hints only; workers poll besides. */
import type { Wake } from "@rdev/core/ports/WorkQueueStore"
import { Array, Effect, type Scope, Stream } from "effect"
import type { Database, Signal } from "../Database.ts"

export interface Bell {
  readonly channel: string
  /** Whether the next insert may carry a notification: at most one per millisecond does, and none on the embedded engine. */
  rides(): boolean
  /** Notifies soon, outside of any transaction; many calls in a millisecond make one notification. */
  ring(wake: Wake): Effect.Effect<void>
  readonly wakes: Stream.Stream<Wake>
}

const channel = "rdev_queue"
/** After a lost connection anything may have happened meanwhile: both. */
const wakesOf = (signal: Signal): Array.NonEmptyReadonlyArray<Wake> =>
  signal._tag === "Reconnected" ? ["work", "cancel"] : [signal.payload === "cancel" ? "cancel" : "work"]
const pauseMillis = 1

export const make = (database: Database["Service"], nowMillis: () => number): Effect.Effect<Bell, never, Scope.Scope> => Effect.map(Effect.scope, (scope) => {
  let rang = Number.NEGATIVE_INFINITY
  const due = new Set<Wake>()
  let sending = false
  const send = Effect.gen(function*() {
    while (due.size > 0) {
      if (database.engine === "postgresql") yield* Effect.sleep(pauseMillis)
      const wakes = [...due]
      due.clear()
      rang = nowMillis()
      yield* Effect.catch(database.notify(channel, wakes), (error) => Effect.logDebug("a wake-up was lost; workers poll", error))
    }
  }).pipe(Effect.ensuring(Effect.sync(() => { sending = false })))
  return {
    channel,
    rides: () => {
      const now = nowMillis()
      if (database.engine !== "postgresql" || now - rang < pauseMillis) return false
      rang = now
      return true
    },
    ring: (wake) => Effect.suspend(() => {
      due.add(wake)
      if (sending) return Effect.void
      sending = true
      return Effect.asVoid(Effect.forkIn(send, scope))
    }),
    // Begins with one for what came before there was anybody to hear it.
    wakes: Stream.unwrap(Effect.map(database.listen(channel), (signals) =>
      Stream.concat(Stream.succeed<Wake>("work"), Stream.mapArray(signals, (batch) => Array.flatMap(batch, wakesOf))))).pipe(Stream.catch((error) => Stream.fromEffectDrain(Effect.andThen(Effect.logDebug("wake-ups cannot be listened to; workers poll", error), Effect.sleep("1 second")))))
  }
})
