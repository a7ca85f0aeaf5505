/** What projects can be made from and who can work on them. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Authorization, requires } from "../Access.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

export const TemplateView = Wire.struct("Template", {
  name: Schema.String,
  title: Schema.String,
  kind: Schema.Literals(["static", "service"]),
  description: Schema.String
})
export const AgentView = Wire.struct("Agent", {
  name: Schema.String,
  title: Schema.String,
  kind: Schema.Literals(["scripted", "command", "agent"]),
  capabilities: Schema.Array(Schema.String),
  network: Schema.Literals(["none", "loopback", "internet"]),
  /** Whether it could run here now; the message says what is missing. */
  ready: Schema.Boolean,
  message: Schema.String
})
export const TemplateList = Wire.struct("TemplateList", { templates: Schema.Array(TemplateView) })
export const AgentList = Wire.struct("AgentList", { agents: Schema.Array(AgentView) })

export class CatalogueGroup extends HttpApiGroup.make("catalogue")
  .add(
    HttpApiEndpoint.get("templates", "/templates", { success: TemplateList, error: Problem.read }).annotateMerge(
      requires("projects:read", { summary: "Templates" })
    ),
    HttpApiEndpoint.get("agents", "/agents", { success: AgentList, error: Problem.read }).annotateMerge(
      requires("projects:read", { summary: "Agents, and whether they are ready" })
    )
  )
  .middleware(Authorization) {}
