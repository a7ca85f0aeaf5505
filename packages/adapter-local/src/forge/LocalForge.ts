/**
 * The Forge port on bare git repositories in the data folder. Real objects, merges and pull requests; no account and no service.
 * It does not listen: `GitHttp` serves the repositories for cloning and pushing.
 */
import { Examined } from "@rdev/core/domain/Examined"
import type * as Ids from "@rdev/core/domain/Ids"
import { BranchName, Forge, ForgeError, type RepositoryTarget, type Sha } from "@rdev/core/ports/infra/Forge"
import { Clock, Effect, Layer, Option, Schema, Semaphore } from "effect"
import * as FileLock from "../records/FileLock.ts"
import * as Git from "./Git.ts"
import * as GitBundle from "./GitBundle.ts"
import * as GitCommit from "./GitCommit.ts"
import * as GitContents from "./GitContents.ts"
import * as GitHandover from "./GitHandover.ts"
import * as GitMaintenance from "./GitMaintenance.ts"
import * as GitMerge from "./GitMerge.ts"
import * as GitRepository from "./GitRepository.ts"
import * as GitTokens from "./GitTokens.ts"
import { conflict, invalid, type LocalFailure, notFound } from "../LocalFailure.ts"
import * as PullRequests from "./PullRequests.ts"

export interface Options {
  readonly dataDir: string
  /** URL under which `GitHttp` is reached from outside, without a trailing slash, e.g. `http://127.0.0.1:4400/git`. A function when the port is known later. */
  readonly baseUrl: string | (() => string)
}

const isBranch = Schema.is(BranchName)

