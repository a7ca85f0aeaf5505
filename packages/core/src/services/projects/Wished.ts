/**
 * What a project is to have: the recorded inputs of its operations, from its components (of its template before there is a repository, of
 * its default branch afterwards), its environments and what the installation offers. Looks, and changes nothing.
 */
import { Effect, Schema } from "effect"
import type { Component } from "../../domain/components/Component.ts"
import type { Environment, Resource } from "../../domain/Environment.ts"
import type { Project } from "../../domain/Project.ts"
import { type ForgeError } from "../../ports/infra/Forge.ts"
import { Templates } from "../../ports/infra/Templates.ts"
import { fileName } from "../components/ComponentFile.ts"
import * as Components from "../components/Components.ts"
import * as Cells from "../resources/Cells.ts"
import * as Providers from "../resources/Providers.ts"
import * as Environments from "./Environments.ts"
import type { ProjectError } from "./ProjectError.ts"
import { ProjectSettings } from "./ProjectSettings.ts"
import { DeleteInput, type ProvisionInput } from "./ProvisionInput.ts"

type Described = Pick<Project, "defaultBranch" | "description" | "name" | "source" | "template">

const plannedOf = ({ hosts, id, kind, name, projectId }: Environment, release: boolean): Cells.PlannedEnvironment => ({
  ...(id === Environments.idOf(projectId, name) ? {} : { id }),
  name,
  kind,
  hosts: [...hosts],
  release
})

/** The components that the template's files say. A template is the installation's own: one that says nonsense is one component. */
const ofTemplate = Effect.fnUntraced(function* ({ defaultBranch, description, name, source, template }: Described) {
  // Of a history that is yet to come in nothing is known.
  if (source !== undefined) return Components.ofFile(undefined, name).components
  const files = yield* (yield* Templates).files(template, { project: name, description, defaultBranch })
  const file = files.find(({ path }) => path === fileName)
  const content = file?.content ?? undefined
  const found = Components.ofFile(typeof content === "string" ? new TextEncoder().encode(content) : content, name)
  return found.faults.length > 0 ? Components.ofFile(undefined, name).components : found.components
})

/** What was made for the project and is there, as the needs of one component. */
const recorded = (
  project: Project,
  environments: ReadonlyArray<Environment>
): ReadonlyArray<Cells.PlannedComponent> => [
  {
    name: project.name,
    needs: [...project.resources, ...environments.flatMap(({ bindings }) => bindings)]
      .filter(({ status }) => status !== "deleted")
      .map(({ kind }) => kind)
  }
]

const wish = Effect.fnUntraced(function* (
  project: Described,
  environments: ReadonlyArray<Environment>,
  components: ReadonlyArray<Cells.PlannedComponent>
) {
  const settings = yield* ProjectSettings
  // Whether a history that was brought in can be released is shown by its first feature, not by its provisioning.
  const first: ReadonlyArray<string> = project.source === undefined ? settings.firstRelease : []
  return {
    name: project.name,
    ...(project.source === undefined ? {} : { source: project.source }),
    template: project.template,
    description: project.description,
    defaultBranch: project.defaultBranch,
    address: settings.dnsTarget,
    components: components.map(({ name, needs }) => ({ name, needs: [...new Set(needs)] })),
    environments: environments.map((one) => plannedOf(one, first.includes(one.name))),
    resources: (yield* Providers.all).map(Cells.planned)
  } satisfies ProvisionInput
})

/** Of a project that is to be made. */
export const ofNew = Effect.fn("Wished.ofNew")(function* (
  project: Described,
  environments: ReadonlyArray<Environment>
) {
  const components = yield* Effect.flatMap(ofTemplate(project), Components.planned)
  return yield* wish(project, environments, components)
})

/** Why a project's components are not known; what was made for it is kept up meanwhile, and nothing new is made. */
export type Unknown = { readonly reason: "Unreadable" | "Invalid"; readonly message: string }

/** The components on the default branch, or why they are not known. */
export const componentsOf = (project: Project) =>
  Components.at(project).pipe(
    Effect.map(({ components, faults }): ReadonlyArray<Component> | Unknown => {
      const [fault] = faults
      return fault === undefined
        ? components
        : {
            reason: "Invalid",
            message: `${fileName}, line ${fault.line}${fault.path === "" ? "" : `, ${fault.path}`}: ${fault.problem}. ${fault.fix}${faults.length === 1 ? "" : ` (and ${faults.length - 1} more: rdev components list ${project.name})`}`
          }
    }),
    Effect.catch((error: ForgeError | ProjectError) =>
      Effect.succeed<Unknown>({ reason: "Unreadable", message: error.message })
    )
  )
export const isKnown = (found: ReadonlyArray<Component> | Unknown): found is ReadonlyArray<Component> =>
  Array.isArray(found)

/**
 * Of a project that is there, with why its components are not known, if they are not. Then it is what was made for it: a forge that is away,
 * or a file that cannot be used, has nothing new made. One of which nothing is left is as its template says.
 */
export const looked = Effect.fn("Wished.looked")(function* (
  project: Project,
  environments: ReadonlyArray<Environment>
) {
  const found = yield* componentsOf(project)
  const from = (components: ReadonlyArray<Cells.PlannedComponent>) => wish(project, environments, components)
  if (isKnown(found)) return { input: yield* from(yield* Components.planned(found)), unknown: null }
  const before = recorded(project, environments)
  if (before.some(({ needs }) => needs.length > 0)) return { input: yield* from(before), unknown: found }
  const template = yield* Effect.orElseSucceed(
    ofTemplate(project),
    () => Components.ofFile(undefined, project.name).components
  )
  return { input: yield* from(yield* Components.planned(template)), unknown: found }
})
export const ofPresent = (project: Project, environments: ReadonlyArray<Environment>) =>
  Effect.map(looked(project, environments), ({ input }) => input)

/** A kind that was provisioned here and is offered no more. */
const formerly = ({ kind, provider }: Resource, per: "project" | "environment"): Cells.ResourceKind => ({
  kind,
  provider,
  per,
  after: [],
  observed: true
})

const encodeDelete = Schema.encodeSync(DeleteInput)

/** Everything that is offered now, and what was made of kinds that are offered no more. */
export const deletion = Effect.fn("Wished.deletion")(function* (project: Project) {
  const environments = yield* Environments.of(project.id)
  const offered = (yield* Providers.all).map(Cells.planned)
  const made = [
    ...project.resources.map((resource) => formerly(resource, "project")),
    ...environments.flatMap(({ bindings }) => bindings.map((resource) => formerly(resource, "environment")))
  ]
  const known = new Set(offered.map(({ kind }) => kind))
  const lost = new Map(made.filter(({ kind }) => !known.has(kind)).map((one) => [one.kind, one]))
  return encodeDelete({
    name: project.name,
    environments: environments.map((one) => plannedOf(one, true)),
    resources: [...offered, ...lost.values()]
  })
})
