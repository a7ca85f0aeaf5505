/** What the verbs of `GitObjects` work over, and what they begin with: a repository, a head, a commit that is there. */
import { BranchName, type RepositoryTarget, type Sha } from "@rdev/core/ports/infra/Forge"
import { Effect, Schema, type Scope } from "effect"
import type { Git } from "../Git.ts"
import type { GitContents } from "../GitContents.ts"
import { type GitError, invalid, notFound } from "../GitError.ts"
import * as GitMaintenance from "../GitMaintenance.ts"
import * as GitRefs from "../GitRefs.ts"
import type { GitRepository, Where } from "../GitRepository.ts"

export interface Over {
  readonly git: Git
  readonly where: Where
  readonly contents: GitContents
  /** Counts a write; now and then the folder is tidied up beside the requests. */
  readonly written: (repository: GitRepository) => Effect.Effect<void>
}

/** The repository with its branches as they are at the forge. */
export const current = ({ where }: Over, target: RepositoryTarget): Effect.Effect<GitRepository, GitError> =>
  Effect.tap(where.open(target), (repository) => where.sync(repository, false))

const isBranch = Schema.is(BranchName)
/** Head of a branch, or null; a name that git could take for something else is refused before it gets anywhere. */
export const maybeHead = (repository: GitRepository, branch: string): Effect.Effect<Sha | null, GitError> =>
  isBranch(branch)
    ? GitRefs.head(repository, branch)
    : Effect.fail(invalid("branch", `${JSON.stringify(branch)} is not a branch name`))

export const headOf = Effect.fnUntraced(function* (repository: GitRepository, branch: string) {
  const sha = yield* maybeHead(repository, branch)
  return sha ?? (yield* notFound(`branch ${branch} does not exist in ${repository.name}`))
})

/** Fails unless the commit is there; one that is not may have come to the forge since it was looked at. */
export const requireCommit = Effect.fnUntraced(function* (over: Over, repository: GitRepository, sha: Sha) {
  if (!GitRefs.isSha(sha)) return yield* invalid("sha", `${JSON.stringify(sha)} is not a commit id`)
  const isMissing = (failure: GitError) => failure.reason._tag === "NotFound"
  const look = over.contents.tree(repository, sha)
  yield* look.pipe(
    Effect.catchIf(isMissing, () => Effect.andThen(over.where.sync(repository, true), look)),
    Effect.catchIf(isMissing, () => Effect.fail(notFound(`commit ${sha} does not exist in ${repository.name}`)))
  )
})

/** Head of a branch, or a commit by its id; no branch is named like one. */
export const tipOf = Effect.fnUntraced(function* (over: Over, repository: GitRepository, name: string) {
  if (!GitRefs.isSha(name)) return yield* headOf(repository, name)
  yield* requireCommit(over, repository, name)
  return name
})

/** Housekeeping runs in the scope; its failure is logged and changes nothing. */
export const counting = (git: Git, scope: Scope.Scope): Over["written"] => {
  const writes = new Map<string, number>()
  return (repository) =>
    Effect.suspend(() => {
      const count = (writes.get(repository.directory) ?? 0) + 1
      writes.set(repository.directory, count)
      return count % GitMaintenance.writesBetween === 0
        ? Effect.asVoid(
            Effect.forkIn(
              Effect.catch(GitMaintenance.maintain(git, repository.directory), (failure) =>
                Effect.logWarning("git maintenance failed", failure.reason)
              ),
              scope
            )
          )
        : Effect.void
    })
}
