/** A project: one repository, its workspace, its environments and what was provisioned for it. Schemas only, no I/O. */
import { Schema } from "effect"
import { OperationId, ProjectId } from "./Ids.ts"

/** A DNS label: it becomes a host name, a repository name and a folder name. */
export const ProjectName = Schema.String.check(
  Schema.isPattern(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/u, {
    message:
      "expected a DNS label: lower-case letters, digits and hyphens, starting with a letter, ending with a letter or digit, at most 40 characters"
  })
).pipe(Schema.brand("rdev/ProjectName"))
export type ProjectName = typeof ProjectName.Type

/** `damaged`: its record cannot be read; what could be saved of it is shown, and nothing is written over it. Never stored. */
export const ProjectStatus = Schema.Literals(["provisioning", "ready", "failed", "deleting", "deleted", "damaged"])
export type ProjectStatus = typeof ProjectStatus.Type

/** What one piece of infrastructure came to. `unavailable` says plainly that this installation cannot provide it. */
export const ResourceStatus = Schema.Literals(["pending", "ready", "unavailable", "failed", "deleted"])
export type ResourceStatus = typeof ResourceStatus.Type

export const Environment = Schema.Struct({
  name: Schema.Literals(["staging", "production"]),
  url: Schema.String,
  /** Commit of the live release; null before the first deployment. */
  sha: Schema.NullOr(Schema.String),
  releaseId: Schema.NullOr(Schema.String)
})
export type Environment = typeof Environment.Type

export const Resource = Schema.Struct({
  kind: Schema.Literals(["repository", "ci", "dns", "tls", "database", "cache", "deployment"]),
  status: ResourceStatus,
  provider: Schema.String,
  /** The provider's name for it, e.g. a clone URL, a host name or a database name. Never a secret. */
  externalId: Schema.NullOr(Schema.String),
  detail: Schema.NullOr(Schema.String)
})
export type Resource = typeof Resource.Type

export class Project extends Schema.Class<Project>("rdev/Project")({
  id: ProjectId,
  name: ProjectName,
  template: Schema.String,
  status: ProjectStatus,
  description: Schema.String,
  /** Name of the agent harness that works on this project. */
  agent: Schema.String,
  defaultBranch: Schema.String,
  workDir: Schema.String,
  cloneUrl: Schema.NullOr(Schema.String),
  resources: Schema.Array(Resource),
  environments: Schema.Array(Environment),
  /** The operation that provisioned it last. */
  operationId: Schema.NullOr(OperationId),
  createdAt: Schema.DateTimeUtcFromString,
  updatedAt: Schema.DateTimeUtcFromString,
  /** Grows by one with every change; the strong ETag. */
  revision: Schema.Int
}) {}
