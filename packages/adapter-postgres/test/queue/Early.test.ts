/** A task may begin before the disk has it, and whoever added it is told afterwards. */
import { assert, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Effect, Fiber } from "effect"
import { Database } from "../../src/engine/Database.ts"
import * as TestPostgres from "../../src/testing/TestPostgres.ts"
import * as Fleet from "./Fleet.ts"

/** Commits wait for a standby that does not exist, as they would for a disk that takes its time. */
const holdCommits = Effect.gen(function* () {
  const database = yield* Database
  const count = Effect.map(
    database.query<{ readonly n: number }>(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    ),
    (rows) => rows[0]?.n ?? 0
  )
  const set = (names: string) =>
    Effect.andThen(
      database.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`),
      database.query("SELECT pg_reload_conf()")
    )
  yield* set("nobody")
  // The server follows a little later: when a commit is seen to wait. One at a time, as each that waits keeps a connection of the pool.
  let last: Fiber.Fiber<unknown, unknown> | null = null
  const probe = Effect.suspend(() =>
    last !== null && last.pollUnsafe() === undefined
      ? Effect.void
      : Effect.map(Effect.forkDetach(database.query("SELECT pg_logical_emit_message(true, 'probe', '')")), (fiber) => {
          last = fiber
        })
  )
  yield* Fleet.until(
    "commits that wait",
    Effect.map(Effect.andThen(probe, count), (n) => n > 0)
  )
  const waiting = yield* count
  return { another: Effect.map(count, (n) => n > waiting), release: set("") }
})

const test = (name: string, options: TestPostgres.TestServerOptions) =>
  it.live(
    `a worker has a task whose commit still waits; its producer is told when it no longer does: ${name}`,
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const server = yield* TestPostgres.make(options)
          const url = yield* server.createDatabase
          yield* Effect.gen(function* () {
            const store = yield* WorkQueueStore
            const work = yield* WorkQueue.WorkQueue
            const owner = yield* NewId.make("proj")
            const worker = yield* NewId.make("wrk")
            yield* store.register(
              { id: worker, name: "w", version: "1", capacity: 4, labels: [], kinds: ["k"] },
              60_000
            )
            const claim = Effect.map(
              store.claim({ workerId: worker, limit: 10, kinds: ["k"], labels: [], quarantined: false }),
              ({ deliveries }) => deliveries.map(({ task }) => task.id)
            )
            const add = (count: number) =>
              work.enqueueAll(Array.from({ length: count }, () => ({ owner, kind: "k", payload: null })))
            const first = yield* add(1)
            assert.deepStrictEqual(yield* claim, first)
            for (const count of [1, 3, 200]) {
              const { another, release } = yield* holdCommits
              const adding = yield* Effect.forkDetach(add(count))
              const found: Array<string> = []
              yield* Fleet.until(
                "the tasks",
                Effect.map(claim, (ids) => found.push(...ids) === count)
              )
              yield* Fleet.until("their commit waits", another)
              assert.isUndefined(adding.pollUnsafe())
              yield* release
              assert.deepStrictEqual([...(yield* Fiber.join(adding))].sort(), found.sort())
            }
          }).pipe(Effect.provide(Fleet.queueOn(url)))
          // Longer than a wait in it, which says what did not come.
        })
      ),
    120_000
  )

test("PostgreSQL", {})
if (TestPostgres.hasPackage()) test("PostgreSQL of the npm package", { binaries: "packaged" })
