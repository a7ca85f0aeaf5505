/** `projects`: each handler makes one call of the service. */
import { Api } from "@rdev/api/Api"
import { waitSeconds } from "@rdev/api/Parameters"
import * as Problem from "@rdev/api/Problem"
import { CurrentRequest } from "@rdev/core/domain/Principal"
import { Project } from "@rdev/core/domain/Project"
import { Operations } from "@rdev/core/operations/Operations"
import { AuditStore } from "@rdev/core/ports/stores/AuditStore"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { AgentHarness } from "@rdev/core/ports/agents/AgentHarness"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { Projects, type Started } from "@rdev/core/services/Projects"
import * as Variables from "@rdev/core/services/projects/Variables"
import { ProjectSync } from "@rdev/core/services/sync/ProjectSync"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"
import { Paging } from "../http/Paging.ts"
import * as NewProjects from "../NewProjects.ts"
import * as ProjectViews from "../ProjectViews.ts"
import * as Views from "../Views.ts"
import { waited } from "./Operations.ts"

const defaultGitTokenSeconds = 3600
const withCredentials = (cloneUrl: string, username: string, token: string): string => {
  const url = new URL(cloneUrl)
  url.username = username
  url.password = token
  return url.href
}
const etagOf = (project: Project) => `"${project.id}.${project.revision}"`
/** Strong comparison, of a list too; `*` is whatever is there now. */
const fits = (ifMatch: string, project: Project) =>
  ifMatch.trim() === "*" || ifMatch.split(",").some((tag) => tag.trim() === etagOf(project))

