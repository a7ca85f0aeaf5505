/** Pull requests as JSON records beside the repository (`rdev/pulls/<number>.json`). Callers serialise writes per repository. */
import { BranchName } from "@rdev/core/ports/infra/Forge"
import type { PullRequest } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Schema } from "effect"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import * as Damaged from "../records/Damaged.ts"
import { type LocalRepository, recordOf } from "./LocalRepositories.ts"
import { attempt, type LocalFailure, notFound } from "../LocalFailure.ts"
import * as RecordFile from "../records/RecordFile.ts"

export const PullRecord = Schema.Struct({
  number: Schema.Int,
  title: Schema.String,
  body: Schema.String,
  state: Schema.Literals(["open", "closed", "merged"]),
  head: BranchName,
  base: BranchName,
  /** Head when it was last looked at; final once merged. */
  headSha: Schema.String,
  mergeSha: Schema.NullOr(Schema.String),
  createdAtMillis: Schema.Int
})
export type PullRecord = typeof PullRecord.Type
const decode = Schema.decodeUnknownSync(PullRecord)

const folder = ({ directory }: LocalRepository) => recordOf(directory, "pulls")
const pathOf = (repository: LocalRepository, number: number) => join(folder(repository), `${number}.json`)
const whose =
  ({ name, projectId }: LocalRepository) =>
  (number: number): Damaged.Whose => ({
    projectId,
    part: `pull request #${number}`,
    repair: `Restore git/${name}.git/rdev/pulls/${number}.json in the data folder from a backup, or remove it: its feature then opens another one`
  })

export const read = (repository: LocalRepository, number: number): Effect.Effect<PullRecord, LocalFailure> =>
  (Number.isSafeInteger(number) && number > 0
    ? Damaged.told(
        whose(repository)(number),
        attempt(() => RecordFile.read(pathOf(repository, number), decode))
      )
    : Effect.succeed(null)
  ).pipe(
    Effect.filterOrFail(
      (found) => found !== null,
      () => notFound(`pull request #${number} does not exist`)
    )
  )

export const write = (repository: LocalRepository, record: PullRecord): Effect.Effect<void, LocalFailure> =>
  attempt(() => RecordFile.write(pathOf(repository, record.number), record))

const numbers = (repository: LocalRepository): Effect.Effect<ReadonlyArray<number>, LocalFailure> =>
  attempt(async () => {
    const names = await readdir(folder(repository)).catch((cause: unknown) => {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return []
      throw cause
    })
    return names.flatMap((name) => (/^\d+\.json$/.test(name) ? [Number.parseInt(name, 10)] : [])).sort((a, b) => a - b)
  })

/** All records that can be read by number, and the number that the next one gets: a damaged one keeps its own. */
export const list = Effect.fn("PullRequests.list")(function* (repository: LocalRepository) {
  const found = yield* numbers(repository)
  const records = yield* Damaged.each(found, whose(repository), async (number) => {
    const record = await RecordFile.read(pathOf(repository, number), decode)
    if (record === null) throw notFound(`pull request #${number} does not exist`)
    return record
  })
  return { records, next: (found.at(-1) ?? 0) + 1 }
})

export const view = (record: PullRecord, cloneUrl: string): PullRequest => ({
  number: record.number,
  title: record.title,
  state: record.state,
  head: record.head,
  base: record.base,
  headSha: record.headSha,
  mergeSha: record.mergeSha,
  url: `${cloneUrl.replace(/\.git$/, "")}/pulls/${record.number}`
})
