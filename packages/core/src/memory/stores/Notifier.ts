/** Wake-ups within one process. */
import { Effect, Layer, PubSub, Stream } from "effect"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { capacity, Notifier, type Topic } from "../../ports/stores/Notifier.ts"

export const layer: Layer.Layer<Notifier> = Layer.effect(
  Notifier,
  Effect.gen(function* () {
    const hub = yield* Effect.acquireRelease(
      PubSub.sliding<{ readonly topic: Topic; readonly key: string }>(capacity),
      PubSub.shutdown
    )
    return Notifier.of({
      notify: (topic, key) => MemoryTransaction.afterCommit(Effect.asVoid(PubSub.publish(hub, { topic, key }))),
      subscribe: (topic) =>
        Stream.fromPubSub(hub).pipe(
          Stream.filter((hint) => hint.topic === topic),
          Stream.map((hint) => hint.key)
        )
    })
  })
)
