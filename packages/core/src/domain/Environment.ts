/**
 * A place where a project's code runs for somebody: a preview, staging or production. The word means this and nothing else. What is made
 * for an environment alone is bound to it; what is made for the project is shared by all of its environments.
 */
import { Schema } from "effect"
import { Condition } from "./Condition.ts"
import { EnvironmentId, ProjectId } from "./Ids.ts"

export const EnvironmentKind = Schema.Literals(["preview", "staging", "production"])
export type EnvironmentKind = typeof EnvironmentKind.Type

/** A DNS label: it becomes a part of host names. */
export const EnvironmentName = Schema.String.check(
  Schema.isPattern(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/u, {
    message: "expected lower-case letters, digits and hyphens, starting with a letter, at most 40 characters"
  })
)

/** What one piece of infrastructure came to. `unavailable` says plainly that this installation cannot provide it. */
export const ResourceStatus = Schema.Literals(["pending", "ready", "unavailable", "failed", "deleted"])
export type ResourceStatus = typeof ResourceStatus.Type

/** Something that was provisioned. Kinds are open: an installation may offer more than ours. */
export const Resource = Schema.Struct({
  /** e.g. `repository`, `database`, `logging`. */
  kind: Schema.String,
  status: ResourceStatus,
  provider: Schema.String,
  /** The provider's name for it, e.g. a clone URL, a host name or a database name. Never a secret. */
  externalId: Schema.NullOr(Schema.String),
  detail: Schema.NullOr(Schema.String)
})
export type Resource = typeof Resource.Type

export const EnvironmentRelease = Schema.Struct({
  id: Schema.String,
  sha: Schema.String,
  url: Schema.String,
  atMillis: Schema.Int
})
export type EnvironmentRelease = typeof EnvironmentRelease.Type

export class Environment extends Schema.Class<Environment>("rdev/Environment")({
  id: EnvironmentId,
  projectId: ProjectId,
  name: EnvironmentName,
  kind: EnvironmentKind,
  /** Host names, the first of them the one that people are given. */
  hosts: Schema.Array(Schema.String),
  /** Where people reach it. */
  url: Schema.String,
  /** What was made for it alone. */
  bindings: Schema.Array(Resource),
  /** What is live; null before the first release. */
  release: Schema.NullOr(EnvironmentRelease),
  /** Those of the project when it was looked at last. */
  generation: Schema.optionalKey(Schema.Int),
  observedGeneration: Schema.optionalKey(Schema.Int),
  /** `Ready` first, `DomainReady`, then one for each resource that it has alone. */
  conditions: Schema.Array(Condition),
  createdAtMillis: Schema.Int,
  updatedAtMillis: Schema.Int,
  /** Grows by one with every change. */
  revision: Schema.Int
}) {}

/** `pending` before anything of it is there; `ready` when all that can be made of it is. */
export const EnvironmentStatus = Schema.Literals(["pending", "ready", "failed", "deleted"])
export type EnvironmentStatus = typeof EnvironmentStatus.Type

export const statusOf = ({ bindings, conditions }: Environment): EnvironmentStatus => {
  const statuses = new Set(bindings.map(({ status }) => status))
  if (statuses.has("failed") || conditions.some(({ status }) => status === "false")) return "failed"
  if (statuses.size === 0 || statuses.has("pending")) return "pending"
  return [...statuses].every((status) => status === "deleted") ? "deleted" : "ready"
}
