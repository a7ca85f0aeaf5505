/**
 * Numbered SQL files, applied once each, in order, in a transaction of their own. Replicas that start together take turns.
 * A file that was applied must never change; a database that knows files this code does not is refused.
 */
import { StoreError, type StoreReason } from "@rdev/core/ports/stores/StoreError"
import { Clock, Effect, type Scope } from "effect"
import { hash } from "node:crypto"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import type { Connections } from "./engine/Driver.ts"

export interface Migration {
  readonly number: number
  readonly name: string
  readonly checksum: string
  readonly file: string
}

/** The same folder from src/ and from dist/. */
export const folder = fileURLToPath(new URL("../migrations/", import.meta.url))
/**
 * The folder as it was when the package was built, beside the built modules: reading and hashing every file would take each start
 * longer than asking the database which of them it has.
 */
export const listing = fileURLToPath(new URL("./migrations.json", import.meta.url))
/** Any constant; replicas of rdev agree on it, and another program's locks are unlikely to meet it. */
const advisoryKey = 7_236_318_854_001

const fail = (reason: StoreReason, cause?: unknown) => new StoreError({ operation: "Migrations.run", reason, cause })

const textOf = (file: string): string => fs.readFileSync(file, "utf8").replaceAll("\r\n", "\n")
const checksumOf = (sql: string): string => hash("sha256", sql)

type Entry = Omit<Migration, "file">
const entryOf = (file: string): Entry => {
  const match = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file)
  if (match === null) throw fail({ _tag: "Invalid", field: file, message: "a migration is named NNNN_name.sql" })
  return { number: Number(match[1]), name: match[2] ?? "", checksum: checksumOf(textOf(folder + file)) }
}
const fileOf = ({ name, number }: Entry): string => `${String(number).padStart(4, "0")}_${name}.sql`

/** What stands in the folder, by number; this is what `listing` keeps. */
export const list: Effect.Effect<ReadonlyArray<Entry>, StoreError> = Effect.try({
  try: () => {
    const entries = fs
      .readdirSync(folder)
      .filter((file) => file.endsWith(".sql"))
      .sort()
      .map(entryOf)
    for (const [i, entry] of entries.entries()) {
      if (i > 0 && entries[i - 1]?.number === entry.number)
        throw fail({ _tag: "Invalid", field: `migration ${entry.number}`, message: "two files carry this number" })
    }
    return entries
  },
  catch: (cause) =>
    cause instanceof StoreError
      ? cause
      : fail(
          {
            _tag: "Invalid",
            field: "migrations",
            message: `${folder} cannot be read: the package's migrations folder must lie beside its dist folder (was it bundled?)`
          },
          cause
        )
})

const built: Effect.Effect<ReadonlyArray<Entry>, StoreError> = Effect.try({
  try: () => JSON.parse(fs.readFileSync(listing, "utf8")),
  catch: (cause) =>
    fail(
      { _tag: "Invalid", field: "migrations", message: `${listing} cannot be read: build or install the package anew` },
      cause
    )
})

/** The migrations of this version. */
export const load: Effect.Effect<ReadonlyArray<Migration>, StoreError> = Effect.map(
  Effect.suspend(() => (fs.existsSync(listing) ? built : list)),
  (entries) => entries.map((entry) => ({ ...entry, file: folder + fileOf(entry) }))
)

const read = ({ checksum, file }: Migration): Effect.Effect<string, StoreError> =>
  Effect.filterOrFail(
    Effect.try({
      try: () => textOf(file),
      catch: (cause) => fail({ _tag: "Invalid", field: "migrations", message: `${file} cannot be read` }, cause)
    }),
    (sql) => checksumOf(sql) === checksum,
    () =>
      fail({
        _tag: "Invalid",
        field: "migrations",
        message: `${file} is not the one that this version was built with: build or install the package anew`
      })
  )

/** Changes when any migration does. */
export const fingerprint = (migrations: ReadonlyArray<Migration>): string =>
  hash("sha256", migrations.map((m) => `${m.number}:${m.checksum}`).join("\n"))

interface Applied {
  readonly number: number
  readonly name: string
  readonly checksum: string
}

