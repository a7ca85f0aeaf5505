/** A worker of one version on the schema of the next, and a program on a schema newer than itself. */
import { assert, layer } from "@effect/vitest"
import type { ProjectId } from "@rdev/core/domain/Ids"
import type { OwnerId } from "@rdev/core/domain/Owner"
import * as NewId from "@rdev/core/ids/NewId"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Context, Effect, Layer } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Database, layerPostgres } from "../src/engine/Database.ts"
import * as Migrations from "../src/Migrations.ts"
import * as PgWorkQueueStore from "../src/queue/PgWorkQueueStore.ts"
import * as SqlFiles from "../src/SqlFiles.ts"
import * as TestPostgres from "../src/testing/TestPostgres.ts"

class Server extends Context.Service<Server, TestPostgres.TestServer>()("test/Server") {}

const opened = (url: string) =>
  Layer.build(
    WorkQueue.layer.pipe(
      Layer.provideMerge(Layer.mergeAll(PgWorkQueueStore.layer, TaskEvents.layerNone)),
      Layer.provideMerge(Layer.fresh(layerPostgres({ url, maxConnections: 3 })))
    )
  )
const installation = (url: string) =>
  Effect.map(opened(url), (context) => ({
    database: Context.get(context, Database),
    store: Context.get(context, WorkQueueStore),
    work: Context.get(context, WorkQueue.WorkQueue)
  }))

/** The files of a version made of these ones: `change` edits the folder. */
const version = (change: (folder: string) => void) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = `${fs.mkdtempSync(path.join(os.tmpdir(), "rdev-sql-"))}/`
      for (const part of ["migrations", "sql"])
        fs.cpSync(SqlFiles.packageFolder + part, folder + part, { recursive: true })
      change(folder)
      return folder
    }),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
  ).pipe(Effect.flatMap(SqlFiles.listIn))
const edit = (file: string, change: (text: string) => string) =>
  fs.writeFileSync(file, change(fs.readFileSync(file, "utf8")))
const released = (folder: string) =>
  edit(`${folder}sql/releases.json`, (text) =>
    JSON.stringify([...(JSON.parse(text) as Array<unknown>), { version: "this one", tables: {}, functions: {} }])
  )
/** Every body differs, all tables of the queue have another column, and a function has got a successor. */
const next = (folder: string) => {
  released(folder)
  const queue = `${folder}sql/queue/`
  for (const file of fs.readdirSync(queue))
    edit(queue + file, (text) => text.replace("AS $$", "AS $$$$ -- the next body\n"))
  const successor = fs
    .readFileSync(`${queue}places.sql`, "utf8")
    .replace("rdev.queue_places()", "rdev.queue_places_2()")
  fs.writeFileSync(`${queue}places_2.sql`, successor)
  const tables = ["ready", "later", "lease", "history", "lane", "project", "worker", "dep", "progress"]
  fs.writeFileSync(
    `${folder}migrations/0900_next.sql`,
    tables.map((table) => `ALTER TABLE rdev.queue_${table} ADD COLUMN next text DEFAULT 'n';`).join("\n")
  )
}
const run = (database: Database["Service"], files: SqlFiles.SqlFiles) =>
  Migrations.run(database, Effect.succeed(database), files, database.schema)
const worker = { name: "w", version: "1", capacity: 4, labels: [], kinds: ["k"] }
const bodies = (database: Database["Service"]) =>
  Effect.map(
    database.query<{ readonly n: number }>(
      "SELECT count(*)::int AS n FROM pg_proc WHERE pronamespace = 'rdev'::regnamespace AND prosrc LIKE '%the next body%'"
    ),
    (rows) => rows[0]?.n ?? 0
  )

