/** The port `RepositoryHost` on bare repositories of the data folder. What people say of commits and pull requests is kept beside them. */
import { ForgeError, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { type Repository, RepositoryHost, type Seed } from "@rdev/core/ports/infra/RepositoryHost"
import * as Git from "@rdev/git/Git"
import type { GitError } from "@rdev/git/GitError"
import { Effect, Option, Semaphore } from "effect"
import { fail, type LocalFailure } from "../LocalFailure.ts"
import * as FileLock from "../records/FileLock.ts"
import * as GitTokens from "./GitTokens.ts"
import type { Options } from "./LocalForge.ts"
import * as LocalPulls from "./LocalPulls.ts"
import * as LocalRepositories from "./LocalRepositories.ts"
import * as LocalSpeech from "./LocalSpeech.ts"

type Failure = GitError | LocalFailure

const verb = <A>(operation: string, work: Effect.Effect<A, Failure>): Effect.Effect<A, ForgeError> =>
  work.pipe(
    Effect.mapError(({ cause, reason }) => new ForgeError({ operation: `RepositoryHost.${operation}`, reason, cause })),
    Effect.withSpan(`RepositoryHost.${operation}`)
  )
const unsupported = (message: string) => fail({ _tag: "Unsupported", message })

/** One writer of records per repository name at a time, among all processes. */
const exclusively = (dataDir: string) => {
  const locks = new Map<string, Semaphore.Semaphore>()
  return <A>(name: string, work: Effect.Effect<A, Failure>): Effect.Effect<A, Failure> => {
    const lock = locks.get(name) ?? Semaphore.makeUnsafe(1)
    locks.set(name, lock)
    return lock.withPermit(FileLock.exclusively(dataDir, `git-${name}`)(work))
  }
}

interface Over {
  readonly git: Git.Git
  readonly dataDir: string
  readonly cloneUrl: (name: string) => string
  readonly exclusive: ReturnType<typeof exclusively>
  readonly open: (target: RepositoryTarget) => Effect.Effect<LocalRepositories.LocalRepository, Failure>
}

const viewer =
  ({ cloneUrl }: Over) =>
  (repository: LocalRepositories.LocalRepository, created: boolean): Repository => ({
    externalId: `${repository.name}.git`,
    cloneUrl: cloneUrl(repository.name),
    defaultBranch: repository.defaultBranch,
    created
  })

const ensure = (over: Over) => {
  const view = viewer(over)
  return Effect.fnUntraced(function* (target: RepositoryTarget, seed: Seed) {
    if ((yield* LocalRepositories.observe(over.dataDir, target.name)) !== null)
      return view(yield* over.open(target), false)
    return view(yield* LocalRepositories.create(over.git, over.dataDir, target, seed), true)
  })
}
const observe = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget) {
    if ((yield* LocalRepositories.observe(over.dataDir, target.name)) === null) return Option.none()
    return Option.some(viewer(over)(yield* over.open(target), false))
  })
const remove = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget) {
    if ((yield* LocalRepositories.observe(over.dataDir, target.name)) === null) return
    yield* LocalRepositories.remove(over.dataDir, yield* over.open(target))
  })

const repositories = (over: Over) => {
  const [make, look, drop] = [ensure(over), observe(over), remove(over)]
  const never = (operation: string, target: RepositoryTarget, message: string) =>
    verb(operation, Effect.andThen(over.open(target), Effect.fail(unsupported(message))))
  return {
    ensure: (target, seed) => verb("ensure", over.exclusive(target.name, make(target, seed))),
    observe: (target) => verb("observe", look(target)),
    remove: (target) => verb("remove", over.exclusive(target.name, drop(target))),
    list: verb(
      "list",
      Effect.map(LocalRepositories.list(over.dataDir), (found) =>
        found.map(({ createdAtMillis, name, projectId }) => ({ projectId, externalId: `${name}.git`, createdAtMillis }))
      )
    ),
    adopt: () =>
      verb(
        "adopt",
        Effect.fail(
          unsupported(
            "repositories of this machine are made by rdev; push the history that you have into a new project"
          )
        )
      ),
    release: (target) =>
      never("release", target, "repositories of this machine are made by rdev, so there is nothing to release"),
    ensureWebhook: (target) =>
      never("ensureWebhook", target, "this machine's forge tells rdev of pushes itself; webhooks of rdev tell others"),
    removeWebhook: (target) => verb("removeWebhook", Effect.asVoid(over.open(target))),
    webhooks: (target) => verb("webhooks", Effect.as(over.open(target), [])),
    protect: (target) =>
      never("protect", target, "this machine's forge holds every push to rdev's own rules; there is nothing to protect")
  } satisfies Partial<RepositoryHost["Service"]>
}