export const make = Effect.fn("LocalForge.make")(function* (options: Options) {
  const { dataDir } = options
  const git = yield* Git.GitProgram
  const tokens = yield* GitTokens.make(dataDir)
  const contents = GitContents.make(git)
  yield* GitRepository.sweep(dataDir)
  const scope = yield* Effect.scope
  const locks = new Map<string, Semaphore.Semaphore>()
  const writes = new Map<string, number>()

  const cloneUrl = (name: string) =>
    `${typeof options.baseUrl === "string" ? options.baseUrl : options.baseUrl()}/${name}.git`
  const view = (repository: GitRepository.GitRepository, created: boolean) => ({
    externalId: `${repository.name}.git`,
    cloneUrl: cloneUrl(repository.name),
    defaultBranch: repository.defaultBranch,
    created
  })
  const open = (target: RepositoryTarget) => GitRepository.open(dataDir, target)
  /** One writer of records per repository name at a time, among all processes. */
  const exclusive = <A, E>(name: string, effect: Effect.Effect<A, E>) => {
    const lock = locks.get(name) ?? Semaphore.makeUnsafe(1)
    locks.set(name, lock)
    return lock.withPermit(FileLock.exclusively(dataDir, `git-${name}`)(effect))
  }
  const verb = <A>(operation: string, effect: Effect.Effect<A, LocalFailure>): Effect.Effect<A, ForgeError> =>
    effect.pipe(
      Effect.mapError(
        (failure) => new ForgeError({ operation: `Forge.${operation}`, reason: failure.reason, cause: failure.cause })
      ),
      Effect.withSpan(`Forge.${operation}`)
    )
  /** Head of a branch, or null; a name that git could take for something else is refused before it gets anywhere. */
  const maybeHead = (
    repository: GitRepository.GitRepository,
    branch: string
  ): Effect.Effect<Sha | null, LocalFailure> =>
    isBranch(branch)
      ? GitRepository.head(repository, branch)
      : Effect.fail(invalid("branch", `${JSON.stringify(branch)} is not a branch name`))
  const headOf = Effect.fnUntraced(function* (repository: GitRepository.GitRepository, branch: string) {
    const sha = yield* maybeHead(repository, branch)
    return sha ?? (yield* notFound(`branch ${branch} does not exist in ${repository.name}`))
  })
  /** Head of a branch, or a commit by its id; no branch is named like one. */
  const tipOf = Effect.fnUntraced(function* (repository: GitRepository.GitRepository, name: string) {
    if (!GitRepository.isSha(name)) return yield* headOf(repository, name)
    yield* requireCommit(repository, name)
    return name
  })
  const requireCommit = Effect.fnUntraced(function* (repository: GitRepository.GitRepository, sha: Sha) {
    if (!GitRepository.isSha(sha)) return yield* invalid("sha", `${JSON.stringify(sha)} is not a commit id`)
    yield* contents.tree(repository, sha).pipe(
      Effect.catchIf(
        (f) => f.reason._tag === "NotFound",
        () => Effect.fail(notFound(`commit ${sha} does not exist in ${repository.name}`))
      )
    )
  })
  /** Housekeeping runs beside the requests; its failure is logged and changes nothing. */
  const written = (repository: GitRepository.GitRepository) =>
    Effect.suspend(() => {
      const count = (writes.get(repository.directory) ?? 0) + 1
      writes.set(repository.directory, count)
      return count % GitMaintenance.writesBetween === 0
        ? Effect.asVoid(
            Effect.forkIn(
              Effect.catch(GitMaintenance.maintain(git, repository.directory), (f) =>
                Effect.logWarning("git maintenance failed", f.reason)
              ),
              scope
            )
          )
        : Effect.void
    })

  const openPull = Effect.fnUntraced(function* (target: RepositoryTarget, number: number) {
    const repository = yield* open(target)
    const record = yield* PullRequests.read(repository, number)
    if (record.state === "merged") return { repository, record }
    const headSha = (yield* GitRepository.head(repository, record.head)) ?? record.headSha
    return { repository, record: { ...record, headSha } }
  })

  const merge = Effect.fnUntraced(function* (target: RepositoryTarget, number: number, expectedHead: Sha) {
    const { repository, record } = yield* openPull(target, number)
    if (record.state === "merged") return record.mergeSha ?? record.headSha
    if (record.state === "closed") return yield* conflict(`pull request #${number} is closed`)
    if (record.headSha !== expectedHead)
      return yield* conflict(`pull request #${number} is at ${record.headSha}, not at the expected ${expectedHead}`)
    const base = yield* headOf(repository, record.base)
    const contained = yield* GitMerge.isAncestor(git, repository.directory, expectedHead, base)
    const mergeSha = contained
      ? ((yield* GitMerge.findMergeOf(git, repository.directory, base, expectedHead)) ?? base)
      : yield* GitMerge.mergeInto(
          git,
          repository.directory,
          record.base,
          base,
          expectedHead,
          `Merge pull request #${number}: ${record.title}`
        )
    yield* PullRequests.write(repository, { ...record, state: "merged", mergeSha })
    yield* written(repository)
    return mergeSha
  })

  return Forge.of({
    ensureRepository: (target, seed) =>
      verb(
        "ensureRepository",
        exclusive(
          target.name,
          Effect.gen(function* () {
            if ((yield* GitRepository.observe(dataDir, target.name)) !== null) return view(yield* open(target), false)
            return view(yield* GitRepository.create(git, dataDir, target, seed), true)
          })
        )
      ),
    observeRepository: (target) =>
      verb(
        "observeRepository",
        Effect.gen(function* () {
          if ((yield* GitRepository.observe(dataDir, target.name)) === null) return Option.none()
          return Option.some(view(yield* open(target), false))
        })
      ),
    deleteRepository: (target) =>
      verb(
        "deleteRepository",
        exclusive(
          target.name,
          Effect.gen(function* () {
            if ((yield* GitRepository.observe(dataDir, target.name)) === null) return
            yield* GitRepository.remove(dataDir, yield* open(target))
          })
        )
      ),
    listRepositories: verb(
      "listRepositories",
      Effect.map(GitRepository.list(dataDir), (found) =>
        found.map((r) => ({
          projectId: r.projectId as Ids.ProjectId,
          externalId: `${r.name}.git`,
          createdAtMillis: r.createdAtMillis
        }))
      )
    ),
    issueToken: (target, access, ttlSeconds, issuer) =>
      verb(
        "issueToken",
        exclusive(
          target.name,
          Effect.flatMap(open(target), (r) => tokens.issue(r, access, ttlSeconds, issuer))
        )
      ),
    revokeTokens: (target) =>
      verb(
        "revokeTokens",
        exclusive(
          target.name,
          Effect.flatMap(open(target), (r) => tokens.revokeAll(r))
        )
      ),
    head: (target, branch) =>
      verb(
        "head",
        Effect.flatMap(open(target), (r) => Effect.map(maybeHead(r, branch), Option.fromNullishOr))
      ),
    branches: (target) =>
      verb(
        "branches",
        Effect.gen(function* () {
          const text = yield* git.text((yield* open(target)).directory, [
            "for-each-ref",
            "--format=%(objectname) %(refname:lstrip=2)",
            "refs/heads/"
          ])
          return text
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => ({ sha: line.slice(0, line.indexOf(" ")), name: line.slice(line.indexOf(" ") + 1) }))
        })
      ),
    listTree: (target, sha) =>
      verb(
        "listTree",
        Effect.gen(function* () {
          const repository = yield* open(target)
          yield* requireCommit(repository, sha)
          return (yield* contents.tree(repository, sha)).map(({ path, mode, oid }) => ({ path, mode, oid }))
        })
      ),
    readFiles: (target, sha, under) =>
      verb(
        "readFiles",
        Effect.gen(function* () {
          const repository = yield* open(target)
          yield* requireCommit(repository, sha)
          return yield* contents.files(repository, sha, under)
        })
      ),
    commit: (target, request) =>
      verb(
        "commit",
        Effect.gen(function* () {
          const repository = yield* open(target)
          const head = yield* maybeHead(repository, request.branch)
          if (head !== request.expectedHead) {
            return yield* conflict(
              request.expectedHead === null
                ? `branch ${request.branch} exists already at ${head}`
                : `branch ${request.branch} is at ${head ?? "nothing"}, not at the expected ${request.expectedHead}`
            )
          }
          const before = head === null ? [] : yield* contents.tree(repository, head)
          const sha = yield* GitCommit.commit(
            git,
            repository.directory,
            request,
            new Map(before.map((entry) => [entry.path, entry.mode]))
          )
          contents.remember(repository, sha, before, request.changes)
          yield* written(repository)
          return sha
        })
      ),
    ensureBranch: (target, branch, at) =>
      verb(
        "ensureBranch",
        Effect.gen(function* () {
          const repository = yield* open(target)
          const there = yield* maybeHead(repository, branch)
          if (there !== null) return there
          yield* requireCommit(repository, at)
          return yield* GitCommit.updateRefs(git, repository.directory, [
            { ref: `refs/heads/${branch}`, to: at, old: null }
          ]).pipe(
            Effect.as(at),
            Effect.catchIf(
              (f) => f.reason._tag === "Conflict",
              () => headOf(repository, branch)
            )
          )
        })
      ),
    deleteBranch: (target, branch) =>
      verb(
        "deleteBranch",
        Effect.gen(function* () {
          const repository = yield* open(target)
          if (branch === repository.defaultBranch)
            return yield* invalid("branch", `${branch} is the default branch and cannot be deleted`)
          const head = yield* maybeHead(repository, branch)
          if (head !== null)
            yield* GitCommit.updateRefs(git, repository.directory, [
              { ref: `refs/heads/${branch}`, to: null, old: head }
            ])
        })
      ),
    compare: (target, base, head) =>
      verb(
        "compare",
        Effect.gen(function* () {
          const repository = yield* open(target)
          return yield* GitMerge.compare(
            git,
            repository.directory,
            yield* tipOf(repository, base),
            yield* tipOf(repository, head)
          )
        })
      ),
    brings: (target, base, head) =>
      verb(
        "brings",
        Effect.gen(function* () {
          const repository = yield* open(target)
          return yield* GitMerge.brings(
            git,
            repository.directory,
            yield* tipOf(repository, base),
            yield* tipOf(repository, head)
          )
        })
      ),
    line: (target, head, { limit, since }) =>
      verb(
        "line",
        Effect.gen(function* () {
          const repository = yield* open(target)
          if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
            return yield* invalid("limit", "expected a whole number from 1 to 1000")
          yield* requireCommit(repository, head)
          if (since !== null) yield* requireCommit(repository, since)
          return yield* GitMerge.line(git, repository.directory, head, since, limit)
        })
      ),
    updateBranch: (target, branch, base) =>
      verb(
        "updateBranch",
        Effect.gen(function* () {
          const repository = yield* open(target)
          const [ours, theirs] = [yield* headOf(repository, branch), yield* headOf(repository, base)]
          if (yield* GitMerge.isAncestor(git, repository.directory, theirs, ours)) return ours
          yield* written(repository)
          if (yield* GitMerge.isAncestor(git, repository.directory, ours, theirs)) {
            yield* GitCommit.updateRefs(git, repository.directory, [
              { ref: `refs/heads/${branch}`, to: theirs, old: ours }
            ])
            return theirs
          }
          return yield* GitMerge.mergeInto(
            git,
            repository.directory,
            branch,
            ours,
            theirs,
            `Merge branch '${base}' into ${branch}`
          )
        })
      ),
    exportBundle: (target, branch, since) =>
      verb(
        "exportBundle",
        Effect.gen(function* () {
          const repository = yield* open(target)
          if (since !== null && !GitRepository.isSha(since))
            return yield* invalid("since", `${JSON.stringify(since)} is not a commit id`)
          return yield* GitBundle.exportBundle(
            git,
            repository.directory,
            branch,
            yield* headOf(repository, branch),
            since
          )
        })
      ),
    importBundle: (target, bundle) =>
      verb(
        "importBundle",
        Effect.gen(function* () {
          const repository = yield* open(target)
          const sha = yield* GitBundle.importBundle(git, repository.directory, bundle)
          yield* written(repository)
          return sha
        })
      ),
    prepareHandover: (target, head, handover) =>
      verb(
        "prepareHandover",
        Effect.gen(function* () {
          const repository = yield* open(target)
          const upstream = handover.upstream === null ? null : yield* maybeHead(repository, handover.upstream)
          const prepared = yield* GitHandover.prepare(git, repository.directory, head, handover, upstream)
          yield* written(repository)
          return prepared
        })
      ),
    advanceBranch: (target, branch, examined) =>
      verb(
        "advanceBranch",
        Effect.gen(function* () {
          const repository = yield* open(target)
          if (!Examined.is(examined)) return yield* invalid("examined", "the move was not examined")
          const head = yield* headOf(repository, branch)
          yield* requireCommit(repository, examined.to)
          if (head !== examined.head)
            return yield* conflict(`branch ${branch} is at ${head}, not at the examined ${examined.head}`)
          if (!(yield* GitMerge.isAncestor(git, repository.directory, head, examined.to)))
            return yield* conflict(`${examined.to} does not descend from ${head}`)
          yield* GitBundle.advance(git, repository.directory, branch, head, examined.to)
        })
      ),
    ensurePullRequest: (target, request) =>
      verb(
        "ensurePullRequest",
        exclusive(
          target.name,
          Effect.gen(function* () {
            const repository = yield* open(target)
            const headSha = yield* headOf(repository, request.head)
            yield* headOf(repository, request.base)
            const { records, next } = yield* PullRequests.list(repository)
            const there = records.find((r) => r.state === "open" && r.head === request.head && r.base === request.base)
            const record: PullRequests.PullRecord =
              there === undefined
                ? {
                    ...request,
                    number: next,
                    state: "open",
                    headSha,
                    mergeSha: null,
                    createdAtMillis: yield* Clock.currentTimeMillis
                  }
                : { ...there, headSha }
            if (there === undefined) yield* PullRequests.write(repository, record)
            return PullRequests.view(record, cloneUrl(repository.name))
          })
        )
      ),
    pullRequest: (target, number) =>
      verb(
        "pullRequest",
        Effect.map(openPull(target, number), ({ repository, record }) =>
          PullRequests.view(record, cloneUrl(repository.name))
        )
      ),
    setPullRequestState: (target, number, state) =>
      verb(
        "setPullRequestState",
        exclusive(
          target.name,
          Effect.gen(function* () {
            const { repository, record } = yield* openPull(target, number)
            if (record.state === "merged") return yield* conflict(`pull request #${number} is merged`)
            if (record.state !== state) yield* PullRequests.write(repository, { ...record, state })
            return PullRequests.view({ ...record, state }, cloneUrl(repository.name))
          })
        )
      ),
    mergePullRequest: (target, number, expectedHead) =>
      verb("mergePullRequest", exclusive(target.name, merge(target, number, expectedHead)))
  })
})

const asError = (failure: LocalFailure) =>
  new ForgeError({ operation: "LocalForge.layer", reason: failure.reason, cause: failure.cause })

export const layerNoDeps = (options: Options): Layer.Layer<Forge, ForgeError, Git.GitProgram> =>
  Layer.effect(Forge, Effect.mapError(make(options), asError))

/** Over the git on PATH. */
export const layer = (options: Options): Layer.Layer<Forge, ForgeError> =>
  Layer.provide(layerNoDeps(options), Git.layer).pipe(
    Layer.catchTag("LocalFailure", (failure) => Layer.effect(Forge, Effect.fail(asError(failure))))
  )
