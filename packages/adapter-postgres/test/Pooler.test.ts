/** Behind a real PgBouncer: every store and the queue in both of its modes, and what a pooler does that a server does not. */
import { assert, describe, it } from "@effect/vitest"
import * as EventLogSuite from "@rdev/conformance/stores/EventLogSuite"
import * as NotifierSuite from "@rdev/conformance/stores/NotifierSuite"
import * as OperationStoreSuite from "@rdev/conformance/stores/OperationStoreSuite"
import * as ProjectStoreSuite from "@rdev/conformance/stores/ProjectStoreSuite"
import * as UnitOfWorkSuite from "@rdev/conformance/stores/UnitOfWorkSuite"
import * as WorkQueueSuite from "@rdev/conformance/queue/WorkQueueSuite"
import * as TenantDatabaseSuite from "@rdev/conformance/infra/TenantDatabaseSuite"
import { ofProject } from "@rdev/core/domain/Event"
import * as NewId from "@rdev/core/ids/NewId"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Redacted, Schedule, Scope, Stream } from "effect"
import { afterAll } from "vitest"
import { Database, layerPostgres, type PostgresOptions } from "../src/engine/Database.ts"
import * as Keyring from "../src/secrets/Keyring.ts"
import * as PgTenantDatabase from "../src/tenants/PgTenantDatabase.ts"
import * as Pooler from "../src/engine/Pooler.ts"
import * as PgWorkQueueStore from "../src/queue/PgWorkQueueStore.ts"
import * as Stores from "../src/stores/Stores.ts"
import * as TestPgBouncer from "../src/testing/TestPgBouncer.ts"
import * as TestPostgres from "../src/testing/TestPostgres.ts"
import * as Advance from "./queue/Advance.ts"

if (TestPgBouncer.missing !== null) console.warn(`skipped: ${TestPgBouncer.missing}`)

const keyring = Layer.effect(Keyring.Keyring, Keyring.make("test", [Buffer.alloc(32, 7).toString("base64")]))
const withQueue = Layer.mergeAll(
  Stores.layerNoKeyring.pipe(Layer.provide(keyring)),
  PgWorkQueueStore.layerWith({ fullClaimMillis: 0 })
)
const replica = (options: PostgresOptions) =>
  Layer.build(withQueue.pipe(Layer.provideMerge(Layer.fresh(layerPostgres({ maxConnections: 4, ...options })))))
const eventually = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.retry(effect, Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: "20 seconds" })))

const suites = async (mode: "session" | "transaction") => {
  // One server and pooler for all suites of a mode.
  const scope = Scope.makeUnsafe()
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const { pooler, server, stores } = await Effect.runPromise(
    Scope.provide(
      Effect.gen(function* () {
        const server = yield* TestPostgres.make()
        const pooler = yield* TestPgBouncer.make(server, { mode })
        const stores = yield* replica({ url: pooler.through(yield* server.createDatabase), schema: `Behind-${mode}` })
        return { pooler, server, stores }
      }),
      scope
    )
  )
  const layer = Layer.succeedContext(stores)
  const name = `PgBouncer in ${mode} mode`
  it(`${name} is recognised`, () => {
    assert.strictEqual(Context.get(stores, Database).route?.pooling, mode)
  })
  EventLogSuite.suite(name, layer, { appenders: 10 })
  NotifierSuite.suite(name, layer)
  OperationStoreSuite.suite(name, layer)
  ProjectStoreSuite.suite(name, layer)
  UnitOfWorkSuite.suite(name, layer)
  WorkQueueSuite.suite(name, layer, { advance: Advance.by, model: { runs: 8, steps: 40 } })
  TenantDatabaseSuite.suite(
    name,
    PgTenantDatabase.layer({ adminUrl: Redacted.make(pooler.through(server.adminUrl)) }),
    { supported: true }
  )
}

if (TestPgBouncer.missing === null) {
  await suites("transaction")
  await suites("session")
}

