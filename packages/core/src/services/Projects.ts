/**
 * Projects: created with everything they need by one call, looked at, and deleted with all of it. Creating and deleting write rows in
 * one transaction and answer at once; the operation they start does the work (see services/projects/ProjectOperations).
 *
 * A project whose provisioning failed stays visible as `failed`, with what became of each resource. Its name may be given to a new
 * project at once when everything it had made was undone; when an undo failed, the name stays taken until a retry has undone it.
 */
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import * as NewId from "../ids/NewId.ts"
import * as Hosts from "../domain/hosts/Hosts.ts"
import type { ProjectId } from "../domain/Ids.ts"
import type { Operation } from "../domain/Operation.ts"
import { Project, ProjectName } from "../domain/Project.ts"
import type { OperationError } from "../operations/OperationError.ts"
import { Operations, type StartRequest } from "../operations/Operations.ts"
import type { OperationPlan } from "../operations/Plan.ts"
import { Dns } from "../ports/infra/Dns.ts"
import type { ForgeError } from "../ports/infra/Forge.ts"
import type { GitObjects } from "../ports/infra/GitObjects.ts"
import type { CredentialStore } from "../ports/stores/CredentialStore.ts"
import { EnvironmentStore } from "../ports/stores/EnvironmentStore.ts"
import { OperationStore } from "../ports/stores/OperationStore.ts"
import { ProjectStore } from "../ports/stores/ProjectStore.ts"
import { StoreError } from "../ports/stores/StoreError.ts"
import { TemplateError, Templates } from "../ports/infra/Templates.ts"
import { UnitOfWork } from "../ports/stores/UnitOfWork.ts"
import * as Environments from "./projects/Environments.ts"
import { ProjectError, type ProjectReason } from "./projects/ProjectError.ts"
import { deleteKind, provisionKind, syncKind } from "./projects/ProjectOperations.ts"
import * as ProjectRecord from "./projects/ProjectRecord.ts"
import { ProjectSettings } from "./projects/ProjectSettings.ts"
import { ProvisionInput, SyncInput } from "./projects/ProvisionInput.ts"
import { type NewRepository, sought } from "./projects/NewRepository.ts"
import * as SourceToken from "./projects/SourceToken.ts"
import * as Wished from "./projects/Wished.ts"

export interface NewProject {
  /** A DNS label of at most 40 characters. */
  readonly name: string
  /** Default: the installation's default template. Not beside `repository`. */
  readonly template?: string
  /** Instead of a template: the history that it begins with. */
  readonly repository?: NewRepository
  readonly description?: string
  /** Harness that works on it. */
  readonly agent?: string
  /** Of a plan that was looked at: nothing is started when the plan is another by now. */
  readonly planDigest?: string
}
export interface Started {
  readonly project: Project
  readonly operation: Operation
}

type Failure = ProjectError | OperationError | StoreError

export class Projects extends Context.Service<
  Projects,
  {
    /**
     * AlreadyExists when the name is taken; TemplateError, with the names there are, for an unknown template; ForgeError of
     * `RepositorySource.look` for a repository that cannot be brought in.
     */
    create(request: NewProject): Effect.Effect<Started, Failure | ForgeError | TemplateError>
    /** What creating it would do. Changes nothing. */
    plan(request: NewProject): Effect.Effect<OperationPlan, Failure | ForgeError | TemplateError>
    get(idOrName: string): Effect.Effect<Project, Failure>
    /** By id, ascending, without the deleted ones. `only`: at most these ids. */
    list(options: {
      readonly after: string | null
      readonly limit: number
      readonly only?: ReadonlyArray<string> | null
    }): Effect.Effect<ReadonlyArray<Project>, StoreError>
    /**
     * Makes what is missing of its infrastructure or differs from what it should be; keeps what is there, undoes nothing. Conflict while
     * something else is done to it. With the digest of a plan: exactly that, or Conflict.
     */
    sync(idOrName: string, planDigest?: string): Effect.Effect<Started, Failure>
    /** What syncing it would do. */
    planSync(idOrName: string): Effect.Effect<OperationPlan, Failure>
    /** Undoes everything that was made for it; asked again, answers with the same operation. Conflict while it is being provisioned. */
    delete(idOrName: string, planDigest?: string): Effect.Effect<Started, Failure>
    /** What deleting it would do. */
    planDelete(idOrName: string): Effect.Effect<OperationPlan, Failure>
  }
