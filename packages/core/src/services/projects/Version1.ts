/**
 * The steps of `project.provision`, `project.sync` and `project.delete` of version 1: a fixed list, one step for each kind. Nothing starts
 * them any more but the retry of one that an earlier release began; they stay as they are until no store can hold one (docs/decisions/0056).
 */
import { Effect, Option, Schema } from "effect"
import type { ResourceOwner, Wish } from "../../adapter/ResourceProvider.ts"
import type { Identity } from "../../operations/Definition.ts"
import * as Step from "../../operations/Step.ts"
import { deployment as deploymentProvider } from "../resources/CodeProviders.ts"
import * as ResourceSteps from "../resources/ResourceSteps.ts"
import * as ProjectSteps from "./ProjectSteps.ts"
import * as Variables from "./Variables.ts"
import {
  CacheOutput,
  type DeleteInput,
  DeploymentOutput,
  HostsOutput,
  NamedOutput,
  type ProvisionInput,
  RepositoryOutput
} from "./Version1Input.ts"

const text = (output: ResourceSteps.ResourceOutput, name: string): string => {
  const value = output.attributes[name]
  return typeof value === "string" ? value : ""
}
const isTexts = Schema.is(Schema.Array(Schema.String))

const repositoryShape: ResourceSteps.Shape<typeof RepositoryOutput.Type> = {
  schema: RepositoryOutput,
  of: (output) => ({
    externalId: output.externalId,
    cloneUrl: text(output, "cloneUrl"),
    defaultBranch: text(output, "defaultBranch"),
    sha: text(output, "sha")
  })
}
const namedShape: ResourceSteps.Shape<typeof NamedOutput.Type> = {
  schema: NamedOutput,
  of: ({ externalId }) => ({ externalId })
}
const hostsShape: ResourceSteps.Shape<typeof HostsOutput.Type> = {
  schema: HostsOutput,
  of: ({ attributes }) => ({ hosts: isTexts(attributes["hosts"]) ? attributes["hosts"] : [] })
}
const cacheShape: ResourceSteps.Shape<typeof CacheOutput.Type> = {
  schema: CacheOutput,
  of: (output) => ({ externalId: output.externalId, keyPrefix: text(output, "keyPrefix") })
}

interface About {
  readonly name: ProvisionInput["name"]
  readonly hosts: ProvisionInput["hosts"]
  readonly dnsTarget?: string
}
const hostsOf = ({ hosts }: About) => [hosts.production, hosts.staging]
const ownerOf = (input: About, identity: Identity): ResourceOwner => {
  const id = ProjectSteps.projectOf(identity)
  return {
    id,
    project: { id, name: input.name },
    environment: null,
    hosts: hostsOf(input),
    address: input.dnsTarget ?? ""
  }
}
const wishOf = (input: ProvisionInput | null) => (context: Step.StepContext) =>
  Effect.succeed<Wish>({
    key: context.idempotencyKey,
    template: input?.template ?? "",
    description: input?.description ?? "",
    defaultBranch: input?.defaultBranch ?? "main",
    commit: null,
    keep: true,
    variables: {}
  })

interface Row {
  readonly kind: string
  readonly title: string
  readonly dependsOn?: ReadonlyArray<string>
  readonly provider: string
  readonly observed: boolean
}
const requestOf = (input: About, identity: Identity, wish: ProvisionInput | null, row: Row): ResourceSteps.Request => ({
  key: row.kind,
  kind: row.kind,
  title: row.title,
  dependsOn: row.dependsOn ?? [],
  provider: row.provider,
  externalId: row.kind === "dns" || row.kind === "tls" ? hostsOf(input).join(" ") : input.name,
  owner: ownerOf(input, identity),
  wish: wishOf(wish),
  observed: row.observed
})

