/**
 * The task kind `agent`: gives one decision to a harness in the feature's workspace and lands what it did. Work that breaks the
 * rules (see Examine) never reaches the branch; work of a run that failed is dropped, and the life cycle decides about another attempt.
 */
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import type { Draft } from "@rdev/sdlc/repo/Repo"
import { Effect, Option, Ref, Stream } from "effect"
import type { ErrorClass } from "../../../domain/ErrorClass.ts"
import type { Move, Refused } from "../../../domain/Examined.ts"
import { type AgentEvent, AgentHarness, type Harness } from "../../../ports/agents/AgentHarness.ts"
import { BranchName } from "../../../ports/infra/Forge.ts"
import { GitObjects, type Prepared } from "../../../ports/infra/GitObjects.ts"
import { TaskFailure } from "../../../queue/TaskHandlers.ts"
import * as Variables from "../../projects/Variables.ts"
import * as SecretCheck from "../../redaction/SecretCheck.ts"
import * as Examine from "../act/Examine.ts"
import * as FeatureFiles from "../read/FeatureFiles.ts"
import * as FeatureWorkspace from "../act/FeatureWorkspace.ts"
import * as Log from "../report/FeatureLog.ts"
import { draft } from "../act/PlatformActions.ts"
import * as Prompt from "../act/Prompt.ts"
import * as WorkspaceSync from "../act/WorkspaceSync.ts"

export const agentFault = (message: string) => new TaskFailure({ reason: { _tag: "AgentFault", message } })
const fail = (reason: ErrorClass) => new TaskFailure({ reason })

/** What one run cost, summed over its usage events. */
interface Spent {
  readonly usd: number
  readonly tokens: number
  readonly ok: boolean | null
  readonly summary: string
}
const nothing: Spent = { usd: 0, tokens: 0, ok: null, summary: "the agent ended without saying so" }

const count = (spent: Spent, event: AgentEvent): Spent => {
  if (event._tag === "Usage")
    return {
      ...spent,
      usd: spent.usd + (event.costUsd ?? 0),
      tokens: spent.tokens + event.inputTokens + event.outputTokens
    }
  if (event._tag === "Ended") return { ...spent, ok: event.ok, summary: event.summary }
  return spent
}

/** The principal under which the agent's events stand: one per task, so that a reviewer is never the author. */
export const principalOf = (harness: string, taskId: string) => ({
  id: harness,
  type: "agent" as const,
  session: taskId
})

const writtenTogether = 128
/** What one run may put into the project's stream; of a flood only the end is told after that, and that something was dropped. */
export const maxEvents = 10_000

const essential = (event: AgentEvent) => event._tag === "Ended" || event._tag === "Usage" || event._tag === "Truncated"

/** The events that still fit, and once a word about the rest. */
const within = (told: Ref.Ref<number>, events: ReadonlyArray<AgentEvent>) =>
  Ref.modify(told, (before): readonly [ReadonlyArray<AgentEvent>, number] => {
    const room = Math.max(0, maxEvents - before)
    const rest = events.slice(room)
    const crossed = before < maxEvents && before + events.length >= maxEvents
    const notice: ReadonlyArray<AgentEvent> = crossed
      ? [{ _tag: "Message", text: `More than ${maxEvents} events: the rest of this run's output is not kept.` }]
      : []
    return [[...events.slice(0, room), ...notice, ...rest.filter(essential)], before + events.length]
  })

const runHarness = Effect.fn("AgentTask.runHarness")(function* (
  snapshot: FeatureFiles.Snapshot,
  decision: FeatureDecision,
  harness: Harness,
  task: { readonly id: string; readonly timeoutMillis: number },
  workspace: Parameters<Harness["run"]>[0]["workspace"]
) {
  const spent = yield* Ref.make(nothing)
  const told = yield* Ref.make(0)
  const principal = principalOf(harness.info.name, task.id)
  const prompt = Prompt.make(snapshot, decision)
  yield* harness
    .run({
      workspace,
      command: prompt.command,
      action: decision.action,
      feature: snapshot.index.slug,
      taskId: decision.taskId ?? null,
      prompt: prompt.text,
      env: {
        ...(yield* Variables.ofWorkspaces(snapshot.project.id)),
        SDLC_PRINCIPAL: `agent:${principal.id}`,
        SDLC_SESSION: principal.session,
        RDEV_FEATURE: snapshot.index.slug,
        RDEV_ACTION: decision.action,
        RDEV_BASE: `origin/${snapshot.project.defaultBranch}`,
        RDEV_PLAN_TASK: decision.taskId ?? ""
      },
      timeoutMillis: task.timeoutMillis,
      budgetUsd: snapshot.remainingUsd
    })
    .pipe(
      Stream.tap((event) => Ref.update(spent, (sum) => count(sum, event))),
      Stream.groupedWithin(writtenTogether, "50 millis"),
      Stream.runForEach((events) => Effect.flatMap(within(told, events), (kept) => Log.agent(snapshot, task.id, kept))),
      Effect.catchTag("AgentError", (error) => Effect.fail(fail(error.reason)))
    )
  return yield* Ref.get(spent)
})

