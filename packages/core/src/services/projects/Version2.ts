/** The steps of `project.provision`, `project.sync` and `project.delete` of version 2: derived from components, environments and providers. */
import { Effect, Option } from "effect"
import type { ResourceOwner, Wish } from "../../adapter/ResourceProvider.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import type { ProjectSource } from "../../domain/Project.ts"
import type { Identity } from "../../operations/Definition.ts"
import * as Step from "../../operations/Step.ts"
import * as Cells from "../resources/Cells.ts"
import * as ResourceSteps from "../resources/ResourceSteps.ts"
import * as Environments from "./Environments.ts"
import * as ProjectSteps from "./ProjectSteps.ts"
import type { DeleteInput, ProvisionInput } from "./ProvisionInput.ts"
import * as PushedHistory from "./setup/PushedHistory.ts"
import * as SetupStep from "./setup/SetupStep.ts"
import * as Variables from "./Variables.ts"

const titles: Readonly<Record<string, readonly [create: string, remove: string]>> = {
  repository: ["Create the git repository", "Delete the git repository"],
  webhook: ["Have the forge tell what happens", "Remove the webhook"],
  ci: ["Activate the pipeline", "Remove the pipeline"],
  dns: ["Create the DNS records", "Delete the DNS records"],
  tls: ["Obtain the certificates", "Revoke the certificates"],
  database: ["Create the database", "Drop the database"],
  cache: ["Create the cache namespace", "Drop the cache namespace"],
  deployment: ["Deploy the first commit", "Stop and remove the releases"]
}
const titleOf = ({ environment, resource: { kind } }: Cells.Cell, which: 0 | 1): string =>
  `${titles[kind]?.[which] ?? `${which === 0 ? "Set up" : "Remove"} ${kind}`}${environment === null ? "" : ` of ${environment.name}`}`

const needsVariables: ReadonlySet<string> = new Set(["deployment"])
const repositoryRef: Step.StepRef<ResourceSteps.ResourceOutput> = {
  key: "repository",
  output: ResourceSteps.ResourceOutput
}

type Given = Pick<ProvisionInput, "address" | "defaultBranch" | "description" | "source" | "template"> & {
  readonly keep: boolean
}
const none: Given = { template: "", description: "", defaultBranch: "main", address: "", keep: true }

const idOf = (identity: Identity, { id, name }: Cells.PlannedEnvironment) =>
  id ?? Environments.idOf(ProjectSteps.projectOf(identity), name)

const ownerOf = (
  input: DeleteInput,
  identity: Identity,
  { environment }: Cells.Cell,
  address: string
): ResourceOwner => {
  const id = ProjectSteps.projectOf(identity)
  return {
    id: environment === null ? id : idOf(identity, environment),
    project: { id, name: input.name },
    environment: environment === null ? null : { name: environment.name, kind: environment.kind },
    hosts: environment?.hosts ?? [],
    address
  }
}
const commitIn = (context: Step.StepContext): string | null => {
  const sha = Option.map(context.output(repositoryRef), ({ attributes }) => attributes["sha"])
  return Option.isSome(sha) && typeof sha.value === "string" && sha.value !== "" ? sha.value : null
}

const requestOf = (
  input: DeleteInput,
  identity: Identity,
  cell: Cells.Cell,
  title: string,
  given: Given
): ResourceSteps.Request => {
  const { environment, resource } = cell
  const owner = ownerOf(input, identity, cell, given.address)
  return {
    key: cell.key,
    kind: resource.kind,
    title,
    dependsOn: cell.dependsOn,
    provider: resource.provider,
    externalId:
      (resource.kind === "dns" || resource.kind === "tls") && environment !== null
        ? environment.hosts.join(" ")
        : environment === null
          ? input.name
          : `${input.name}/${environment.name}`,
    owner,
    observed: resource.observed,
    wish: (context) =>
      Effect.gen(function* () {
        const variables =
          needsVariables.has(resource.kind) && environment !== null && context.attempt > 0
            ? yield* Effect.mapError(Variables.ofEnvironment(owner.project.id, environment.name), Step.fromStore)
            : {}
        return {
          key: context.idempotencyKey,
          template: given.template,
          description: given.description,
          defaultBranch: given.defaultBranch,
          commit: commitIn(context),
          keep: given.keep,
          variables,
          source: given.source ?? null
        } satisfies Wish
      })
  }
}

/** What follows a repository that began with a history of its own. */
const broughtIn = (input: ProvisionInput, project: ProjectId, { url }: ProjectSource) =>
  url === null
    ? [PushedHistory.make(input, project), SetupStep.make(input, project, [PushedHistory.key, "ci"])]
    : [SetupStep.make(input, project, ["repository", "ci"])]

/** `keep`: the project was there before: nothing is taken back, and what is released stays. */
export const creations = (input: ProvisionInput, identity: Identity, keep: boolean) => [
  ...Cells.of(input).map((cell) =>
    ResourceSteps.creation(
      requestOf(input, identity, cell, titleOf(cell, 0), { ...input, keep }),
      !keep,
      ResourceSteps.asItIs
    )
  ),
  // Said once: what became of the pull request is people's affair.
  ...(input.source === undefined || keep ? [] : broughtIn(input, ProjectSteps.projectOf(identity), input.source))
]

/** The repository goes last: what was made of it is gone by then. Whatever an installation offered at any time is asked for. */
export const removals = (input: DeleteInput, identity: Identity) => {
  const project = ProjectSteps.projectOf(identity)
  const everything = { name: "", needs: input.resources.map(({ kind }) => kind) }
  const environments = input.environments.map((environment) => ({ ...environment, release: true }))
  const cells = Cells.reversed(Cells.of({ ...input, components: [everything], environments }))
  const steps = cells.map((cell) => {
    const waits = cell.resource.kind === "repository" ? [...cell.dependsOn, "workspaces"] : cell.dependsOn
    return ResourceSteps.removal(requestOf(input, identity, { ...cell, dependsOn: waits }, titleOf(cell, 1), none))
  })
  const holders = cells.filter(({ resource }) => resource.kind !== "repository").map(({ key }) => key)
  return [
    ProjectSteps.workspaces(project),
    ...steps,
    ProjectSteps.credentials(
      project,
      input.environments.map((one) => idOf(identity, one)),
      holders
    )
  ]
}
