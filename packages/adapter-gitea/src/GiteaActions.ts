/**
 * Gitea Actions as a server of runs (1.26; `runs` are in the API since 1.25). A repository is activated by a variable of Actions that
 * names its project. What the API cannot: cancel a run, and say what became of single steps, which the log does.
 */
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { ActionsServer, ServerRun } from "@rdev/runtime-node/actions/ActionsServer"
import { Effect, Schema } from "effect"
import { isNoLogYet } from "./classifyError.ts"
import * as GiteaClient from "./GiteaClient.ts"
import { fail, type GiteaError } from "./GiteaError.ts"
import type { Place } from "./GiteaPlace.ts"
import * as Repositories from "./GiteaRepositories.ts"

/** Its value is the project's id. Names that begin with GITEA_ or GITHUB_ are Gitea's own. */
export const variable = "RDEV_CI"
const partBytes = 4 * 1024 * 1024
/** Of the newest. */
const maxRuns = 500

const Run = Schema.Struct({
  id: Schema.Int,
  display_title: Schema.String,
  status: Schema.String,
  /** Left out until it has one. */
  conclusion: Schema.optionalKey(Schema.NullOr(Schema.String)),
  started_at: Schema.String,
  completed_at: Schema.String,
  html_url: Schema.String
})
const RunList = Schema.Struct({ total_count: Schema.Int, workflow_runs: Schema.NullOr(Schema.Array(Run)) })
const JobList = Schema.Struct({ jobs: Schema.NullOr(Schema.Array(Schema.Struct({ id: Schema.Int }))) })
const Variable = Schema.Struct({ data: Schema.String })

/** 1970 of what has not happened. */
const timeOf = (text: string): number | null => {
  const millis = Date.parse(text)
  return Number.isFinite(millis) && millis > 0 ? millis : null
}
const states: Readonly<Record<string, ServerRun["status"]>> = {
  queued: "queued",
  waiting: "waiting",
  in_progress: "running",
  completed: "completed"
}
export const view = (run: typeof Run.Type): ServerRun => ({
  number: run.id,
  title: run.display_title,
  status: states[run.status] ?? "queued",
  conclusion: run.status === "completed" ? (run.conclusion ?? null) : null,
  startedAtMillis: timeOf(run.started_at),
  completedAtMillis: run.status === "completed" ? timeOf(run.completed_at) : null,
  url: run.html_url
})

const ours = (place: Place, target: RepositoryTarget, anew = false) =>
  Effect.map(place.at(target, anew), ({ found }) => ({ found, path: Repositories.pathOf(found) }))

const activate = Effect.fn("GiteaActions.activate")(function* (place: Place, target: RepositoryTarget) {
  const { found, path } = yield* ours(place, target, true)
  if (found.has_actions === false) {
    yield* place.client.call("PATCH", path, { body: { has_actions: true } })
    place.forget(target.projectId)
  }
  const at = `${path}/actions/variables/${variable}`
  const { status } = yield* place.client.call("POST", at, {
    body: { value: target.projectId },
    accept: [201, 204, 404, 409]
  })
  if (status === 404)
    return yield* fail({
      _tag: "Unsupported",
      message: `Actions are switched off at ${place.client.url}; an administrator writes [actions] ENABLED = true into its app.ini`
    })
  if (status === 409) yield* place.client.call("PUT", at, { body: { value: target.projectId } })
  return { externalId: String(found.id), created: status !== 409 }
})

const active = Effect.fn("GiteaActions.active")(function* (place: Place, target: RepositoryTarget) {
  const { found, path } = yield* ours(place, target)
  if (found.has_actions === false) return null
  const mark = yield* place.client.find(`${path}/actions/variables/${variable}`, Variable)
  return mark?.data === target.projectId ? String(found.id) : null
})

const runs = Effect.fn("GiteaActions.runs")(function* (place: Place, target: RepositoryTarget, branch: string | null) {
  const path = `${(yield* ours(place, target)).path}/actions/runs`
  const all: Array<ServerRun> = []
  for (let page = 1; all.length < maxRuns; page++) {
    const { json } = yield* place.client.call("GET", path, {
      query: { page, limit: 50, ...(branch === null ? {} : { branch }) }
    })
    const { total_count, workflow_runs } = yield* GiteaClient.decode(RunList, path)(json)
    all.push(...(workflow_runs ?? []).map(view))
    if ((workflow_runs ?? []).length === 0 || all.length >= total_count) break
  }
  return all
})

const job = Effect.fn("GiteaActions.job")(function* (place: Place, target: RepositoryTarget, run: number) {
  const path = `${(yield* ours(place, target)).path}/actions/runs/${run}/jobs`
  const { json } = yield* place.client.call("GET", path)
  const [first] = (yield* GiteaClient.decode(JobList, path)(json)).jobs ?? []
  // Gitea gives every step the conclusion of the whole job: what it says of them is left out.
  return first === undefined ? null : { number: first.id, steps: [] }
})

const log = Effect.fn("GiteaActions.log")(function* (place: Place, target: RepositoryTarget, id: number, from: number) {
  const path = `${(yield* ours(place, target)).path}/actions/jobs/${id}/logs`
  const { bytes, status } = yield* place.client.bytes(path, { from, count: partBytes }).pipe(
    Effect.catchIf(
      ({ answer }) => isNoLogYet(answer),
      () => Effect.succeed({ bytes: new Uint8Array(0), status: 404 })
    )
  )
  if (status === 404) return null
  if (status === 416) return new Uint8Array(0)
  // Something in between does not know ranges, and sent all of it.
  return status === 200 ? bytes.subarray(from) : bytes
})

const unlessMissing = <A>(work: Effect.Effect<A, GiteaError>, otherwise: A): Effect.Effect<A, GiteaError> =>
  Effect.catchIf(
    work,
    ({ reason }) => reason._tag === "NotFound",
    () => Effect.succeed(otherwise)
  )

export const make = (place: Place): ActionsServer<GiteaError> => ({
  name: "Gitea",
  workflowPath: ".gitea/workflows/rdev.yaml",
  activate: (target) => activate(place, target),
  active: (target) => unlessMissing(active(place, target), null),
  deactivate: (target) =>
    unlessMissing(
      Effect.flatMap(ours(place, target, true), ({ path }) =>
        Effect.asVoid(
          place.client.call("DELETE", `${path}/actions/variables/${variable}`, { accept: [200, 201, 204, 404] })
        )
      ),
      undefined
    ),
  runs: (target, branch) => runs(place, target, branch),
  job: (target, run) => job(place, target, run),
  log: (target, id, from) => log(place, target, id, from),
  cancel: { instead: "a person with write access ends it on the page of the run (Cancel workflow run)" },
  forget: (target, run) =>
    Effect.flatMap(ours(place, target), ({ path }) =>
      // 400 of one that is not done after all: it stays until the repository goes.
      place.client.call("DELETE", `${path}/actions/runs/${run}`, { accept: [204, 400, 404] })
    ).pipe(Effect.asVoid)
})
