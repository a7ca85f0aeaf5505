/** Claims whose answer never arrives: the worker lives on and knows nothing of what it holds. */
import { assert, layer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import type { TaskId, WorkerId } from "@rdev/core/domain/Ids"
import { type NewTask, WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import { Effect, Layer, Option } from "effect"
import { Database, layerEmbedded } from "../../src/engine/Database.ts"
import * as PgWorkQueueStore from "../../src/queue/PgWorkQueueStore.ts"
import { toUuid } from "../../src/queue/TaskUuid.ts"
import * as TestPostgres from "../../src/testing/TestPostgres.ts"

const leaseMillis = 60_000

const setUp = Effect.gen(function* () {
  const store = yield* WorkQueueStore
  const database = yield* Database
  const kind = yield* NewId.make("run")
  const owner = yield* NewId.make("proj")
  const hire = Effect.gen(function* () {
    const id = yield* NewId.make("wrk")
    yield* store.register({ id, name: "w", version: "1", capacity: 1, labels: [], kinds: [kind] }, leaseMillis)
    return id
  })
  const add = (count: number) =>
    Effect.gen(function* () {
      const tasks = yield* Effect.forEach(Array.from({ length: count }), () =>
        Effect.map(NewId.make("task"), (id): NewTask => ({
          id,
          owner,
          kind,
          payload: 0,
          priority: 0,
          runAtMillis: null,
          dedupeKey: null,
          concurrencyKey: null,
          concurrencyLimit: 1,
          maxAttempts: 3,
          timeoutMillis: 60_000,
          dependsOn: [],
          requires: [],
          gate: null
        }))
      )
      yield* store.insert(tasks)
      return tasks.map((task) => task.id)
    })
  return {
    store,
    hire,
    add,
    claim: (workerId: WorkerId, limit: number) =>
      Effect.map(
        store.claim({ workerId, limit, kinds: [kind], labels: [], quarantined: false }),
        ({ deliveries }) => deliveries
      ),
    /** Commits like any other claim; nobody hears of it. */
    unheard: (workerId: WorkerId, limit: number, times = 1) =>
      database.query<{ readonly token: number | null }>(
        `SELECT (c::json ->> 'token')::bigint AS token FROM (SELECT rdev.queue_claim($1, $2, $3::text[], '{}', false, 0, NULL, NULL, NULL) AS c FROM generate_series(1, $4::int)) x`,
        [toUuid(workerId), limit, [kind], times]
      ),
    age: (millis: number) =>
      database.query("UPDATE rdev.queue_lease SET claimed_at = claimed_at - $1::float8 * interval '1 millisecond'", [
        millis
      ]),
    statuses: (ids: ReadonlyArray<TaskId>) =>
      Effect.forEach(ids, (id) => Effect.map(store.get(id), (task) => Option.getOrThrow(task).status))
  }
})

for (const [name, database] of [
  ["PostgreSQL", TestPostgres.layerDatabase({ schema: "Rdev-Test", settings: { search_path: "nowhere" } })],
  ["embedded", layerEmbedded({ memory: true })]
] as const) {
  layer(PgWorkQueueStore.layer.pipe(Layer.provideMerge(database)), { excludeTestServices: true, timeout: 120_000 })(
    `claims without an answer: ${name}`,
    (it) => {
      it.effect("go back to the queue at a heartbeat, and only they", () =>
        Effect.gen(function* () {
          const { add, age, claim, hire, statuses, store, unheard } = yield* setUp
          const worker = yield* hire
          const first = yield* add(2)
          const known = yield* claim(worker, 2)
          const second = yield* add(3)
          assert.isNotNull((yield* unheard(worker, 3))[0]?.token)
          assert.deepStrictEqual(
            yield* statuses([...first, ...second]),
            Array.from({ length: 5 }, () => "running")
          )

          yield* store.beat(worker, leaseMillis, 2, [])
          assert.deepStrictEqual(
            yield* statuses(second),
            ["running", "running", "running"],
            "the answer may still be on its way"
          )

          yield* age(leaseMillis + 1)
          assert.isTrue((yield* store.beat(worker, leaseMillis, 2, [])).accepted)
          assert.deepStrictEqual(yield* statuses(first), ["running", "running"], "what the worker knows it keeps")
          assert.deepStrictEqual(yield* statuses(second), ["pending", "pending", "pending"])

          const other = yield* hire
          const again = yield* claim(other, 10)
          assert.sameMembers(
            again.map((delivery) => delivery.task.id),
            second
          )
          assert.isTrue(
            again.every((delivery) => delivery.task.crashes === 0 && delivery.fence > (known[0]?.fence ?? 0n))
          )
          assert.deepStrictEqual(
            yield* store.settle(
              [...known, ...again].map(({ fence, task }) => ({
                id: task.id,
                fence,
                outcome: { _tag: "Completed", result: null, progress: null }
              }))
            ),
            []
          )
        })
      )

      it.effect("never share a token, however many are made in a millisecond", () =>
        Effect.gen(function* () {
          const { add, hire, unheard } = yield* setUp
          const worker = yield* hire
          yield* add(1_000)
          const tokens = (yield* unheard(worker, 1, 1_000)).flatMap((row) => (row.token === null ? [] : [row.token]))
          assert.strictEqual(new Set(tokens).size, 1_000)
        })
      )
    }
  )
}
