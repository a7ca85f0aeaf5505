/** What projects can be made from, who can work on them, and what this installation is made of. */
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

const Part = Wire.struct("AdapterCheck", { name: Schema.String, ok: Schema.Boolean, detail: Schema.String })
export const AdapterView = Wire.struct("Adapter", {
  /** Where it stands in the platform file, e.g. `dns` or `resources.database`. */
  slot: Schema.String,
  purpose: Schema.String,
  /** What fills it: the value of `use`. */
  use: Schema.String,
  version: Schema.String,
  /** Who chose it: the platform file, nobody, or a program in TypeScript. */
  chosenBy: Schema.Literals(["file", "default", "code"]),
  health: Wire.struct("AdapterHealth", {
    ok: Schema.Boolean,
    detail: Schema.String,
    durationMs: Schema.Finite,
    checks: Schema.Array(Part)
  }),
  /** What can be configured beside `use`. Values are not told. */
  keys: Schema.Array(
    Wire.struct("AdapterKey", {
      name: Schema.String,
      kind: Schema.String,
      required: Schema.Boolean,
      secret: Schema.Boolean,
      /** Read where the file does not say it. */
      variable: Schema.NullOr(Schema.String),
      description: Schema.String
    })
  )
})
export const AdapterList = Wire.struct("AdapterList", {
  /** The platform file that was read; null = none. */
  file: Schema.NullOr(Schema.String),
  adapters: Schema.Array(AdapterView)
})

export class CatalogueGroup extends HttpApiGroup.make("catalogue")
  .add(
    HttpApiEndpoint.get("templates", "/templates", { success: TemplateList, error: Problem.read }).annotateMerge(
      requires("projects:read", { summary: "Templates" })
    ),
    HttpApiEndpoint.get("agents", "/agents", { success: AgentList, error: Problem.read }).annotateMerge(
      requires("projects:read", { summary: "Agents, and whether they are ready" })
    ),
    HttpApiEndpoint.get("adapters", "/adapters", { success: AdapterList, error: Problem.read }).annotateMerge(
      requires("admin", { summary: "What fills each slot of this installation, and how it is" })
    )
  )
  .middleware(Authorization) {}