/** One step for the releases of all environments that get one at once. `keep`: environments that have a release keep it. */
const deployment = (
  input: ProvisionInput,
  identity: Identity,
  first: Step.StepRef<typeof RepositoryOutput.Type>,
  keep: boolean,
  undone: boolean
) => {
  const owners = input.firstRelease.map((name): ResourceOwner => ({
    ...ownerOf(input, identity),
    environment: { name, kind: name },
    hosts: [input.hosts[name]]
  }))
  const wish = (context: Step.StepContext, owner: ResourceOwner, variables: Wish["variables"]): Wish => ({
    key: `${context.idempotencyKey}/${owner.environment?.name ?? ""}`,
    template: input.template,
    description: input.description,
    defaultBranch: input.defaultBranch,
    commit: Option.getOrNull(Option.map(context.output(first), ({ sha }) => sha)),
    keep,
    variables
  })
  const releaseOf = (
    owner: ResourceOwner,
    { attributes, externalId }: { readonly externalId: string } & Attributed
  ) => ({
    environment: owner.environment?.name === "staging" ? ("staging" as const) : ("production" as const),
    releaseId: externalId,
    sha: String(attributes?.["sha"] ?? ""),
    url: String(attributes?.["url"] ?? "")
  })
  return Step.make<typeof DeploymentOutput.Type, ResourceSteps.Needs>({
    key: "deployment",
    title: keep ? "Deploy where nothing is released" : "Deploy the first commit",
    dependsOn: ["repository", "ci", "dns", "tls", "database", "cache"],
    intent: "create",
    output: DeploymentOutput,
    resource: { provider: "deployer", externalId: input.name },
    observe: (context) =>
      Effect.gen(function* () {
        const found = yield* Effect.forEach(owners, (owner) =>
          Effect.map(
            deploymentProvider.observe?.(owner, wish(context, owner, {})) ?? Effect.succeedNone,
            Option.map((one) => ({ ...one, release: releaseOf(owner, one) }))
          )
        ).pipe(Effect.mapError(Step.fromPort))
        const there = found.flatMap(Option.toArray)
        if (there.length === 0) return { _tag: "Absent" } satisfies Step.Observed<typeof DeploymentOutput.Type>
        const drift =
          there.length < owners.length
            ? "not every environment has a release"
            : (there.find((one) => one.drift !== null)?.drift ?? null)
        return {
          _tag: "Present",
          known: false,
          drift,
          detail: `release ${there.map(({ externalId }) => externalId).join(", ")} is live`,
          output: { releases: there.map(({ release }) => release) }
        } satisfies Step.Observed<typeof DeploymentOutput.Type>
      }),
    do: (context) =>
      Effect.gen(function* () {
        const variables = yield* Effect.mapError(Variables.ofProject(ProjectSteps.projectOf(identity)), Step.fromStore)
        const releases = yield* Effect.forEach(owners, (owner) =>
          Effect.map(deploymentProvider.ensure(owner, wish(context, owner, variables)), (made) =>
            releaseOf(owner, made)
          )
        ).pipe(Effect.mapError(Step.fromPort))
        return Step.done({ releases }, releases.map(({ releaseId }) => releaseId).join(" "))
      }),
    ...(undone
      ? { undo: () => Effect.mapError(deploymentProvider.remove(ownerOf(input, identity)), Step.fromPort) }
      : {})
  })
}
interface Attributed {
  readonly attributes?: Readonly<Record<string, Schema.Json>>
}

/** `sync`: an existing project is never taken back, and what is released stays. */
export const creations = (input: ProvisionInput, identity: Identity, sync: boolean) => {
  const of = <A>(row: Row, shape: ResourceSteps.Shape<A>) =>
    ResourceSteps.creation(requestOf(input, identity, input, row), !sync, shape)
  const repository = of(
    { kind: "repository", title: "Create the git repository", provider: "forge", observed: true },
    repositoryShape
  )
  return [
    repository,
    of(
      { kind: "ci", title: "Activate the pipeline", dependsOn: ["repository"], provider: "ci", observed: false },
      namedShape
    ),
    of({ kind: "dns", title: "Create the DNS records", provider: "dns", observed: true }, hostsShape),
    of(
      { kind: "tls", title: "Obtain the certificates", dependsOn: ["dns"], provider: "tls", observed: true },
      hostsShape
    ),
    of({ kind: "database", title: "Create the database", provider: "database", observed: true }, namedShape),
    of({ kind: "cache", title: "Create the cache namespace", provider: "cache", observed: true }, cacheShape),
    deployment(input, identity, repository, sync, !sync)
  ]
}

export const removals = (input: DeleteInput, identity: Identity) => {
  const project = ProjectSteps.projectOf(identity)
  const of = (row: Row) => ResourceSteps.removal(requestOf(input, identity, null, row))
  return [
    of({ kind: "deployment", title: "Stop and remove the releases", provider: "deployer", observed: false }),
    ProjectSteps.workspaces(project),
    of({
      kind: "tls",
      title: "Revoke the certificates",
      dependsOn: ["deployment"],
      provider: "tls",
      observed: true
    }),
    of({ kind: "dns", title: "Delete the DNS records", dependsOn: ["tls"], provider: "dns", observed: true }),
    of({
      kind: "database",
      title: "Drop the database",
      dependsOn: ["deployment"],
      provider: "database",
      observed: false
    }),
    of({
      kind: "cache",
      title: "Drop the cache namespace",
      dependsOn: ["deployment"],
      provider: "cache",
      observed: false
    }),
    ProjectSteps.credentials(project, [], ["database", "cache"]),
    of({ kind: "ci", title: "Remove the pipeline", provider: "ci", observed: false }),
    of({
      kind: "repository",
      title: "Delete the git repository",
      dependsOn: ["ci", "deployment", "workspaces"],
      provider: "forge",
      observed: true
    })
  ]
}
