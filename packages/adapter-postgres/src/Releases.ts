/**
 * What the releases were made of, in sql/releases.json, and what may not change after one: workers of the version before go on beside the
 * new ones, on the new schema.
 */
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as SqlFiles from "./SqlFiles.ts"

export interface Release {
  readonly version: string
  readonly tables: Readonly<Record<string, string>>
  /** Signatures: a body may change with the next release, what is asked and answered may not. */
  readonly functions: Readonly<Record<string, string>>
}

export const file = `${SqlFiles.packageFolder}sql/releases.json`

/** The files as a release would be made of them now. */
export const asRelease = (version: string): Effect.Effect<Release, StoreError> =>
  SqlFiles.attempt(
    () => ({
      version,
      tables: Object.fromEntries(SqlFiles.tables(SqlFiles.packageFolder).map(({ checksum, name }) => [name, checksum])),
      functions: Object.fromEntries(
        [...SqlFiles.bodies(SqlFiles.packageFolder)].map(([name, sql]) => [name, SqlFiles.signatureOf(name, sql)])
      )
    }),
    `${SqlFiles.packageFolder} cannot be read`
  )
export const all: Effect.Effect<ReadonlyArray<Release>, StoreError> = SqlFiles.attempt(
  (): ReadonlyArray<Release> => JSON.parse(fs.readFileSync(file, "utf8")),
  `${file} cannot be read`
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
