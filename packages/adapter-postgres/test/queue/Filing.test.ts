/** Completed leases on their way into history: one process marks them, another may have to file them. */
import { assert, layer } from "@effect/vitest"
import { completed, fresh } from "@rdev/conformance/queue/WorkQueueFixture"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as Transition from "@rdev/core/queue/Transition"
import { Effect, Layer } from "effect"
import { Database, layerEmbedded } from "../../src/engine/Database.ts"
import * as PgWorkQueueStore from "../../src/queue/PgWorkQueueStore.ts"
import * as TestPostgres from "../../src/testing/TestPostgres.ts"
import * as Fleet from "./Fleet.ts"

/** Tasks that a worker holds in one lease, and where their records are. */
const setUp = (count: number) =>
  Effect.gen(function* () {
    const { add, claim, get, hire, kind, store } = yield* fresh
    const database = yield* Database
    const tasks = yield* Effect.forEach(
      Array.from({ length: count }, (_, n) => n),
      (n) => add({ payload: n })
    )
    const worker = yield* hire()
    const deliveries = yield* claim(worker, count)
    const settle = store.settle(deliveries.map(({ fence, task }) => ({ id: task.id, fence, outcome: completed })))
    const rows = (table: "lease" | "history") =>
      Effect.map(
        database.query<{ readonly n: number }>(
          table === "lease"
            ? "SELECT count(*)::int AS n FROM rdev.queue_lease e JOIN rdev.queue_lane l ON l.no = e.lanes[1] WHERE l.kind = $1 AND e.ended_at IS NOT NULL"
            : "SELECT count(*)::int AS n FROM rdev.queue_history h JOIN rdev.queue_lane l ON l.no = h.lane WHERE l.kind = $1",
          [kind]
        ),
        (found) => found[0]?.n ?? 0
      )
    /** Filing runs beside the chores. */
    const filed = Fleet.until(
      "every record in history",
      Effect.map(rows("history"), (n) => n === count)
    )
    return { store, database, worker, deliveries, settle, rows, filed, records: Effect.forEach(tasks, get) }
  })

for (const [name, database] of [
  ["PostgreSQL", TestPostgres.layerDatabase({ schema: "Rdev-Test", settings: { search_path: "nowhere" } })],
  ["embedded", layerEmbedded({ memory: true })]
] as const) {
  layer(PgWorkQueueStore.layer.pipe(Layer.provideMerge(database)), { excludeTestServices: true, timeout: 120_000 })(
    `filing: ${name}`,
    (it) => {
      it.effect("moves what was marked into history with the chores", () =>
        Effect.gen(function* () {
          const { filed, records, rows, settle, store } = yield* setUp(40)
          assert.deepStrictEqual(yield* settle, [])
          assert.deepStrictEqual([yield* rows("lease"), yield* rows("history")], [1, 0])
          const before = yield* records
          yield* store.maintain
          yield* filed
          assert.strictEqual(yield* rows("lease"), 0)
          assert.deepStrictEqual(yield* records, before)
        })
      )

      it.effect("finds what a process marked and never filed", () =>
        Effect.gen(function* () {
          const { database, filed, records, rows, settle } = yield* setUp(3)
          yield* settle
          const before = yield* records
          // Another process: it knows nothing of the marks of this one, and files those that are old.
          const other = Layer.fresh(PgWorkQueueStore.layer).pipe(Layer.provide(Layer.succeed(Database, database)))
          const chores = <A, E, R>(then: Effect.Effect<A, E, R>) =>
            Effect.provide(
              Effect.flatMap(WorkQueueStore, (store) => Effect.andThen(store.maintain, then)),
              other
            )
          yield* chores(Effect.void)
          assert.deepStrictEqual([yield* rows("lease"), yield* rows("history")], [1, 0])
          const age = 60_000
          yield* database.query(
            "UPDATE rdev.queue_lease SET ended_at = ended_at - $1::float8 * interval '1 millisecond'",
            [age]
          )
          yield* chores(filed)
          assert.strictEqual(yield* rows("lease"), 0)
          const earlier = <T extends { readonly endedAtMillis: number | null }>(one: T) => ({
            ...one,
            endedAtMillis: (one.endedAtMillis ?? 0) - age
          })
          assert.deepStrictEqual(
            yield* records,
            before.map((task) =>
              Transition.withFields(task, { ...earlier(task), attempts: task.attempts.map(earlier) })
            )
          )
        })
      )

      it.effect("files before the last worker is gone", () =>
        Effect.gen(function* () {
          const { records, rows, settle, store, worker } = yield* setUp(5)
          yield* settle
          const before = yield* records
          yield* store.deregister(worker)
          assert.deepStrictEqual([yield* rows("lease"), yield* rows("history")], [0, 5])
          assert.deepStrictEqual(yield* records, before)
        })
      )

      it.effect("takes progress along", () =>
        Effect.gen(function* () {
          const { deliveries, records, settle, store, worker } = yield* setUp(2)
          const [first] = deliveries
          if (first !== undefined)
            yield* store.beat(worker, 60_000, 2, [{ id: first.task.id, fence: first.fence, value: { done: 7 } }])
          yield* settle
          assert.deepStrictEqual(
            (yield* records).map(({ progress, status }) => [status, progress]),
            [
              ["completed", { done: 7 }],
              ["completed", null]
            ]
          )
        })
      )
    }
  )
}