const tokens = (over: Over, made: GitTokens.GitTokens) =>
  ({
    issueToken: (target, access, ttlSeconds, issuer) =>
      verb(
        "issueToken",
        over.exclusive(
          target.name,
          Effect.flatMap(over.open(target), (repository) => made.issue(repository, access, ttlSeconds, issuer))
        )
      ),
    revokeTokens: (target) =>
      verb(
        "revokeTokens",
        over.exclusive(
          target.name,
          Effect.flatMap(over.open(target), (repository) => made.revokeAll(repository))
        )
      )
  }) satisfies Partial<RepositoryHost["Service"]>

const talk = (over: Over) =>
  ({
    ensurePullRequest: (target, request) =>
      verb(
        "ensurePullRequest",
        over.exclusive(
          target.name,
          Effect.flatMap(over.open(target), (repository) =>
            LocalPulls.ensure(repository, request, over.cloneUrl(repository.name))
          )
        )
      ),
    pullRequest: (target, number) =>
      verb(
        "pullRequest",
        Effect.flatMap(over.open(target), (repository) =>
          LocalPulls.look(repository, number, over.cloneUrl(repository.name))
        )
      ),
    setPullRequestState: (target, number, state) =>
      verb(
        "setPullRequestState",
        over.exclusive(
          target.name,
          Effect.flatMap(over.open(target), (repository) =>
            LocalPulls.setState(repository, number, state, over.cloneUrl(repository.name))
          )
        )
      ),
    mergePullRequest: (target, number, expectedHead) =>
      verb(
        "mergePullRequest",
        over.exclusive(
          target.name,
          Effect.flatMap(over.open(target), (repository) =>
            LocalPulls.merge(over.git, repository, number, expectedHead)
          )
        )
      ),
    setStatus: (target, sha, status) =>
      verb(
        "setStatus",
        over.exclusive(
          target.name,
          Effect.flatMap(over.open(target), (repository) => LocalSpeech.setStatus(over.git, repository, sha, status))
        )
      ),
    statuses: (target, sha) =>
      verb(
        "statuses",
        Effect.flatMap(over.open(target), (repository) => LocalSpeech.statuses(over.git, repository, sha))
      ),
    ensureComment: (target, number, comment) =>
      verb(
        "ensureComment",
        over.exclusive(
          target.name,
          Effect.flatMap(over.open(target), (repository) => LocalSpeech.ensureComment(repository, number, comment))
        )
      ),
    comments: (target, number) =>
      verb(
        "comments",
        Effect.flatMap(over.open(target), (repository) => LocalSpeech.comments(repository, number))
      )
  }) satisfies Partial<RepositoryHost["Service"]>

export const make = Effect.fn("LocalHost.make")(function* ({ baseUrl, dataDir }: Options) {
  const git = yield* Git.GitProgram
  const made = yield* GitTokens.make(dataDir)
  yield* LocalRepositories.sweep(dataDir)
  const over: Over = {
    git,
    dataDir,
    cloneUrl: (name) => `${typeof baseUrl === "string" ? baseUrl : baseUrl()}/${name}.git`,
    exclusive: exclusively(dataDir),
    open: (target) => LocalRepositories.open(dataDir, target)
  }
  return RepositoryHost.of({ ...repositories(over), ...tokens(over, made), ...talk(over) })
})