const check = (migrations: ReadonlyArray<Migration>, applied: ReadonlyArray<Applied>) => {
  const known = new Map(migrations.map((m) => [m.number, m]))
  for (const row of applied) {
    const ours = known.get(row.number)
    if (ours === undefined) {
      return fail({
        _tag: "Corrupt",
        message: `the data was written by a newer version of rdev (it has migration ${row.number} ${row.name}, this version knows up to ${migrations.at(-1)?.number ?? 0}). Start the newer version, or restore a backup made before the update.`
      })
    }
    if (ours.checksum !== row.checksum) {
      return fail({
        _tag: "Corrupt",
        message: `migration ${row.number} ${row.name} was applied with other contents than this version has. Use the version that wrote the data.`
      })
    }
  }
  return null
}

const applied = (database: Connections) =>
  database.query<Applied>("SELECT number, name, checksum FROM rdev_migration ORDER BY number")

const isNoTable = ({ cause }: StoreError): boolean =>
  typeof cause === "object" && cause !== null && Reflect.get(cause, "code") === "42P01"

/**
 * Whether nothing is missing; fails when this version cannot work with what is there. A database without the table is new: it says so with
 * an error, once, so that every other start needs one statement less.
 */
const isCurrent = (database: Connections, migrations: ReadonlyArray<Migration>) =>
  Effect.gen(function* () {
    const rows = yield* Effect.catchIf(applied(database), isNoTable, () => Effect.succeed(null))
    if (rows === null) return false
    const problem = check(migrations, rows)
    if (problem !== null) return yield* problem
    return rows.length === migrations.length
  })

/** Applies what is missing; returns the numbers applied. */
const apply = (
  database: Connections,
  migrations: ReadonlyArray<Migration>
): Effect.Effect<ReadonlyArray<number>, StoreError> => {
  const table = database.transact(
    Effect.gen(function* () {
      yield* database.query("SELECT pg_advisory_xact_lock($1)", [advisoryKey])
      yield* database.query(
        "CREATE TABLE IF NOT EXISTS rdev_migration (number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at_millis bigint NOT NULL)"
      )
    })
  )
  /** The lock ends with each transaction, so what is missing is looked up again inside of it. */
  const next = database.transact(
    Effect.gen(function* () {
      yield* database.query("SELECT pg_advisory_xact_lock($1)", [advisoryKey])
      const rows = yield* applied(database)
      const problem = check(migrations, rows)
      if (problem !== null) return yield* problem
      const done = new Set(rows.map((row) => row.number))
      const migration = migrations.find((m) => !done.has(m.number))
      if (migration === undefined) return null
      yield* database.query(yield* read(migration)).pipe(
        Effect.mapError(
          (error) =>
            new StoreError({
              operation: "Migrations.run",
              reason: {
                _tag: "Unknown",
                message: `migration ${migration.number} ${migration.name}: ${error.message}`
              },
              cause: error
            })
        )
      )
      const now = yield* Clock.currentTimeMillis
      yield* database.query(
        "INSERT INTO rdev_migration (number, name, checksum, applied_at_millis) VALUES ($1, $2, $3, $4)",
        [migration.number, migration.name, migration.checksum, now]
      )
      return migration.number
    })
  )
  return Effect.gen(function* () {
    yield* table
    const numbers: Array<number> = []
    for (let number = yield* next; number !== null; number = yield* next) numbers.push(number)
    return numbers
  })
}

/**
 * Brings the database up to date; returns the numbers applied now. The usual start finds nothing to do and needs no connection of
 * its own for it; `unlimited`, which must not limit statement times, is opened only to apply something.
 */
export const run = (
  database: Connections,
  unlimited: Effect.Effect<Connections, never, Scope.Scope>,
  migrations: ReadonlyArray<Migration>
): Effect.Effect<ReadonlyArray<number>, StoreError> =>
  Effect.flatMap(isCurrent(database, migrations), (current) =>
    current
      ? Effect.succeed([])
      : Effect.scoped(Effect.flatMap(unlimited, (connections) => apply(connections, migrations)))
  )
