/** What every notifier must do. Hints may be lost in principle; within one healthy installation these must arrive. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Notifier, type Topic } from "@rdev/core/ports/stores/Notifier"
import { Deferred, Effect, Fiber, Layer, Schedule, Stream } from "effect"
import * as Samples from "../Samples.ts"

export const suite = (name: string, layer: Layer.Layer<Notifier, unknown>): void => {
  /** A reader that is known to listen: it has heard a hint sent for that purpose. */
  const listening = (topic: Topic, count: number) =>
    Effect.gen(function* () {
      const notifier = yield* Notifier
      const ready = yield* Deferred.make<void>()
      const probe = Samples.unique("probe")
      const reader = yield* Effect.forkScoped(
        notifier.subscribe(topic).pipe(
          Stream.tap((key) => (key === probe ? Deferred.succeed(ready, undefined) : Effect.void)),
          Stream.filter((key) => !key.startsWith("probe-")),
          Stream.take(count),
          Stream.runCollect
        )
      )
      yield* Effect.raceFirst(
        Deferred.await(ready),
        Effect.repeat(notifier.notify(topic, probe), Schedule.spaced("20 millis"))
      )
      return reader
    })

  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`Notifier: ${name}`, (it) => {
    it.effect("tells every subscriber of a topic and nobody else", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const notifier = yield* Notifier
          const first = yield* listening("queue", 1)
          const second = yield* listening("queue", 1)
          const other = yield* listening("feature", 1)
          const key = Samples.unique("proj")
          yield* notifier.notify("queue", key)
          yield* notifier.notify("feature", "f")
          assert.deepStrictEqual(yield* Fiber.join(first), [key])
          assert.deepStrictEqual(yield* Fiber.join(second), [key])
          assert.deepStrictEqual(yield* Fiber.join(other), ["f"])
        })
      )
    )

    it.effect("tells every different key of a burst", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const notifier = yield* Notifier
          const reader = yield* listening("operation", 100)
          const keys = Array.from({ length: 100 }, (_, i) => `k${String(i).padStart(3, "0")}`)
          yield* Effect.forEach(keys, (key) => notifier.notify("operation", key), { concurrency: "unbounded" })
          assert.deepStrictEqual([...new Set(yield* Fiber.join(reader))].sort(), keys)
        })
      )
    )
  })
}
