import { assert, describe, it, layer } from "@effect/vitest"
import * as TenantDatabaseSuite from "@rdev/conformance/infra/TenantDatabaseSuite"
import * as NewId from "@rdev/core/ids/NewId"
import type { ProjectName } from "@rdev/core/domain/Project"
import { type Tenant, TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import * as Driver from "../src/engine/Driver.ts"
import * as PgTenantDatabase from "../src/tenants/PgTenantDatabase.ts"
import * as ScramVerifier from "../src/tenants/ScramVerifier.ts"
import * as TenantSql from "../src/tenants/TenantSql.ts"
import * as TestPostgres from "../src/testing/TestPostgres.ts"

class Server extends Context.Service<Server, TestPostgres.TestServer>()("test/Server") {}

const tenant = (name: string): Effect.Effect<Tenant> =>
  Effect.map(NewId.make("proj"), (projectId) => ({ projectId, name: name as ProjectName }))
/** The driver's own reading of URLs leaves some characters encoded; libpq decodes all of them, and so does this. */
const configOf = (from: Redacted.Redacted | string) => {
  const url = new URL(typeof from === "string" ? from : Redacted.value(from))
  return {
    host: url.hostname,
    port: Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1))
  }
}
/** One statement as whoever the URL names. */
const as = (url: Redacted.Redacted | string, sql: string) =>
  Effect.scoped(Effect.flatMap(Driver.make({ ...configOf(url), max: 1 }), (connections) => connections.query(sql)))
const reasonOf = <A>(effect: Effect.Effect<A, { readonly reason: { readonly _tag: string } }>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason._tag)
const given = (url: Redacted.Redacted | null): Redacted.Redacted => {
  assert(url !== null)
  return url
}

const hostile = [
  'x"; DROP DATABASE postgres; --',
  "a'b\\c",
  "per%cent/sl?ash#",
  "ünï-cödé",
  "$1",
  "template1",
  "UPPER case",
  '""',
  "${x}"
]

