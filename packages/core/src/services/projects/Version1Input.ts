/** The recorded inputs of the project operations and the outputs of their steps: what plans are made from. */
import { Schema } from "effect"
import { ProjectName } from "../../domain/Project.ts"

export const EnvironmentName = Schema.Literals(["staging", "production"])

export const Hosts = Schema.Struct({ production: Schema.String, staging: Schema.String })

export const ProvisionInput = Schema.Struct({
  name: ProjectName,
  template: Schema.String,
  description: Schema.String,
  defaultBranch: Schema.String,
  hosts: Hosts,
  dnsTarget: Schema.String,
  firstRelease: Schema.Array(EnvironmentName)
})
export type ProvisionInput = typeof ProvisionInput.Type

/** `from`: the project's status before, which it has again when the sync does not come to its end. */
export const SyncInput = Schema.Struct({ ...ProvisionInput.fields, from: Schema.Literals(["ready", "failed"]) })
export type SyncInput = typeof SyncInput.Type

export const DeleteInput = Schema.Struct({ name: ProjectName, hosts: Hosts })
export type DeleteInput = typeof DeleteInput.Type

export const RepositoryOutput = Schema.Struct({
  externalId: Schema.String,
  cloneUrl: Schema.String,
  defaultBranch: Schema.String,
  sha: Schema.String
})
export const NamedOutput = Schema.Struct({ externalId: Schema.String })
export const HostsOutput = Schema.Struct({ hosts: Schema.Array(Schema.String) })
export const CacheOutput = Schema.Struct({ externalId: Schema.String, keyPrefix: Schema.String })
export const DeploymentOutput = Schema.Struct({
  releases: Schema.Array(
    Schema.Struct({ environment: EnvironmentName, releaseId: Schema.String, sha: Schema.String, url: Schema.String })
  )
})
