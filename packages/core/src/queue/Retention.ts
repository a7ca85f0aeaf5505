/** Forgets ended tasks: those older than `keepMillis`, then the oldest beyond `maxRecords`. Unfinished tasks are never touched. */
import { Duration, Effect, Layer } from "effect"
import { WorkQueueStore } from "../ports/stores/WorkQueueStore.ts"

export interface RetentionOptions {
  /** Default 30 days. */
  readonly keepMillis?: number
  /** Default ten million. */
  readonly maxRecords?: number
  /** Time between two looks; the first comes after as long. Default one hour. */
  readonly everyMillis?: number
}

/** Any number of processes may run it; the store lets one purge at a time. */
export const layer = (options: RetentionOptions = {}): Layer.Layer<never, never, WorkQueueStore> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const store = yield* WorkQueueStore
      const every = Duration.millis(options.everyMillis ?? 3_600_000)
      const purge = store.purge(options.keepMillis ?? 30 * 86_400_000, options.maxRecords ?? 10_000_000).pipe(
        Effect.tap((count) => (count > 0 ? Effect.logDebug(`${count} ended tasks were forgotten`) : Effect.void)),
        Effect.catch((error) => Effect.logWarning("ended tasks could not be forgotten; tried again later", error))
      )
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(every), purge)))
    })
  )
