/**
 * What the live subscribers of this process are given, in the order of seq and once, wherever an event was appended.
 * An event committed here is published directly when it is the next one; else, and when another process says that it appended,
 * what lies between is read from the log. At most `EventHub.capacity` entries are read so: a longer backlog is the reader's to fetch.
 */
import type { Event, StreamName } from "@rdev/core/domain/Event"
import * as EventHub from "@rdev/core/ports/stores/EventHub"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, Queue, type Scope, type Stream } from "effect"

export interface EventFeed {
  /** Events of one stream that have been committed by this process, ascending. */
  committed(events: ReadonlyArray<Event>): Effect.Effect<void>
  /** Somebody appended `first` to `last`. */
  hint(stream: StreamName, first: number, last: number): Effect.Effect<void>
  subscribe(stream?: StreamName): Effect.Effect<Stream.Stream<Event>, StoreError, Scope.Scope>
  /** Of each stream that has subscribers by name or something was published of: the greatest seq published, or that there was when they came. */
  readonly published: () => ReadonlyMap<StreamName, number>
}

export interface Log {
  read(stream: StreamName, after: number, limit: number): Effect.Effect<ReadonlyArray<Event>, StoreError>
  /** Greatest seq of the stream. */
  head(stream: StreamName): Effect.Effect<number, StoreError>
}

export const make = ({ read, head }: Log): Effect.Effect<EventFeed, never, Scope.Scope> =>
  Effect.gen(function* () {
    const hub = yield* EventHub.make
    /** Greatest seq published, of streams that have subscribers. */
    const published = new Map<StreamName, number>()
    /** Up to where each stream is to be caught up; what to read is looked up when its turn comes. */
    const behind = new Map<StreamName, { first: number; last: number }>()
    const turns = yield* Queue.unbounded<StreamName>()

    const tell = (stream: StreamName, events: ReadonlyArray<Event>) =>
      Effect.suspend(() => {
        const seen = published.get(stream) ?? 0
        const fresh = (events[0]?.seq ?? 0) > seen ? events : events.filter((event) => event.seq > seen)
        const last = fresh.at(-1)
        if (last === undefined) return Effect.void
        published.set(stream, last.seq)
        return hub.publish(fresh)
      })

    const catchUp = (stream: StreamName, first: number, last: number) =>
      Effect.sync(() => {
        const waiting = behind.get(stream)
        behind.set(stream, {
          first: Math.min(first, waiting?.first ?? first),
          last: Math.max(last, waiting?.last ?? last)
        })
        // One turn per stream waits at most, so the queue is bounded by the number of streams.
        if (waiting === undefined) Queue.offerUnsafe(turns, stream)
      })

    const turn = Effect.gen(function* () {
      const stream = yield* Queue.take(turns)
      const range = behind.get(stream)
      behind.delete(stream)
      if (range === undefined) return
      if (!hub.hasSubscribers(stream)) return void published.delete(stream)
      const after = Math.max(published.get(stream) ?? range.first - 1, range.last - EventHub.capacity)
      if (after >= range.last) return
      yield* read(stream, after, EventHub.capacity).pipe(
        Effect.flatMap((events) => tell(stream, events)),
        Effect.catch((error) =>
          Effect.logDebug("live events could not be read; subscribers find them in the log", error)
        )
      )
    })
    yield* Effect.forkScoped(Effect.forever(turn))

    const subscribe = (stream?: StreamName): Effect.Effect<Stream.Stream<Event>, StoreError, Scope.Scope> =>
      Effect.gen(function* () {
        if (stream === undefined || published.has(stream)) return yield* hub.subscribe(stream)
        // Read before subscribing: what comes between the two is then behind, and caught up, instead of skipped.
        const before = yield* head(stream)
        const live = yield* hub.subscribe(stream)
        if (!published.has(stream)) published.set(stream, before)
        return live
      })

    return {
      committed: (events) =>
        Effect.suspend(() => {
          const first = events[0]
          const last = events.at(-1)
          if (first === undefined || last === undefined) return Effect.void
          if (!hub.hasSubscribers(first.stream))
            return Effect.sync(() => {
              published.delete(first.stream)
            })
          const seen = published.get(first.stream)
          return seen === undefined || first.seq <= seen + 1
            ? tell(first.stream, events)
            : catchUp(first.stream, seen + 1, last.seq)
        }),
      hint: (stream, first, last) =>
        Effect.suspend(() => {
          if (!hub.hasSubscribers(stream))
            return Effect.sync(() => {
              published.delete(stream)
            })
          return (published.get(stream) ?? first - 1) >= last ? Effect.void : catchUp(stream, first, last)
        }),
      subscribe,
      published: () => published
    }
  })