layer(
  Layer.provideMerge(
    Layer.unwrap(
      Effect.map(Effect.service(Server), (server) =>
        PgTenantDatabase.layer({ adminUrl: Redacted.make(server.adminUrl), connectionLimit: 2 })
      )
    ),
    Layer.effect(Server, TestPostgres.make())
  ),
  { excludeTestServices: true }
)("TenantDatabase on PostgreSQL", (it) => {
  it.effect("makes a database once; the password is told when the role is made", () =>
    Effect.gen(function* () {
      const tenants = yield* TenantDatabase
      const mine = yield* tenant("shop")
      assert.isTrue(Option.isNone(yield* tenants.observe(mine)))
      const made = yield* tenants.ensure(mine)
      assert.deepInclude(made, { externalId: "rdev_shop", created: true, engine: "postgresql" })
      yield* as(given(made.url), "CREATE TABLE t (x int)")
      const again = yield* tenants.ensure(mine)
      assert.deepStrictEqual({ created: again.created, url: again.url }, { created: false, url: null })
      assert.deepStrictEqual(
        yield* tenants.observe(mine),
        Option.some({ externalId: "rdev_shop", role: made.role, engine: "postgresql" as const })
      )
      const listed = (yield* tenants.list).find((entry) => entry.projectId === mine.projectId)
      assert.strictEqual(listed?.externalId, "rdev_shop")
      assert.isAbove(listed?.createdAtMillis ?? 0, 1_600_000_000_000)
    })
  )

  it.effect("keeps tenants out of each other's databases, and within their limit", () =>
    Effect.gen(function* () {
      const tenants = yield* TenantDatabase
      const [a, b] = [
        yield* tenants.ensure(yield* tenant("tenant-a")),
        yield* tenants.ensure(yield* tenant("tenant-b"))
      ]
      const intoB = new URL(Redacted.value(given(a.url)))
      intoB.pathname = `/${b.externalId}`
      assert.match((yield* Effect.flip(as(intoB.href, "SELECT 1"))).message, /permission denied for database/)
      for (const forbidden of [
        "CREATE DATABASE mine",
        "CREATE ROLE friend",
        `DROP DATABASE "${b.externalId}"`,
        `ALTER ROLE "${b.role}" PASSWORD 'x'`,
        "COPY (SELECT 1) TO PROGRAM 'true'"
      ]) {
        assert.match(
          (yield* Effect.flip(as(given(a.url), forbidden))).message,
          /permission denied|must be owner|must be superuser/,
          forbidden
        )
      }
      yield* Effect.scoped(
        Effect.gen(function* () {
          const held = yield* Driver.make({ ...configOf(given(b.url)), max: 2 })
          yield* Effect.all([held.query("SELECT pg_backend_pid()"), held.query("SELECT pg_backend_pid()")], {
            concurrency: 2
          })
          assert.strictEqual((yield* Effect.flip(as(given(b.url), "SELECT 1"))).reason._tag, "Unavailable")
        })
      )
    })
  )

  it.effect("rotates: the old password stops working", () =>
    Effect.gen(function* () {
      const tenants = yield* TenantDatabase
      const mine = yield* tenant("rotating")
      const first = given((yield* tenants.ensure(mine)).url)
      const second = (yield* tenants.rotate(mine)).url
      yield* as(second, "SELECT 1")
      assert.match((yield* Effect.flip(as(first, "SELECT 1"))).message, /password/)
      assert.strictEqual(yield* reasonOf(tenants.rotate(yield* tenant("absent"))), "NotFound")
    })
  )

  it.effect("never touches what is not ours", () =>
    Effect.gen(function* () {
      const tenants = yield* TenantDatabase
      const { adminUrl } = yield* Server
      yield* as(adminUrl, "CREATE DATABASE rdev_theirs")
      const [owner, rival] = [yield* tenant("claimed"), yield* tenant("claimed")]
      yield* tenants.ensure(owner)
      for (const other of [yield* tenant("theirs"), rival]) {
        assert.strictEqual(yield* reasonOf(tenants.ensure(other)), "Foreign")
        assert.strictEqual(yield* reasonOf(tenants.observe(other)), "Foreign")
        assert.strictEqual(yield* reasonOf(tenants.rotate(other)), "Foreign")
        assert.strictEqual(yield* reasonOf(tenants.remove(other)), "Foreign")
      }
      const left = (yield* as(
        adminUrl,
        "SELECT datname FROM pg_database WHERE datname IN ('rdev_theirs', 'rdev_claimed')"
      )).length
      assert.strictEqual(left, 2)
      assert.isFalse((yield* tenants.list).some((entry) => entry.externalId === "rdev_theirs"))
    })
  )

  it.effect("goes on where a crash left it: a role without a database, a database without its marker", () =>
    Effect.gen(function* () {
      const tenants = yield* TenantDatabase
      const { adminUrl } = yield* Server
      const mine = yield* tenant("crashed")
      const made = yield* tenants.ensure(mine)
      yield* as(adminUrl, `COMMENT ON DATABASE rdev_crashed IS NULL`)
      assert.isTrue(Option.isSome(yield* tenants.observe(mine)))
      yield* tenants.ensure(mine)
      assert.isTrue((yield* tenants.list).some((entry) => entry.projectId === mine.projectId))
      yield* as(adminUrl, `DROP DATABASE rdev_crashed`)
      const again = yield* tenants.ensure(mine)
      assert.deepStrictEqual({ created: again.created, url: again.url }, { created: true, url: null })
      yield* as((yield* tenants.rotate(mine)).url, "SELECT 1")
      assert.strictEqual(again.role, made.role)
    })
  )

  it.effect("removes database, role and open connections; twice without complaint", () =>
    Effect.gen(function* () {
      const tenants = yield* TenantDatabase
      const { adminUrl } = yield* Server
      const mine = yield* tenant("gone")
      const made = yield* tenants.ensure(mine)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const held = yield* Driver.make({ ...configOf(given(made.url)), max: 1 })
          yield* held.query("CREATE TABLE t (x int)")
          yield* tenants.remove(mine)
          yield* tenants.remove(mine)
        })
      )
      assert.deepStrictEqual(yield* as(adminUrl, `SELECT rolname FROM pg_roles WHERE rolname = '${made.role}'`), [])
      assert.isTrue(Option.isNone(yield* tenants.observe(mine)))
      const next = yield* tenant("gone")
      assert.isTrue((yield* tenants.ensure(next)).created)
    })
  )

  it.effect("makes and removes databases with hostile names, and nothing else", () =>
    Effect.gen(function* () {
      const tenants = yield* TenantDatabase
      const { adminUrl } = yield* Server
      const count = Effect.map(as(adminUrl, "SELECT datname FROM pg_database ORDER BY 1"), (rows) =>
        rows.map((row) => row["datname"])
      )
      const before = yield* count
      for (const name of hostile) {
        const mine = yield* tenant(name)
        const made = yield* tenants.ensure(mine)
        assert.strictEqual(made.externalId, `rdev_${name}`)
        const inside = yield* as(given(made.url), "SELECT current_database() AS db, current_user AS role")
        assert.deepStrictEqual({ ...inside[0] }, { db: `rdev_${name}`, role: made.role })
        yield* as((yield* tenants.rotate(mine)).url, "SELECT 1")
        assert.isTrue((yield* tenants.list).some((entry) => entry.externalId === `rdev_${name}`))
        yield* tenants.remove(mine)
      }
      assert.deepStrictEqual(yield* count, before)
      for (const name of ["a\0b", "x".repeat(60), "ü".repeat(30)]) {
        const error = yield* Effect.flip(tenants.ensure(yield* tenant(name)))
        assert.deepInclude(error.reason, { _tag: "Invalid", field: "name" })
      }
    })
  )

  it.effect("needs no superuser: a role that may create roles and databases is enough", () =>
    Effect.gen(function* () {
      const { adminUrl } = yield* Server
      yield* as(adminUrl, "CREATE ROLE steward LOGIN CREATEDB CREATEROLE PASSWORD 'steward'")
      const url = new URL(adminUrl)
      url.username = url.password = "steward"
      const tenants = Context.get(
        yield* Layer.build(Layer.fresh(PgTenantDatabase.layer({ adminUrl: Redacted.make(url.href), prefix: "st_" }))),
        TenantDatabase
      )
      const mine = yield* tenant("stewarded")
      const made = yield* tenants.ensure(mine)
      yield* as(given(made.url), "CREATE TABLE t (x int)")
      assert.isFalse((yield* tenants.ensure(mine)).created)
      yield* as((yield* tenants.rotate(mine)).url, "INSERT INTO t VALUES (1)")
      yield* tenants.remove(mine)
      assert.isTrue(Option.isNone(yield* tenants.observe(mine)))
    })
  )

  it.effect("has one creator among parallel calls", () =>
    Effect.gen(function* () {
      const tenants = yield* TenantDatabase
      const { adminUrl } = yield* Server
      const mine = yield* tenant("parallel")
      const rival = Context.get(
        yield* Layer.build(Layer.fresh(PgTenantDatabase.layer({ adminUrl: Redacted.make(adminUrl) }))),
        TenantDatabase
      )
      const made = yield* Effect.forEach([tenants, rival, tenants, rival], (service) => service.ensure(mine), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(made.map((one) => one.created && one.url !== null).sort(), [false, false, false, true])
      assert.deepStrictEqual(new Set(made.map((one) => one.externalId)), new Set(["rdev_parallel"]))
    })
  )
})

