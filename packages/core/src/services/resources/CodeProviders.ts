/** What a project's code needs as resources: the repository, its pipeline, and a release in each environment that gets one at once. */
import * as Repo from "@rdev/sdlc/repo/Repo"
import { Effect, Option, Schema } from "effect"
import { GitEndpoint } from "../../adapter/Host.ts"
import {
  make,
  ResourceError,
  type ResourceOwner,
  type Wish,
  type WishedSource
} from "../../adapter/ResourceProvider.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import type { Builder } from "../../ports/infra/Builder.ts"
import { Ci } from "../../ports/infra/Ci.ts"
import { Deployer, type EnvironmentName, type Release } from "../../ports/infra/Deployer.ts"
import { BranchName, type RepositoryTarget } from "../../ports/infra/Forge.ts"
import { type FileChange, GitObjects } from "../../ports/infra/GitObjects.ts"
import { RepositoryHost, type Seed } from "../../ports/infra/RepositoryHost.ts"
import type { Router } from "../../ports/infra/Router.ts"
import { RepositorySource } from "../../ports/infra/RepositorySource.ts"
import { Templates } from "../../ports/infra/Templates.ts"
import type { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import type { PolicyStore } from "../../ports/stores/PolicyStore.ts"
import type { StoreError } from "../../ports/stores/StoreError.ts"
import { PlatformKey } from "../features/act/PlatformKey.ts"
import { trustPlatform } from "../features/act/TrustPlatform.ts"
import * as PolicyAuthority from "../policy/PolicyAuthority.ts"
import * as SourceToken from "../projects/SourceToken.ts"
import * as Releasing from "../releases/Releasing.ts"
import { ownerOf } from "./OwnerOf.ts"

const targetOf = ({ project }: ResourceOwner): RepositoryTarget => ({ projectId: project.id, name: project.name })
const nothing = Schema.Struct({})
const error = (operation: string, field: string, message: string) =>
  new ResourceError({ operation, reason: { _tag: "Invalid", field, message } })

const fromStore = (cause: StoreError) =>
  new ResourceError({
    operation: cause.operation,
    reason: {
      _tag: cause.retryable || cause.reason._tag === "Conflict" ? "Unavailable" : "Unknown",
      message: cause.message
    },
    cause
  })

/**
 * What lands on the default branch is the platform's to land. A forge that serves its git here examines every push and needs no
 * protection; of one elsewhere that cannot protect the branch, an operator has to know.
 */
export const protect = Effect.fn("CodeProviders.protect")(function* (target: RepositoryTarget, branch: BranchName) {
  yield* (yield* RepositoryHost).protect(target, { branch, requiredStatuses: [] }).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "Unsupported",
      ({ message }) =>
        Effect.flatMap(GitEndpoint, (here) =>
          here === null
            ? Effect.logWarning(`anybody who may write to ${target.name} may push to its branch ${branch}: ${message}`)
            : Effect.void
        )
    )
  )
})

interface Repository {
  readonly externalId: string
  readonly cloneUrl: string
  readonly defaultBranch: string
}
const repositoryOf = ({ cloneUrl, defaultBranch, externalId }: Repository, sha: string | null) => ({
  externalId,
  attributes: { cloneUrl, defaultBranch, sha: sha ?? "" }
})

/** What the repository begins with: the files of its template, trusting the platform; null of a history that is brought in. */
const firstFiles = Effect.fn("CodeProviders.firstFiles")(function* ({ project }: ResourceOwner, wish: Wish) {
  if (wish.source != null) return null
  const { defaultBranch, description, template } = wish
  const files = yield* (yield* Templates)
    .files(template, { project: project.name, description, defaultBranch })
    .pipe(Effect.mapError((cause) => error("Templates.files", "template", cause.message)))
  return trustPlatform(files, yield* PlatformKey)
})

/** The first accepted policy: the template's, or that of any repository without one. */
const acceptPolicy = Effect.fn("CodeProviders.acceptPolicy")(function* (
  projectId: ProjectId,
  files: ReadonlyArray<FileChange> | null
) {
  const first = files ?? trustPlatform(Repo.initProject(new Map()), yield* PlatformKey)
  yield* Effect.mapError(PolicyAuthority.seed(projectId, first), fromStore)
})

/** Brings the history in unless it is there, and has the forge take its branch for the default one. */
const bringHistory = Effect.fn("CodeProviders.bringHistory")(function* (
  target: RepositoryTarget,
  seed: Seed,
  { branch, url, username }: WishedSource
) {
  const objects = yield* GitObjects
  if (url === null || Option.isSome(yield* objects.head(target, seed.defaultBranch))) return
  const token = yield* Effect.mapError(SourceToken.read(target.projectId), fromStore)
  const found = yield* (yield* RepositorySource).look({
    url,
    login: token === null ? null : { username, token },
    branch: BranchName.make(branch)
  })
  const { left } = yield* objects.importHistory(target, { ...found, defaultBranch: seed.defaultBranch })
  for (const problem of left) yield* Effect.logWarning(`${target.name}: not brought in from ${url}: ${problem}`)
  yield* (yield* RepositoryHost).ensure(target, seed)
})

