/**
 * A database and a role of its own for each project on a PostgreSQL or CockroachDB server. Ours is what carries our marker, or what
 * is owned by the role that bears the project's id (the marker of a database that was made a moment before a crash is missing).
 * Anything else of the same name is Foreign and never touched.
 */
import type { ProjectId } from "@rdev/core/domain/Ids"
import { type Tenant, TenantDatabase, TenantDatabaseError } from "@rdev/core/ports/infra/TenantDatabase"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Clock, Effect, Layer, Option, Redacted, Semaphore } from "effect"
import { randomBytes } from "node:crypto"
import { portReason } from "../classifyError.ts"
import * as Driver from "../engine/Driver.ts"
import * as ScramVerifier from "./ScramVerifier.ts"
import * as TenantSql from "./TenantSql.ts"

export interface Options {
  /** A role that may create roles and databases: `postgresql://admin:…@host:5432/postgres?sslmode=…`. */
  readonly adminUrl: Redacted.Redacted
  /** Stands before every name we make; tells installations on one server apart. Default `rdev_`. */
  readonly prefix?: string
  /** Connections one project may hold. Default 20. CockroachDB does not enforce it. */
  readonly connectionLimit?: number
}

/** Changes under way at once; each takes two connections. */
const parallel = 4

interface Seen {
  readonly database: string
  readonly owner: string
  readonly comment: string | null
}

const refuse = (operation: string, reason: PortReason, cause?: unknown) =>
  new TenantDatabaseError({ operation, reason, cause })
const named =
  (operation: string) =>
  <A, R>(effect: Effect.Effect<A, StoreError | TenantDatabaseError, R>): Effect.Effect<A, TenantDatabaseError, R> =>
    effect.pipe(
      Effect.mapError((error) => (error._tag === "StoreError" ? refuse(operation, portReason(error), error) : error)),
      Effect.withSpan(operation)
    )
const isRace = (error: StoreError) => error.reason._tag === "AlreadyExists"

/** The admin's URL with the tenant's role, password and database: the same host, port and TLS settings. */
const urlFor = (adminUrl: Redacted.Redacted, names: TenantSql.Names, password: string): Redacted.Redacted => {
  const url = new URL(Redacted.value(adminUrl))
  url.username = encodeURIComponent(names.role)
  url.password = password
  url.pathname = `/${encodeURIComponent(names.database)}`
  return Redacted.make(url.href)
}

