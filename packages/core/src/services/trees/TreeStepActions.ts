/** What each action of a tree does: a rendered step to what it answered, or a wait. Outputs are taken from the answer elsewhere. */
import { Clock, Effect, Option, Schema } from "effect"
import { canonicalJson } from "@rdev/sdlc/model/Digest"
import { lastLines } from "../../domain/LineText.ts"
import * as Step from "../../operations/Step.ts"
import { BranchName } from "../../ports/infra/Forge.ts"
import { GitObjects } from "../../ports/infra/GitObjects.ts"
import { type ApiRequest, TreeActions } from "../../ports/infra/TreeActions.ts"
import { WorkspaceHost } from "../../ports/infra/WorkspaceHost.ts"
import { recheckMillis } from "../Issuers.ts"
import * as Processes from "../Processes.ts"
import * as JsonPath from "./JsonPath.ts"
import type { AskStep, AssertStep, Check, ShellStep, TreeStep, WaitBuildStep, WaitInfraStep } from "./TreeSchema.ts"

/** What paths look into. */
export type Answer = Step.StepResult<Schema.Json>

const maxShown = 300
const shown = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing")
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text
}
const property = (value: Schema.Json, name: string): Schema.Json =>
  Option.getOrElse(JsonPath.at(value, [name]), () => null)

const request = (actor: string, fields: Omit<ApiRequest, "actor">, anonymous = false) =>
  Effect.flatMap(TreeActions, (actions) =>
    Effect.mapError(actions.request({ ...fields, actor: anonymous ? null : actor }), Step.fromPort)
  )

const get = Effect.fnUntraced(function* (actor: string, path: string) {
  const answer = yield* request(actor, { method: "GET", path, body: null, idempotencyKey: null })
  if (answer.status === 200) return answer.body
  const retryable = answer.status >= 500 || answer.status === 429
  return yield* new Step.StepFailure({
    code: "UnexpectedStatus",
    message: `GET ${path} answered ${answer.status}: ${shown(property(answer.body, "detail") ?? answer.body)}`,
    retryable,
    retryAfterMillis: null
  })
})

const api = Effect.fnUntraced(function* (
  step: Extract<TreeStep, { readonly action: "api" }>,
  actor: string,
  context: Step.StepContext
) {
  const { body = null, method, path } = step
  const answer = yield* request(
    actor,
    { method, path, body, idempotencyKey: method === "POST" ? context.idempotencyKey : null },
    step.anonymous
  )
  const expected = step.expect_status?.includes(answer.status) ?? (answer.status >= 200 && answer.status < 300)
  if (expected) return Step.done<Schema.Json>(answer.body)
  // An earlier attempt, whose connection broke, is still at it: its answer comes under the same key.
  if (answer.status === 409 && property(answer.body, "code") === "idempotency-in-flight") {
    return yield* new Step.StepFailure({
      code: "InFlight",
      message: `${method} ${path} is still under way`,
      retryable: true,
      retryAfterMillis: 1_000
    })
  }
  const wanted = step.expect_status?.join(" or ") ?? "2xx"
  return yield* Step.failure(
    "UnexpectedStatus",
    `${method} ${path} answered ${answer.status}, not ${wanted}: ${shown(property(answer.body, "detail") ?? answer.body)}`
  )
})

/** Again after the interval, until the deadline. */
const again = Effect.fnUntraced(function* (
  step: { readonly interval_seconds?: number; readonly timeout_seconds?: number },
  context: Step.StepContext,
  reason: string
) {
  const now = yield* Clock.currentTimeMillis
  const deadline = context.startedAtMillis + (step.timeout_seconds ?? 600) * 1_000
  if (now >= deadline) return yield* Step.failure("Timeout", `after ${step.timeout_seconds ?? 600} s: ${reason}`)
  return Step.wait(Math.min(deadline, now + (step.interval_seconds ?? 1) * 1_000), reason)
})

const waitInfra = Effect.fnUntraced(function* (
  step: typeof WaitInfraStep.Type,
  actor: string,
  context: Step.StepContext
) {
  const project = yield* get(actor, `/projects/${encodeURIComponent(step.project)}`)
  const status = property(project, "status")
  if (status === "ready") return Step.done(project)
  if (status === "failed" || status === "deleted")
    return yield* Step.failure(
      "InfraFailed",
      `project ${step.project} is ${status}; see its operation ${shown(property(project, "operation_id"))}`
    )
  return yield* again(step, context, `project ${step.project} is ${shown(status)}`)
})

