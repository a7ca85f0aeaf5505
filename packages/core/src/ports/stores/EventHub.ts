/**
 * Hands committed events to the live subscribers of this process, one PubSub per stream that has any. A slow subscriber loses
 * the oldest of what waits for it (see EventLog.live) and never slows the publisher down.
 */
import { Effect, PubSub, type Scope, Stream } from "effect"
import type { Event, StreamName } from "../../domain/Event.ts"

/** Entries that wait for one slow subscriber. */
export const capacity = 1024

export interface EventHub {
  /** In place when the effect succeeds; without a name, of all streams. */
  subscribe(stream?: StreamName): Effect.Effect<Stream.Stream<Event>, never, Scope.Scope>
  publish(events: ReadonlyArray<Event>): Effect.Effect<void>
  /** Whether anybody would be told of this stream. */
  hasSubscribers(stream: StreamName): boolean
}

interface Topic {
  readonly pubsub: PubSub.PubSub<Event>
  subscribers: number
}

export const make: Effect.Effect<EventHub> = Effect.sync(() => {
  const all = Symbol("all streams")
  const topics = new Map<StreamName | typeof all, Topic>()
  const join = (key: StreamName | typeof all) =>
    Effect.gen(function* () {
      const fresh = yield* PubSub.sliding<Event>(capacity)
      const topic = topics.get(key) ?? { pubsub: fresh, subscribers: 0 }
      topic.subscribers += 1
      topics.set(key, topic)
      return topic
    })
  const leave = (key: StreamName | typeof all, topic: Topic) =>
    Effect.sync(() => {
      topic.subscribers -= 1
      if (topic.subscribers === 0) topics.delete(key)
    })
  const tell = (key: StreamName | typeof all, events: ReadonlyArray<Event>) => {
    const topic = topics.get(key)
    return topic === undefined ? Effect.void : Effect.asVoid(PubSub.publishAll(topic.pubsub, events))
  }
  return {
    subscribe: (stream) => {
      const key = stream ?? all
      return Effect.acquireRelease(join(key), (topic) => leave(key, topic)).pipe(
        Effect.flatMap((topic) => PubSub.subscribe(topic.pubsub)),
        Effect.map((subscription) => Stream.fromSubscription(subscription))
      )
    },
    publish: (events) =>
      Effect.suspend(() => {
        if (topics.size === 0 || events.length === 0) return Effect.void
        const first = events[0]?.stream
        const byStream = events.every((event) => event.stream === first)
          ? new Map(first === undefined ? [] : [[first, events] as const])
          : Map.groupBy(events, (event) => event.stream)
        return Effect.andThen(
          Effect.forEach(byStream, ([stream, ofStream]) => tell(stream, ofStream), { discard: true }),
          tell(all, events)
        )
      }),
    hasSubscribers: (stream) => topics.has(stream) || topics.has(all)
  }
})