>()("rdev/services/Projects") {}

const fail = (verb: string, reason: ProjectReason) => new ProjectError({ operation: `Projects.${verb}`, reason })

const maxDescription = 2_000
const isAgent = Schema.is(Schema.String.check(Schema.isPattern(/^[a-z0-9][a-z0-9._-]{0,62}$/)))
const decodeName = Schema.decodeUnknownEffect(ProjectName)

const find = Effect.fnUntraced(function* (verb: string, idOrName: string) {
  const found = yield* ProjectStore.find(idOrName)
  return Option.isSome(found) ? found.value : yield* fail(verb, { _tag: "NotFound", project: idOrName })
})

/** The request with defaults filled in, or the first thing wrong with it. */
const checked = Effect.fnUntraced(function* (verb: string, request: NewProject) {
  const settings = yield* ProjectSettings
  const name = yield* Effect.mapError(decodeName(request.name), () =>
    fail(verb, {
      _tag: "Invalid",
      field: "name",
      message: `"${String(request.name).slice(0, 80)}" is not a DNS label: use lower-case letters, digits and hyphens, start with a letter, end with a letter or digit, at most 40 characters`
    })
  )
  const unnamed = Hosts.projectFault(name)
  if (unnamed !== null)
    return yield* fail(verb, { _tag: "Invalid", field: "name", message: `${unnamed.problem}. ${unnamed.fix}` })
  const description = request.description ?? ""
  if (description.length > maxDescription)
    return yield* fail(verb, {
      _tag: "Invalid",
      field: "description",
      message: `expected at most ${maxDescription} characters`
    })
  const agent = request.agent ?? settings.defaultAgent
  if (!isAgent(agent))
    return yield* fail(verb, {
      _tag: "Invalid",
      field: "agent",
      message:
        "expected the name of a harness: lower-case letters, digits, dots, hyphens and underscores, at most 63 characters"
    })
  if (request.repository !== undefined) {
    if (request.template !== undefined)
      return yield* fail(verb, {
        _tag: "Invalid",
        field: "template",
        message: "a project begins with a template or with a repository, not with both: leave one out"
      })
    return { agent, settings, name, template: "", description, ...(yield* sought(verb, request.repository)) }
  }
  const template = request.template ?? settings.defaultTemplate
  const available = (yield* (yield* Templates).list).map((one) => one.name)
  if (!available.includes(template)) {
    return yield* new TemplateError({
      operation: `Projects.${verb}`,
      template,
      available,
      detail: `there is no template "${template}"; there are ${available.join(", ")}`
    })
  }
  return { agent, settings, name, template, description, defaultBranch: settings.defaultBranch, source: null }
})

/** The project that holds the name, if the name can be given away: a failed one of which nothing is left. */
const holder = Effect.fnUntraced(function* (verb: string, name: string) {
  const taken = yield* (yield* ProjectStore).byName(name)
  if (Option.isNone(taken)) return null
  const refuse = (detail: string) => fail(verb, { _tag: "AlreadyExists", name, detail })
  const { id, operationId, status } = taken.value
  if (status !== "failed" || operationId === null) return yield* refuse(`project ${id} has it`)
  const operation = yield* (yield* OperationStore).get(operationId)
  const undone =
    Option.isSome(operation) &&
    operation.value.kind === provisionKind &&
    (operation.value.status === "failed" || operation.value.status === "cancelled")
  if (undone) return taken.value
  return yield* refuse(
    `project ${id} failed and something of it is left: retry its operation ${operationId}, or delete it`
  )
})

