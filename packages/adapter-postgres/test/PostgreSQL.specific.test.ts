/** What only a server shows: replicas, lost connections, restarts, refusals. */
import { assert, layer } from "@effect/vitest"
import { ofProject } from "@rdev/core/domain/Event"
import * as NewId from "@rdev/core/ids/NewId"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { Notifier } from "@rdev/core/ports/stores/Notifier"
import { Context, Effect, Fiber, Layer, Schedule, type Scope, Stream } from "effect"
import * as net from "node:net"
import { Database, layerPostgres } from "../src/engine/Database.ts"
import * as Keyring from "../src/secrets/Keyring.ts"
import * as Migrations from "../src/Migrations.ts"
import * as PgEventLog from "../src/stores/PgEventLog.ts"
import * as SqlFiles from "../src/SqlFiles.ts"
import * as Stores from "../src/stores/Stores.ts"
import * as TestPostgres from "../src/testing/TestPostgres.ts"

class Server extends Context.Service<Server, TestPostgres.TestServer>()("test/Server") {}

const keyring = Layer.effect(Keyring.Keyring, Keyring.make("test", [Buffer.alloc(32, 7).toString("base64")]))
/** Stores of one replica; each call is another replica, as another process would be. */
const replica = (
  url: string
): Effect.Effect<Context.Context<Layer.Success<typeof Stores.layer> | Database>, unknown, Scope.Scope> =>
  Layer.build(
    Stores.layerNoKeyring.pipe(
      Layer.provide(keyring),
      Layer.provideMerge(Layer.fresh(layerPostgres({ url, maxConnections: 4 })))
    )
  )
/** A port of 127.0.0.1 in front of another one that can stop passing anything on, in both directions, without closing. */
const proxy = (target: number) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{
          readonly port: number
          readonly cut: () => void
          readonly heal: () => void
          readonly close: () => void
        }>((resolve) => {
          const sockets = new Set<net.Socket>()
          const state = { cut: false }
          const server = net.createServer((client) => {
            const upstream = net.connect(target, "127.0.0.1")
            for (const [from, to] of [
              [client, upstream],
              [upstream, client]
            ] as const) {
              sockets.add(from)
              from.on("error", () => to.destroy())
              from.on("close", () => {
                sockets.delete(from)
                if (!state.cut) to.destroy()
              })
              from.pipe(to)
              if (state.cut) from.pause()
            }
          })
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resolve({
              port: typeof address === "object" && address !== null ? address.port : 0,
              cut: () => {
                state.cut = true
                for (const socket of sockets) socket.pause()
              },
              heal: () => {
                state.cut = false
                for (const socket of sockets) socket.resume()
              },
              close: () => {
                server.close()
                for (const socket of sockets) socket.destroy()
              }
            })
          })
        })
    ),
    (network) => Effect.sync(network.close)
  )
const eventually = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.retry(effect, Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: "20 seconds" })))

