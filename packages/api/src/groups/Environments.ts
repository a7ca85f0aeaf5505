/** Environments of a project: where its code runs, what was made for each alone, and what is live there. */
import { ConditionStatus } from "@rdev/core/domain/Condition"
import { EnvironmentKind, EnvironmentName, EnvironmentStatus, Resource } from "@rdev/core/domain/Environment"
import { EnvironmentId, ProjectId } from "@rdev/core/domain/Ids"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Authorization, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

export const BindingView = Wire.struct("Binding", Resource.fields)
export const LiveReleaseView = Wire.struct("LiveRelease", {
  id: Schema.String,
  sha: Schema.String,
  url: Schema.String,
  releasedAt: Wire.Time
})
export const EnvironmentConditionView = Wire.struct("EnvironmentCondition", {
  type: Schema.String,
  status: ConditionStatus,
  reason: Schema.String,
  message: Schema.String,
  /** When the status was another the last time. */
  since: Wire.Time
})

export const EnvironmentView = Wire.struct("Environment", {
  id: EnvironmentId,
  projectId: ProjectId,
  name: EnvironmentName,
  kind: EnvironmentKind,
  status: EnvironmentStatus,
  /** The first is the one that people are given. */
  hosts: Schema.Array(Schema.String),
  url: Schema.String,
  /** Names of the variables of what runs there: those that all environments share, and its own. */
  variables: Schema.Array(Schema.String),
  /** What was made for it alone. */
  bindings: Schema.Array(BindingView),
  /** null before the first release. */
  release: Schema.NullOr(LiveReleaseView),
  generation: Schema.Int,
  observedGeneration: Schema.Int,
  conditions: Schema.Array(EnvironmentConditionView),
  createdAt: Wire.Time,
  updatedAt: Wire.Time
})
export type EnvironmentView = typeof EnvironmentView.Type
export const EnvironmentList = Wire.struct("EnvironmentList", { environments: Schema.Array(EnvironmentView) })

const base = "/projects/:project/environments"

export class EnvironmentsGroup extends HttpApiGroup.make("environments")
  .add(
    HttpApiEndpoint.get("list", base, {
      params: Parameters.project,
      success: EnvironmentList,
      error: Problem.read
    }).annotateMerge(requires("projects:read", { summary: "The project's environments, production first" })),
    HttpApiEndpoint.get("get", `${base}/:environment`, {
      params: { ...Parameters.project, environment: EnvironmentName },
      success: EnvironmentView,
      error: Problem.read
    }).annotateMerge(requires("projects:read", { summary: "Show an environment" }))
  )
  .middleware(Authorization) {}
