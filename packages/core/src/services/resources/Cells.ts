/**
 * What is provisioned for a project: its components say what they need, its environments where, and the providers of the installation what
 * there is. The answer is a list of cells, each one resource of one owner, with the cells that must be there first. Pure.
 */
import { Schema } from "effect"
import { EnvironmentKind, EnvironmentName } from "../../domain/Environment.ts"
import { EnvironmentId } from "../../domain/Ids.ts"
import type { Provider } from "./Providers.ts"
import { foundation } from "./Providers.ts"

/** A provider as it was when the operation was planned: the same input gives the same cells, whatever the installation offers later. */
export const ResourceKind = Schema.Struct({
  kind: Schema.String,
  provider: Schema.String,
  per: Schema.Literals(["project", "environment"]),
  after: Schema.Array(Schema.String),
  /** Whether it can be looked at. */
  observed: Schema.Boolean
})
export type ResourceKind = typeof ResourceKind.Type

export const PlannedEnvironment = Schema.Struct({
  /** Left out for those that every project has: their ids follow from the project's (see Environments.idOf). */
  id: Schema.optionalKey(EnvironmentId),
  name: EnvironmentName,
  kind: EnvironmentKind,
  hosts: Schema.Array(Schema.String),
  /** Whether it gets a release at once. */
  release: Schema.Boolean
})
export type PlannedEnvironment = typeof PlannedEnvironment.Type

export const PlannedComponent = Schema.Struct({ name: Schema.String, needs: Schema.Array(Schema.String) })
export type PlannedComponent = typeof PlannedComponent.Type

export interface Cell {
  /** `database`, or with an environment `dns.staging`. */
  readonly key: string
  readonly resource: ResourceKind
  /** null = the project's. */
  readonly environment: PlannedEnvironment | null
  readonly dependsOn: ReadonlyArray<string>
}

export const planned = ({ after, kind, observe, per, provider }: Provider): ResourceKind => ({
  kind,
  provider,
  per,
  after: [...(after ?? [])],
  observed: observe !== undefined
})

export const keyOf = (kind: string, environment: { readonly name: string } | null): string =>
  environment === null ? kind : `${kind}.${environment.name}`

export interface Plan {
  readonly components: ReadonlyArray<PlannedComponent>
  readonly environments: ReadonlyArray<PlannedEnvironment>
  readonly resources: ReadonlyArray<ResourceKind>
}

/** A release comes last: what it runs on and what it is told must be there. */
const last = "deployment"

const after = ({ after, kind }: ResourceKind, all: ReadonlyArray<ResourceKind>): ReadonlyArray<string> =>
  kind === last ? all.filter((other) => other.kind !== last).map((other) => other.kind) : after

/** In the order of the resources, and of environments within one. */
export const of = ({ components, environments, resources }: Plan): ReadonlyArray<Cell> => {
  const needed = new Set(components.flatMap(({ needs }) => needs))
  const wanted = resources.filter(({ kind }) => foundation.has(kind) || needed.has(kind))
  const placesOf = ({ kind, per }: ResourceKind): ReadonlyArray<PlannedEnvironment | null> =>
    per === "project" ? [null] : environments.filter(({ release }) => kind !== last || release)
  const byKind = new Map(wanted.map((resource) => [resource.kind, resource]))
  return wanted.flatMap((resource) =>
    placesOf(resource).map((environment): Cell => ({
      key: keyOf(resource.kind, environment),
      resource,
      environment,
      dependsOn: after(resource, wanted).flatMap((kind) => {
        const first = byKind.get(kind)
        if (first === undefined) return []
        // What belongs to an environment waits for that environment's; what belongs to the project for those of all.
        return placesOf(first)
          .filter((place) => place === null || environment === null || place.name === environment.name)
          .map((place) => keyOf(kind, place))
      })
    }))
  )
}

/** For taking down: everything waits for what was built on it. */
export const reversed = (cells: ReadonlyArray<Cell>): ReadonlyArray<Cell> =>
  [...cells].reverse().map((cell) => ({
    ...cell,
    dependsOn: cells.filter((other) => other.dependsOn.includes(cell.key)).map(({ key }) => key)
  }))