/** Everything that is wrong with moving the branch to the prepared commit, by the policy that is in force now. */
const examine = (about: FeatureFiles.Snapshot, agent: string) =>
  Effect.fn("AgentTask.examine")(function* (move: Move, prepared: Prepared) {
    const git = yield* GitObjects
    const reloaded = yield* FeatureFiles.load(about.project, about.index)
    if (Option.isNone(reloaded) || reloaded.value.branch !== about.branch)
      return [`${about.branch} no longer holds the feature`]
    const snapshot = reloaded.value
    const tree = (sha: string) => git.listTree(about.target, sha)
    const main = yield* git.head(about.target, BranchName.make(about.project.defaultBranch))
    const upstream = new Set([...Option.toArray(main), ...(prepared.merged === null ? [] : [prepared.merged])])
    const [before, after, allowed] = yield* Effect.all([tree(move.head), tree(move.to), Effect.forEach(upstream, tree)])
    const same = new Map(after.map((entry) => [entry.path, entry.oid]))
    const known = new Set(
      [...before, ...allowed.flat().filter((entry) => same.get(entry.path) === entry.oid)].map((entry) => entry.path)
    )
    const written = yield* FeatureFiles.eventsWritten(snapshot, known, move.to, after)
    return [
      ...written.problems,
      ...Examine.problems({
        slug: about.index.slug,
        agent,
        before,
        allowed,
        after,
        written: written.events,
        agentGates: snapshot.agentGates
      }),
      ...(yield* SecretCheck.problems({
        target: about.target,
        to: move.to,
        after,
        before: [...before, ...allowed.flat()]
      }))
    ]
  })

const refused = Effect.fn("AgentTask.refused")(function* (
  snapshot: FeatureFiles.Snapshot,
  taskId: string,
  refusal: Refused
) {
  yield* Log.refused(snapshot, taskId, refusal.problems)
  return yield* fail({ _tag: "PolicyDenied", message: `the work was refused: ${refusal.message}` })
})

const costDrafts = (spent: Spent): ReadonlyArray<Draft> =>
  spent.usd === 0 && spent.tokens === 0
    ? []
    : [draft("cost-recorded", { cost: { usd: spent.usd, tokens: spent.tokens }, reason: "agent run" })]

/** The default branch, for an agent that merges it or compares with it. */
const upstreamOf = Effect.fn("AgentTask.upstreamOf")(function* (snapshot: FeatureFiles.Snapshot) {
  const branch = BranchName.make(snapshot.project.defaultBranch)
  if (snapshot.branch === branch) return {}
  const sha = yield* (yield* GitObjects).head(snapshot.target, branch)
  return Option.isNone(sha) ? {} : { upstream: { branch, sha: sha.value } }
})

/** Runs the decision; the result names the commit that landed. */
export const run = Effect.fn("AgentTask.run")(function* (
  snapshot: FeatureFiles.Snapshot,
  decision: FeatureDecision,
  task: { readonly id: string; readonly timeoutMillis: number }
) {
  const harness = yield* (yield* AgentHarness)
    .get(snapshot.index.agent ?? snapshot.project.agent)
    .pipe(Effect.mapError((error) => fail(error.reason)))
  const workspace = yield* FeatureWorkspace.ensure(snapshot, harness.info.network)
  const author = { name: harness.info.title, email: `${harness.info.name}@agents.rdev` }
  const upstream = yield* upstreamOf(snapshot)
  yield* WorkspaceSync.checkout(snapshot.target, workspace, snapshot.branch, snapshot.sha, { author, ...upstream })
  const spent = yield* runHarness(snapshot, decision, harness, task, workspace)
  if (spent.ok !== true) {
    yield* FeatureFiles.record(snapshot, costDrafts(spent))
    return yield* agentFault(spent.summary)
  }
  const message = `${decision.action}${decision.taskId === undefined ? "" : ` ${decision.taskId}`}: ${snapshot.index.slug}`
  const handover = yield* WorkspaceSync.take(snapshot.target, workspace, {
    branch: snapshot.branch,
    base: snapshot.sha,
    ...upstream,
    message,
    author
  }).pipe(
    // Only the agent was there since the checkout: it left something that cannot be committed, or that the forge does not take.
    Effect.catchIf(
      (error) =>
        error.reason._tag === "Invalid" || (error._tag === "ForgeError" && error.reason._tag === "ResourceExhausted"),
      (error) => Effect.fail(agentFault(error.message))
    )
  )
  const head = Option.isNone(handover)
    ? snapshot.sha
    : yield* WorkspaceSync.land(
        snapshot.target,
        snapshot.branch,
        handover.value,
        examine(snapshot, harness.info.name)
      ).pipe(
        Effect.catchTag("Refused", (refusal) => refused(snapshot, task.id, refusal)),
        Effect.catchIf(
          (error) => error._tag === "ForgeError" && error.reason._tag === "Invalid",
          (error) => Effect.fail(agentFault(error.message))
        )
      )
  const reload = yield* FeatureFiles.load(snapshot.project, snapshot.index)
  if (Option.isSome(reload)) yield* FeatureFiles.record(reload.value, costDrafts(spent))
  return { head, changed: Option.isSome(handover), summary: spent.summary.slice(0, 2_000) }
})
