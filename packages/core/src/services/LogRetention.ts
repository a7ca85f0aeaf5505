/**
 * Forgets what is old: events of all streams, and the exact bytes that runs printed, which go with their events. A reader that asks for
 * events that are gone is told of the gap.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import { EventLog } from "../ports/stores/EventLog.ts"
import { OutputStore } from "../ports/stores/OutputStore.ts"

export interface RetentionOptions {
  /** Default 30 days. */
  readonly keepMillis?: number
  /** Time between two looks; the first comes after as long. Default one hour. */
  readonly everyMillis?: number
}

/** `trim` forgets what is older than the time; `what` names it in the log when that fails. */
const trimming = <A, E, R>(
  what: string,
  trim: (beforeMillis: number) => Effect.Effect<A, E, R>,
  { everyMillis = 3_600_000, keepMillis = 30 * 86_400_000 }: RetentionOptions
) => {
  const once = Clock.currentTimeMillis.pipe(
    Effect.flatMap((now) => trim(now - keepMillis)),
    Effect.catch((error) => Effect.logWarning(`${what} could not be forgotten; tried again later`, error))
  )
  return Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(Duration.millis(everyMillis)), once)))
}

export const layerEvents = (options: RetentionOptions = {}): Layer.Layer<never, never, EventLog> =>
  Layer.effectDiscard(Effect.flatMap(EventLog, (log) => trimming("old events", log.trim, options)))
export const layerOutput = (options: RetentionOptions = {}): Layer.Layer<never, never, OutputStore> =>
  Layer.effectDiscard(Effect.flatMap(OutputStore, (store) => trimming("old output", store.trim, options)))
