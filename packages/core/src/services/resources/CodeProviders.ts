/** What a project's code needs as resources: the repository, its pipeline, and a release in each environment that gets one at once. */
import { Effect, Option, Schema } from "effect"
import { GitEndpoint } from "../../adapter/Host.ts"
import { make, ResourceError, type ResourceOwner, type Wish } from "../../adapter/ResourceProvider.ts"
import { Ci } from "../../ports/infra/Ci.ts"
import { Deployer, type EnvironmentName, type Release } from "../../ports/infra/Deployer.ts"
import { BranchName, type RepositoryTarget } from "../../ports/infra/Forge.ts"
import { GitObjects } from "../../ports/infra/GitObjects.ts"
import { RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import { Templates } from "../../ports/infra/Templates.ts"
import type { PolicyStore } from "../../ports/stores/PolicyStore.ts"
import { PlatformKey } from "../features/act/PlatformKey.ts"
import { trustPlatform } from "../features/act/TrustPlatform.ts"
import * as PolicyAuthority from "../policy/PolicyAuthority.ts"
import { ownerOf } from "./OwnerOf.ts"

const targetOf = ({ project }: ResourceOwner): RepositoryTarget => ({ projectId: project.id, name: project.name })
const nothing = Schema.Struct({})
const error = (operation: string, field: string, message: string) =>
  new ResourceError({ operation, reason: { _tag: "Invalid", field, message } })

/**
 * What lands on the default branch is the platform's to land. A forge that serves its git here examines every push and needs no
 * protection; of one elsewhere that cannot protect the branch, an operator has to know.
 */
const protect = Effect.fn("CodeProviders.protect")(function* (target: RepositoryTarget, branch: BranchName) {
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

export const repository = make<typeof nothing.Type, GitObjects | PolicyStore | RepositoryHost | Templates>({
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
        drift: sha === null ? `branch ${branch} has no commit` : null
      })
    }),
  ensure: (owner, wish) =>
    Effect.gen(function* () {
      const branch = BranchName.make(wish.defaultBranch)
      const files = yield* (yield* Templates)
        .files(wish.template, { project: owner.project.name, description: wish.description, defaultBranch: branch })
        .pipe(Effect.mapError((cause) => error("Templates.files", "template", cause.message)))
      const trusted = trustPlatform(files, yield* PlatformKey)
      const made = yield* (yield* RepositoryHost).ensure(targetOf(owner), {
        defaultBranch: branch,
        files: trusted,
        message: `Start ${owner.project.name} from the template ${wish.template}`
      })
      yield* PolicyAuthority.seed(owner.project.id, trusted).pipe(
        Effect.mapError(
          (cause) =>
            new ResourceError({
              operation: cause.operation,
              reason: {
                _tag: cause.retryable || cause.reason._tag === "Conflict" ? "Unavailable" : "Unknown",
                message: cause.message
              },
              cause
            })
        )
      )
      const head = yield* (yield* GitObjects).head(targetOf(owner), branch)
      if (Option.isNone(head))
        return yield* error(
          "GitObjects.head",
          "repository",
          `repository ${made.externalId} is there without a commit on ${branch}`
        )
      yield* protect(targetOf(owner), branch)
      return { ...repositoryOf(made, head.value), created: made.created, outputs: {} }
    }),
  remove: (owner) => Effect.flatMap(RepositoryHost, (service) => service.remove(targetOf(owner))),
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

export const deployment = make<typeof nothing.Type, Deployer>({
  kind: "deployment",
  provider: "deployer",
  per: "environment",
  after: ["repository", "ci", "dns", "tls"],
  outputs: nothing,
  observe: (owner, wish) =>
    Effect.gen(function* () {
      const found = yield* (yield* Deployer).observe(targetOf(owner), yield* environmentOf(owner))
      return Option.map(found, (release) => ({ ...releaseOf(release), drift: behind(release, wish) }))
    }),
  ensure: (owner, wish) =>
    Effect.gen(function* () {
      const deployer = yield* Deployer
      const environment = yield* environmentOf(owner)
      const there = yield* deployer.observe(targetOf(owner), environment)
      if (Option.isSome(there) && behind(there.value, wish) === null)
        return { ...releaseOf(there.value), created: false, outputs: {} }
      if (wish.commit === null) return yield* error("Deployer.deploy", "commit", "there is no commit to deploy")
      const release = yield* deployer.deploy(targetOf(owner), {
        key: wish.key,
        environment,
        sha: wish.commit,
        env: wish.variables
      })
      return { ...releaseOf(release), created: true, outputs: {} }
    }),
  // The port takes all releases of a project away together.
  remove: (owner) => Effect.flatMap(Deployer, (service) => service.remove(targetOf(owner))),
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