layer(Layer.effect(Server, TestPostgres.make()), { excludeTestServices: true, timeout: 120_000 })("upgrade", (it) => {
  it.effect("a worker goes on, with everything the queue does, while the schema becomes that of the next version", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, store, work } = yield* installation(yield* (yield* Server).createDatabase)
        const id = yield* NewId.make("wrk")
        const owner = yield* NewId.make("proj")
        yield* store.register({ id, ...worker }, 60_000)
        const claim = (limit: number) =>
          Effect.map(
            store.claim({ workerId: id, limit, kinds: ["k"], labels: [], quarantined: false }),
            (claimed) => claimed.deliveries
          )
        const completed = { _tag: "Completed", result: null, progress: null } as const
        const add = (more: object = {}) => work.enqueue({ owner, kind: "k", payload: null, ...more })
        /** Every verb, so that each statement is prepared on the old schema and used again on the new one. */
        const everything = Effect.gen(function* () {
          const plain = yield* add()
          const keyed = yield* add({ dedupeKey: "d" })
          assert.strictEqual((yield* add({ dedupeKey: "d" })).id, keyed.id)
          const dependent = yield* add({ dependsOn: [plain.id] })
          const cancelled = yield* add()
          yield* work.cancel(cancelled.id)
          const [first, ...others] = yield* claim(2)
          if (first === undefined) return assert.fail("nothing was claimed")
          yield* store.beat(id, 60_000, 2, [{ id: first.task.id, fence: first.fence, value: { done: 1 } }])
          const ends = [first, ...others].map(({ fence, task }) => ({ id: task.id, fence, outcome: completed }))
          assert.deepStrictEqual(yield* store.settle(ends), [])
          yield* store.maintain
          const last = yield* claim(10)
          assert.deepStrictEqual(
            last.map(({ task }) => task.id),
            [dependent.id]
          )
          const refused = yield* store.settle(
            last.map(({ fence, task }) => ({
              id: task.id,
              fence,
              outcome: { _tag: "Completed", result: { r: 1 }, progress: null } as const
            }))
          )
          assert.deepStrictEqual(refused, [])
          for (const task of [plain, keyed, dependent])
            assert.strictEqual((yield* work.get(task.id)).status, "completed", task.id)
          assert.strictEqual((yield* work.get(cancelled.id)).status, "cancelled")
          yield* store.stats
          yield* store.purge(3_600_000, 1_000_000)
        })
        yield* everything
        // Added before, claimed after; claimed before, ended after.
        const added = yield* add()
        const [held] = yield* claim(1)
        if (held === undefined) return assert.fail("nothing was claimed")
        const waiting = yield* add()
        const files = yield* version(next)
        const applied = yield* run(database, files)
        assert.include(applied, "0900_next")
        assert.include(applied, "queue/places_2")
        assert.isAbove(yield* bodies(database), 20)
        assert.deepStrictEqual(yield* store.settle([{ id: held.task.id, fence: held.fence, outcome: completed }]), [])
        assert.strictEqual((yield* work.get(added.id)).status, "completed")
        const [after] = yield* claim(1)
        assert.strictEqual(after?.task.id, waiting.id)
        yield* store.settle([{ id: waiting.id, fence: after?.fence ?? 0n, outcome: completed }])
        yield* everything
      })
    )
  )

  it.effect("queues of webhooks that stood under ids of projects become the webhooks' own, with limits and tasks", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const url = yield* (yield* Server).createDatabase
        const { database, store, work } = yield* installation(url)
        const digits = (id: string) => id.slice(-26)
        const [known, removed] = [yield* NewId.make("whk"), yield* NewId.make("whk")]
        const project = yield* NewId.make("proj")
        const before = (id: string) => `proj_${digits(id)}` as ProjectId
        yield* store.configure(before(known), { maxRunning: 4 })
        const add = (owner: OwnerId, kind: string) => work.enqueue({ owner, kind, payload: null })
        const tasks = [
          yield* add(before(known), "webhook.deliver"),
          yield* add(before(removed), "webhook.deliver"),
          yield* add(project, "feature")
        ]
        yield* database.query(
          "INSERT INTO rdev.webhook (id, previous_secret_until_millis, disabled, data) VALUES ($1, 'null', 'null', '{}')",
          [known]
        )
        yield* database.query("DELETE FROM rdev.migration WHERE name = '0010_owner'")
        assert.deepStrictEqual(yield* run(database, yield* SqlFiles.list), ["0010_owner"])
        // Another process, which remembers nothing.
        const next = yield* installation(url)
        const owners = yield* Effect.forEach(tasks, ({ id }) => Effect.map(next.work.get(id), ({ owner }) => owner))
        assert.deepStrictEqual(owners, [known, removed, project])
        assert.strictEqual((yield* next.work.owner(known)).maxRunning, 4)
        assert.strictEqual((yield* next.work.list({ owner: known, limit: 10 })).length, 1)
        const id = yield* NewId.make("wrk")
        yield* next.store.register({ id, ...worker, kinds: ["webhook.deliver", "feature"] }, 60_000)
        const { deliveries } = yield* next.store.claim({
          workerId: id,
          limit: 10,
          kinds: ["webhook.deliver", "feature"],
          labels: [],
          quarantined: false
        })
        assert.deepStrictEqual(deliveries.map(({ task }) => task.id).sort(), tasks.map((task) => task.id).sort())
        const ends = deliveries.map(({ fence, task }) => ({
          id: task.id,
          fence,
          outcome: { _tag: "Completed", result: null, progress: null } as const
        }))
        assert.deepStrictEqual(yield* next.store.settle(ends), [])
      })
    )
  )

  it.effect("functions of the next version are kept by a start of this one; its tables refuse it", () =>
    Effect.gen(function* () {
      const url = yield* (yield* Server).createDatabase
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { database } = yield* installation(url)
          const files = yield* version((folder) => {
            next(folder)
            fs.rmSync(`${folder}migrations/0900_next.sql`)
          })
          const changed = yield* run(database, files)
          assert.isAbove(changed.length, 20)
          assert.deepStrictEqual(yield* run(database, files), [])
          // This version finds nothing to do, and works.
          assert.deepStrictEqual(yield* run(database, yield* SqlFiles.list), [])
          assert.strictEqual(yield* bodies(database), changed.length)
        })
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { database, work } = yield* installation(url)
          yield* work.enqueue({ owner: yield* NewId.make("proj"), kind: "k", payload: null })
          assert.isAbove(yield* bodies(database), 20)
          yield* run(database, yield* version(next))
        })
      )
      const refusal = yield* Effect.flip(Effect.scoped(installation(url)))
      assert.strictEqual(refusal.reason._tag, "Corrupt")
      assert.match(
        refusal.message,
        /newer version of rdev \(it has migration 0900_next.*Start the newer version, or restore/
      )
    })
  )

  it.effect(
    "between two releases the functions of whoever starts last are there, and a failing file changes nothing",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { database } = yield* installation(yield* (yield* Server).createDatabase)
          const other = yield* version((folder) =>
            edit(`${folder}sql/queue/maintain.sql`, (text) => text.replace("AS $$", "AS $$$$ -- the next body\n"))
          )
          assert.deepStrictEqual(yield* run(database, other), ["queue/maintain"])
          assert.deepStrictEqual(yield* run(database, yield* SqlFiles.list), ["queue/maintain"])
          assert.strictEqual(yield* bodies(database), 0)
          const broken = yield* version((folder) => {
            edit(`${folder}sql/queue/cancel.sql`, (text) => text.replace("AS $$", "AS $$$$ -- the next body\n"))
            edit(`${folder}sql/queue/maintain.sql`, (text) => text.replace("END $$;", "END IF $$$$;"))
          })
          const before = yield* database.query("SELECT * FROM rdev.migration ORDER BY name")
          const error = yield* Effect.flip(run(database, broken))
          assert.match(error.message, /queue\/maintain: .*syntax error/)
          assert.strictEqual(yield* bodies(database), 0)
          assert.deepStrictEqual(yield* database.query("SELECT * FROM rdev.migration ORDER BY name"), before)
        })
      )
  )
})
