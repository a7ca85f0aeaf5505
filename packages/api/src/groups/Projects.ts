/** Projects: create (or plan), look at, change, delete. */
import { ConditionStatus } from "@rdev/core/domain/Condition"
import { EnvironmentName, Resource } from "@rdev/core/domain/Environment"
import { Project, ProjectName, ProjectSetup, ProjectStatus } from "@rdev/core/domain/Project"
import { OperationId, ProjectId } from "@rdev/core/domain/Ids"
import { OperationStep } from "@rdev/core/domain/Operation"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Authorization, Idempotency, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

const fields = Project.fields
const text = (maximum: number) => Schema.String.check(Schema.isMaxLength(maximum))

export const ResourceView = Wire.struct("Resource", {
  ...Resource.fields,
  /** Name of the environment that it was made for; null = the project, and all of its environments share it. */
  environment: Schema.NullOr(Schema.String)
})
/** An environment in short. */
export const EnvironmentSummary = Wire.struct("EnvironmentSummary", {
  name: EnvironmentName,
  url: Schema.String,
  /** Commit of the live release; null before the first one. */
  sha: Schema.NullOr(Schema.String),
  releaseId: Schema.NullOr(Schema.String)
})

/** What is observed of the project; `Ready` first, then `Components`, and one for each resource that its environments share. */
export const ConditionView = Wire.struct("Condition", {
  type: Schema.String,
  status: ConditionStatus,
  /** One word for programs, e.g. `Repairing`, `Lost`, `Foreign`, `Unobservable`. */
  reason: Schema.String,
  /** For people; says what to do where something can be done. */
  message: Schema.String,
  /** When the status was another the last time. */
  since: Wire.Time
})
/** Something of the project that was found damaged and is left out until it is repaired. */
export const DamageView = Wire.struct("Damage", {
  /** What it is, e.g. `release rel_… in production`. */
  part: Schema.String,
  message: Schema.String,
  /** What somebody can do about it. */
  repair: Schema.String
})

export const ProjectView = Wire.struct("Project", {
  id: ProjectId,
  name: ProjectName,
  /** Empty when it began with a repository. */
  template: fields.template,
  /** The repository that it began with; null when it began with a template. */
  source: Schema.NullOr(Wire.struct("ProjectSource", { url: Schema.NullOr(Schema.String), branch: Schema.String })),
  /** Of a project that began with a repository: what was found in it, and the pull request that says it to rdev. */
  setup: Schema.NullOr(Wire.struct("ProjectSetup", ProjectSetup.fields)),
  status: ProjectStatus,
  description: fields.description,
  agent: fields.agent,
  defaultBranch: fields.defaultBranch,
  workDir: fields.workDir,
  cloneUrl: fields.cloneUrl,
  resources: Schema.Array(ResourceView),
  environments: Schema.Array(EnvironmentSummary),
  /** Grows with every change of what is wished for it. */
  generation: Schema.Int,
  /** The generation that was looked at last; 0 before the first look. */
  observedGeneration: Schema.Int,
  conditions: Schema.Array(ConditionView),
  /** Empty when nothing of it is known to be damaged. */
  damages: Schema.Array(DamageView),
  operationId: fields.operationId,
  createdAt: Wire.Time,
  updatedAt: Wire.Time,
  revision: fields.revision
})
export type ProjectView = typeof ProjectView.Type

