/** `execs`: commands in a project's workspace. */
import { Api } from "@rdev/api/Api"
import * as Problem from "@rdev/api/Problem"
import type { ExecView } from "@rdev/api/groups/Execs"
import type { Project } from "@rdev/core/domain/Project"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Access from "../Access.ts"
import { type ExecRecord, Execs, type ExecSpec } from "../Execs.ts"
import { answer } from "../http/Failures.ts"

const view = (project: Project, record: ExecRecord): ExecView => ({
  id: record.id,
  command: record.command,
  workspace: record.workspace,
  state: record.exit === null ? "running" : "exited",
  exitCode: record.exit?.code ?? null,
  signal: record.exit?.signal ?? null,
  reason: record.exit?.reason ?? null,
  detail: record.exit?.detail ?? null,
  startedAt: DateTime.makeUnsafe(record.startedAtMillis),
  endedAt: record.endedAtMillis === null ? null : DateTime.makeUnsafe(record.endedAtMillis),
  eventsUrl: `/projects/${project.name}/events?exec_id=${record.id}`
})

const defaultLimit = 1024 * 1024
const pastTheEnd = (detail: string) =>
  Problem.make("unprocessable", { detail, errors: [{ pointer: "/query/offset", detail }] })

export const layer = HttpApiBuilder.group(
  Api,
  "execs",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const execs = yield* Execs
    const shown = <E>(idOrName: string, use: (project: Project) => Effect.Effect<ExecRecord, E>) =>
      answer(
        Effect.flatMap(findProject(idOrName), (project) => Effect.map(use(project), (record) => view(project, record)))
      )
    return handlers.handleAll({
      create: ({ params, payload }) => {
        const { command, cwd, env, timeoutSeconds, workspace } = payload
        const spec: ExecSpec = {
          command,
          ...(cwd === undefined ? {} : { cwd }),
          ...(env === undefined ? {} : { env }),
          ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
          ...(workspace === undefined ? {} : { workspace })
        }
        return shown(params.project, (project) => execs.start(project, spec))
      },
      get: ({ params, query }) => shown(params.project, (project) => execs.wait(project, params.exec, query.wait ?? 0)),
      output: ({ params, query }) =>
        answer(
          Effect.gen(function* () {
            const project = yield* findProject(params.project)
            const range = {
              view: query.stream ?? "both",
              offset: query.offset ?? 0,
              limit: query.limit ?? defaultLimit
            }
            const { bytes, dropped, ended, next, offset, size } = yield* Effect.catchTag(
              execs.output(project, params.exec, range),
              "OutputStoreError",
              (error) => Effect.fail(error.reason._tag === "Invalid" ? pastTheEnd(error.reason.message) : error)
            )
            return HttpApiSchema.withHeaders({
              body: bytes,
              headers: {
                "rdev-output-offset": offset,
                "rdev-output-next": next,
                "rdev-output-size": size,
                "rdev-output-dropped": dropped,
                "rdev-output-ended": ended ? ("true" as const) : ("false" as const)
              }
            })
          })
        ),
      kill: ({ params }) => shown(params.project, (project) => execs.kill(project, params.exec))
    })
  })
)