describe.skipIf(TestPgBouncer.missing !== null)("behind a pooler", () => {
  const stage = (options: TestPgBouncer.Options) =>
    Effect.gen(function* () {
      const server = yield* TestPostgres.make()
      const pooler = yield* TestPgBouncer.make(server, options)
      return { server, pooler, url: yield* server.createDatabase }
    })
  const probe = (url: string) => Pooler.detect({ connectionString: url, query_timeout: 1_500 })

  it.live("what stands there is found out, also with one connection, taking turns, and other clients", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* TestPostgres.make()
        const url = yield* server.createDatabase
        assert.strictEqual(yield* probe(url), "direct")
        for (const [settings, mode] of [
          [{}, "session"],
          [{}, "transaction"],
          [{ default_pool_size: "1" }, "transaction"],
          [{ server_round_robin: "1", min_pool_size: "5" }, "transaction"],
          [{ ignore_startup_parameters: "statement_timeout,idle_in_transaction_session_timeout" }, "transaction"]
        ] as const) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const pooler = yield* TestPgBouncer.make(server, { mode, settings })
              const through = pooler.through(url)
              assert.strictEqual(yield* probe(through), mode, JSON.stringify(settings))
              assert.deepStrictEqual(
                yield* Effect.all(
                  Array.from({ length: 6 }, () => probe(through)),
                  { concurrency: "unbounded" }
                ),
                Array.from({ length: 6 }, () => mode),
                "six at once"
              )
            })
          )
        }
      })
    )
  )

  it.live("is refused with the reason and the fix where it cannot be used", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { pooler, server, url } = yield* stage({ mode: "statement" })
        const refused = (options: PostgresOptions) =>
          Effect.map(Effect.flip(Effect.scoped(replica(options))), ({ message }) => message)
        assert.match(
          yield* refused({ url: pooler.through(url) }),
          /RDEV_DATABASE_URL: .*statement mode.*pool_mode = transaction/
        )
        const shared = yield* TestPgBouncer.make(server, { mode: "transaction" })
        assert.match(
          yield* refused({ url: shared.through(url), directUrl: shared.through(url) }),
          /RDEV_DATABASE_DIRECT_URL: .*transaction mode too/
        )
        assert.match(
          yield* refused({ url: shared.through(url), directUrl: yield* server.createDatabase }),
          /RDEV_DATABASE_DIRECT_URL: .*the same database/
        )
        const single = yield* TestPgBouncer.make(server, { mode: "session", settings: { default_pool_size: "1" } })
        assert.match((yield* Effect.flip(probe(single.through(url)))).message, /default_pool_size/)
      })
    )
  )

  it.live("settings in the URL do not keep it from working, and hold", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { pooler, server, url } = yield* stage({ mode: "session" })
        const shared = yield* TestPgBouncer.make(server, { mode: "transaction" })
        for (const through of [pooler.through(url), shared.through(url)]) {
          const database = Context.get(
            yield* replica({
              url: `${through}?statement_timeout=1000&application_name=shop`,
              statementTimeoutMillis: 400
            }),
            Database
          )
          const slow = database.query("SELECT pg_sleep(5)")
          assert.match((yield* Effect.flip(database.transact(slow))).message, /longer than its limit/)
        }
      })
    )
  )

  it.live(
    "what was appended by another process is told live, by looking or by the direct URL",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { pooler, url } = yield* stage({ mode: "transaction" })
          const through = pooler.through(url)
          const direct = yield* replica({ url })
          for (const [options, how] of [
            [{ url: through }, "looks"],
            [{ url: through, directUrl: url }, "direct connection"]
          ] as const) {
            const pooled = yield* replica(options)
            assert.strictEqual(Context.get(pooled, Database).route?.notifications, how)
            const [one, other] = [Context.get(pooled, EventLog), Context.get(direct, EventLog)]
            // A stream that is there already, and one that is not.
            for (const before of [0, 1]) {
              const stream = ofProject(yield* NewId.make("proj"))
              const event = (n: number) => [{ type: "count", subject: {}, data: { n } }]
              for (let n = 0; n < before; n++) yield* other.append(stream, event(n))
              const all = yield* Effect.forkScoped(
                Stream.runCollect(
                  (yield* one.subscribe()).pipe(
                    Stream.filter((told) => told.stream === stream),
                    Stream.take(20)
                  )
                )
              )
              const named = yield* Effect.forkScoped(
                Stream.runCollect((yield* one.subscribe(stream)).pipe(Stream.take(20)))
              )
              for (let n = 0; n < 20; n++) yield* (n % 3 === 0 ? one : other).append(stream, event(n))
              for (const fiber of [all, named]) {
                assert.deepStrictEqual(
                  (yield* Fiber.join(fiber)).map(({ seq }) => seq),
                  Array.from({ length: 20 }, (_, i) => before + i + 1)
                )
              }
            }
          }
        })
      ),
    30_000
  )

  it.live(
    "goes on after the pooler was restarted and after it ended idle clients",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { pooler, server, url } = yield* stage({ mode: "transaction", settings: { client_idle_timeout: "1" } })
          const session = yield* TestPgBouncer.make(server, { mode: "session", settings: { client_idle_timeout: "1" } })
          const both = [yield* replica({ url: pooler.through(url) }), yield* replica({ url: session.through(url) })]
          const works = (at: Context.Context<Database | WorkQueueStore>) =>
            Effect.gen(function* () {
              yield* Context.get(at, WorkQueueStore).stats
              yield* Context.get(at, Database).transact(
                Context.get(at, Database).query("SELECT 1", [], { prepare: true })
              )
            })
          yield* Effect.forEach(both, works)
          // PgBouncer looks every third of a second or so.
          yield* Effect.sleep("2500 millis")
          yield* Effect.forEach(both, (at) => eventually(works(at)))
          for (const one of [pooler, session]) {
            yield* one.stop
            yield* Effect.forEach(both, (at) => Effect.exit(works(at)))
            yield* one.start
          }
          yield* Effect.forEach(both, (at) => eventually(works(at)))
        })
      ),
    30_000
  )

  it.live(
    "says what to raise when it has no connection left",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { pooler, url } = yield* stage({
            mode: "transaction",
            settings: { default_pool_size: "1", query_wait_timeout: "1" }
          })
          const at = yield* replica({ url: pooler.through(url) })
          const database = Context.get(at, Database)
          const held = yield* Deferred.make<void>()
          const holding = yield* Effect.forkScoped(
            database.transact(
              Effect.andThen(
                Effect.andThen(database.query("SELECT 1"), Deferred.succeed(held, void 0)),
                database.query("SELECT pg_sleep(4)")
              )
            )
          )
          yield* Deferred.await(held)
          assert.match((yield* Effect.flip(database.query("SELECT 1"))).message, /default_pool_size/)
          yield* Fiber.interrupt(holding)
        })
      ),
    30_000
  )
})
