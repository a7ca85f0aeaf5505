import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, type Layer, Queue, Stream } from "effect"
import { Database, layerEmbedded } from "../src/engine/Database.ts"
import * as Maintenance from "../src/engine/Maintenance.ts"
import * as TestPostgres from "../src/testing/TestPostgres.ts"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"

const suite = (name: string, database: Layer.Layer<Database, StoreError>) =>
  describe(name, () => {
    layer(database, { excludeTestServices: true })((it) => {
      it.effect("queries with parameters and reads types", () =>
        Effect.gen(function* () {
          const db = yield* Database
          const rows = yield* db.query("SELECT $1::bigint AS n, $2::json AS j, $3::bytea AS b, NULL AS nothing", [
            1_763_000_000_000,
            JSON.stringify([{ a: "\u0000" }]),
            Buffer.from([0, 255])
          ])
          assert.deepStrictEqual(
            { ...rows[0] },
            { n: 1_763_000_000_000, j: [{ a: "\u0000" }], b: Buffer.from([0, 255]), nothing: null }
          )
        })
      )

      it.effect("prepared statements are reused", () =>
        Effect.gen(function* () {
          const db = yield* Database
          for (let i = 0; i < 20; i++)
            assert.strictEqual(
              (yield* db.query<{ n: number }>("SELECT $1::int + 1 AS n", [i], { prepare: true }))[0]?.n,
              i + 1
            )
        })
      )

      it.effect("a long row of queries lets timers and sockets run", () =>
        Effect.gen(function* () {
          const db = yield* Database
          const turns = { count: 0, on: true }
          const turn = () => {
            turns.count++
            if (turns.on) setImmediate(turn)
          }
          setImmediate(turn)
          for (let i = 0; i < 500; i++) yield* db.query("SELECT count(*) FROM generate_series(1, 100)")
          turns.on = false
          assert.isAbove(turns.count, 5)
        })
      )

      it.effect("a failed statement does not harm the next one", () =>
        Effect.gen(function* () {
          const db = yield* Database
          const error = yield* Effect.flip(db.query("SELECT 1/0"))
          assert.strictEqual(error.reason._tag, "Invalid")
          assert.strictEqual((yield* db.query("SELECT 1 AS one")).length, 1)
        })
      )

      it.effect("a transaction is all or none, and nested ones join", () =>
        Effect.gen(function* () {
          const db = yield* Database
          yield* db.query("CREATE TABLE t1 (x int)")
          const insert = (x: number) => db.query("INSERT INTO t1 VALUES ($1)", [x])
          yield* Effect.exit(
            db.transact(
              Effect.gen(function* () {
                yield* insert(1)
                yield* db.transact(insert(2))
                return yield* Effect.fail("no")
              })
            )
          )
          assert.deepStrictEqual(yield* db.query("SELECT * FROM t1"), [])
          yield* db.transact(Effect.andThen(insert(3), db.transact(insert(4))))
          assert.strictEqual((yield* db.query("SELECT * FROM t1")).length, 2)
        })
      )

      it.effect("fibers of one transaction take turns on its connection", () =>
        Effect.gen(function* () {
          const db = yield* Database
          const warnings: Array<string> = []
          const listen = (warning: Error) => {
            warnings.push(warning.message)
          }
          process.on("warning", listen)
          const rows = yield* db.transact(
            Effect.forEach([1, 2, 3, 4, 5], (n) => db.query<{ n: number }>("SELECT $1::int AS n", [n]), {
              concurrency: "unbounded"
            })
          )
          assert.deepStrictEqual(
            rows.map((row) => row[0]?.n),
            [1, 2, 3, 4, 5]
          )
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          process.off("warning", listen)
          assert.deepStrictEqual(warnings, [])
        })
      )

      it.effect("an ignored statement failure fails the commit", () =>
        Effect.gen(function* () {
          const db = yield* Database
          yield* db.query("CREATE TABLE t2 (x int)")
          const exit = yield* Effect.exit(
            db.transact(
              Effect.gen(function* () {
                yield* db.query("INSERT INTO t2 VALUES (1)")
                yield* Effect.ignore(db.query("SELECT 1/0"))
              })
            )
          )
          assert.isTrue(Exit.isFailure(exit))
          assert.deepStrictEqual(yield* db.query("SELECT * FROM t2"), [])
        })
      )

      it.effect("an interrupted transaction leaves nothing and gives its connection back", () =>
        Effect.gen(function* () {
          const db = yield* Database
          yield* db.query("CREATE TABLE t3 (x int)")
          for (let i = 0; i < 15; i++) {
            const inside = yield* Deferred.make<void>()
            const fiber = yield* Effect.forkChild(
              db.transact(
                Effect.gen(function* () {
                  yield* db.query("INSERT INTO t3 VALUES (1)")
                  yield* Deferred.succeed(inside, undefined)
                  return yield* Effect.never
                })
              )
            )
            yield* Deferred.await(inside)
            yield* Fiber.interrupt(fiber)
          }
          const waiting = yield* Effect.forEach(
            Array.from({ length: 40 }, (_, i) => i),
            () => Effect.forkChild(db.transact(db.query("SELECT 1")))
          )
          yield* Effect.forEach(waiting, (fiber, i) => (i % 2 === 0 ? Fiber.interrupt(fiber) : Fiber.join(fiber)), {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual(yield* db.query("SELECT * FROM t3"), [])
        })
      )

      it.effect("a fiber that outlives its transaction is refused", () =>
        Effect.gen(function* () {
          const db = yield* Database
          const gate = yield* Deferred.make<void>()
          const fiber = yield* db.transact(
            Effect.forkDetach(Effect.andThen(Deferred.await(gate), db.query("SELECT 1")))
          )
          yield* Deferred.succeed(gate, undefined)
          const error = yield* Effect.flip(Fiber.join(fiber))
          assert.strictEqual(error.reason._tag, "Conflict")
        })
      )

      it.effect("hooks run after the commit only", () =>
        Effect.gen(function* () {
          const db = yield* Database
          const seen: Array<string> = []
          const hook = (s: string) =>
            db.afterCommit(
              Effect.sync(() => {
                seen.push(s)
              })
            )
          yield* Effect.exit(db.transact(Effect.andThen(hook("rolled back"), Effect.fail("no"))))
          yield* db.transact(
            Effect.gen(function* () {
              yield* hook("committed")
              assert.deepStrictEqual(seen, [])
            })
          )
          yield* hook("outside")
          assert.deepStrictEqual(seen, ["committed", "outside"])
        })
      )

      it.effect("a session hears notifications until its scope ends, and is told when it may have missed some", () =>
        Effect.gen(function* () {
          const db = yield* Database
          const session = yield* db.session
          const heard = yield* Queue.unbounded<string | null>()
          const ended: Array<string | null> = []
          yield* Effect.scoped(
            session.hear("told", (payload) => {
              ended.push(payload)
            })
          )
          yield* session.hear("told", (payload) => {
            Queue.offerUnsafe(heard, payload)
          })
          yield* db.notify("elsewhere", ["x"])
          yield* db.notify("told", ["1", "2"])
          assert.deepStrictEqual(yield* Queue.takeN(heard, 2), ["1", "2"])
          if (db.engine === "postgresql") {
            const pid = (yield* session.query<{ pid: number }>("SELECT pg_backend_pid() AS pid"))[0]?.pid
            yield* db.query("SELECT pg_terminate_backend($1)", [pid])
            yield* Effect.eventually(session.query("SELECT 1"))
            assert.deepStrictEqual(yield* Queue.take(heard), null)
            yield* db.notify("told", ["3"])
            assert.deepStrictEqual(yield* Queue.take(heard), "3")
          }
          assert.deepStrictEqual(ended, [])
        })
      )

      it.effect("hears on one session what was asked of it, once, whatever others are opened", () =>
        Effect.gen(function* () {
          const db = yield* Database
          const one = yield* db.session
          const heard = yield* Queue.unbounded<string | null>()
          yield* one.hear("apart", (payload) => {
            Queue.offerUnsafe(heard, payload)
          })
          const other = yield* db.session
          assert.deepStrictEqual(yield* other.query("SELECT 1 AS one"), [{ one: 1 }])
          for (const payload of ["1", "2", "3"]) yield* db.notify("apart", [payload])
          assert.deepStrictEqual(yield* Queue.takeN(heard, 3), ["1", "2", "3"])
        })
      )

      it.effect("notifications arrive, those of a transaction at its commit", () =>
        Effect.gen(function* () {
          const db = yield* Database
          const stream = yield* db.listen("here")
          yield* db.notify("elsewhere", ["x"])
          yield* db.notify("here", ["1", "2"])
          yield* Effect.exit(db.transact(Effect.andThen(db.notify("here", ["rolled back"]), Effect.fail("no"))))
          yield* db.transact(db.notify("here", ["3"]))
          const got = yield* Stream.runCollect(Stream.take(stream, 3))
          assert.deepStrictEqual(
            got.map((signal) => (signal._tag === "Message" ? signal.payload : signal._tag)),
            ["1", "2", "3"]
          )
        })
      )
    })
  })

layer(layerEmbedded({ memory: true }), { excludeTestServices: true })("Maintenance", (it) => {
  it.effect("removes dead rows and gathers statistics where there is reason to, and only there", () =>
    Effect.gen(function* () {
      const db = yield* Database
      yield* db.query('CREATE TABLE busy (x int); CREATE SCHEMA aside; CREATE TABLE aside."Quiet" (x int)')
      yield* db.query("INSERT INTO busy SELECT g FROM generate_series(1, 5000) g")
      yield* db.query("UPDATE busy SET x = x + 1")
      assert.deepStrictEqual(yield* Maintenance.sweep(db), ["public.busy"])
      const after = yield* db.query(
        "SELECT n_dead_tup, reltuples FROM pg_stat_user_tables JOIN pg_class ON pg_class.oid = relid WHERE pg_class.relname = 'busy'"
      )
      assert.deepStrictEqual({ ...after[0] }, { n_dead_tup: 0, reltuples: 5000 })
      assert.deepStrictEqual(yield* Maintenance.sweep(db), [])
      yield* db.query('INSERT INTO aside."Quiet" SELECT g FROM generate_series(1, 5000) g')
      assert.deepStrictEqual(yield* Maintenance.sweep(db), ["aside.Quiet"])
    })
  )
})

suite("embedded", layerEmbedded({ memory: true }))
suite("PostgreSQL", TestPostgres.layerDatabase())
