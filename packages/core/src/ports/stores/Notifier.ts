/** Wake-ups between processes: hints that something changed, never data to rely on. A lost one costs a poll interval. */
import { Context, Effect, Stream } from "effect"

export type Topic = "queue" | "operation" | "event" | "feature" | "cancel" | "webhook"

/** Hints that wait for one slow subscriber. */
export const capacity = 256

export class Notifier extends Context.Service<
  Notifier,
  {
    /** `key` says what changed, e.g. a project id; ≤ 200 bytes. In a transaction, told when it has committed. Never fails: the poll is the backstop. */
    notify(topic: Topic, key: string): Effect.Effect<void>
    /** Hints of a topic from now on, also those of other processes; at most 256 wait, then older ones are dropped. */
    subscribe(topic: Topic): Stream.Stream<string>
  }
>()("rdev/ports/Notifier") {}