export const layer = HttpApiBuilder.group(
  Api,
  "projects",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const projects = yield* Projects
    const store = yield* ProjectStore
    const agents = yield* AgentHarness
    const operations = yield* Operations
    const projectSync = yield* ProjectSync
    const paging = yield* Paging
    const repositories = yield* RepositoryHost
    const auditTrail = yield* AuditStore
    const stores = yield* Effect.context<Variables.Needs>()

    const views = yield* ProjectViews.make
    const withEtag = (project: Project) =>
      Effect.map(views.one(project), (body) => HttpApiSchema.withHeaders({ body, headers: { etag: etagOf(project) } }))

    const accepted = Effect.fnUntraced(function* ({ operation }: Started, seconds: number) {
      yield* waited(operations, operation, seconds)
      return Views.accepted(operation)
    })
    const unrestricted = Effect.gen(function* () {
      const { principal } = yield* CurrentRequest
      if (principal.projects !== null)
        return yield* Problem.make("forbidden", {
          detail: "This key is for some projects only and cannot make new ones"
        })
    })
    /** Checked here, so that a typo is refused at once and not when the first agent should start. */
    const knownAgent = (name: string | undefined) =>
      name === undefined ? Effect.void : Effect.asVoid(agents.get(name))

    const change = Effect.fnUntraced(function* (
      project: Project,
      ifMatch: string | undefined,
      wanted: { readonly description?: string; readonly agent?: string }
    ) {
      if (ifMatch === undefined)
        return yield* Problem.make("precondition-required", {
          detail: `Send If-Match with the ETag that GET answered, so that nobody's change is overwritten`
        })
      if (!fits(ifMatch, project))
        return yield* Problem.make("precondition-failed", {
          detail: "The project was changed since it was read; read it again"
        })
      yield* knownAgent(wanted.agent)
      const next = Project.make({
        ...project,
        ...wanted,
        generation: (project.generation ?? 1) + 1,
        updatedAt: yield* DateTime.now,
        revision: project.revision + 1
      })
      yield* Effect.catchIf(
        store.update(next),
        (error) => error.reason._tag === "Conflict",
        () =>
          Effect.fail(
            Problem.make("precondition-failed", { detail: "The project was changed since it was read; read it again" })
          )
      )
      return next
    })

    const mergeSetup = Effect.fnUntraced(function* ({ id, name, setup }: Project) {
      const number = setup?.pullRequest ?? null
      if (number === null)
        return yield* Problem.make("conflict", {
          detail: `project ${name} has no pull request that sets rdev up: it began with a template, or had everything`
        })
      const target = { projectId: id, name }
      const pull = yield* repositories.pullRequest(target, number)
      const sha = yield* repositories.mergePullRequest(target, number, pull.headSha)
      const { principal, requestId, sourceAddress } = yield* CurrentRequest
      yield* auditTrail.append({
        projectId: id,
        operationId: null,
        type: "setup.merge",
        actor: principal.id,
        requestId,
        sourceAddress,
        outcome: "completed",
        steps: [],
        data: { pullRequest: number, sha }
      })
      return { pullRequest: number, sha }
    })

    const gitToken = Effect.fnUntraced(function* (project: Project, access: "read" | "write", ttlSeconds: number) {
      const repository =
        project.status === "deleting"
          ? Option.none()
          : yield* repositories.observe({ projectId: project.id, name: project.name })
      if (Option.isNone(repository))
        return yield* Problem.make("conflict", {
          detail: `project ${project.name} is ${project.status} and has no repository to clone`
        })
      const { principal, requestId, sourceAddress } = yield* CurrentRequest
      const made = yield* repositories.issueToken(
        { projectId: project.id, name: project.name },
        access,
        ttlSeconds,
        principal.id
      )
      yield* auditTrail.append({
        projectId: project.id,
        operationId: null,
        type: "git-token.create",
        actor: principal.id,
        requestId,
        sourceAddress,
        outcome: "completed",
        steps: [],
        data: { access, expiresAt: new Date(made.expiresAtMillis).toISOString() }
      })
      const token = Redacted.value(made.token)
      const { cloneUrl } = repository.value
      return {
        username: made.username,
        token,
        access,
        expiresAt: DateTime.makeUnsafe(made.expiresAtMillis),
        cloneUrl,
        cloneCommand: `git clone ${withCredentials(cloneUrl, made.username, token)}`
      }
    })

    return handlers.handleAll({
      create: ({ headers, payload, query }) =>
        answer(
          Effect.gen(function* () {
            yield* unrestricted
            yield* knownAgent(payload.agent)
            const wanted = yield* NewProjects.fromWire(payload)
            if (query.dry_run === "true") return Views.plan(yield* projects.plan(wanted))
            const started = yield* projects.create(wanted)
            const reply = yield* accepted(started, waitSeconds(headers))
            return { ...reply, project: yield* views.one(yield* projects.get(started.project.id)) }
          })
        ),
      list: ({ query }) =>
        answer(
          Effect.gen(function* () {
            const { principal } = yield* CurrentRequest
            const names = ["projects", ...(principal.projects ?? [])]
            const { after, limit } = yield* paging.read(names, query)
            const rows = yield* projects.list({ after, limit, only: principal.projects })
            return { projects: yield* views.all(rows), nextCursor: paging.next(names, limit, rows, rows.at(-1)?.id) }
          })
        ),
      get: ({ params }) => answer(Effect.flatMap(projects.get(params.project), withEtag)),
      update: ({ headers, params, payload }) =>
        answer(
          Effect.gen(function* () {
            return yield* withEtag(yield* change(yield* findProject(params.project), headers["if-match"], payload))
          })
        ),
      delete: ({ headers, params }) =>
        answer(Effect.flatMap(projects.delete(params.project), (started) => accepted(started, waitSeconds(headers)))),
      sync: ({ params, payload }) =>
        answer(
          Effect.gen(function* () {
            const project = yield* findProject(params.project)
            const done = yield* projectSync.now(project, { make: payload.make ?? [] })
            return { operationId: done.operationId, project: yield* views.one(done.project) }
          })
        ),
      credentials: ({ params }) =>
        answer(
          Effect.gen(function* () {
            const project = yield* findProject(params.project)
            const found = yield* Effect.provideContext(Variables.shown(project.id), stores)
            return {
              credentials: found.map(({ environment, name, updatedAtMillis, value }) => ({
                name,
                environment,
                value,
                updatedAt: DateTime.makeUnsafe(updatedAtMillis)
              }))
            }
          })
        ),
      mergeSetup: ({ params }) => answer(Effect.flatMap(findProject(params.project), mergeSetup)),
      createGitToken: ({ params, payload }) =>
        answer(
          Effect.flatMap(findProject(params.project), (project) =>
            gitToken(project, payload.access, payload.ttlSeconds ?? defaultGitTokenSeconds)
          )
        )
    })
  })
)
