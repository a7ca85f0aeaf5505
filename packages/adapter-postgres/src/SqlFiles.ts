/**
 * The SQL that the schema is made of: `migrations/NNNN_subject.sql` makes tables and is applied once, in order; `sql/<subject>/<verb>.sql`
 * is the one body of a function and is applied whenever it differs from the one that is there, callees before their callers.
 */
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect } from "effect"
import { hash } from "node:crypto"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"

/** `name` is `0001_project` or `queue/claim`. */
export interface SqlFile {
  readonly name: string
  readonly checksum: string
}
export interface SqlFiles {
  /** Ends with a slash; the folders migrations and sql are in it. */
  readonly folder: string
  /** How many releases came before: what a database was given by a later one is left to it. */
  readonly release: number
  readonly tables: ReadonlyArray<SqlFile>
  /** In the order in which they can be made. */
  readonly functions: ReadonlyArray<SqlFile>
}
/** The same folder from src/ and from dist/. */
export const packageFolder = fileURLToPath(new URL("../", import.meta.url))
/**
 * The files as they were when the package was built, beside the built modules: reading and hashing every one would take each start longer
 * than asking the database which of them it has.
 */
export const listing = fileURLToPath(new URL("./sql-files.json", import.meta.url))

const invalid = (message: string, cause?: unknown) =>
  new StoreError({ operation: "Migrations.run", reason: { _tag: "Invalid", field: "migrations", message }, cause })

const isTable = (name: string): boolean => /^\d{4}_/.test(name)
const pathOf = (root: string, name: string): string => `${root}${isTable(name) ? "migrations" : "sql"}/${name}.sql`
const textOf = (root: string, name: string): string =>
  fs.readFileSync(pathOf(root, name), "utf8").replaceAll("\r\n", "\n")
const checksumOf = (sql: string): string => hash("sha256", sql)

const namesIn = (root: string, folder: string, form: RegExp): ReadonlyArray<string> =>
  fs
    .readdirSync(root + folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => {
      if (!form.test(file)) throw invalid(`${folder}/${file}: a file here is named ${form.source}`)
      return file.slice(0, -".sql".length)
    })

/** Of `queue/claim`, as SQL writes it. */
export const functionOf = (name: string): string => `rdev.${name.replace("/", "_")}`
const made = /^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) ([a-z0-9_.]+)(\([^]*?)\s+LANGUAGE /gm

/** What a function's file makes: exactly one function, named after the file. */
export const signatureOf = (name: string, sql: string): string => {
  const [first, ...others] = sql.matchAll(made)
  if (first === undefined || others.length > 0 || first[1] !== functionOf(name))
    throw invalid(`sql/${name}.sql holds one CREATE OR REPLACE FUNCTION (or PROCEDURE) ${functionOf(name)}(…)`)
  return (first[2] ?? "").replaceAll(/\s+/g, " ")
}

/** Callees first, else by name. Pure. */
export const inOrder = (bodies: ReadonlyMap<string, string>): ReadonlyArray<string> => {
  const order: Array<string> = []
  const visit = (name: string, callers: ReadonlyArray<string>): void => {
    if (order.includes(name)) return
    if (callers.includes(name)) throw invalid(`functions call each other in a circle: ${[...callers, name].join(", ")}`)
    const body = bodies.get(name) ?? ""
    for (const other of bodies.keys())
      if (other !== name && body.includes(`${functionOf(other)}(`)) visit(other, [...callers, name])
    order.push(name)
  }
  for (const name of bodies.keys()) visit(name, [])
  return order
}

const checkedNumbers = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  for (const [i, name] of names.entries())
    if (i > 0 && names[i - 1]?.slice(0, 4) === name.slice(0, 4))
      throw invalid(`two files carry the number ${name.slice(0, 4)}`)
  return names
}

export const attempt = <A>(read: () => A, message: string): Effect.Effect<A, StoreError> =>
  Effect.try({ try: read, catch: (cause) => (cause instanceof StoreError ? cause : invalid(message, cause)) })

const releasesOf = (root: string): ReadonlyArray<unknown> =>
  JSON.parse(fs.readFileSync(`${root}sql/releases.json`, "utf8"))
export const bodies = (root: string): ReadonlyMap<string, string> =>
  new Map(
    fs
      .readdirSync(`${root}sql`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) =>
        namesIn(root, `sql/${entry.name}`, /^[a-z][a-z0-9_]*\.sql$/).map((file) => `${entry.name}/${file}`)
      )
      .sort()
      .map((name) => [name, textOf(root, name)])
  )
export const tables = (root: string): ReadonlyArray<SqlFile> =>
  checkedNumbers(namesIn(root, "migrations", /^\d{4}_[a-z0-9_]+\.sql$/)).map((name) => ({
    name,
    checksum: checksumOf(textOf(root, name))
  }))

/** What stands in the folders; this is what `listing` keeps. */
export const listIn = (root: string): Effect.Effect<SqlFiles, StoreError> =>
  attempt(() => {
    const all = bodies(root)
    for (const [name, sql] of all) signatureOf(name, sql)
    return {
      folder: root,
      release: releasesOf(root).length,
      tables: tables(root),
      functions: inOrder(all).map((name) => ({ name, checksum: checksumOf(all.get(name) ?? "") }))
    }
  }, `${root} cannot be read: the folders migrations and sql must lie beside dist (was the package bundled?)`)
export const list: Effect.Effect<SqlFiles, StoreError> = listIn(packageFolder)

const built = attempt(
  (): SqlFiles => ({ ...JSON.parse(fs.readFileSync(listing, "utf8")), folder: packageFolder }),
  `${listing} cannot be read: build or install the package anew`
)

/** The files of this version. */
export const load: Effect.Effect<SqlFiles, StoreError> = Effect.suspend(() => (fs.existsSync(listing) ? built : list))

/** The text of a file, as it was when it was listed. */
export const read = ({ folder }: SqlFiles, { checksum, name }: SqlFile): Effect.Effect<string, StoreError> =>
  Effect.filterOrFail(
    attempt(() => textOf(folder, name), `${pathOf(folder, name)} cannot be read`),
    (sql) => checksumOf(sql) === checksum,
    () =>
      invalid(
        `${pathOf(folder, name)} is not the one that this version was built with: build or install the package anew`
      )
  )

/** Changes when any file does. */
export const fingerprint = ({ functions, tables }: SqlFiles): string =>
  hash("sha256", [...tables, ...functions].map((file) => `${file.name}:${file.checksum}`).join("\n"))
