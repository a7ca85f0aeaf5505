/** Pull requests of this machine's forge: records, heads and the merge. Callers serialise what writes per repository. */
import type { BranchName, Sha } from "@rdev/core/ports/infra/Forge"
import type { PullRequest } from "@rdev/core/ports/infra/RepositoryHost"
import type { Git } from "@rdev/git/Git"
import { conflict, notFound } from "@rdev/git/GitError"
import * as GitMerge from "@rdev/git/GitMerge"
import * as GitRefs from "@rdev/git/GitRefs"
import { Clock, Effect } from "effect"
import type { LocalRepository } from "./LocalRepositories.ts"
import * as PullRequests from "./PullRequests.ts"

const headOf = Effect.fnUntraced(function* (repository: LocalRepository, branch: string) {
  const sha = yield* GitRefs.head(repository, branch)
  return sha ?? (yield* notFound(`branch ${branch} does not exist in ${repository.name}`))
})

/** The record with its branch's head of now; that of a merged one is final. */
const open = Effect.fnUntraced(function* (repository: LocalRepository, number: number) {
  const record = yield* PullRequests.read(repository, number)
  if (record.state === "merged") return record
  return { ...record, headSha: (yield* GitRefs.head(repository, record.head)) ?? record.headSha }
})

export const look = (repository: LocalRepository, number: number, cloneUrl: string) =>
  Effect.map(open(repository, number), (record) => PullRequests.view(record, cloneUrl))

export const ensure = Effect.fnUntraced(function* (
  repository: LocalRepository,
  request: { readonly head: BranchName; readonly base: BranchName; readonly title: string; readonly body: string },
  cloneUrl: string
) {
  const headSha = yield* headOf(repository, request.head)
  yield* headOf(repository, request.base)
  const { records, next } = yield* PullRequests.list(repository)
  const there = records.find((one) => one.state === "open" && one.head === request.head && one.base === request.base)
  if (there !== undefined) return PullRequests.view({ ...there, headSha }, cloneUrl)
  const record: PullRequests.PullRecord = {
    ...request,
    number: next,
    state: "open",
    headSha,
    mergeSha: null,
    createdAtMillis: yield* Clock.currentTimeMillis
  }
  yield* PullRequests.write(repository, record)
  return PullRequests.view(record, cloneUrl)
})

export const setState = Effect.fnUntraced(function* (
  repository: LocalRepository,
  number: number,
  state: "open" | "closed",
  cloneUrl: string
) {
  const record = yield* open(repository, number)
  if (record.state === "merged") return yield* conflict(`pull request #${number} is merged`)
  if (record.state !== state) yield* PullRequests.write(repository, { ...record, state })
  return PullRequests.view({ ...record, state }, cloneUrl) satisfies PullRequest
})

export const merge = Effect.fnUntraced(function* (
  git: Git,
  repository: LocalRepository,
  number: number,
  expectedHead: Sha
) {
  const { directory } = repository
  const record = yield* open(repository, number)
  if (record.state === "merged") return record.mergeSha ?? record.headSha
  if (record.state === "closed") return yield* conflict(`pull request #${number} is closed`)
  if (record.headSha !== expectedHead)
    return yield* conflict(`pull request #${number} is at ${record.headSha}, not at the expected ${expectedHead}`)
  const base = yield* headOf(repository, record.base)
  const contained = yield* GitMerge.isAncestor(git, directory, expectedHead, base)
  const message = `Merge pull request #${number}: ${record.title}`
  const mergeSha = contained
    ? ((yield* GitMerge.findMergeOf(git, directory, base, expectedHead)) ?? base)
    : yield* GitMerge.mergeInto(git, directory, record.base, base, expectedHead, message, (updates) =>
        GitRefs.updateRefs(git, directory, updates)
      )
  yield* PullRequests.write(repository, { ...record, state: "merged", mergeSha })
  return mergeSha
})
