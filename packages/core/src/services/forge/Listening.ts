/**
 * Hears what forges told to any process of the installation: what this one remembers of that repository is old by then. An entry that
 * did not come (the numbers of a stream have no gaps) may have been such a word, and counts as one. While the log cannot be followed,
 * nothing is believed for long.
 */
import { Effect, Layer, Schedule, Stream } from "effect"
import type { Event } from "../../domain/Event.ts"
import { ForgeHooks } from "../../ports/forge/ForgeHooks.ts"
import { ForgeNews } from "../../ports/forge/ForgeNews.ts"
import { EventLog } from "../../ports/stores/EventLog.ts"
import * as ForgeFeed from "./ForgeFeed.ts"

const prefix = "project:"
/** Streams whose last number is known; the oldest goes. */
const most = 10_000

/** What one entry means for what is remembered. */
export const hear = (news: ForgeNews) => {
  const last = new Map<string, number>()
  return ({ seq, stream, type }: Pick<Event, "seq" | "stream" | "type">): void => {
    if (!stream.startsWith(prefix)) return
    const projectId = stream.slice(prefix.length)
    const before = last.get(stream)
    const isNext = before === undefined || seq <= before + 1
    last.delete(stream)
    last.set(stream, Math.max(seq, before ?? 0))
    const [oldest] = last.keys()
    if (last.size > most && oldest !== undefined) last.delete(oldest)
    if (ForgeFeed.types.has(type)) news.heard(projectId)
    if (!isNext || ForgeFeed.types.has(type)) news.moved(projectId)
  }
}

/** For every process of an installation whose forge posts what happens. */
export const layer: Layer.Layer<never, never, EventLog> = Layer.effectDiscard(
  Effect.gen(function* () {
    if ((yield* ForgeHooks) === null) return
    const news = yield* ForgeNews
    const log = yield* EventLog
    const follow = Effect.scoped(
      Effect.gen(function* () {
        const events = yield* log.subscribe()
        news.listening(true)
        yield* Stream.runForEach(events, (event) => Effect.sync(() => listener(event)))
      })
    )
    const listener = hear(news)
    yield* Effect.forkScoped(
      follow.pipe(
        Effect.ensuring(Effect.sync(() => news.listening(false))),
        Effect.tapError((error) => Effect.logWarning("what forges told cannot be followed", error)),
        Effect.retry(Schedule.spaced("1 second")),
        Effect.repeat(Schedule.spaced("1 second"))
      )
    )
  })
)
