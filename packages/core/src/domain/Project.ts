/** A project: one repository, its workspaces, and what was provisioned for it. Schemas only, no I/O. */
import { Schema } from "effect"
import { Condition } from "./Condition.ts"
import { Resource } from "./Environment.ts"
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

/** How environments stood in records of projects before they had records of their own. */
const EnvironmentBefore = Schema.Struct({
  name: Schema.Literals(["staging", "production"]),
  url: Schema.String,
  sha: Schema.NullOr(Schema.String),
  releaseId: Schema.NullOr(Schema.String)
})

/** Where a history came from, and the branch of it that became the project's. */
export const ProjectSource = Schema.Struct({
  /** Clone URL without credentials; null = its owner pushed it. */
  url: Schema.NullOr(Schema.String),
  username: Schema.String,
  branch: Schema.String
})
export type ProjectSource = typeof ProjectSource.Type

/** What was found in a history that was brought in, and the pull request that says it to rdev; null when there was nothing to add. */
export const ProjectSetup = Schema.Struct({
  pullRequest: Schema.NullOr(Schema.Int),
  url: Schema.NullOr(Schema.String),
  findings: Schema.Array(
    Schema.Struct({
      about: Schema.Literals(["release", "pipeline", "repository"]),
      confidence: Schema.Literals(["certain", "likely", "guess"]),
      reason: Schema.String
    })
  )
})
export type ProjectSetup = typeof ProjectSetup.Type

export class Project extends Schema.Class<Project>("rdev/Project")({
  id: ProjectId,
  name: ProjectName,
  template: Schema.String,
  status: ProjectStatus,
  description: Schema.String,
  /** Name of the agent harness that works on this project. */
  agent: Schema.String,
  defaultBranch: Schema.String,
  /** Where its history was brought in from; left out: it began with its template. */
  source: Schema.optionalKey(ProjectSource),
  setup: Schema.optionalKey(ProjectSetup),
  workDir: Schema.String,
  cloneUrl: Schema.NullOr(Schema.String),
  /** What was made for the project as a whole; what was made for one environment is bound to that. */
  resources: Schema.Array(Resource),
  /** Only in records that an earlier version wrote (see services/projects/Environments). */
  environments: Schema.optionalKey(Schema.Array(EnvironmentBefore)),
  /** Grows with every change of what is wished for it; 1 where it was never counted. */
  generation: Schema.optionalKey(Schema.Int),
  /** The generation that was looked at last; what it came to stands in the conditions. */
  observedGeneration: Schema.optionalKey(Schema.Int),
  /** `Ready` first, then one for each resource that all its environments share. */
  conditions: Schema.optionalKey(Schema.Array(Condition)),
  /** Digest of what was wished when it was looked at last. */
  wish: Schema.optionalKey(Schema.String),
  /** The operation that provisioned it last. */
  operationId: Schema.NullOr(OperationId),
  createdAt: Schema.DateTimeUtcFromString,
  updatedAt: Schema.DateTimeUtcFromString,
  /** Grows by one with every change; the strong ETag. */
  revision: Schema.Int
}) {}
