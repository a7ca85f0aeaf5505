/** Completed leases on their way into history: one process marks them, another may have to file them. */
import { assert, layer } from "@effect/vitest"
import * as Ids from "@rdev/core/domain/Ids"
import { type NewTask, WorkQueueStore } from "@rdev/core/ports/WorkQueueStore"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Effect, Layer, Option } from "effect"
import { Database, layerEmbedded } from "../../src/Database.ts"
import * as PgWorkQueueStore from "../../src/queue/PgWorkQueueStore.ts"
import * as TestPostgres from "../../src/testing/TestPostgres.ts"

/** What a worker of its own did with the first tasks, and where their records are. */
const setUp = (count: number) => Effect.gen(function*() {
  const store = yield* WorkQueueStore
  const database = yield* Database
  const kind = `k${(yield* Ids.make("run")).slice(-8).toLowerCase()}`
  const projectId = yield* Ids.make("proj")
  const worker = yield* Ids.make("wrk")
  yield* store.register({ id: worker, name: "w", version: "1", capacity: 1, labels: [], kinds: [kind] }, 60_000)
  const tasks = yield* Effect.forEach(Array.from({ length: count }, (_, n) => n), (n) => Effect.map(Ids.make("task"), (id): NewTask => ({ ...WorkQueue.defaults, id, projectId, kind, payload: n })))
  yield* store.insert(tasks)
  const { deliveries } = yield* store.claim({ workerId: worker, limit: count, kinds: [kind], labels: [], suspects: false })
  const settle = store.settle(deliveries.map(({ fence, task }) => ({ id: task.id, fence, outcome: { _tag: "Completed" as const, result: null, progress: null } })))
  const rows = (table: "lease" | "history") => Effect.map(
    database.query<{ readonly n: number }>(table === "lease"
      ? "SELECT count(*)::int AS n FROM queue.lease e JOIN queue.lane l ON l.no = e.lanes[1] WHERE l.kind = $1 AND e.ended_at IS NOT NULL"
      : "SELECT count(*)::int AS n FROM queue.history h JOIN queue.lane l ON l.no = h.lane WHERE l.kind = $1", [kind]),
    (found) => found[0]?.n ?? 0)
  /** Until so many records are in history: filing runs beside the chores. */
  const filed = (count: number): Effect.Effect<void, unknown> => Effect.flatMap(rows("history"), (n) => n === count ? Effect.void : Effect.andThen(Effect.yieldNow, filed(count)))
  const records = Effect.forEach(tasks, ({ id }) => Effect.map(store.get(id), Option.getOrThrow))
  return { store, database, worker, deliveries, settle, rows, filed, records }
})

for (const [name, database] of [["PostgreSQL", TestPostgres.layerDatabase()], ["embedded", layerEmbedded({ memory: true })]] as const) {
  layer(PgWorkQueueStore.layer.pipe(Layer.provideMerge(database)), { excludeTestServices: true, timeout: 120_000 })(`filing: ${name}`, (it) => {
    it.effect("moves what was marked into history with the chores", () => Effect.gen(function*() {
      const { filed, records, rows, settle, store } = yield* setUp(40)
      assert.deepStrictEqual(yield* settle, [])
      assert.deepStrictEqual([yield* rows("lease"), yield* rows("history")], [1, 0])
      const before = yield* records
      yield* store.tend
      yield* filed(40)
      assert.strictEqual(yield* rows("lease"), 0)
      assert.deepStrictEqual(yield* records, before)
    }))

    it.effect("finds what a process marked and never filed", () => Effect.gen(function*() {
      const { database, filed, records, rows, settle } = yield* setUp(3)
      yield* settle
      const before = yield* records
      // Another process: it knows nothing of the marks of this one, and files those that are old.
      const other = Layer.fresh(PgWorkQueueStore.layer).pipe(Layer.provide(Layer.succeed(Database, database)))
      const chores = (records: number) => Effect.provide(Effect.flatMap(WorkQueueStore, (store) => Effect.andThen(store.tend, filed(records))), other)
      yield* chores(0)
      assert.deepStrictEqual([yield* rows("lease"), yield* rows("history")], [1, 0])
      yield* database.query("UPDATE queue.lease SET ended_at = ended_at - interval '1 minute'")
      yield* chores(3)
      assert.strictEqual(yield* rows("lease"), 0)
      const age = 60_000
      assert.deepStrictEqual(yield* records, before.map((task) => Object.assign(Object.create(Object.getPrototypeOf(task)), task, { endedAtMillis: (task.endedAtMillis ?? 0) - age, attempts: task.attempts.map((attempt) => ({ ...attempt, endedAtMillis: (attempt.endedAtMillis ?? 0) - age })) })))
    }))

    it.effect("takes progress along", () => Effect.gen(function*() {
      const { deliveries, records, settle, store, worker } = yield* setUp(2)
      const [first] = deliveries
      if (first !== undefined) yield* store.beat(worker, 60_000, 2, [{ id: first.task.id, fence: first.fence, value: { done: 7 } }])
      yield* settle
      assert.deepStrictEqual((yield* records).map(({ progress, status }) => [status, progress]), [["completed", { done: 7 }], ["completed", null]])
    }))
  })
}
