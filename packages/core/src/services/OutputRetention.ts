/** Forgets what runs printed that began before `keepMillis`: their exact bytes go with their events (see EventRetention). */
import { Clock, Duration, Effect, Layer } from "effect"
import { OutputStore } from "../ports/stores/OutputStore.ts"

export interface OutputRetentionOptions {
  /** Default 30 days. */
  readonly keepMillis?: number
  /** Time between two looks; the first comes after as long. Default one hour. */
  readonly everyMillis?: number
}

export const layer = (options: OutputRetentionOptions = {}): Layer.Layer<never, never, OutputStore> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const store = yield* OutputStore
      const every = Duration.millis(options.everyMillis ?? 3_600_000)
      const keep = options.keepMillis ?? 30 * 86_400_000
      const trim = Clock.currentTimeMillis.pipe(
        Effect.flatMap((now) => store.trim(now - keep)),
        Effect.catch((error) => Effect.logWarning("old output could not be forgotten; tried again later", error))
      )
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(every), trim)))
    })
  )
