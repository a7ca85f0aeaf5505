/** Forgets events of all streams that are older than `keepMillis`. A reader that asks for them is told of the gap. */
import { Clock, Duration, Effect, Layer } from "effect"
import { EventLog } from "../ports/stores/EventLog.ts"

export interface EventRetentionOptions {
  /** Default 30 days. */
  readonly keepMillis?: number
  /** Time between two looks; the first comes after as long. Default one hour. */
  readonly everyMillis?: number
}

export const layer = (options: EventRetentionOptions = {}): Layer.Layer<never, never, EventLog> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const log = yield* EventLog
      const every = Duration.millis(options.everyMillis ?? 3_600_000)
      const keep = options.keepMillis ?? 30 * 86_400_000
      const trim = Clock.currentTimeMillis.pipe(
        Effect.flatMap((now) => log.trim(now - keep)),
        Effect.catch((error) => Effect.logWarning("old events could not be forgotten; tried again later", error))
      )
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(every), trim)))
    })
  )
