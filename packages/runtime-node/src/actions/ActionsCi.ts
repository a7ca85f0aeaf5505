/**
 * The Ci port over a server of Actions. A run is begun by making a branch of its own that holds nothing but the rendered workflow: the
 * server starts what is pushed, and making a branch succeeds once, so neither a lost answer nor a second caller starts another. Nothing is
 * remembered besides: the server's own listing is the record, and any process finds a run by its id.
 */
import type { RunId } from "@rdev/core/domain/Ids"
import { Ci, CiError, type CiRun } from "@rdev/core/ports/infra/Ci"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { isRetryable, type PortReason } from "@rdev/core/ports/infra/PortReason"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Redaction } from "@rdev/core/services/redaction/Redaction"
import { Clock, Effect, Option, Schedule, Stream } from "effect"
import type { ActionsServer, Failure, Waits } from "./ActionsServer.ts"
import { type Ended, type Over, Runs } from "./Runs.ts"
import * as Following from "./Following.ts"
import * as RunName from "./RunName.ts"
import * as Workflow from "./Workflow.ts"

export interface Options {
  /** Label of the runners; default `ubuntu-latest`. */
  readonly runsOn?: string | undefined
  /** Default 30 minutes. */
  readonly stepMillis?: number | undefined
  /** How long a run may wait for a runner before it counts as not taken; default 10 minutes. */
  readonly queueMillis?: number | undefined
  /** Between two looks at a run: sleeps, unless somebody hears of a change earlier. */
  readonly waits?: Waits | undefined
}

/** How a run shows among a commit's statuses. */
export const statusContext = "rdev/ci"

const wrong = (operation: string) => (failure: { readonly reason: PortReason }) =>
  new CiError({ operation: `Ci.${operation}`, reason: failure.reason, cause: failure })
const reasoned = (reason: PortReason): Failure => ({ reason })
const notActive = ({ name }: RepositoryTarget) =>
  reasoned({ _tag: "NotFound", message: `the pipeline of ${name} is not activated` })

/** For people at the commit and its pull request. What it says decides nothing, so a forge that does not take it stops nothing. */
const tell = ({ repositories, server }: Over<Failure>, target: RepositoryTarget, run: CiRun, url: string | null) =>
  repositories
    .setStatus(target, run.sha, {
      context: statusContext,
      state:
        run.status === "running"
          ? "pending"
          : run.status === "green"
            ? "success"
            : run.status === "red"
              ? "failure"
              : "error",
      description: run.reason ?? (run.status === "running" ? `runs at ${server.name} Actions` : "all steps passed"),
      url
    })
    .pipe(
      Effect.catch(({ message }) => Effect.logWarning(`the status of run ${run.id} could not be shown: ${message}`))
    )

/** A server that is away for a moment is waited for before a run is followed, as it is while it is. */
const opening = {
  while: ({ reason }: Failure) => isRetryable(reason),
  schedule: Schedule.spaced("500 millis").pipe(Schedule.upTo({ times: 20 }))
}

type Request = Parameters<Ci["Service"]["start"]>[1]

/** Makes the branch that begins a run; Conflict = it is there, and so is the run. */
const begin = Effect.fnUntraced(function* (over: Over<Failure>, target: RepositoryTarget, request: Request) {
  const { git, server } = over
  const id = RunName.idOf(target.projectId, request.key, yield* Clock.currentTimeMillis)
  const run: RunName.Named = { id, sha: request.sha, event: request.event, branch: request.branch }
  const setting: Workflow.Setting = {
    runsOn: over.runsOn,
    stepSeconds: Math.max(1, Math.ceil(over.stepMillis / 1000)),
    lastStart: Math.floor((RunName.beganMillis(id) + over.queueMillis) / 1000),
    project: target.name
  }
  const pipeline = yield* over.runs.pipeline(target, request.sha)
  const content =
    typeof pipeline === "string"
      ? Workflow.renderBroken(pipeline, run, setting)
      : Workflow.render(pipeline, run, setting)
  yield* git.commit(target, {
    branch: RunName.branchOf(id),
    expectedHead: null,
    changes: [{ path: server.workflowPath, content }],
    message: RunName.titleOf(run),
    author: { name: "rdev", email: "rdev@localhost" }
  })
  return run
})

const start = Effect.fnUntraced(function* (over: Over<Failure>, target: RepositoryTarget, request: Request) {
  if ((yield* over.runs.active(target)) === null) return yield* Effect.fail(notActive(target))
  const id = RunName.idOf(target.projectId, request.key, 0)
  const there = yield* over.runs.named(target, id, "any")
  if (there !== null) return yield* over.runs.look(target, there)
  const begun = yield* begin(over, target, request).pipe(
    Effect.catchIf(
      (failure) => failure.reason._tag === "Conflict",
      (failure) =>
        Effect.flatMap(over.runs.named(target, id, "any"), (other) =>
          other === null ? Effect.fail(failure) : Effect.succeed(other.run)
        )
    )
  )
  const run = yield* over.runs.look(target, { run: begun, found: null })
  yield* tell(over, target, run, null)
  return run
})