/** Opens the repository while it is read; kept encrypted until then, and given to nothing that runs. */
export const SourceToken = Schema.Union([
  Wire.struct("SourceTokenValue", { value: Schema.NonEmptyString.check(Schema.isMaxLength(4096)) }),
  /** A variable of the server's whose name begins with `RDEV_SOURCE_TOKEN`. */
  Wire.struct("SourceTokenVariable", {
    env: Schema.String.check(
      Schema.isPattern(/^RDEV_SOURCE_TOKEN[A-Z0-9_]{0,100}$/, {
        message: "expected a variable of the server whose name begins with RDEV_SOURCE_TOKEN"
      })
    )
  })
])
/** A history that there is already, with every branch and tag. */
export const NewRepository = Wire.struct("NewRepository", {
  /** http or https clone URL without credentials, from which it is copied; null = it is pushed into the empty repository within an hour. */
  url: Schema.NullOr(text(2000)),
  /** Becomes the default branch; left out: the one that the repository says is its own. */
  branch: Schema.optionalKey(text(200)),
  /** Beside the token; default `rdev`: most hosts take any name. */
  username: Schema.optionalKey(text(200)),
  token: Schema.optionalKey(SourceToken)
})
export const NewProject = Wire.struct("NewProject", {
  name: ProjectName,
  /** One of `GET /templates`; default `default`. */
  template: Schema.optionalKey(text(100)),
  /** Instead of a template. */
  repository: Schema.optionalKey(NewRepository),
  description: Schema.optionalKey(text(2000)),
  /** One of `GET /agents`. */
  agent: Schema.optionalKey(text(100)),
  /** Of a plan that was looked at. */
  planDigest: Schema.optionalKey(text(100))
})
export const ProjectChange = Wire.struct("ProjectChange", {
  description: Schema.optionalKey(text(2000)),
  agent: Schema.optionalKey(text(100))
})

export const PlannedStep = Wire.struct("PlannedStep", {
  key: Schema.String,
  title: Schema.String,
  change: OperationStep.fields.change,
  reason: Schema.String,
  dependsOn: Schema.Array(Schema.String),
  provider: Schema.NullOr(Schema.String),
  /** The provider's name for what the step is about. */
  externalId: Schema.NullOr(Schema.String)
})
/** What an operation would do; nothing was changed. */
export const PlanView = Wire.struct("Plan", {
  kind: Schema.String,
  /** Give it as `plan_digest` to do exactly this, or nothing when the world has changed. */
  digest: Schema.String,
  steps: Schema.Array(PlannedStep)
})

export const SyncRequest = Wire.struct("SyncRequest", {
  /** Kinds whose loss is accepted, such as `database`: they are made anew, empty. */
  make: Schema.optionalKey(Schema.Array(text(40)).check(Schema.isMaxLength(20)))
})
/** What was seen, and what is done about it. */
export const SyncView = Wire.struct("Sync", {
  /** The operation that makes again what is missing or differs; null when there is nothing, or nothing that may be made by itself. */
  operationId: Schema.NullOr(OperationId),
  project: ProjectView
})

/** The work goes on in the background: follow it at `events_url`. */
export const Accepted = Wire.struct("Accepted", { operationId: OperationId, eventsUrl: Schema.String })
export const ProjectAccepted = Wire.struct("ProjectAccepted", {
  operationId: OperationId,
  eventsUrl: Schema.String,
  project: ProjectView
})
export const ProjectPage = Wire.struct("ProjectPage", { projects: Schema.Array(ProjectView), ...Parameters.nextCursor })

/** Longest life of a git token made over the API: 30 days. */
export const maxGitTokenSeconds = 30 * 24 * 3600
export const NewGitToken = Wire.struct("NewGitToken", {
  /** `read` clones and fetches, `write` pushes too. */
  access: Schema.Literals(["read", "write"]),
  /** Default 3600. */
  ttlSeconds: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxGitTokenSeconds })))
})
/** Of this project's repository alone; the token is shown this once. */
export const GitToken = Wire.struct("GitToken", {
  username: Schema.String,
  /** The password. */
  token: Schema.String,
  access: Schema.Literals(["read", "write"]),
  expiresAt: Wire.Time,
  /** Without credentials. */
  cloneUrl: Schema.String,
  /** Ready to run; holds the token. */
  cloneCommand: Schema.String
})

/** The pull request "Set up rdev" after it was merged. */
export const MergedSetup = Wire.struct("MergedSetup", {
  pullRequest: Schema.Int,
  /** Commit on the default branch. */
  sha: Schema.String
})

