/**
 * Brings a database up to date. Tables: each file once, in order, in a transaction of its own. Functions: those that differ, in one
 * transaction. Replicas that start together take turns. Tables of files that this version does not know are refused; functions of a later
 * version are kept, as they answer this one's questions too (a function whose answer changes gets a new name).
 */
import { StoreError, type StoreReason } from "@rdev/core/ports/stores/StoreError"
import { Clock, Effect, type Scope } from "effect"
import type { Connections } from "./engine/Driver.ts"
import * as SchemaName from "./engine/SchemaName.ts"
import * as SchemaAccess from "./SchemaAccess.ts"
import * as SqlFiles from "./SqlFiles.ts"

const fail = (reason: StoreReason, cause?: unknown) => new StoreError({ operation: "Migrations.run", reason, cause })

interface Applied {
  readonly name: string
  readonly checksum: string
  /** Of the version that applied it. */
  readonly release: number
}

const tableSql =
  "CREATE TABLE IF NOT EXISTS rdev.migration (name text PRIMARY KEY, checksum text NOT NULL, release int NOT NULL, applied_at_millis bigint NOT NULL)"
const appliedSql = "SELECT name, checksum, release FROM rdev.migration"
const noteSql = `
  INSERT INTO rdev.migration (name, checksum, release, applied_at_millis) VALUES ($1, $2, $3, $4)
  ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, release = excluded.release, applied_at_millis = excluded.applied_at_millis`

const isTable = (name: string): boolean => !name.includes("/")
const check = (files: SqlFiles.SqlFiles, applied: ReadonlyArray<Applied>) => {
  const known = new Map(files.tables.map((file) => [file.name, file]))
  for (const row of applied) {
    if (!isTable(row.name)) continue
    const ours = known.get(row.name)
    if (ours === undefined)
      return fail({
        _tag: "Corrupt",
        message: `the data was written by a newer version of rdev (it has migration ${row.name}, this version knows up to ${files.tables.at(-1)?.name ?? "none"}). Start the newer version, or restore a backup made before the update.`
      })
    if (ours.checksum !== row.checksum)
      return fail({
        _tag: "Corrupt",
        message: `migration ${row.name} was applied with other contents than this version has. Use the version that wrote the data.`
      })
  }
  return null
}

interface Missing {
  readonly tables: ReadonlyArray<SqlFiles.SqlFile>
  readonly functions: ReadonlyArray<SqlFiles.SqlFile>
  /** Functions of a later version. */
  readonly newer: ReadonlyArray<string>
}
/** What of the files is not there; fails when this version cannot work with what is. */
const missing = (files: SqlFiles.SqlFiles, applied: ReadonlyArray<Applied>): Effect.Effect<Missing, StoreError> => {
  const problem = check(files, applied)
  if (problem !== null) return Effect.fail(problem)
  const there = new Map(applied.map((row) => [row.name, row]))
  const differing = files.functions.filter((file) => there.get(file.name)?.checksum !== file.checksum)
  const isNewer = (file: SqlFiles.SqlFile) => (there.get(file.name)?.release ?? 0) > files.release
  return Effect.succeed({
    tables: files.tables.filter((file) => !there.has(file.name)),
    functions: differing.filter((file) => !isNewer(file)),
    newer: differing.filter(isNewer).map((file) => file.name)
  })
}

const applied = (database: Connections) => database.query<Applied>(appliedSql)

const codeOf = ({ cause }: StoreError): unknown =>
  typeof cause === "object" && cause !== null ? Reflect.get(cause, "code") : undefined
/** There is none, or it is somebody else's. */
const isNoTable = (error: StoreError): boolean => ["42P01", "3F000", "42703"].includes(String(codeOf(error)))
/** No right to the schema or its tables: what is looked at next says which. */
const isRefused = (error: StoreError): boolean => codeOf(error) === "42501"

/**
 * Null for a database without the table, which is new: it says so with an error, once, so that every other start needs one statement less.
 */
const look = (database: Connections, files: SqlFiles.SqlFiles, schema: string) =>
  Effect.catchIf(applied(database), isNoTable, () => Effect.succeed(null)).pipe(
    Effect.catchIf(isRefused, (error) => Effect.andThen(SchemaAccess.check(database, schema), Effect.fail(error))),
    Effect.flatMap((rows) => (rows === null ? Effect.succeed(null) : missing(files, rows)))
  )

const applyFile = (database: Connections, files: SqlFiles.SqlFiles, file: SqlFiles.SqlFile) =>
  Effect.gen(function* () {
    yield* database.query(yield* SqlFiles.read(files, file)).pipe(
      Effect.mapError(
        (error) =>
          new StoreError({
            operation: "Migrations.run",
            reason: { _tag: "Unknown", message: `${file.name}: ${error.message}` },
            cause: error
          })
      )
    )
    yield* database.query(noteSql, [file.name, file.checksum, files.release, yield* Clock.currentTimeMillis])
    return file.name
  })

/** Applies what is missing; returns the names applied. */
const apply = (
  database: Connections,
  files: SqlFiles.SqlFiles,
  schema: string
): Effect.Effect<ReadonlyArray<string>, StoreError> => {
  /** The lock ends with each transaction, so what is missing is looked up again inside of it. */
  const inTurn = <A>(work: Effect.Effect<A, StoreError>) =>
    database.transact(
      Effect.andThen(database.query("SELECT pg_advisory_xact_lock($1)", [SchemaName.lockKey(schema)]), work)
    )
  const missed = Effect.flatMap(applied(database), (rows) => missing(files, rows))
  const nextTable = inTurn(
    Effect.flatMap(missed, ({ tables: [file] }) =>
      file === undefined ? Effect.succeed(null) : applyFile(database, files, file)
    )
  )
  const functions = inTurn(
    Effect.flatMap(missed, (found) => Effect.forEach(found.functions, (file) => applyFile(database, files, file)))
  )
  return Effect.gen(function* () {
    yield* inTurn(Effect.andThen(SchemaAccess.ensure(database, schema), database.query(tableSql)))
    const names: Array<string> = []
    for (let name = yield* nextTable; name !== null; name = yield* nextTable) names.push(name)
    return [...names, ...(yield* functions)]
  })
}

/**
 * Brings the database up to date; returns what was applied now. The usual start finds nothing to do and needs no connection of its own for
 * it; `unlimited`, which must not limit statement times, is opened only to apply something.
 */
export const run = (
  database: Connections,
  unlimited: Effect.Effect<Connections, never, Scope.Scope>,
  files: SqlFiles.SqlFiles,
  schema: string
): Effect.Effect<ReadonlyArray<string>, StoreError> =>
  Effect.gen(function* () {
    const found = yield* look(database, files, schema)
    if (found !== null && found.newer.length > 0)
      yield* Effect.logInfo(
        `the database has functions of a newer version of rdev (${found.newer.join(", ")}): they are kept, and work with this version too`
      )
    if (found !== null && found.tables.length === 0 && found.functions.length === 0) return []
    return yield* Effect.scoped(Effect.flatMap(unlimited, (connections) => apply(connections, files, schema)))
  })