const find = Effect.fnUntraced(function* (over: Over<Failure>, target: RepositoryTarget, id: RunId) {
  const missing = reasoned({ _tag: "NotFound", message: `run ${id} does not exist in ${target.name}` })
  if ((yield* over.runs.active(target)) === null) return yield* Effect.fail(missing)
  return (yield* over.runs.named(target, id, "same")) ?? (yield* Effect.fail(missing))
})

const cancel = Effect.fnUntraced(function* (over: Over<Failure>, target: RepositoryTarget, id: RunId) {
  const there = yield* find(over, target, id)
  const { cancel: asked, name } = over.server
  const run = yield* over.runs.look(target, there)
  if (run.status !== "running") return
  if (typeof asked !== "function")
    return yield* Effect.fail(
      reasoned({ _tag: "Unsupported", message: `${name} cannot cancel a run over its API; ${asked.instead}` })
    )
  // The server may still be making it of its branch.
  const { found } = yield* over.runs.until(target, id, ({ found }) => found !== null, "begun")
  if (found !== null) yield* asked(target, found.number)
  yield* over.runs.until(target, id, ({ found }) => found?.status === "completed", "ended")
})

const remove = Effect.fnUntraced(function* (over: Over<Failure>, target: RepositoryTarget) {
  const { git, server } = over
  over.runs.forget(target)
  const head = yield* Effect.result(git.branches(target))
  if (head._tag === "Failure") {
    if (head.failure.reason._tag === "NotFound") return
    return yield* head.failure
  }
  for (const { name } of head.success)
    if (name.startsWith(RunName.prefix)) yield* git.deleteBranch(target, name as never)
  const ours = (yield* server.runs(target, null)).filter(({ title }) => RunName.parse(title) !== null)
  for (const { number, status } of ours) {
    if (status !== "completed" && typeof server.cancel === "function") yield* server.cancel(target, number)
    else if (status === "completed") yield* server.forget(target, number)
  }
  yield* server.deactivate(target)
})

/** The branch has done its work when the run has ended; the server keeps the run. */
const tidied = (over: Over<Failure>, target: RepositoryTarget, { run, url }: Ended) =>
  Effect.andThen(
    tell(over, target, run, url),
    over.git
      .deleteBranch(target, RunName.branchOf(run.id))
      .pipe(
        Effect.catch(({ message }) => Effect.logWarning(`the branch of run ${run.id} could not be deleted: ${message}`))
      )
  )

export const make = Effect.fnUntraced(function* <F extends Failure>(server: ActionsServer<F>, options: Options) {
  const git = yield* GitObjects
  const repositories = yield* RepositoryHost
  const redaction = yield* Redaction
  const settings = {
    server: server as unknown as ActionsServer<Failure>,
    git,
    repositories,
    redaction,
    runsOn: options.runsOn ?? "ubuntu-latest",
    stepMillis: options.stepMillis ?? 30 * 60_000,
    queueMillis: options.queueMillis ?? 10 * 60_000,
    waits: options.waits ?? ((_target, _id, millis) => Effect.sleep(millis))
  }
  const over: Over<Failure> = { ...settings, runs: new Runs(settings) }
  const verb = <A>(operation: string, work: Effect.Effect<A, Failure>): Effect.Effect<A, CiError> =>
    work.pipe(Effect.mapError(wrong(operation)), Effect.withSpan(`Ci.${operation}`))
  return Ci.of({
    ensure: (target) =>
      verb(
        "ensure",
        Effect.tap(over.server.activate(target), () => Effect.sync(() => over.runs.forget(target)))
      ),
    observe: (target) =>
      verb(
        "observe",
        Effect.map(over.server.active(target), (externalId) =>
          externalId === null ? Option.none() : Option.some({ externalId })
        )
      ),
    remove: (target) => verb("remove", remove(over, target)),
    start: (target, request) => verb("start", start(over, target, request)),
    get: (target, id) =>
      verb(
        "get",
        Effect.flatMap(find(over, target, id), (there) => over.runs.look(target, there))
      ),
    follow: (target, id) =>
      Stream.unwrap(
        verb(
          "follow",
          Effect.map(Effect.retry(find(over, target, id), opening), (there) =>
            Stream.mapError(
              Following.follow(over, target, there, (end) => tidied(over, target, end)),
              wrong("follow")
            )
          )
        )
      ),
    cancel: (target, id) => verb("cancel", cancel(over, target, id))
  })
})
