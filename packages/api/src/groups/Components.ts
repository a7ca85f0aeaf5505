/** Components of a project: what `rdev.yaml` says at a commit, or what is wrong with it. */
import { Component, ComponentFault } from "@rdev/core/domain/components/Component"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Authorization, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

export const ComponentView = Wire.struct("Component", {
  ...Component.fields,
  /** Kinds of resources; one that does not say needs everything that the installation offers. */
  needs: Schema.Array(Schema.String)
})
export const ComponentFaultView = Wire.struct("ComponentFault", ComponentFault.fields)
export const ComponentsView = Wire.struct("Components", {
  /** The commit that was read. */
  sha: Schema.String,
  /** Whether the repository says them: without `rdev.yaml` it is one component. */
  said: Schema.Boolean,
  /** Empty when anything is wrong with the file. */
  components: Schema.Array(ComponentView),
  /** Everything that is wrong with the file, in its order. */
  faults: Schema.Array(ComponentFaultView),
  /** Kinds that components need and this installation does not offer. */
  unavailable: Schema.Array(Schema.String)
})
export type ComponentsView = typeof ComponentsView.Type

/** A branch or the whole id of a commit; looked up, so that one that is not there is told as such. */
const At = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))

export class ComponentsGroup extends HttpApiGroup.make("components")
  .add(
    HttpApiEndpoint.get("list", "/projects/:project/components", {
      params: Parameters.project,
      query: { at: Schema.optionalKey(At) },
      success: ComponentsView,
      error: Problem.read
    }).annotateMerge(
      requires("projects:read", {
        summary: "The project's components at a branch or commit (default: the default branch)"
      })
    )
  )
  .middleware(Authorization) {}
