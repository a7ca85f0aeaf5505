/**
 * Notifications between the fibers of one process, for where none come from the server: the embedded engine, which has no other
 * process to hear from, and a database behind a pooler that cannot pass them on. There, what other processes did is looked for
 * every `lookMillis`: each subscriber is told that it may have missed something.
 */
import { Effect, PubSub, Schedule, type Scope, Stream } from "effect"
import * as Listener from "./Listener.ts"
import * as Session from "./Session.ts"

export interface LocalSignals {
  readonly publish: (channel: string, payloads: ReadonlyArray<string>) => Effect.Effect<void>
  readonly listen: (channel: string) => Effect.Effect<Stream.Stream<Listener.Signal>, never, Scope.Scope>
  readonly hear: (channel: string, heard: (payload: string | null) => void) => Effect.Effect<void, never, Scope.Scope>
}

/** `lookMillis` null: there are no other processes. */
export const make = (lookMillis: number | null): Effect.Effect<LocalSignals, never, Scope.Scope> =>
  Effect.gen(function* () {
    const hub = yield* Effect.acquireRelease(
      PubSub.sliding<{ readonly channel: string; readonly payload: string }>(Listener.capacity),
      PubSub.shutdown
    )
    const hearers = Session.hearers()
    const looks = lookMillis === null ? null : Stream.fromSchedule(Schedule.spaced(lookMillis))
    return {
      publish: (channel, payloads) =>
        Effect.suspend(() => {
          for (const payload of payloads) hearers.tell(channel, payload)
          return Effect.asVoid(
            PubSub.publishAll(
              hub,
              payloads.map((payload) => ({ channel, payload }))
            )
          )
        }),
      listen: (channel) =>
        Effect.map(PubSub.subscribe(hub), (subscription) => {
          const messages = Stream.fromSubscription(subscription).pipe(
            Stream.filter((message) => message.channel === channel),
            Stream.map((message): Listener.Signal => ({ _tag: "Message", payload: message.payload }))
          )
          return looks === null
            ? messages
            : Stream.merge(
                messages,
                Stream.map(looks, (): Listener.Signal => ({ _tag: "MayHaveMissed" }))
              )
        }),
      hear: (channel, heard) =>
        Effect.andThen(
          hearers.add(channel, heard),
          looks === null
            ? Effect.void
            : Effect.asVoid(Effect.forkScoped(Stream.runForEach(looks, () => Effect.sync(() => heard(null)))))
        )
    }
  })