/** What a project's workspaces and deployments get as variables. Values are shown without what opens anything. */
export const CredentialView = Wire.struct("Credential", {
  name: Schema.String,
  /** Of the environment that has it alone; null = all of them. */
  environment: Schema.NullOr(Schema.String),
  value: Schema.String,
  updatedAt: Wire.Time
})
export const CredentialList = Wire.struct("CredentialList", { credentials: Schema.Array(CredentialView) })

const etag = { etag: Schema.String }
const accepted = <S extends Schema.Top>(schema: S) => schema.pipe(HttpApiSchema.status(202))

export class ProjectsGroup extends HttpApiGroup.make("projects")
  .add(
    HttpApiEndpoint.post("create", "/projects", {
      query: Parameters.dryRun,
      headers: { ...Parameters.idempotency, ...Parameters.prefer },
      payload: NewProject,
      success: [accepted(ProjectAccepted), PlanView],
      error: Problem.write
    }).annotateMerge(
      requires("projects:execute", {
        summary: "Create a project and provision everything it needs",
        description:
          "Answers 202 with the operation that provisions it; `?dry_run=true` answers 200 with the plan and changes nothing; `Prefer: wait=N` waits up to N seconds."
      })
    ),
    HttpApiEndpoint.get("list", "/projects", {
      query: Parameters.paging,
      success: ProjectPage,
      error: Problem.read
    }).annotateMerge(requires("projects:read", { summary: "List projects" })),
    HttpApiEndpoint.get("get", "/projects/:project", {
      params: Parameters.project,
      success: HttpApiSchema.WithHeaders(ProjectView, etag),
      error: Problem.read
    }).annotateMerge(requires("projects:read", { summary: "Show a project, with a strong ETag" })),
    HttpApiEndpoint.patch("update", "/projects/:project", {
      params: Parameters.project,
      headers: { "if-match": Schema.optionalKey(Schema.String) },
      payload: ProjectChange,
      success: HttpApiSchema.WithHeaders(ProjectView, etag),
      error: Problem.write
    }).annotateMerge(requires("projects:execute", { summary: "Change description or agent; needs If-Match" })),
    HttpApiEndpoint.delete("delete", "/projects/:project", {
      params: Parameters.project,
      headers: Parameters.prefer,
      success: accepted(Accepted),
      error: Problem.write
    }).annotateMerge(
      requires("projects:execute", { summary: "Delete a project and everything that was provisioned for it" })
    ),
    HttpApiEndpoint.post("sync", "/projects/:project/sync", {
      params: Parameters.project,
      headers: Parameters.idempotency,
      payload: SyncRequest,
      success: SyncView,
      error: Problem.write
    }).annotateMerge(
      requires("projects:execute", {
        summary: "Look at the project's infrastructure now, and repair it",
        description:
          "As it is done from time to time: what is missing or differs is made again by an operation, what held data only if `make` names its kind. The conditions say what was seen."
      })
    ),
    HttpApiEndpoint.get("credentials", "/projects/:project/credentials", {
      params: Parameters.project,
      success: CredentialList,
      error: Problem.read
    }).annotateMerge(requires("services:read", { summary: "The project's credentials, redacted" })),
    HttpApiEndpoint.post("mergeSetup", "/projects/:project/setup", {
      params: Parameters.project,
      headers: Parameters.idempotency,
      success: MergedSetup,
      error: Problem.write
    }).annotateMerge(
      requires("sdlc:approve", {
        summary: "Merge the pull request that sets rdev up in a repository that was brought in"
      })
    ),
    HttpApiEndpoint.post("createGitToken", "/projects/:project/git-tokens", {
      params: Parameters.project,
      headers: Parameters.idempotency,
      payload: NewGitToken,
      success: GitToken.pipe(HttpApiSchema.status(201)),
      error: Problem.write
    }).annotateMerge(
      requires("projects:execute", {
        summary: "Make a token to clone, fetch and (write) push the project's repository; it is shown this once"
      })
    )
  )
  .middleware(Idempotency)
  .middleware(Authorization) {}
