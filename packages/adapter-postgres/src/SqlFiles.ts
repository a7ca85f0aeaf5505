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
  /** How many releases came before: what a database was given by a later one is left to it. */
  readonly release: number
  readonly tables: ReadonlyArray<SqlFile>
  /** In the order in which they can be made. */
  readonly functions: ReadonlyArray<SqlFile>
}
/** What a release was made of, in sql/releases.json. */
export interface Release {
  readonly version: string
  readonly tables: Readonly<Record<string, string>>
  /** Signatures: a body may change with the next release, what is asked and answered may not. */
  readonly functions: Readonly<Record<string, string>>
}

/** The same folder from src/ and from dist/. */
const packageFolder = fileURLToPath(new URL("../", import.meta.url))
export const releasesFile = `${packageFolder}sql/releases.json`
/**
 * The files as they were when the package was built, beside the built modules: reading and hashing every one would take each start longer
 * than asking the database which of them it has.
 */
export const listing = fileURLToPath(new URL("./sql-files.json", import.meta.url))

const invalid = (message: string, cause?: unknown) =>
  new StoreError({ operation: "Migrations.run", reason: { _tag: "Invalid", field: "migrations", message }, cause })

const isTable = (name: string): boolean => /^\d{4}_/.test(name)
export const pathOf = ({ name }: Pick<SqlFile, "name">): string =>
  `${packageFolder}${isTable(name) ? "migrations" : "sql"}/${name}.sql`
const textOf = (name: string): string => fs.readFileSync(pathOf({ name }), "utf8").replaceAll("\r\n", "\n")
const checksumOf = (sql: string): string => hash("sha256", sql)

const namesIn = (folder: string, form: RegExp): ReadonlyArray<string> =>
  fs
    .readdirSync(packageFolder + folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => {
      if (!form.test(file)) throw invalid(`${folder}/${file}: a file here is named ${form.source}`)
      return file.slice(0, -".sql".length)
    })

/** Of `queue/claim`, as SQL writes it. */
export const functionOf = (name: string): string => name.replace("/", ".")
const made = /^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) ([a-z_.]+)(\([^]*?)\s+LANGUAGE /gm

/** What a function's file makes: exactly one function, named after the file. */
const signatureOf = (name: string, sql: string): string => {
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

const attempt = <A>(read: () => A, message: string): Effect.Effect<A, StoreError> =>
  Effect.try({ try: read, catch: (cause) => (cause instanceof StoreError ? cause : invalid(message, cause)) })

const readReleases = (): ReadonlyArray<Release> => JSON.parse(fs.readFileSync(releasesFile, "utf8"))
const bodies = (): ReadonlyMap<string, string> =>
  new Map(
    fs
      .readdirSync(`${packageFolder}sql`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => namesIn(`sql/${entry.name}`, /^[a-z_]+\.sql$/).map((file) => `${entry.name}/${file}`))
      .sort()
      .map((name) => [name, textOf(name)])
  )
const tables = (): ReadonlyArray<SqlFile> =>
  checkedNumbers(namesIn("migrations", /^\d{4}_[a-z0-9_]+\.sql$/)).map((name) => ({
    name,
    checksum: checksumOf(textOf(name))
  }))

/** What stands in the folders; this is what `listing` keeps. */
export const list: Effect.Effect<SqlFiles, StoreError> = attempt(() => {
  const all = bodies()
  for (const [name, sql] of all) signatureOf(name, sql)
  return {
    release: readReleases().length,
    tables: tables(),
    functions: inOrder(all).map((name) => ({ name, checksum: checksumOf(all.get(name) ?? "") }))
  }
}, `${packageFolder} cannot be read: the folders migrations and sql must lie beside dist (was the package bundled?)`)

/** The files as a release would be made of them now. */
export const asRelease = (version: string): Effect.Effect<Release, StoreError> =>
  attempt(
    () => ({
      version,
      tables: Object.fromEntries(tables().map(({ checksum, name }) => [name, checksum])),
      functions: Object.fromEntries([...bodies()].map(([name, sql]) => [name, signatureOf(name, sql)]))
    }),
    `${packageFolder} cannot be read`
  )
export const releases: Effect.Effect<ReadonlyArray<Release>, StoreError> = attempt(
  readReleases,
  `${releasesFile} cannot be read`
)

/** What `now` may not do after these releases, in words. Pure. */
export const problemsOf = (before: ReadonlyArray<Release>, now: Release): ReadonlyArray<string> => {
  const last = before.at(-1)
  if (last === undefined) return []
  const newest = Object.keys(last.tables).sort().at(-1) ?? ""
  const changed = Object.entries(last.tables).flatMap(([name, checksum]) =>
    now.tables[name] === checksum
      ? []
      : [`migrations/${name}.sql was released with ${last.version} and must not change: write a new file`]
  )
  const early = Object.keys(now.tables).filter((name) => last.tables[name] === undefined && name < newest)
  const functions = Object.entries(last.functions).flatMap(([name, signature]) =>
    now.functions[name] === signature
      ? []
      : now.functions[name] === undefined
        ? [`sql/${name}.sql was released with ${last.version}: workers of that version call it, so it stays`]
        : [
            `sql/${name}.sql was released with ${last.version} as ${signature}: give the new one another name, so that older workers go on`
          ]
  )
  return [
    ...changed,
    ...early.map((name) => `migrations/${name}.sql comes before ${newest}, which was released: number it higher`),
    ...functions
  ]
}

const built = attempt(
  (): SqlFiles => JSON.parse(fs.readFileSync(listing, "utf8")),
  `${listing} cannot be read: build or install the package anew`
)

/** The files of this version. */
export const load: Effect.Effect<SqlFiles, StoreError> = Effect.suspend(() => (fs.existsSync(listing) ? built : list))

/** The text of a file, as it was when it was listed. */
export const read = (file: SqlFile): Effect.Effect<string, StoreError> =>
  Effect.filterOrFail(
    attempt(() => textOf(file.name), `${pathOf(file)} cannot be read`),
    (sql) => checksumOf(sql) === file.checksum,
    () => invalid(`${pathOf(file)} is not the one that this version was built with: build or install the package anew`)
  )

/** Changes when any file does. */
export const fingerprint = ({ functions, tables }: SqlFiles): string =>
  hash("sha256", [...tables, ...functions].map((file) => `${file.name}:${file.checksum}`).join("\n"))
