/** The verbs that only read. What is asked for by a commit's id never changes, so only a missing one makes a mirror look again. */
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import { Effect, Option } from "effect"
import { invalid } from "../GitError.ts"
import * as GitMerge from "../GitMerge.ts"
import * as GitRefs from "../GitRefs.ts"
import { current, maybeHead, type Over, requireCommit, tipOf } from "./Over.ts"

/** At the forge's newest when a branch is named, otherwise as it is. */
const openFor = (over: Over, target: RepositoryTarget, names: ReadonlyArray<string>) =>
  names.every(GitRefs.isSha) ? over.where.open(target) : current(over, target)

export const head = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, branch: string) {
    const repository = yield* current(over, target)
    return Option.fromNullishOr(yield* maybeHead(repository, branch))
  })

export const branches = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget) {
    const { directory } = yield* current(over, target)
    const text = yield* over.git.text(directory, [
      "for-each-ref",
      "--format=%(objectname) %(refname:lstrip=2)",
      "refs/heads/"
    ])
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ({ sha: line.slice(0, line.indexOf(" ")), name: line.slice(line.indexOf(" ") + 1) }))
  })

export const listTree = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, sha: Sha) {
    const repository = yield* over.where.open(target)
    yield* requireCommit(over, repository, sha)
    return (yield* over.contents.tree(repository, sha)).map(({ path, mode, oid }) => ({ path, mode, oid }))
  })

export const readFiles = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, sha: Sha, under: string | ReadonlyArray<string>) {
    const repository = yield* over.where.open(target)
    yield* requireCommit(over, repository, sha)
    return yield* over.contents.files(repository, sha, under)
  })

export const compare = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, base: string, head: string) {
    const repository = yield* openFor(over, target, [base, head])
    return yield* GitMerge.compare(
      over.git,
      repository.directory,
      yield* tipOf(over, repository, base),
      yield* tipOf(over, repository, head)
    )
  })

export const brings = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, base: string, head: string) {
    const repository = yield* openFor(over, target, [base, head])
    return yield* GitMerge.brings(
      over.git,
      repository.directory,
      yield* tipOf(over, repository, base),
      yield* tipOf(over, repository, head)
    )
  })

export const line = (over: Over) =>
  Effect.fnUntraced(function* (
    target: RepositoryTarget,
    head: Sha,
    { limit, since }: { readonly since: Sha | null; readonly limit: number }
  ) {
    const repository = yield* over.where.open(target)
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
      return yield* invalid("limit", "expected a whole number from 1 to 1000")
    yield* requireCommit(over, repository, head)
    if (since !== null) yield* requireCommit(over, repository, since)
    return yield* GitMerge.line(over.git, repository.directory, head, since, limit)
  })
