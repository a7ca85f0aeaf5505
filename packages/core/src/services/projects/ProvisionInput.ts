/** The recorded inputs of the project operations: what plans are made from, and all that their steps are made from. */
import { Schema } from "effect"
import { ProjectName, ProjectSource } from "../../domain/Project.ts"
import { PlannedComponent, PlannedEnvironment, ResourceKind } from "../resources/Cells.ts"

export const DeleteInput = Schema.Struct({
  name: ProjectName,
  environments: Schema.Array(PlannedEnvironment),
  resources: Schema.Array(ResourceKind)
})
export type DeleteInput = typeof DeleteInput.Type

export const ProvisionInput = Schema.Struct({
  ...DeleteInput.fields,
  /** Left out: it begins with the files of its template. A token of the source's is a credential (see SourceToken). */
  source: Schema.optionalKey(ProjectSource),
  template: Schema.String,
  description: Schema.String,
  defaultBranch: Schema.String,
  components: Schema.Array(PlannedComponent),
  /** What host names point at. */
  address: Schema.String
})
export type ProvisionInput = typeof ProvisionInput.Type

/** `from`: the project's status before, which it has again when the sync does not come to its end. */
export const SyncInput = Schema.Struct({ ...ProvisionInput.fields, from: Schema.Literals(["ready", "failed"]) })
export type SyncInput = typeof SyncInput.Type
