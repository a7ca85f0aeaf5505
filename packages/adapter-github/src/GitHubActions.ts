/**
 * GitHub Actions as a server of runs. A repository is activated by a variable of Actions that names its project. Logs come when the job
 * has ended, and from another server, which no credential is sent to; until then GitHub itself says how the steps are.
 */
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { ActionsServer, ServerJob, ServerRun } from "@rdev/runtime-node/actions/ActionsServer"
import { firstStep } from "@rdev/runtime-node/actions/Workflow"
import { Effect, Schema } from "effect"
import type { Client } from "./Client.ts"
import { type GitHubFailure, is } from "./GitHubFailure.ts"
import type { Repositories } from "./Repositories.ts"

export const variable = "RDEV_CI"

const RunAnswer = Schema.Struct({
  id: Schema.Int,
  display_title: Schema.String,
  status: Schema.NullOr(Schema.String),
  conclusion: Schema.NullOr(Schema.String),
  run_started_at: Schema.optionalKey(Schema.String),
  updated_at: Schema.String,
  html_url: Schema.String
})
const RunPage = Schema.Struct({ workflow_runs: Schema.Array(RunAnswer) })
const StepAnswer = Schema.Struct({
  name: Schema.String,
  status: Schema.String,
  conclusion: Schema.NullOr(Schema.String),
  started_at: Schema.optionalKey(Schema.NullOr(Schema.String)),
  completed_at: Schema.optionalKey(Schema.NullOr(Schema.String))
})
const JobPage = Schema.Struct({
  jobs: Schema.Array(Schema.Struct({ id: Schema.Int, steps: Schema.optionalKey(Schema.Array(StepAnswer)) }))
})
const VariableAnswer = Schema.Struct({ value: Schema.String })
const Permissions = Schema.Struct({ enabled: Schema.Boolean })

const timeOf = (text: string | null | undefined): number | null => {
  const millis = Date.parse(text ?? "")
  return Number.isFinite(millis) ? millis : null
}
const states: Readonly<Record<string, ServerRun["status"]>> = {
  in_progress: "running",
  completed: "completed",
  waiting: "waiting",
  action_required: "waiting"
}
export const viewOf = (run: typeof RunAnswer.Type): ServerRun => {
  const status = states[run.status ?? ""] ?? "queued"
  return {
    number: run.id,
    title: run.display_title,
    status,
    conclusion: status === "completed" ? run.conclusion : null,
    startedAtMillis: timeOf(run.run_started_at),
    completedAtMillis: status === "completed" ? timeOf(run.updated_at) : null,
    url: run.html_url
  }
}
type Step = ServerJob["steps"][number]
const stepOf = ({ completed_at, conclusion, started_at, status }: typeof StepAnswer.Type): Step => {
  const [from, to] = [timeOf(started_at), timeOf(completed_at)]
  return {
    status:
      status === "in_progress"
        ? "running"
        : status !== "completed"
          ? "pending"
          : conclusion === "success" || conclusion === "skipped"
            ? conclusion
            : conclusion === "failure"
              ? "failure"
              : "pending",
    durationMillis: from === null || to === null ? null : Math.max(0, to - from)
  }
}
/** GitHub puts steps of its own before and behind. */
export const stepsOf = (steps: ReadonlyArray<typeof StepAnswer.Type>): ReadonlyArray<Step> => {
  const first = steps.findIndex(({ name }) => name === firstStep)
  return first < 0 ? [] : steps.slice(first).map(stepOf)
}
const orNull = <A>(work: Effect.Effect<A, GitHubFailure>): Effect.Effect<A | null, GitHubFailure> =>
  Effect.catchIf(work, is("NotFound"), () => Effect.succeed(null))

const activate = (client: Client, repositories: Repositories) =>
  Effect.fnUntraced(function* (target: RepositoryTarget) {
    const { answer } = yield* repositories.find(target, true)
    return yield* repositories.at(target, (credential, place) =>
      Effect.gen(function* () {
        const { enabled } = yield* client.ask(
          credential,
          "GET /repos/{owner}/{repo}/actions/permissions",
          Permissions,
          place
        )
        if (!enabled)
          yield* client.tell(credential, "PUT /repos/{owner}/{repo}/actions/permissions", { ...place, enabled: true })
        const said = { ...place, name: variable, value: target.projectId }
        const created = yield* client.tell(credential, "POST /repos/{owner}/{repo}/actions/variables", said).pipe(
          Effect.as(true),
          Effect.catchIf(is("AlreadyExists", "Conflict"), () =>
            Effect.as(client.tell(credential, "PATCH /repos/{owner}/{repo}/actions/variables/{name}", said), false)
          )
        )
        return { externalId: String(answer.id), created }
      })
    )
  })

const active = (client: Client, repositories: Repositories) =>
  Effect.fnUntraced(function* (target: RepositoryTarget) {
    const { answer } = yield* repositories.find(target, false)
    const mark = yield* repositories.at(target, (credential, place) =>
      orNull(
        client.ask(credential, "GET /repos/{owner}/{repo}/actions/variables/{name}", VariableAnswer, {
          ...place,
          name: variable
        })
      )
    )
    return mark?.value === target.projectId ? String(answer.id) : null
  })

export const make = (client: Client, repositories: Repositories): ActionsServer<GitHubFailure> => ({
  name: "GitHub",
  workflowPath: ".github/workflows/rdev.yaml",
  activate: activate(client, repositories),
  active: (target) => orNull(active(client, repositories)(target)),
  deactivate: (target) =>
    repositories
      .at(target, (credential, place) =>
        client.tell(credential, "DELETE /repos/{owner}/{repo}/actions/variables/{name}", { ...place, name: variable })
      )
      .pipe(Effect.catchIf(is("NotFound"), () => Effect.void)),
  runs: (target, branch) =>
    repositories.at(target, (credential, place) =>
      Effect.map(
        branch === null
          ? client.all(
              credential,
              "GET /repos/{owner}/{repo}/actions/runs",
              RunPage,
              ({ workflow_runs }) => workflow_runs,
              place
            )
          : Effect.map(
              client.ask(credential, "GET /repos/{owner}/{repo}/actions/runs", RunPage, {
                ...place,
                branch,
                per_page: 100
              }),
              ({ workflow_runs }) => workflow_runs
            ),
        (found) => found.map(viewOf)
      )
    ),
  job: (target, run_id) =>
    repositories.at(target, (credential, place) =>
      Effect.map(
        client.ask(credential, "GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs", JobPage, { ...place, run_id }),
        ({ jobs: [first] }) => (first === undefined ? null : { number: first.id, steps: stepsOf(first.steps ?? []) })
      )
    ),
  log: (target, job_id, from) =>
    repositories.at(target, (credential, place) =>
      orNull(
        client.download(credential, "GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs", { ...place, job_id }, from)
      )
    ),
  cancel: (target, run_id) =>
    repositories
      .at(target, (credential, place) =>
        client.tell(credential, "POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel", { ...place, run_id })
      )
      // 409: it has ended by itself meanwhile.
      .pipe(Effect.catchIf(is("Conflict"), () => Effect.void)),
  forget: (target, run_id) =>
    repositories
      .at(target, (credential, place) =>
        client.tell(credential, "DELETE /repos/{owner}/{repo}/actions/runs/{run_id}", { ...place, run_id })
      )
      .pipe(Effect.catchIf(is("NotFound"), () => Effect.void))
})