const newProject = (
  id: ProjectId,
  { agent, defaultBranch, description, name, settings, source, template }: Effect.Success<ReturnType<typeof checked>>,
  now: DateTime.Utc
): Project =>
  Project.make({
    id,
    name,
    template,
    status: "provisioning",
    description,
    agent,
    defaultBranch,
    ...(source === null ? {} : { source }),
    workDir: settings.workDir,
    cloneUrl: null,
    resources: [],
    generation: 1,
    operationId: null,
    createdAt: now,
    updatedAt: now,
    revision: 1
  })

const encodeInput = Schema.encodeSync(ProvisionInput)

/** The plan that was looked at, if one was and it still holds; made before the transaction, as it looks at the world. */
const agreed = Effect.fnUntraced(function* (
  request: Pick<StartRequest, "kind" | "input" | "projectId">,
  digest: string | undefined
) {
  return digest === undefined ? undefined : yield* (yield* Operations).agreed(request, digest)
})

/** A failed one of which nothing is left gives its name away. */
const giveAway = Effect.fnUntraced(function* (project: Project, now: DateTime.Utc) {
  yield* (yield* ProjectStore).update(ProjectRecord.changed(project, { status: "deleted" }, now))
  yield* (yield* EnvironmentStore).removeAll(project.id)
})

const create = Effect.fn("Projects.create")(function* (request: NewProject) {
  const operations = yield* Operations
  const projects = yield* ProjectStore
  const environments = yield* EnvironmentStore
  const spec = yield* checked("create", request)
  yield* holder("create", spec.name)
  const id = yield* NewId.make("proj")
  const now = yield* DateTime.now
  const project = newProject(id, spec, now)
  const own = yield* Environments.make(id, spec.name)
  const input = encodeInput(yield* Wished.ofNew(project, own))
  const plan = yield* agreed({ kind: provisionKind, input, projectId: id }, request.planDigest)
  return yield* (yield* UnitOfWork).transact(
    Effect.gen(function* () {
      const before = yield* holder("create", spec.name)
      if (before !== null) yield* giveAway(before, now)
      yield* projects
        .insert(project)
        .pipe(
          Effect.mapError((error) =>
            error.reason._tag === "AlreadyExists"
              ? fail("create", { _tag: "AlreadyExists", name: spec.name, detail: "another project has it" })
              : error
          )
        )
      yield* Effect.forEach(own, (one) => environments.insert(one), { discard: true })
      const token = request.repository?.token
      if (token !== undefined) yield* SourceToken.keep(id, token)
      const operation = yield* operations.start({
        kind: provisionKind,
        projectId: id,
        input,
        idempotencyKey: `${provisionKind}/${id}`,
        ...(plan === undefined ? {} : { plan })
      })
      return { project: yield* find("create", id), operation }
    })
  )
})

const plan = Effect.fn("Projects.plan")(function* (request: NewProject) {
  const spec = yield* checked("plan", request)
  yield* holder("plan", spec.name)
  const id = yield* NewId.make("proj")
  const project = newProject(id, spec, yield* DateTime.now)
  const input = yield* Wished.ofNew(project, yield* Environments.make(id, spec.name))
  return yield* (yield* Operations).plan(provisionKind, encodeInput(input), id)
})

const encodeSync = Schema.encodeSync(SyncInput)

const syncable = ({ name, operationId, status }: Project) =>
  status === "ready" || status === "failed"
    ? Effect.succeed(status)
    : Effect.fail(
        fail("sync", {
          _tag: "Conflict",
          message: `project ${name} is ${status}: wait for the end of operation ${operationId ?? ""}, or cancel it`
        })
      )

