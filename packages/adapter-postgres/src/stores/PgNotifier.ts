/** Wake-ups between processes over the database's notifications; between the fibers of one process on the embedded engine. */
import { Notifier, type Topic } from "@rdev/core/ports/stores/Notifier"
import { Effect, Layer, type Scope, Stream } from "effect"
import * as Coalesce from "../engine/Coalesce.ts"
import { Database, type Signal } from "../engine/Database.ts"
import * as SchemaName from "../engine/SchemaName.ts"

export const layer: Layer.Layer<Notifier, never, Database> = Layer.effect(
  Notifier,
  Effect.gen(function* () {
    const database = yield* Database
    const channel = (topic: Topic) => SchemaName.channel(database.schema, topic)
    const senderOf = (topic: Topic) =>
      Coalesce.make<null>({
        merge: () => null,
        send: (entries) =>
          database
            .notify(
              channel(topic),
              entries.map(([key]) => key)
            )
            .pipe(Effect.catch((error) => Effect.logDebug("a wake-up was not sent; the poll covers for it", error)))
      })
    const senders: Readonly<Record<Topic, Effect.Success<ReturnType<typeof senderOf>>>> = {
      queue: yield* senderOf("queue"),
      operation: yield* senderOf("operation"),
      event: yield* senderOf("event"),
      feature: yield* senderOf("feature"),
      cancel: yield* senderOf("cancel"),
      webhook: yield* senderOf("webhook")
    }
    /** While the database is away nothing can be heard; the subscription waits for it instead of failing. */
    const subscription = (topic: Topic): Effect.Effect<Stream.Stream<Signal>, never, Scope.Scope> =>
      database
        .listen(channel(topic))
        .pipe(Effect.catch(() => Effect.andThen(Effect.sleep("1 second"), subscription(topic))))

    return Notifier.of({
      notify: (topic, key) => database.afterCommit(senders[topic](key, null)),
      subscribe: (topic) =>
        Stream.unwrap(subscription(topic)).pipe(
          Stream.flatMap((signal) => (signal._tag === "Message" ? Stream.make(signal.payload) : Stream.empty))
        )
    })
  })
)
