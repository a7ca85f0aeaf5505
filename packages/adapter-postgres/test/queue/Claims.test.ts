/** What only several sessions show of a claim. */
import { assert, layer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Effect, Fiber } from "effect"
import { Database } from "../../src/engine/Database.ts"
import * as Fleet from "./Fleet.ts"

layer(Fleet.queue(), { excludeTestServices: true, timeout: 120_000 })("claims beside others", (it) => {
  it.effect("goes without a task whose cancellation it had to wait for", () =>
    Effect.gen(function* () {
      const database = yield* Database
      const store = yield* WorkQueueStore
      const work = yield* WorkQueue.WorkQueue
      const worker = yield* NewId.make("wrk")
      yield* store.register({ id: worker, name: "w", version: "1", capacity: 4, labels: [], kinds: ["k"] }, 60_000)
      const projects = [yield* NewId.make("proj"), yield* NewId.make("proj")] as const
      const claim = Effect.map(
        store.claim({ workerId: worker, limit: 10, kinds: ["k"], labels: [], quarantined: false }),
        ({ deliveries }) => deliveries.map(({ task }) => task.id)
      )
      const blocked = Effect.map(
        database.query<{ readonly n: number }>(
          "SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
        ),
        (rows) => rows[0]?.n === 1
      )
      for (const count of [1, 2, 4]) {
        const tasks = yield* work.enqueueAll(
          Array.from({ length: count }, (_, i) => ({ owner: projects[i % 2 === 0 ? 0 : 1], kind: "k", payload: i }))
        )
        const [first, ...rest] = tasks
        if (first === undefined) return assert.fail("nothing was enqueued")
        // In a transaction that stays open until a claim waits for it.
        const waiting = yield* database.transact(
          Effect.gen(function* () {
            yield* store.cancel(first)
            const fiber = yield* Effect.forkDetach(claim)
            yield* Fleet.until("a claim that waits", blocked)
            return fiber
          })
        )
        assert.deepStrictEqual((yield* Fiber.join(waiting)).sort(), rest.sort())
        assert.deepStrictEqual(yield* claim, [])
      }
    })
  )
})