const syncing = Effect.fnUntraced(function* (project: Project) {
  const from = yield* syncable(project)
  return encodeSync({ ...(yield* Wished.ofPresent(project, yield* Environments.of(project.id))), from })
})

const sync = Effect.fn("Projects.sync")(function* (idOrName: string, planDigest?: string) {
  const operations = yield* Operations
  const input = yield* syncing(yield* find("sync", idOrName))
  const project = yield* find("sync", idOrName)
  const plan = yield* agreed({ kind: syncKind, input, projectId: project.id }, planDigest)
  return yield* (yield* UnitOfWork).transact(
    Effect.gen(function* () {
      // Something else may have begun since the plan was made.
      yield* syncable(yield* find("sync", project.id))
      const operation = yield* operations.start({
        kind: syncKind,
        projectId: project.id,
        input,
        idempotencyKey: `${syncKind}/${project.id}/${project.revision}`,
        ...(plan === undefined ? {} : { plan })
      })
      return { project: yield* find("sync", project.id), operation }
    })
  )
})

const planSync = Effect.fn("Projects.planSync")(function* (idOrName: string) {
  const project = yield* find("planSync", idOrName)
  return yield* (yield* Operations).plan(syncKind, yield* syncing(project), project.id)
})

/** The deletion that is under way already, or null when one can begin. */
const deleting = Effect.fnUntraced(function* (project: Project) {
  if (project.status === "deleting" && project.operationId !== null)
    return { project, operation: yield* (yield* Operations).get(project.operationId) }
  if (project.status !== "provisioning") return null
  return yield* fail("delete", {
    _tag: "Conflict",
    message: `project ${project.name} is being provisioned: cancel operation ${project.operationId ?? ""} first, or wait for its end`
  })
})

const remove = Effect.fn("Projects.delete")(function* (idOrName: string, planDigest?: string) {
  const operations = yield* Operations
  const project = yield* find("delete", idOrName)
  const before = yield* deleting(project)
  if (before !== null) return before
  const input = yield* Wished.deletion(project)
  const { revision } = yield* find("delete", project.id)
  const plan = yield* agreed({ kind: deleteKind, input, projectId: project.id }, planDigest)
  return yield* (yield* UnitOfWork).transact(
    Effect.gen(function* () {
      const meanwhile = yield* deleting(yield* find("delete", project.id))
      if (meanwhile !== null) return meanwhile
      const operation = yield* operations.start({
        kind: deleteKind,
        projectId: project.id,
        input,
        idempotencyKey: `${deleteKind}/${project.id}/${revision}`,
        ...(plan === undefined ? {} : { plan })
      })
      return { project: yield* find("delete", project.id), operation }
    })
  )
})

const planDelete = Effect.fn("Projects.planDelete")(function* (idOrName: string) {
  const project = yield* find("planDelete", idOrName)
  return yield* (yield* Operations).plan(deleteKind, yield* Wished.deletion(project), project.id)
})

type Needs =
  | CredentialStore
  | Dns
  | EnvironmentStore
  | GitObjects
  | Operations
  | OperationStore
  | ProjectStore
  | Templates
  | UnitOfWork

export const layer: Layer.Layer<Projects, never, Needs> = Layer.effect(
  Projects,
  Effect.gen(function* () {
    const context = yield* Effect.context<Needs>()
    const projects = yield* ProjectStore
    const bound =
      <A extends ReadonlyArray<unknown>, B, E>(verb: (...args: A) => Effect.Effect<B, E, Needs>) =>
      (...args: A): Effect.Effect<B, E> =>
        Effect.provideContext(verb(...args), context)
    return Projects.of({
      create: bound(create),
      plan: bound(plan),
      get: bound((idOrName: string) => find("get", idOrName)),
      list: ({ after, limit, only }) => projects.list({ after, limit, only: only ?? null }),
      sync: bound(sync),
      planSync: bound(planSync),
      delete: bound(remove),
      planDelete: bound(planDelete)
    })
  })
)