const ensureRepository = Effect.fnUntraced(function* (owner: ResourceOwner, wish: Wish) {
  const target = targetOf(owner)
  const defaultBranch = BranchName.make(wish.defaultBranch)
  const files = yield* firstFiles(owner, wish)
  const seed: Seed = { defaultBranch, files, message: `Start ${owner.project.name} from the template ${wish.template}` }
  const made = yield* (yield* RepositoryHost).ensure(target, seed)
  yield* acceptPolicy(owner.project.id, files)
  if (wish.source != null) {
    yield* bringHistory(target, seed, wish.source)
    yield* Effect.mapError(SourceToken.forget(owner.project.id), fromStore)
  }
  const head = yield* (yield* GitObjects).head(target, defaultBranch)
  // Its owner has yet to push it (see projects/setup/PushedHistory).
  if (Option.isNone(head) && wish.source?.url === null)
    return { ...repositoryOf(made, null), created: made.created, outputs: {} }
  if (Option.isNone(head))
    return yield* error(
      "GitObjects.head",
      "repository",
      `repository ${made.externalId} is there without a commit on ${defaultBranch}`
    )
  yield* protect(target, defaultBranch)
  return { ...repositoryOf(made, head.value), created: made.created, outputs: {} }
})

export const repository = make<
  typeof nothing.Type,
  CredentialStore | GitObjects | PolicyStore | RepositoryHost | Templates
>({
  kind: "repository",
  holdsData: true,
  provider: "forge",
  per: "project",
  outputs: nothing,
  observe: (owner, wish) =>
    Effect.gen(function* () {
      const found = yield* (yield* RepositoryHost).observe(targetOf(owner))
      if (Option.isNone(found)) return Option.none()
      const branch = BranchName.make(wish.defaultBranch)
      const sha = Option.getOrNull(yield* (yield* GitObjects).head(targetOf(owner), branch))
      return Option.some({
        ...repositoryOf(found.value, sha),
        drift: sha === null && wish.source?.url !== null ? `branch ${branch} has no commit` : null
      })
    }),
  ensure: ensureRepository,
  remove: (owner) =>
    Effect.andThen(
      Effect.flatMap(RepositoryHost, (service) => service.remove(targetOf(owner))),
      Effect.mapError(SourceToken.forget(owner.project.id), fromStore)
    ),
  list: Effect.map(
    Effect.flatMap(RepositoryHost, (service) => service.list),
    (found) =>
      found.map(({ createdAtMillis, externalId, projectId }) => ({
        owner: ownerOf(projectId, externalId),
        externalId,
        createdAtMillis
      }))
  )
})

/** The port cannot be asked whether a pipeline is active, but activating one twice is the same as once. */
export const ci = make<typeof nothing.Type, Ci>({
  kind: "ci",
  provider: "ci",
  per: "project",
  after: ["repository"],
  outputs: nothing,
  observe: (owner) =>
    Effect.map(
      Effect.flatMap(Ci, (service) => service.observe(targetOf(owner))),
      Option.map(({ externalId }) => ({ externalId, drift: null }))
    ),
  ensure: (owner) =>
    Effect.map(
      Effect.flatMap(Ci, (service) => service.ensure(targetOf(owner))),
      ({ created, externalId }) => ({ externalId, created, outputs: {} })
    ),
  remove: (owner) => Effect.flatMap(Ci, (service) => service.remove(targetOf(owner))),
  list: Effect.succeed([])
})

const environmentOf = ({ environment }: ResourceOwner) =>
  environment?.name === "staging" || environment?.name === "production"
    ? Effect.succeed<EnvironmentName>(environment.name)
    : Effect.fail(
        error("Deployer", "environment", `releases go to staging and production, not to ${environment?.name ?? "none"}`)
      )
const releaseOf = ({ environment, id, sha, url }: Release) => ({
  externalId: id,
  attributes: { environment, releaseId: id, sha, url }
})
const behind = (release: Release, { commit, keep }: Wish) =>
  keep || commit === null || release.sha === commit ? null : `commit ${release.sha} is released, not ${commit}`

export const deployment = make<typeof nothing.Type, Builder | Deployer | Router>({
  kind: "deployment",
  provider: "deployer",
  per: "environment",
  after: ["repository", "ci", "dns", "tls"],
  outputs: nothing,
  observe: (owner, wish) =>
    Effect.gen(function* () {
      const found = yield* (yield* Deployer).observe(targetOf(owner), yield* environmentOf(owner))
      if (Option.isNone(found)) return Option.none()
      const drift = behind(found.value, wish) ?? (yield* Releasing.astray(owner.project.id, owner.hosts, found.value))
      return Option.some({ ...releaseOf(found.value), drift })
    }),
  ensure: (owner, wish) =>
    Effect.gen(function* () {
      const deployer = yield* Deployer
      const environment = yield* environmentOf(owner)
      const there = yield* deployer.observe(targetOf(owner), environment)
      if (Option.isSome(there) && behind(there.value, wish) === null) {
        yield* Releasing.route(owner.project.id, owner.hosts, there.value)
        return { ...releaseOf(there.value), created: false, outputs: {} }
      }
      if (wish.commit === null) return yield* error("Deployer.deploy", "commit", "there is no commit to deploy")
      const release = yield* Releasing.release(targetOf(owner), {
        key: wish.key,
        environment,
        sha: wish.commit,
        env: wish.variables,
        hosts: owner.hosts
      })
      return { ...releaseOf(release), created: true, outputs: {} }
    }),
  // The port takes all releases of a project away together.
  remove: (owner) => Releasing.remove(targetOf(owner)),
  list: Effect.map(
    Effect.flatMap(Deployer, (service) => service.list),
    (found) =>
      found.map(({ createdAtMillis, externalId, projectId }) => ({
        owner: ownerOf(projectId, externalId),
        externalId,
        createdAtMillis
      }))
  )
})