const phases = [
  "draft",
  "specified",
  "planned",
  "ready",
  "implementation",
  "review",
  "audit",
  "qa",
  "merge",
  "released"
]

const waitBuild = Effect.fnUntraced(function* (
  step: typeof WaitBuildStep.Type,
  actor: string,
  context: Step.StepContext
) {
  const project = `/projects/${encodeURIComponent(step.project)}`
  if (step.task !== undefined) {
    const task = yield* get(actor, `/tasks/${encodeURIComponent(step.task)}`)
    const status = property(task, "status")
    if (status === "completed") return Step.done(task)
    if (status === "failed" || status === "cancelled")
      return yield* Step.failure(
        "BuildFailed",
        `task ${step.task} is ${status}: ${shown(property(property(task, "error"), "message"))}`
      )
    return yield* again(step, context, `task ${step.task} is ${shown(status)}`)
  }
  if (step.feature !== undefined) {
    const found = yield* get(actor, `${project}/sdlc/features/${encodeURIComponent(step.feature)}`)
    const [feature, next] = [property(found, "feature"), property(found, "next")]
    const [phase, lifecycle] = [String(property(feature, "phase")), property(feature, "lifecycle")]
    if (phases.indexOf(phase) >= phases.indexOf(step.phase ?? "released")) return Step.done(found)
    if (lifecycle !== "active")
      return yield* Step.failure("BuildFailed", `feature ${step.feature} is ${shown(lifecycle)} in phase ${phase}`)
    // Only a human opens it: waiting longer would not.
    if (property(next, "actor") === "human")
      return yield* again(
        step,
        context,
        `feature ${step.feature} waits for a human in phase ${phase}: ${shown(property(next, "reason"))}`
      )
    // Reasons name tasks and times, and would be told anew at every look.
    return yield* again(step, context, `feature ${step.feature} is in phase ${phase}`)
  }
  const environments = property(yield* get(actor, project), "environments")
  const environment = Array.isArray(environments)
    ? environments.find((one: Schema.Json) => property(one, "name") === step.environment)
    : undefined
  if (environment !== undefined && property(environment, "release_id") !== null)
    return Step.done<Schema.Json>(environment)
  return yield* again(step, context, `${step.environment ?? ""} of ${step.project} has no release yet`)
})

/** Fails when the actor may no longer run commands there: what runs in its name ends with its key. A server that does not answer says nothing about that. */
const whileAllowed = (actor: string, project: string) =>
  Effect.flatMap(TreeActions, (actions) => Effect.asVoid(actions.executable(actor, project))).pipe(
    Effect.catchIf(
      (error) => error.retryable,
      (error) => Effect.logWarning("tree: whether the command may go on could not be asked", error)
    ),
    Effect.mapError(Step.fromPort),
    Effect.delay(recheckMillis),
    Effect.forever
  )

const shell = Effect.fnUntraced(function* (step: typeof ShellStep.Type, actor: string, context: Step.StepContext) {
  const host = yield* WorkspaceHost
  const project = yield* Effect.flatMap(TreeActions, (actions) =>
    Effect.mapError(actions.executable(actor, step.project), Step.fromPort)
  )
  const name = `tree-${context.operationId.slice(-8).toLowerCase()}-${step.id}`.slice(0, 63)
  const inWorkspace = Effect.gen(function* () {
    const workspace = yield* host.ensure({ projectId: project.projectId, name, network: "none" })
    if (step.checkout === true) {
      const git = yield* GitObjects
      const target = { projectId: project.projectId, name: project.name }
      const head = yield* git.head(target, BranchName.make(project.defaultBranch))
      const files = Option.isNone(head) ? new Map<string, Uint8Array>() : yield* git.readFiles(target, head.value, "")
      yield* Effect.forEach(files, ([path, content]) => host.writeFile(workspace, path, content), { discard: true })
    }
    return yield* Processes.run(
      host,
      workspace,
      { argv: step.command, ...(step.env === undefined ? {} : { env: step.env }) },
      { maxBytes: 65_536 }
    )
  })
  const finished = yield* Effect.raceFirst(
    Effect.mapError(inWorkspace, Step.fromPort),
    whileAllowed(actor, step.project)
  ).pipe(
    Effect.ensuring(
      Effect.catch(host.destroy(project.projectId, name), (error) =>
        Effect.logWarning(`tree: workspace ${name} is left: ${error.message}`)
      )
    )
  )
  const { code, reason } = finished.exit
  if (code === (step.expect_exit_code ?? 0))
    return Step.done<Schema.Json>({ stdout: finished.stdout, stderr: finished.stderr, exit_code: code })
  return yield* Step.failure(
    "ExitCode",
    `${step.command[0] ?? ""} ${code === null ? `ended by ${reason}` : `exited ${code}`}: ${shown(lastLines(finished.stderr || finished.stdout, 5).join("\n"))}`
  )
})

