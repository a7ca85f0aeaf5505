/** Wake-ups of workers: NOTIFY on PostgreSQL, in-process on the embedded engine. Hints only; workers poll besides. */
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import type { Wake } from "@rdev/core/ports/stores/WorkQueueStore"
import { Effect, Fiber, type Scope } from "effect"
import type { Database, Session } from "../engine/Database.ts"
import * as SchemaName from "../engine/SchemaName.ts"

export type Way = "rides" | "asks" | "rings"

export interface Bell {
  readonly channel: string
  /**
   * How an insert outside of any transaction tells of its tasks. On PostgreSQL it carries a notification (`rides`), which stands for
   * whatever was to be notified soon; after there was nobody to notify it only asks whether there is now (`asks`), which takes a producer
   * less, and passes the answer to `published`. On the embedded engine, and where notifications cannot be heard, it rings.
   */
  way(): Way
  /** Whether any worker was there when tasks were added; if so, they are notified now. */
  published(workers: boolean): void
  /** Notifies soon, outside of any transaction; many calls in a millisecond make one notification. */
  ring(wake: Wake): void
  /** Begins with one for what came before there was anybody to hear it. */
  hear(heard: (wake: Wake) => void): Effect.Effect<void, StoreError, Scope.Scope>
}

const pauseMillis = 1
/** Inserts that carry a notification between two looks whether anybody hears it. */
export const ridesPerLook = 256
/** Whether any worker is registered: an expression. */
export const anyWorkerSql = "EXISTS (SELECT FROM rdev.queue_worker w WHERE w.expires_at > clock_timestamp())"

/** Whether workers hear what a statement of the server's notifies by itself. */
export const carriesNotifications = (database: Pick<Database["Service"], "engine" | "route">): boolean =>
  database.engine === "postgresql" && database.route?.notifications !== "looks"

/** Heard on the session that claims. */
export const make = (database: Database["Service"], session: Session): Effect.Effect<Bell, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    /** As in sql/queue. */
    const channel = SchemaName.channel(database.schema, "queue")
    const due = new Set<Wake>()
    const rings = !carriesNotifications(database)
    let sending = false
    let workers = true
    let rides = 0
    /** Workers of this process hear what it adds. */
    let hears = false
    const send = Effect.gen(function* () {
      while (due.size > 0) {
        if (database.engine === "postgresql") yield* Effect.sleep(pauseMillis)
        const wakes = [...due]
        due.clear()
        if (wakes.length === 0) return
        yield* Effect.catch(database.notify(channel, wakes), (error) =>
          Effect.logDebug("a wake-up was lost; workers poll", error)
        )
      }
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          sending = false
        })
      )
    )
    const look = Effect.gen(function* () {
      const rows = yield* database.query<{ readonly workers: boolean }>(`SELECT ${anyWorkerSql} AS workers`)
      workers = rows[0]?.workers ?? true
    }).pipe(
      Effect.catch((error) => Effect.logDebug("not known whether there are workers; they are notified", error)),
      Effect.ensuring(
        Effect.sync(() => {
          rides = 0
        })
      )
    )
    const ring = (wake: Wake) => {
      due.add(wake)
      if (sending) return
      sending = true
      Fiber.runIn(fork(send), scope)
    }
    return {
      channel,
      way: () => {
        if (rings) return "rings"
        if (!workers && !hears) return "asks"
        if (++rides === ridesPerLook) Fiber.runIn(fork(look), scope)
        due.delete("work")
        return "rides"
      },
      published: (anybody) => {
        workers = anybody
        if (anybody) ring("work")
      },
      ring,
      hear: (heard) =>
        Effect.andThen(
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