TenantDatabaseSuite.suite(
  "PostgreSQL",
  Layer.unwrap(
    Effect.map(TestPostgres.make(), (server) => PgTenantDatabase.layer({ adminUrl: Redacted.make(server.adminUrl) }))
  ),
  { supported: true, connect: (url) => Effect.asVoid(as(url, "SELECT 1")) }
)

describe("TenantDatabase elsewhere", () => {
  it.live("an unreachable one is Unavailable, and its password is not told", () =>
    Effect.gen(function* () {
      const mine = yield* tenant("x")
      const adminUrl = Redacted.make("postgresql://u:secret-canary@127.0.0.1:1/x")
      const away = yield* Effect.flatMap(TenantDatabase, (tenants) => Effect.flip(tenants.ensure(mine))).pipe(
        Effect.provide(PgTenantDatabase.layer({ adminUrl }))
      )
      assert.strictEqual(away.reason._tag, "Unavailable")
      assert.notInclude(away.message, "secret-canary")
    })
  )

  it("quotes every name in the statements of both engines", () => {
    for (const engine of ["postgresql", "cockroachdb"] as const) {
      for (const name of hostile) {
        const names = { database: `p_${name}`, role: `p_${name}` }
        const quoted = `"p_${name.replaceAll('"', '""')}"`
        const statements = [
          TenantSql.createRole(engine, names, "SCRAM-SHA-256$1:a$b:c", 5),
          TenantSql.setPassword(names, "v'"),
          TenantSql.joinRole(names),
          TenantSql.createDatabase(engine, names),
          ...TenantSql.settle(engine, names, { projectId: "proj_'x", createdAtMillis: 1 }, 5),
          TenantSql.dropDatabase(engine, names),
          TenantSql.dropRole(names)
        ]
        for (const statement of statements) {
          assert.include(statement, quoted)
          // Without its quoted parts a statement is plain words.
          assert.match(
            statement.replaceAll(quoted, "N").replace(/ E?'(?:[^'\\]|''|\\\\)*'/g, " L"),
            /^[A-Za-z0-9_ ().,]+$/,
            statement
          )
        }
      }
    }
  })

  it("tells our marker from other comments", () => {
    const marker = { projectId: "proj_1", createdAtMillis: 5 }
    assert.deepStrictEqual(TenantSql.markerOf(TenantSql.comment(marker)), marker)
    for (const other of [
      null,
      "",
      "a database",
      "{}",
      "[]",
      "null",
      '{"rdev":{}}',
      '{"rdev":{"project":1,"createdAtMillis":1}}'
    ])
      assert.isNull(TenantSql.markerOf(other))
  })

  it("makes the verifier of RFC 7677's notation", () => {
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64")
    assert.strictEqual(
      ScramVerifier.make("pencil", salt),
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
  })
})
