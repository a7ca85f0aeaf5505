/** The HTTP contract as a whole. The server implements it, the client and the OpenAPI document are derived from it. */
import { HttpApi, OpenApi } from "effect/http-api"
import { AuditGroup } from "./groups/Audit.ts"
import { CatalogueGroup } from "./groups/Catalogue.ts"
import { ComponentsGroup } from "./groups/Components.ts"
import { EnvironmentsGroup } from "./groups/Environments.ts"
import { EventsGroup } from "./groups/Events.ts"
import { ExecsGroup } from "./groups/Execs.ts"
import { FeaturesGroup } from "./groups/Features.ts"
import { HooksGroup, HookSecretsGroup } from "./groups/Hooks.ts"
import { KeysGroup } from "./groups/Keys.ts"
import { OperationsGroup } from "./groups/Operations.ts"
import { PolicyGroup } from "./groups/Policy.ts"
import { ProjectsGroup } from "./groups/Projects.ts"
import { SystemGroup } from "./groups/System.ts"
import { TasksGroup } from "./groups/Tasks.ts"
import { TreesGroup } from "./groups/Trees.ts"
import { WebhooksGroup } from "./groups/Webhooks.ts"
import { version } from "./Version.ts"

/** Unknown fields are refused, and everything wrong is told at once. */
const strict = { onExcessProperty: "error", errors: "all" } as const

export class Api extends HttpApi.make("rdev")
  .add(
    ProjectsGroup,
    EnvironmentsGroup,
    ComponentsGroup,
    FeaturesGroup,
    PolicyGroup,
    TasksGroup,
    OperationsGroup,
    TreesGroup,
    EventsGroup,
    ExecsGroup,
    AuditGroup,
    CatalogueGroup,
    KeysGroup,
    WebhooksGroup,
    HooksGroup,
    HookSecretsGroup,
    SystemGroup
  )
  .annotate(HttpApi.PayloadParseOptions, strict)
  .annotate(HttpApi.QueryParseOptions, strict)
  .annotate(HttpApi.ParamsParseOptions, { errors: "all" })
  .annotate(HttpApi.HeadersParseOptions, { errors: "all" })
  .annotateMerge(
    OpenApi.annotations({
      title: "rdev",
      version,
      description:
        "The agent's operating system: projects, features, tasks, operations and their events. Every route answers under `/` and under `/api/v1`. Every error is `application/problem+json`."
    })
  ) {}
