/** A database shared with an application and with other installations, and roles that may do little. */
import { assert, layer } from "@effect/vitest"
import { Notifier } from "@rdev/core/ports/stores/Notifier"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as NewId from "@rdev/core/ids/NewId"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import { Context, Effect, Exit, Layer, Queue, Scope, Stream } from "effect"
import { Database, layerPostgres } from "../src/engine/Database.ts"
import { Client } from "../src/engine/Driver.ts"
import * as PgWorkQueueStore from "../src/queue/PgWorkQueueStore.ts"
import { toUuid } from "../src/queue/TaskUuid.ts"
import * as PgNotifier from "../src/stores/PgNotifier.ts"
import * as TestPostgres from "../src/testing/TestPostgres.ts"

class Server extends Context.Service<Server, TestPostgres.TestServer>()("test/Server") {}

const all = WorkQueue.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(PgWorkQueueStore.layer, PgNotifier.layer, TaskEvents.layerNone))
)
const installation = (url: string, schema?: string) =>
  Layer.build(all.pipe(Layer.provideMerge(Layer.fresh(layerPostgres({ url, schema, maxConnections: 3 })))))
const sql = (url: string, text: string) =>
  Effect.promise(async () => {
    const client = new Client({ connectionString: url })
    await client.connect()
    try {
      const result = await client.query<Record<string, unknown>>(text)
      return Array.isArray(result) ? [] : result.rows.map((row) => ({ ...row }))
    } finally {
      await client.end()
    }
  })
const refusal = (url: string, schema?: string) => Effect.flip(Effect.scoped(installation(url, schema)))
const as = (url: string, role: string) => {
  const to = new URL(url)
  to.username = role
  to.password = "secret"
  return to.href
}
const worker = { name: "w", version: "1", capacity: 4, labels: [], kinds: ["k"] }

/** One task through the queue of an installation: added, claimed by nobody else, ended. */
const oneTask = (context: Effect.Success<ReturnType<typeof installation>>) =>
  Effect.gen(function* () {
    const store = Context.get(context, WorkQueueStore)
    const id = yield* NewId.make("wrk")
    yield* store.register({ id, ...worker }, 60_000)
    const owner = yield* NewId.make("proj")
    const added = yield* Context.get(context, WorkQueue.WorkQueue).enqueue({ owner, kind: "k", payload: null })
    const { deliveries } = yield* store.claim({ workerId: id, limit: 10, kinds: ["k"], labels: [], quarantined: false })
    assert.deepStrictEqual(
      deliveries.map(({ task }) => task.id),
      [added.id]
    )
    yield* store.settle(
      deliveries.map(({ fence, task }) => ({
        id: task.id,
        fence,
        outcome: { _tag: "Completed", result: null, progress: null } as const
      }))
    )
    yield* store.deregister(id)
    assert.strictEqual((yield* Context.get(context, WorkQueue.WorkQueue).get(added.id)).status, "completed")
  })

