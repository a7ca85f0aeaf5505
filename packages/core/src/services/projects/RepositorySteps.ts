/** Steps about the repository and what builds on it: its pipeline and the release of its first commit. */
import { Effect, Option, Schema } from "effect"
import { type Identity } from "../../operations/Definition.ts"
import * as Step from "../../operations/Step.ts"
import { Ci } from "../../ports/infra/Ci.ts"
import { Deployer, type Release } from "../../ports/infra/Deployer.ts"
import { BranchName, type RepositoryTarget } from "../../ports/infra/Forge.ts"
import { GitObjects } from "../../ports/infra/GitObjects.ts"
import { RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import { Templates } from "../../ports/infra/Templates.ts"
import { PlatformKey } from "../features/act/PlatformKey.ts"
import * as PolicyAuthority from "../policy/PolicyAuthority.ts"
import { trustPlatform } from "../features/act/TrustPlatform.ts"
import * as ProjectEnvironment from "./ProjectEnvironment.ts"
import {
  type DeleteInput,
  DeploymentOutput,
  NamedOutput,
  type ProvisionInput,
  RepositoryOutput
} from "./ProvisionInput.ts"

/** The project that a step's resources are marked with. */
export const targetOf = (
  input: { readonly name: ProvisionInput["name"] },
  { projectId }: Identity
): RepositoryTarget => {
  if (projectId === null) throw new Error("an operation on a project needs its id")
  return { projectId, name: input.name }
}

/** What a port says about another owner's resource, as an observation. */
export const foreignAware = <
  A,
  E extends { readonly operation: string; readonly reason: { readonly _tag: string }; readonly message: string },
  R
>(
  seen: Effect.Effect<Step.Observed<A>, E, R>,
  toFailure: (error: E) => Step.StepFailure
): Effect.Effect<Step.Observed<A>, Step.StepFailure, R> =>
  seen.pipe(
    Effect.mapError(toFailure),
    Effect.catchIf(
      (error) => error.code === "Foreign",
      (error) => Effect.succeed<Step.Observed<A>>({ _tag: "Foreign", detail: error.message })
    )
  )

const described = (target: RepositoryTarget, branch: BranchName) =>
  Effect.gen(function* () {
    const repositories = yield* RepositoryHost
    const git = yield* GitObjects
    const repository = yield* repositories.observe(target)
    if (Option.isNone(repository)) return Option.none()
    const head = yield* git.head(target, branch)
    return Option.some({ ...repository.value, sha: Option.getOrNull(head) })
  })

export const repository = (input: ProvisionInput, identity: Identity) => {
  const target = targetOf(input, identity)
  const branch = BranchName.make(input.defaultBranch)
  const output = (
    found: { readonly externalId: string; readonly cloneUrl: string; readonly defaultBranch: string },
    sha: string
  ) => ({ externalId: found.externalId, cloneUrl: found.cloneUrl, defaultBranch: found.defaultBranch, sha })
  return Step.make({
    key: "repository",
    title: "Create the git repository",
    intent: "create",
    output: RepositoryOutput,
    resource: { provider: "forge", externalId: input.name },
    observe: () =>
      foreignAware(
        Effect.map(
          described(target, branch),
          Option.match({
            onNone: (): Step.Observed<typeof RepositoryOutput.Type> => ({ _tag: "Absent" }),
            onSome: (found) => ({
              _tag: "Present",
              known: false,
              detail: `repository ${found.externalId} is there`,
              drift: found.sha === null ? `branch ${branch} has no commit` : null,
              output: output(found, found.sha ?? "")
            })
          })
        ),
        Step.fromPort
      ),
    do: () =>
      Effect.gen(function* () {
        const repositories = yield* RepositoryHost
        const git = yield* GitObjects
        const files = yield* (yield* Templates)
          .files(input.template, { project: input.name, description: input.description, defaultBranch: branch })
          .pipe(Effect.mapError((error) => Step.failure("Invalid", error.message)))
        const trusted = trustPlatform(files, yield* PlatformKey)
        const made = yield* Effect.mapError(
          repositories.ensure(target, {
            defaultBranch: branch,
            files: trusted,
            message: `Start ${input.name} from the template ${input.template}`
          }),
          Step.fromPort
        )
        yield* Effect.mapError(PolicyAuthority.seed(target.projectId, trusted), Step.fromStore)
        const head = yield* Effect.mapError(git.head(target, branch), Step.fromPort)
        if (Option.isNone(head))
          return yield* Step.failure("Invalid", `repository ${made.externalId} is there without a commit on ${branch}`)
        return Step.done(output(made, head.value), made.externalId)
      }),
    undo: () =>
      Effect.flatMap(RepositoryHost, (repositories) => Effect.mapError(repositories.remove(target), Step.fromPort))
  })
}

/** The port cannot be asked whether a pipeline is active, but activating one twice is the same as once. */
export const ci = (input: ProvisionInput, identity: Identity) => {
  const target = targetOf(input, identity)
  return Step.make({
    key: "ci",
    title: "Activate the pipeline",
    dependsOn: ["repository"],
    intent: "create",
    repeatable: true,
    output: NamedOutput,
    resource: { provider: "ci", externalId: input.name },
    do: () =>
      Effect.gen(function* () {
        const made = yield* Effect.mapError((yield* Ci).ensure(target), Step.fromPort)
        return Step.done({ externalId: made.externalId }, made.externalId)
      }),
    undo: () => Effect.flatMap(Ci, (service) => Effect.mapError(service.remove(target), Step.fromPort))
  })
}

const shown = (release: Release) => ({
  environment: release.environment,
  releaseId: release.id,
  sha: release.sha,
  url: release.url
})

/** `missing`: environments that have a release keep it, whatever commit it is of; only those without one get the head of the default branch. */
export const deployment = (
  input: ProvisionInput,
  identity: Identity,
  first: Step.StepRef<typeof RepositoryOutput.Type>,
  which: "all" | "missing" = "all"
) => {
  const target = targetOf(input, identity)
  const live = Effect.gen(function* () {
    const deployer = yield* Deployer
    const found = yield* Effect.forEach(input.firstRelease, (environment) => deployer.observe(target, environment))
    return found.flatMap((release) => (Option.isSome(release) ? [release.value] : []))
  })
  return Step.make({
    key: "deployment",
    title: which === "all" ? "Deploy the first commit" : "Deploy where nothing is released",
    dependsOn: ["repository", "ci", "dns", "tls", "database", "cache"],
    intent: "create",
    output: DeploymentOutput,
    resource: { provider: "deployer", externalId: input.name },
    observe: (context) =>
      foreignAware(
        Effect.gen(function* () {
          const releases = yield* live
          if (releases.length === 0) return { _tag: "Absent" }
          const sha =
            which === "all" ? Option.map(context.output(first), (repository) => repository.sha) : Option.none()
          const behind =
            releases.length < input.firstRelease.length ||
            releases.some((release) => Option.isSome(sha) && release.sha !== sha.value)
          const drift = !behind
            ? null
            : which === "all"
              ? "not every environment has the first commit"
              : "not every environment has a release"
          return {
            _tag: "Present",
            known: false,
            detail: `release ${releases.map((release) => release.id).join(", ")} is live`,
            drift,
            output: { releases: releases.map(shown) }
          }
        }),
        Step.fromPort
      ),
    do: (context) =>
      Effect.gen(function* () {
        const deployer = yield* Deployer
        const made = context.output(first)
        if (Option.isNone(made)) return yield* Step.failure("Invalid", "there is no commit to deploy")
        const env = yield* Effect.mapError(ProjectEnvironment.variables(target.projectId), Step.fromStore)
        const kept = which === "all" ? [] : yield* Effect.mapError(live, Step.fromPort)
        const added = yield* Effect.forEach(
          input.firstRelease.filter((environment) => !kept.some((release) => release.environment === environment)),
          (environment) =>
            Effect.mapError(
              deployer.deploy(target, {
                key: `${context.idempotencyKey}/${environment}`,
                environment,
                sha: made.value.sha,
                env
              }),
              Step.fromPort
            )
        )
        const releases = [...kept, ...added]
        return Step.done({ releases: releases.map(shown) }, releases.map((release) => release.id).join(" "))
      }),
    undo: () => Effect.flatMap(Deployer, (service) => Effect.mapError(service.remove(target), Step.fromPort))
  })
}

export const removals = (input: DeleteInput, identity: Identity) => {
  const target = targetOf(input, identity)
  const removal = { intent: "delete", output: Schema.Null, repeatable: true } as const
  return {
    deployment: Step.make({
      ...removal,
      key: "deployment",
      title: "Stop and remove the releases",
      resource: { provider: "deployer", externalId: input.name },
      do: () =>
        Effect.as(
          Effect.flatMap(Deployer, (service) => Effect.mapError(service.remove(target), Step.fromPort)),
          Step.done(null)
        )
    }),
    ci: Step.make({
      ...removal,
      key: "ci",
      title: "Remove the pipeline",
      resource: { provider: "ci", externalId: input.name },
      do: () =>
        Effect.as(
          Effect.flatMap(Ci, (service) => Effect.mapError(service.remove(target), Step.fromPort)),
          Step.done(null)
        )
    }),
    repository: Step.make({
      ...removal,
      key: "repository",
      title: "Delete the git repository",
      dependsOn: ["ci", "deployment", "workspaces"],
      resource: { provider: "forge", externalId: input.name },
      observe: () =>
        foreignAware(
          Effect.map(
            Effect.flatMap(RepositoryHost, (repositories) => repositories.observe(target)),
            Option.match({
              onNone: (): Step.Observed<null> => ({ _tag: "Absent" }),
              onSome: (found) => ({
                _tag: "Present",
                known: true,
                drift: null,
                detail: `repository ${found.externalId} is ours`,
                output: null
              })
            })
          ),
          Step.fromPort
        ),
      do: () =>
        Effect.as(
          Effect.flatMap(RepositoryHost, (repositories) => Effect.mapError(repositories.remove(target), Step.fromPort)),
          Step.done(null)
        )
    })
  }
}