const same = (a: Schema.Json, b: Schema.Json) => canonicalJson(a) === canonicalJson(b)
const contains = (whole: Schema.Json, part: Schema.Json): boolean => {
  if (typeof whole === "string") return whole.includes(typeof part === "string" ? part : JSON.stringify(part))
  return Array.isArray(whole)
    ? whole.some((one: Schema.Json) => same(one, part))
    : typeof part === "string" && typeof whole === "object" && whole !== null && Object.hasOwn(whole, part)
}
/** Why the check does not hold, or null. */
const unmet = (check: Check, visited: Schema.Json): string | null => {
  const found =
    check.at === undefined
      ? Option.fromUndefinedOr(check.value)
      : Option.flatMap(JsonPath.parse(check.at), (path) => JsonPath.at(visited, path))
  const what = check.at ?? "the value"
  if (check.exists !== undefined)
    return Option.isSome(found) === check.exists ? null : `${what} ${check.exists ? "is not there" : "is there"}`
  if (Option.isNone(found)) return `${what} is not there`
  if (check.equals !== undefined)
    return same(found.value, check.equals) ? null : `${what} is ${shown(found.value)}, not ${shown(check.equals)}`
  if (check.not_equals !== undefined)
    return same(found.value, check.not_equals) ? `${what} is ${shown(found.value)}` : null
  return check.contains !== undefined && contains(found.value, check.contains)
    ? null
    : `${what} does not contain ${shown(check.contains)}: ${shown(found.value)}`
}

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

const check = Effect.fnUntraced(function* (step: typeof AssertStep.Type, actor: string) {
  const visited =
    step.visit === undefined
      ? null
      : yield* Effect.flatMap(TreeActions, (actions) =>
          Effect.mapError(
            actions.visit({
              actor,
              project: step.visit?.project ?? "",
              environment: step.visit?.environment ?? "production",
              path: step.visit?.path ?? "/"
            }),
            Step.fromPort
          )
        )
  const seen: Schema.Json =
    visited === null
      ? null
      : {
          status: visited.status,
          content_type: visited.contentType,
          body: visited.body,
          json: Option.getOrNull(decodeJson(visited.body))
        }
  const wrong = step.checks.flatMap((one) => unmet(one, seen) ?? [])
  return wrong.length === 0 ? Step.done(seen) : yield* Step.failure("AssertionFailed", wrong.join("; "))
})

/** Without a time limit it waits as long as it takes: the wait is a row, nothing runs meanwhile. */
const ask = Effect.fnUntraced(function* (step: typeof AskStep.Type, context: Step.StepContext) {
  if (Option.isSome(context.answer)) return Step.done<Schema.Json>({ answer: context.answer.value })
  if (step.timeout_seconds === undefined) return Step.ask(step.question)
  const deadline = context.startedAtMillis + step.timeout_seconds * 1_000
  if ((yield* Clock.currentTimeMillis) >= deadline)
    return yield* Step.failure("Timeout", `nobody answered within ${step.timeout_seconds} s: ${step.question}`)
  return Step.ask(step.question, deadline)
})

/** Carries out a step whose placeholders are filled in. */
export const perform = (
  step: TreeStep,
  actor: string,
  context: Step.StepContext
): Effect.Effect<Answer, Step.StepFailure, GitObjects | TreeActions | WorkspaceHost> => {
  switch (step.action) {
    case "api":
      return api(step, actor, context)
    case "wait_infra":
      return waitInfra(step, actor, context)
    case "wait_build":
      return waitBuild(step, actor, context)
    case "shell":
      return shell(step, actor, context)
    case "assert":
      return check(step, actor)
    case "ask":
      return ask(step, context)
  }
}
