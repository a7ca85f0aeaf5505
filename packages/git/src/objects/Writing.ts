/** The verbs that move branches. Each names the head that it builds on; `where.move` refuses when it is another one by now. */
import { Examined } from "@rdev/core/domain/Examined"
import type { BranchName, RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import type { CommitRequest } from "@rdev/core/ports/infra/GitObjects"
import { Effect } from "effect"
import * as GitBundle from "../GitBundle.ts"
import * as GitCommit from "../GitCommit.ts"
import { conflict, invalid } from "../GitError.ts"
import * as GitMerge from "../GitMerge.ts"
import type { Move } from "../GitRefs.ts"
import type { GitRepository } from "../GitRepository.ts"
import { current, headOf, maybeHead, type Over, requireCommit } from "./Over.ts"

const moving =
  ({ where }: Over, repository: GitRepository): Move =>
  (updates) =>
    where.move(repository, updates)

export const commit = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, request: CommitRequest) {
    const repository = yield* current(over, target)
    const head = yield* maybeHead(repository, request.branch)
    if (head !== request.expectedHead) {
      return yield* conflict(
        request.expectedHead === null
          ? `branch ${request.branch} exists already at ${head}`
          : `branch ${request.branch} is at ${head ?? "nothing"}, not at the expected ${request.expectedHead}`
      )
    }
    const before = head === null ? [] : yield* over.contents.tree(repository, head)
    const sha = yield* GitCommit.commit(
      over.git,
      repository.directory,
      request,
      new Map(before.map((entry) => [entry.path, entry.mode])),
      moving(over, repository)
    )
    over.contents.remember(repository, sha, before, request.changes)
    yield* over.written(repository)
    return sha
  })

export const ensureBranch = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, branch: BranchName, at: Sha) {
    const repository = yield* current(over, target)
    const there = yield* maybeHead(repository, branch)
    if (there !== null) return there
    yield* requireCommit(over, repository, at)
    return yield* moving(
      over,
      repository
    )([{ ref: `refs/heads/${branch}`, to: at, old: null }]).pipe(
      Effect.as(at),
      Effect.catchIf(
        (failure) => failure.reason._tag === "Conflict",
        () => Effect.andThen(over.where.sync(repository, true), headOf(repository, branch))
      )
    )
  })

export const deleteBranch = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, branch: BranchName) {
    const repository = yield* current(over, target)
    if (branch === repository.defaultBranch)
      return yield* invalid("branch", `${branch} is the default branch and cannot be deleted`)
    const head = yield* maybeHead(repository, branch)
    if (head !== null) yield* moving(over, repository)([{ ref: `refs/heads/${branch}`, to: null, old: head }])
  })

export const updateBranch = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, branch: BranchName, base: BranchName) {
    const repository = yield* current(over, target)
    const { directory } = repository
    const [ours, theirs] = [yield* headOf(repository, branch), yield* headOf(repository, base)]
    if (yield* GitMerge.isAncestor(over.git, directory, theirs, ours)) return ours
    yield* over.written(repository)
    const move = moving(over, repository)
    if (yield* GitMerge.isAncestor(over.git, directory, ours, theirs)) {
      yield* move([{ ref: `refs/heads/${branch}`, to: theirs, old: ours }])
      return theirs
    }
    const message = `Merge branch '${base}' into ${branch}`
    return yield* GitMerge.mergeInto(over.git, directory, branch, ours, theirs, message, move)
  })

export const advanceBranch = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, branch: BranchName, examined: Examined) {
    const repository = yield* current(over, target)
    if (!Examined.is(examined)) return yield* invalid("examined", "the move was not examined")
    const head = yield* headOf(repository, branch)
    yield* requireCommit(over, repository, examined.to)
    if (head !== examined.head)
      return yield* conflict(`branch ${branch} is at ${head}, not at the examined ${examined.head}`)
    if (!(yield* GitMerge.isAncestor(over.git, repository.directory, head, examined.to)))
      return yield* conflict(`${examined.to} does not descend from ${head}`)
    yield* GitBundle.advance(moving(over, repository), branch, head, examined.to)
  })
