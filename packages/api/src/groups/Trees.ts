/** Cookbook trees: the shipped ones, checking a text, and running one that belongs to no project yet. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Authorization, Idempotency, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"
import { Accepted, PlanView } from "./Projects.ts"

const Text = Schema.String.check(Schema.isMaxLength(262_144))
const source = {
  /** One of `GET /trees`; either this or `text`. */
  name: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(100))),
  /** The YAML text. */
  text: Schema.optionalKey(Text),
  /** Recorded with the operation: no place for secrets. */
  vars: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json).check(Schema.isMaxProperties(100)))
}
const eitherOf = Wire.exactlyOne("name", "text")
export const TreeSource = Wire.struct("TreeSource", source, eitherOf)
export const NewTreeRun = Wire.struct(
  "NewTreeRun",
  { ...source, planDigest: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(100))) },
  eitherOf
)

export const TreeVariableView = Wire.struct("TreeVariable", {
  name: Schema.String,
  description: Schema.NullOr(Schema.String),
  /** Whoever runs the tree must give it: it has no default. */
  required: Schema.Boolean,
  default: Schema.Json
})
export const TreeStepView = Wire.struct("TreeStep", {
  id: Schema.String,
  title: Schema.NullOr(Schema.String),
  action: Schema.String,
  dependsOn: Schema.Array(Schema.String)
})
export const TreeView = Wire.struct("Tree", {
  name: Schema.String,
  description: Schema.NullOr(Schema.String),
  vars: Schema.Array(TreeVariableView),
  steps: Schema.Array(TreeStepView),
  teardown: Schema.Array(TreeStepView)
})
export type TreeView = typeof TreeView.Type
export const TreeList = Wire.struct("TreeList", { trees: Schema.Array(TreeView) })
export const TreeText = Wire.struct("TreeText", { text: Text })

export class TreesGroup extends HttpApiGroup.make("trees")
  .add(
    HttpApiEndpoint.get("list", "/trees", { success: TreeList, error: Problem.read }).annotateMerge(
      requires("projects:read", { summary: "Cookbook trees that come with the server" })
    ),
    HttpApiEndpoint.post("check", "/trees/check", {
      payload: TreeText,
      success: TreeView,
      error: Problem.write
    }).annotateMerge(
      requires("projects:read", { summary: "Check a tree: what it says, or everything that is wrong with it" })
    ),
    HttpApiEndpoint.post("run", "/trees/runs", {
      query: Parameters.dryRun,
      headers: { ...Parameters.idempotency, ...Parameters.prefer },
      payload: NewTreeRun,
      success: [Accepted.pipe(HttpApiSchema.status(202)), PlanView],
      error: Problem.write
    }).annotateMerge(
      requires("projects:execute", {
        summary: "Run a tree that belongs to no project",
        description:
          "For trees that make their project themselves; on an existing one: `POST /projects/{project}/operations` with `tree.run`. It runs in the name of the key and can do no more than that key."
      })
    )
  )
  .middleware(Idempotency)
  .middleware(Authorization) {}