layer(Layer.effect(Server, TestPostgres.make()), { excludeTestServices: true, timeout: 120_000 })(
  "own schema",
  (it) => {
    it.effect("an application and three installations share a database, and each sees its own alone", () =>
      Effect.gen(function* () {
        const url = yield* (yield* Server).createDatabase
        const theirs =
          "CREATE TABLE project (mine int); CREATE TABLE event (mine int); CREATE TABLE queue_ready (mine int); CREATE TABLE migration (mine int); CREATE SCHEMA queue; CREATE FUNCTION queue_claim() RETURNS int LANGUAGE sql AS 'SELECT 1'"
        yield* sql(url, theirs)
        // Whatever sessions look for first: ours is found by its schema.
        yield* sql(url, `ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET search_path = public, "One-1", rdev`)
        const scope = yield* Scope.make()
        const [main, one, two] = yield* Scope.provide(
          Effect.all([installation(url), installation(url, "One-1"), installation(url, "select")], { concurrency: 3 }),
          scope
        )
        for (const context of [main, one, two]) yield* oneTask(context)
        const project = (id: string) =>
          `INSERT INTO rdev.project (id, name, status, revision, data) VALUES ('${id}', 'shop', 'ready', 1, '{}')`
        yield* Context.get(main, Database).query(project("m"))
        yield* Context.get(one, Database).query(project("o"))
        assert.deepStrictEqual(
          yield* sql(url, 'SELECT id FROM rdev.project UNION ALL SELECT id FROM "One-1".project'),
          [{ id: "m" }, { id: "o" }]
        )
        assert.deepStrictEqual(yield* sql(url, "SELECT * FROM project"), [])
        const kinds = yield* sql(
          url,
          `SELECT n.nspname AS schema, count(*)::int AS n FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('rdev', 'One-1', 'select', 'public', 'queue') GROUP BY 1 ORDER BY 1`
        )
        const [a, b, c, d] = kinds
        assert.deepStrictEqual([a?.["n"], c?.["n"], d?.["n"]], [c?.["n"], d?.["n"], a?.["n"]])
        assert.deepStrictEqual(b, { schema: "public", n: 4 })

        // Nobody hears the others.
        const notifier = (context: typeof main) => Context.get(context, Notifier)
        const heard = yield* Queue.unbounded<string>()
        const opened = yield* Queue.unbounded<string>()
        for (const [name, context] of [
          ["main", main],
          ["one", one]
        ] as const) {
          yield* Effect.forkIn(
            Stream.runForEach(notifier(context).subscribe("operation"), (key) =>
              Queue.offer(key === "ready" ? opened : heard, `${name} ${key}`)
            ),
            scope
          )
          // Until it listens.
          yield* Effect.raceFirst(
            Queue.take(opened),
            Effect.forever(Effect.andThen(notifier(context).notify("operation", "ready"), Effect.sleep("20 millis")))
          )
        }
        yield* notifier(two).notify("operation", "from two")
        yield* notifier(one).notify("operation", "from one")
        assert.strictEqual(yield* Queue.take(heard), "one from one")
        yield* notifier(main).notify("operation", "from main")
        assert.strictEqual(yield* Queue.take(heard), "main from main")

        // A claim that hangs in one installation keeps no other from claiming.
        yield* Context.get(one, Database).transact(
          Effect.andThen(
            Context.get(one, Database).query("SELECT pg_advisory_xact_lock('rdev.queue_lease'::regclass::int, 1)"),
            oneTask(two)
          )
        )
        assert.deepStrictEqual(
          yield* Context.get(one, Database)
            .query("SHOW search_path")
            .pipe(Effect.map((rows) => rows[0]?.["search_path"])),
          'public, "One-1", rdev'
        )
        // One goes, the others and the application stay.
        yield* sql(url, 'DROP SCHEMA "One-1" CASCADE')
        yield* oneTask(main)
        yield* oneTask(two)
        yield* Scope.close(scope, Exit.void)
        yield* Effect.scoped(Effect.flatMap(installation(url, "select"), oneTask))
        assert.deepStrictEqual(yield* sql(url, "SELECT queue_claim() AS n"), [{ n: 1 }])
      })
    )

    it.effect("a role that may do little is told the statement to run, and that statement is enough", () =>
      Effect.gen(function* () {
        const url = yield* (yield* Server).createDatabase
        const role = 'app "x"'
        yield* sql(url, `CREATE ROLE "app ""x""" LOGIN PASSWORD 'secret'; CREATE ROLE other LOGIN PASSWORD 'secret'`)
        yield* sql(url, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
        const mine = as(url, role)
        const first = yield* refusal(mine, "Team-A")
        assert.match(first.message, /may not create schema "Team-A" in database "test_\d+"/)
        const statement = (message: string, begins: string) => message.slice(message.indexOf(begins))
        yield* sql(url, statement(first.message, "CREATE SCHEMA"))
        yield* Effect.scoped(Effect.flatMap(installation(mine, "Team-A"), oneTask))

        yield* sql(url, `CREATE SCHEMA "Team-B"; GRANT USAGE ON SCHEMA "Team-B" TO "app ""x"""`)
        const second = yield* refusal(mine, "Team-B")
        assert.match(second.message, /may not use and create tables in schema "Team-B"/)
        yield* sql(url, statement(second.message, "GRANT"))
        yield* Effect.scoped(Effect.flatMap(installation(mine, "Team-B"), oneTask))

        // Made by another role: with rights on the schema, and without.
        for (const grant of ["", `GRANT USAGE, CREATE ON SCHEMA "Team-A" TO other`]) {
          if (grant !== "") yield* sql(url, grant)
          const third = yield* refusal(as(url, "other"), "Team-A")
          assert.strictEqual(third.reason._tag, "Invalid")
          assert.match(
            third.message,
            grant === ""
              ? /GRANT USAGE, CREATE ON SCHEMA "Team-A" TO "other"/
              : /connect as "app ""x""", or let it run: GRANT/
          )
          if (grant !== "") yield* sql(url, statement(third.message, "GRANT"))
        }
        yield* Effect.scoped(Effect.flatMap(installation(as(url, "other"), "Team-A"), oneTask))
      })
    )

    it.effect("a schema has a name of its own, and another language adds a task with the documented statement", () =>
      Effect.gen(function* () {
        const url = yield* (yield* Server).createDatabase
        yield* Effect.scoped(
          Effect.gen(function* () {
            const context = yield* Layer.build(
              all.pipe(Layer.provideMerge(Layer.fresh(layerPostgres({ url, schema: "Its-Own" }))))
            )
            assert.strictEqual(Context.get(context, Database).schema, "Its-Own")
            const owner = yield* NewId.make("proj")
            const id = yield* NewId.make("task")
            yield* sql(
              url,
              `SELECT "Its-Own".queue_insert_special("Its-Own".queue_lane_no('${owner}', 'k', '{}', NULL, NULL, 1, 5, 600000),
              0::smallint, '${toUuid(id)}', '{"from":"elsewhere"}', NULL, NULL, NULL, '{}')`
            )
            const task = yield* Context.get(context, WorkQueue.WorkQueue).get(id)
            assert.deepInclude(task, { status: "pending", owner, kind: "k", payload: { from: "elsewhere" } })
          })
        )
        assert.deepStrictEqual(
          yield* sql(url, "SELECT nspname FROM pg_namespace WHERE nspname IN ('rdev', 'Its-Own')"),
          [{ nspname: "Its-Own" }]
        )
      })
    )

    it.effect(
      "a schema of somebody else's, and data from before the first release, are refused and left as they are",
      () =>
        Effect.gen(function* () {
          const url = yield* (yield* Server).createDatabase
          yield* sql(
            url,
            "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int); CREATE TABLE shop.migration (version text)"
          )
          const taken = yield* refusal(url, "shop")
          assert.deepInclude(taken.reason, { _tag: "Invalid", field: "RDEV_DATABASE_SCHEMA" })
          assert.match(taken.message, /schema "shop" holds what rdev did not make \(migration, orders\)/)
          yield* sql(url, "CREATE TABLE rdev_migration (number int)")
          const old = yield* refusal(url)
          assert.strictEqual(old.reason._tag, "Corrupt")
          assert.match(old.message, /before its first release.*move the data folder away/)
          assert.deepStrictEqual(
            yield* sql(url, "SELECT count(*)::int AS n FROM pg_namespace WHERE nspname = 'rdev'"),
            [{ n: 0 }]
          )
          assert.deepStrictEqual(
            yield* sql(url, "SELECT relname FROM pg_class WHERE relnamespace = 'shop'::regnamespace ORDER BY 1"),
            [{ relname: "migration" }, { relname: "orders" }]
          )
        })
    )
  }
)
