/** Whom an insert notifies, on a real server. */
import { assert, layer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Effect, Queue } from "effect"
import { Database } from "../../src/engine/Database.ts"
import * as SchemaName from "../../src/engine/SchemaName.ts"
import { ridesPerLook } from "../../src/queue/wakes.ts"
import * as Fleet from "./Fleet.ts"

layer(Fleet.queue(), { excludeTestServices: true, timeout: 120_000 })("inserts and who hears of them", (it) => {
  it.effect("a producer stops notifying when there is no worker, and notifies the first that comes", () =>
    Effect.gen(function* () {
      const database = yield* Database
      const store = yield* WorkQueueStore
      const work = yield* WorkQueue.WorkQueue
      const owner = yield* NewId.make("proj")
      const channel = SchemaName.channel(database.schema, "queue")
      const heard = yield* Queue.unbounded<string | null>()
      yield* (yield* database.session).hear(channel, (payload) => {
        Queue.offerUnsafe(heard, payload)
      })
      const add = (count: number) =>
        work.enqueueAll(Array.from({ length: count }, () => ({ owner, kind: "k", payload: null })))
      /** What was notified until now. */
      const notified = Effect.gen(function* () {
        yield* database.notify(channel, ["until now"])
        const payloads: Array<string | null> = []
        while (true) {
          const payload = yield* Queue.take(heard)
          if (payload === "until now") return payloads
          payloads.push(payload)
        }
      })
      yield* add(1)
      assert.include(yield* notified, "work")
      for (let i = 0; i < ridesPerLook; i++) yield* add(1)
      yield* Fleet.until(
        "a task of which nobody is notified",
        Effect.map(Effect.andThen(add(1), notified), (payloads) => !payloads.includes("work"))
      )
      for (const count of [1, 3, 200]) yield* add(count)
      assert.notInclude(yield* notified, "work")
      yield* store.register(
        { id: yield* NewId.make("wrk"), name: "w", version: "1", capacity: 4, labels: [], kinds: ["k"] },
        60_000
      )
      // It is told a moment after it has found somebody.
      yield* add(1)
      assert.strictEqual(yield* Queue.take(heard), "work")
      for (const count of [1, 3]) {
        yield* add(count)
        assert.include(yield* notified, "work")
      }
    })
  )
})