const make = (options: Options) =>
  Effect.gen(function* () {
    const prefix = options.prefix ?? "rdev_"
    const limit = options.connectionLimit ?? 20
    const config = {
      connectionString: Redacted.value(options.adminUrl),
      application_name: "rdev-tenants",
      connectionTimeoutMillis: 10_000,
      // Copying the template or dropping with FORCE takes longer than a query, but not for ever.
      query_timeout: 60_000,
      max: parallel,
      idleTimeoutMillis: 10_000
    }
    const { query } = yield* Driver.make(config)
    const locks = yield* Driver.make(config)
    const turns = yield* Semaphore.make(parallel)
    const engineOf = Effect.map(
      query<{ readonly version: string }>("SELECT version() AS version"),
      (rows): TenantSql.Engine => (/cockroach/i.test(rows[0]?.version ?? "") ? "cockroachdb" : "postgresql")
    )

    const namesOf = (operation: string, tenant: Tenant) =>
      Effect.suspend(() => {
        const names = TenantSql.namesOf(prefix, tenant)
        return "problem" in names
          ? Effect.fail(refuse(operation, { _tag: "Invalid", field: "name", message: names.problem }))
          : Effect.succeed(names)
      })
    /** Our database, none, or Foreign. */
    const find = (operation: string, engine: TenantSql.Engine, names: TenantSql.Names, tenant: Tenant) =>
      Effect.gen(function* () {
        const found = (yield* query<Seen>(TenantSql.databases[engine])).find((row) => row.database === names.database)
        if (found === undefined) return null
        const marker = TenantSql.markerOf(found.comment)
        if (marker?.projectId === tenant.projectId || (marker === null && found.owner === names.role)) return found
        return yield* refuse(operation, {
          _tag: "Foreign",
          message: `database ${names.database} exists and ${marker === null ? "is not marked as ours" : `belongs to ${marker.projectId}`}: rename it, or choose another project name or prefix`
        })
      })
    const hasRole = (names: TenantSql.Names) =>
      Effect.map(query(TenantSql.roleExists, [names.role]), (rows) => rows.length > 0)
    /**
     * One change of a tenant at a time, also among replicas: two would fail with "tuple concurrently updated" half-way. The lock is
     * held by a transaction of another connection, as databases cannot be made in one. CockroachDB orders such changes itself.
     */
    const exclusively =
      (operation: string, tenant: Tenant) =>
      <A>(
        change: (engine: TenantSql.Engine, names: TenantSql.Names) => Effect.Effect<A, StoreError | TenantDatabaseError>
      ) =>
        turns
          .withPermits(1)(
            Effect.gen(function* () {
              const names = yield* namesOf(operation, tenant)
              const engine = yield* engineOf
              return yield* engine === "cockroachdb"
                ? change(engine, names)
                : locks.transact(
                    Effect.andThen(
                      locks.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [
                        `rdev tenant ${names.database}`
                      ]),
                      change(engine, names)
                    )
                  )
            })
          )
          .pipe(named(operation))
    const all = (statements: ReadonlyArray<string>) =>
      Effect.forEach(statements, (sql) => query(sql), { discard: true })
    /** True when it was made now, false when it was there (or a moment ago somebody else made it). */
    const created = (sql: string) =>
      query(sql).pipe(
        Effect.as(true),
        Effect.catchIf(isRace, () => Effect.succeed(false))
      )

    const ensure = (tenant: Tenant) =>
      exclusively(
        "TenantDatabase.ensure",
        tenant
      )((engine, names) =>
        Effect.gen(function* () {
          const before = yield* find("TenantDatabase.ensure", engine, names, tenant)
          const password = randomBytes(24).toString("base64url")
          const roleMade =
            !(yield* hasRole(names)) &&
            (yield* created(TenantSql.createRole(engine, names, ScramVerifier.make(password), limit)))
          yield* query(TenantSql.joinRole(names))
          const databaseMade = before === null && (yield* created(TenantSql.createDatabase(engine, names)))
          // Again, as somebody else may have made one of this name meanwhile.
          const found = yield* find("TenantDatabase.ensure", engine, names, tenant)
          const createdAtMillis =
            TenantSql.markerOf(found?.comment ?? null)?.createdAtMillis ?? (yield* Clock.currentTimeMillis)
          yield* all(TenantSql.settle(engine, names, { projectId: tenant.projectId, createdAtMillis }, limit))
          return {
            externalId: names.database,
            role: names.role,
            engine,
            created: roleMade || databaseMade,
            url: roleMade ? urlFor(options.adminUrl, names, password) : null
          }
        })
      )
    const observe = (tenant: Tenant) =>
      Effect.gen(function* () {
        const names = yield* namesOf("TenantDatabase.observe", tenant)
        const engine = yield* engineOf
        const found = yield* find("TenantDatabase.observe", engine, names, tenant)
        return found === null ? Option.none() : Option.some({ externalId: names.database, role: names.role, engine })
      }).pipe(named("TenantDatabase.observe"))
    const rotate = (tenant: Tenant) =>
      exclusively(
        "TenantDatabase.rotate",
        tenant
      )((engine, names) =>
        Effect.gen(function* () {
          const found = yield* find("TenantDatabase.rotate", engine, names, tenant)
          if (found === null || !(yield* hasRole(names))) {
            return yield* refuse("TenantDatabase.rotate", {
              _tag: "NotFound",
              message: `database ${names.database} or its role does not exist`
            })
          }
          const password = randomBytes(24).toString("base64url")
          yield* query(TenantSql.setPassword(names, ScramVerifier.make(password)))
          return { url: urlFor(options.adminUrl, names, password) }
        })
      )
    const remove = (tenant: Tenant) =>
      exclusively(
        "TenantDatabase.remove",
        tenant
      )((engine, names) =>
        Effect.gen(function* () {
          if ((yield* find("TenantDatabase.remove", engine, names, tenant)) !== null)
            yield* query(TenantSql.dropDatabase(engine, names))
          yield* query(TenantSql.dropRole(names))
        })
      )
    const list = Effect.gen(function* () {
      const rows = yield* query<Seen>(TenantSql.databases[yield* engineOf])
      return rows.flatMap((row) => {
        const marker = row.database.startsWith(prefix) ? TenantSql.markerOf(row.comment) : null
        return marker === null
          ? []
          : [
              {
                projectId: marker.projectId as ProjectId,
                externalId: row.database,
                createdAtMillis: marker.createdAtMillis
              }
            ]
      })
    }).pipe(named("TenantDatabase.list"))

    return TenantDatabase.of({ ensure, observe, rotate, remove, list })
  })

/** Connects on first use: a server that is away fails verbs, not the start. */
export const layer = (options: Options): Layer.Layer<TenantDatabase> => Layer.effect(TenantDatabase, make(options))