layer(Layer.effect(Server, TestPostgres.make({ durable: true })), { excludeTestServices: true })("PostgreSQL", (it) => {
  it.effect("replicas that start together migrate once", () =>
    Effect.gen(function* () {
      const url = yield* (yield* Server).createDatabase
      yield* Effect.forEach(Array.from({ length: 6 }), () => Effect.scoped(replica(url)), { concurrency: "unbounded" })
      const files = yield* SqlFiles.load
      const rows = yield* Effect.provide(
        Effect.flatMap(Database, (db) => db.query<{ name: string }>("SELECT name FROM rdev.migration")),
        layerPostgres({ url })
      )
      assert.deepStrictEqual(
        rows.map((row) => row.name).sort(),
        [...files.tables, ...files.functions].map((file) => file.name).sort()
      )
    })
  )

  it.effect("a file that is not the one its version was built with is refused, and changes nothing", () =>
    Effect.gen(function* () {
      const url = yield* (yield* Server).createDatabase
      const refusal = yield* Effect.provide(
        Effect.gen(function* () {
          const database = yield* Database
          const files = yield* SqlFiles.load
          const before = yield* database.query("SELECT * FROM rdev.migration ORDER BY name")
          const error = yield* Effect.flip(
            Migrations.run(
              database,
              Effect.succeed(database),
              {
                ...files,
                functions: files.functions.map((file) =>
                  file.name === "queue/maintain" ? { ...file, checksum: "of another text" } : file
                )
              },
              database.schema
            )
          )
          assert.deepStrictEqual(yield* database.query("SELECT * FROM rdev.migration ORDER BY name"), before)
          return error
        }),
        layerPostgres({ url })
      )
      assert.deepInclude(refusal.reason, { _tag: "Invalid", field: "migrations" })
      assert.match(refusal.message, /sql\/queue\/maintain\.sql is not the one that this version was built with/)
    })
  )

  it.effect("live events and hints cross from replica to replica, in order and once", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const url = yield* (yield* Server).createDatabase
        const [a, b] = [yield* replica(url), yield* replica(url)]
        const [logA, logB] = [Context.get(a, EventLog), Context.get(b, EventLog)]
        const stream = ofProject(yield* NewId.make("proj"))
        const readers = yield* Effect.forEach([logA, logB], (log) =>
          Effect.flatMap(log.subscribe(stream), (live) => Effect.forkScoped(Stream.runCollect(Stream.take(live, 400))))
        )
        const write = (log: EventLog["Service"]) =>
          Effect.forEach(Array.from({ length: 100 }), () =>
            log.append(stream, [
              { type: "output", subject: {}, data: {} },
              { type: "output", subject: {}, data: {} }
            ])
          )
        yield* Effect.all([write(logA), write(logB)], { concurrency: 2 })
        for (const reader of readers)
          assert.deepStrictEqual(
            (yield* Fiber.join(reader)).map((event) => event.seq),
            Array.from({ length: 400 }, (_, i) => i + 1)
          )

        const heard = yield* Effect.forkScoped(Context.get(b, Notifier).subscribe("queue").pipe(Stream.runHead))
        yield* Effect.raceFirst(
          Fiber.join(heard),
          Effect.repeat(Context.get(a, Notifier).notify("queue", "x"), Schedule.spaced("20 millis"))
        )
      })
    )
  )

  it.effect("after the server crashed and came back, stores work, listeners listen, and missed events are told", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* Server
        const url = yield* server.createDatabase
        const [a, b] = [yield* replica(url), yield* replica(url)]
        const [logA, logB] = [Context.get(a, EventLog), Context.get(b, EventLog)]
        const stream = ofProject(yield* NewId.make("proj"))
        const event = { type: "output", subject: {}, data: {} }
        const live = yield* logB.subscribe(stream)
        const reader = yield* Effect.forkScoped(Stream.runCollect(Stream.takeUntil(live, (e) => e.seq === 4)))
        yield* logA.append(stream, [event])
        yield* server.stop("immediate")
        const error = yield* Effect.flip(logA.append(stream, [event]))
        assert.strictEqual(error.reason._tag, "Unavailable")
        assert.isTrue(error.retryable)
        yield* server.start
        // The first few connections may still find the server recovering.
        yield* eventually(logA.append(stream, [event]))
        yield* eventually(logA.append(stream, [event]))
        yield* eventually(logA.append(stream, [event]))
        const seqs = (yield* Fiber.join(reader)).map((e) => e.seq)
        assert.strictEqual(seqs.at(-1), 4)
        assert.deepStrictEqual(
          seqs,
          seqs.toSorted((x, y) => x - y)
        )
      })
    )
  )

  it.effect("refusals say what to do", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const url = yield* server.createDatabase
      const open = (to: string) => Effect.flip(Effect.scoped(Layer.build(layerPostgres({ url: to }))))
      const wrongPassword = new URL(url)
      wrongPassword.password = "wrong"
      assert.match((yield* open(wrongPassword.href)).message, /^url: the database refuses the user or password/)
      assert.match((yield* open(url.replace(/[^/]*$/, "missing"))).message, /^url: .*create it first/)
      const nobody = yield* open(`postgresql://u:p@127.0.0.1:1/x`)
      assert.strictEqual(nobody.reason._tag, "Unavailable")
      yield* Effect.scoped(replica(url))
      yield* Effect.provide(
        Effect.flatMap(Database, (db) =>
          db.query("INSERT INTO rdev.migration VALUES ('9999_from_the_future', 'x', 1, 1)")
        ),
        layerPostgres({ url })
      )
      const newer = yield* open(url)
      assert.strictEqual(newer.reason._tag, "Corrupt")
      assert.match(newer.message, /newer version of rdev/)
    })
  )

  it.effect("a statement that takes too long is ended by its limit and its connection is used on", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const url = yield* (yield* Server).createDatabase
        const context = yield* Layer.build(layerPostgres({ url, maxConnections: 1, statementTimeoutMillis: 200 }))
        const db = Context.get(context, Database)
        const error = yield* Effect.flip(db.query("SELECT pg_sleep(30)"))
        assert.strictEqual(error.reason._tag, "Unavailable")
        assert.strictEqual((yield* db.query("SELECT 1")).length, 1)
      })
    )
  )

  it.effect("a network that swallows everything fails verbs in bounded time, and all is well once it is back", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const direct = new URL(yield* (yield* Server).createDatabase)
        const network = yield* proxy(Number(direct.port))
        direct.port = String(network.port)
        const context = yield* Layer.build(
          Layer.provideMerge(
            PgEventLog.layer,
            layerPostgres({ url: direct.href, maxConnections: 2, statementTimeoutMillis: 300 })
          )
        )
        const [db, log] = [Context.get(context, Database), Context.get(context, EventLog)]
        const stream = ofProject(yield* NewId.make("proj"))
        const event = { type: "output", subject: {}, data: {} }
        const live = yield* log.subscribe(stream)
        yield* log.append(stream, [event])
        network.cut()
        const failures = yield* Effect.forEach(Array.from({ length: 4 }), () => Effect.flip(db.query("SELECT 1")), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(
          failures.map((error) => error.reason._tag),
          ["Unavailable", "Unavailable", "Unavailable", "Unavailable"]
        )
        network.heal()
        yield* eventually(db.query("SELECT 1"))
        yield* eventually(log.append(stream, [event]))
        const seen = yield* Stream.runCollect(Stream.takeUntil(live, (e) => e.seq >= 2))
        assert.deepStrictEqual(
          seen.map((e) => e.seq),
          [1, 2]
        )
      })
    )
  )

  it.effect("one statement at a time needs one connection, and one that ends while it is idle is replaced", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* Server
        const url = yield* server.createDatabase
        const db = yield* Effect.map(Layer.build(Layer.fresh(layerPostgres({ url }))), Context.get(Database))
        const pid = Effect.map(
          db.query<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid"),
          (rows) => rows[0]?.pid
        )
        const first = yield* pid
        for (let i = 0; i < 5; i++)
          assert.strictEqual(yield* db.transact(Effect.andThen(db.query("SELECT 1"), pid)), first)
        assert.deepStrictEqual(
          yield* db.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()"),
          [{ n: 1 }]
        )
        const other = yield* Effect.map(Layer.build(Layer.fresh(layerPostgres({ url }))), Context.get(Database))
        yield* other.query("SELECT pg_terminate_backend($1)", [first])
        const next = yield* eventually(pid)
        assert.notStrictEqual(next, first)
        assert.strictEqual(yield* pid, next)
        // More at once than there are connections: they take turns.
        const pids = yield* Effect.all(
          Array.from({ length: 40 }, () => pid),
          { concurrency: "unbounded" }
        )
        assert.isAtMost(new Set(pids).size, 10)
      })
    )
  )

  it.effect("a connection that is cut in the middle of a transaction fails it and is replaced", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const url = yield* (yield* Server).createDatabase
        const db = Context.get(yield* Layer.build(layerPostgres({ url, maxConnections: 2 })), Database)
        yield* db.query("CREATE TABLE t (x int)")
        const error = yield* Effect.flip(
          db.transact(
            Effect.gen(function* () {
              yield* db.query("INSERT INTO t VALUES (1)")
              yield* db.query("SELECT pg_terminate_backend(pg_backend_pid())")
            })
          )
        )
        assert.strictEqual(error.reason._tag, "Unavailable")
        assert.deepStrictEqual(yield* db.query("SELECT * FROM t"), [])
      })
    )
  )
})
