/** Pull requests as JSON records beside the repository (`rdev/pulls/<number>.json`). Callers serialise writes per repository. */
import { BranchName, type PullRequest } from "@rdev/core/ports/infra/Forge"
import { Effect, Schema } from "effect"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { recordOf } from "./GitRepository.ts"
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

const folder = (directory: string) => recordOf(directory, "pulls")

export const read = (directory: string, number: number): Effect.Effect<PullRecord, LocalFailure> =>
  attempt(() =>
    Number.isSafeInteger(number) && number > 0
      ? RecordFile.read(join(folder(directory), `${number}.json`), decode)
      : Promise.resolve(null)
  ).pipe(
    Effect.filterOrFail(
      (found) => found !== null,
      () => notFound(`pull request #${number} does not exist`)
    )
  )

export const write = (directory: string, record: PullRecord): Effect.Effect<void, LocalFailure> =>
  attempt(() => RecordFile.write(join(folder(directory), `${record.number}.json`), record))

const numbers = (directory: string): Effect.Effect<ReadonlyArray<number>, LocalFailure> =>
  attempt(async () => {
    const names = await readdir(folder(directory)).catch((cause: unknown) => {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return []
      throw cause
    })
    return names.flatMap((name) => (/^\d+\.json$/.test(name) ? [Number.parseInt(name, 10)] : [])).sort((a, b) => a - b)
  })

/** All records by number, and the number that the next one gets. */
export const list = Effect.fn("PullRequests.list")(function* (directory: string) {
  const found = yield* numbers(directory)
  const records = yield* Effect.forEach(found, (number) => read(directory, number), { concurrency: 8 })
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
