/**
 * Drives one feature: reads its state, asks the classifier, carries the decision out, and again, until it has to wait for a task,
 * a human or the outside. A pass remembers nothing: a killed server goes on from the repository and the queue.
 */
import { decide } from "@rdev/sdlc/derive/Decide"
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import type { Draft } from "@rdev/sdlc/repo/Repo"
import { Clock, Effect, Option } from "effect"
import { type ErrorClass, isPermanent } from "../../../domain/ErrorClass.ts"
import { FeatureIndex } from "../../../domain/FeatureIndex.ts"
import type { Project } from "../../../domain/Project.ts"
import type { WorkTask } from "../../../domain/WorkTask.ts"
import { ForgeHooks } from "../../../ports/forge/ForgeHooks.ts"
import { ForgeNews } from "../../../ports/forge/ForgeNews.ts"
import { FeatureStore } from "../../../ports/stores/FeatureStore.ts"
import { WorkQueue } from "../../../queue/WorkQueue.ts"
import { toTaskFailure } from "./Failures.ts"
import * as FeatureAudit from "../report/FeatureAudit.ts"
import * as FeatureFiles from "../read/FeatureFiles.ts"
import * as FeatureTask from "./FeatureTask.ts"
import * as Log from "../report/FeatureLog.ts"
import * as PlatformActions from "../act/PlatformActions.ts"
import * as Repair from "../act/Repair.ts"
import * as Restore from "../act/Restore.ts"
import * as Train from "./Train.ts"
import * as Wake from "./Wake.ts"

/** Far above the longest life of a feature (the model's bound is 120 steps); reaching it means the table and an action disagree. */
const maxSteps = 400
const agentTimeoutMillis = 60 * 60_000
const actionTimeoutMillis = 60 * 60_000

/** Updates the index row, and tells the log and the siblings what changed. */
const remember = Effect.fn("Controller.remember")(function* (
  snapshot: FeatureFiles.Snapshot,
  decision: FeatureDecision
) {
  const store = yield* FeatureStore
  const before = snapshot.index
  const { held: _, ...known } = before
  const { state } = snapshot
  const shown = {
    rule: decision.rule,
    action: decision.action,
    actor: decision.actor,
    kind: decision.kind,
    reason: decision.reason
  }
  const after = FeatureIndex.make({
    ...known,
    title: state.feature.title,
    deps: [...state.feature.deps],
    phase: state.phase,
    lifecycle: state.lifecycle,
    branch: state.branch?.name ?? null,
    pullRequest: state.pr?.number ?? null,
    claimed: state.claim !== undefined,
    intactSha: snapshot.loaded.integrity === "ok" ? snapshot.sha : before.intactSha,
    decision: shown,
    live: decision.kind !== "done"
  })
  const differs = JSON.stringify({ ...after, intactSha: null }) !== JSON.stringify({ ...before, intactSha: null })
  if (!differs && after.intactSha === before.intactSha) return before
  const stored = FeatureIndex.make({
    ...after,
    updatedAtMillis: differs ? yield* Clock.currentTimeMillis : before.updatedAtMillis
  })
  yield* store.put(stored)
  if (before.phase !== after.phase)
    yield* Log.moved(snapshot, before.phase, after.phase, decision.rule, decision.reason)
  if (differs && JSON.stringify(before.decision) !== JSON.stringify(shown)) yield* Log.decided(snapshot, decision)
  const left = Train.boarding(Train.carOf(before)) && !Train.boarding(Train.carOf(stored))
  const freed =
    left || (before.claimed && !after.claimed) || before.phase !== after.phase || before.lifecycle !== after.lifecycle
  if (freed) yield* Wake.waiting(snapshot.project.id, after.slug)
  return stored
})

/** What a decision's failure is recorded as: of a plan task as its own, of anything else as an attempt of the rule. */
export const failureDraft = (decision: FeatureDecision, reason: string): Draft => {
  const clipped = reason.slice(0, 2_000)
  return decision.taskId !== undefined && (decision.action === "implement-task" || decision.action === "retry-task")
    ? PlatformActions.draft("task-failed", { task: decision.taskId, reason: clipped })
    : PlatformActions.draft("attempt-recorded", {
        rule: decision.via ?? decision.rule,
        outcome: "failed",
        reason: clipped,
        ...(decision.subjects[0] === undefined ? {} : { subject: decision.subjects[0] })
      })
}

const isFor = (task: WorkTask, decision: FeatureDecision) =>
  typeof task.payload === "object" &&
  task.payload !== null &&
  "key" in task.payload &&
  task.payload["key"] === decision.idempotencyKey

/** What a failure is recorded as: as an attempt, or, where the same would only happen again until somebody acts, as a question to a person at once. */
const failureDrafts = (decision: FeatureDecision, failure: ErrorClass | null, reason: string) =>
  failure !== null && isPermanent(failure)
    ? PlatformActions.stuck(decision, failure.message)
    : Effect.succeed([failureDraft(decision, reason)])

/** A task that ended without changing what is to be done has failed, whatever it says. */
const settle = Effect.fn("Controller.settle")(function* (
  snapshot: FeatureFiles.Snapshot,
  decision: FeatureDecision,
  task: WorkTask
) {
  const reason =
    task.error === null
      ? `${decision.action} ended without a result that counts`
      : `${task.error._tag}: ${task.error.message}`
  yield* Log.failed(snapshot, decision.action, reason)
  yield* FeatureFiles.record(snapshot, yield* failureDrafts(decision, task.error, reason))
})

const enqueue = Effect.fn("Controller.enqueue")(function* (snapshot: FeatureFiles.Snapshot, decision: FeatureDecision) {
  const queue = yield* WorkQueue
  const store = yield* FeatureStore
  const agent = decision.actor === "agent" || decision.kind === "approve"
  const task = yield* queue.enqueue({
    owner: snapshot.project.id,
    kind: agent ? "agent" : "action",
    payload: { slug: snapshot.index.slug, key: decision.idempotencyKey, action: decision.action, rule: decision.rule },
    dedupeKey: `feature:${decision.idempotencyKey}`,
    concurrencyKey: `feature:${snapshot.index.slug}`,
    concurrencyLimit: 1,
    timeoutMillis: agent ? agentTimeoutMillis : actionTimeoutMillis
  })
  yield* store.put(FeatureIndex.make({ ...snapshot.index, taskId: task.id }))
})

/** Performs a short platform action and commits what it says. */
export const perform = Effect.fn("Controller.perform")(function* (
  snapshot: FeatureFiles.Snapshot,
  decision: FeatureDecision
) {
  const started = yield* Clock.currentTimeMillis
  if (decision.action === "repair-state") {
    yield* Repair.run(snapshot)
    return
  }
  // The branch is made anew: what it alone holds of the feature has to be elsewhere by then.
  if (decision.action === "reopen" && snapshot.branch !== snapshot.project.defaultBranch) {
    if (yield* Restore.records(snapshot.project, snapshot.index.slug, snapshot.sha)) return
  }
  const outcome: PlatformActions.Outcome = yield* PlatformActions.perform(snapshot, decision)
  yield* FeatureFiles.record(snapshot, outcome.events, { files: outcome.files ?? [] })
  yield* FeatureAudit.performed(snapshot, decision, started)
})

/** What happened to the default branch behind the controller's back; a merge that was taken back again is one that was rolled back. */
const landedDrafts = ({ state }: FeatureFiles.Snapshot, sha: string): ReadonlyArray<Draft> => {
  const { landed } = state.observed
  const merged = PlatformActions.draft("merged", { sha, outOfBand: landed !== undefined || state.phase !== "merge" })
  return landed?.reverted === undefined
    ? [merged]
    : [
        merged,
        PlatformActions.draft("rollback-recorded", {
          deploy: sha,
          status: "succeeded",
          error: `${landed.reverted.slice(0, 12)} took the changes back`
        })
      ]
}

/**
 * A merge on record that was taken back on the default branch. Where the policy asks for a release this is one that was rolled back, and the
 * work begins anew (M10, by P4 from `released`); where it does not, a person says what is to come of a feature that counts as released.
 */
const takenBackDrafts = ({ policy, state, takenBack }: FeatureFiles.Snapshot): ReadonlyArray<Draft> => {
  if (takenBack === null) return []
  const { sha, subject } = takenBack
  const merge = state.merge.sha ?? ""
  const rolledBack = PlatformActions.draft("rollback-recorded", {
    deploy: state.release.deploy ?? merge,
    status: "succeeded",
    error: `${sha} took the merge ${merge.slice(0, 12)} back: ${subject.slice(0, 200)}`
  })
  return state.phase !== "released" || policy.deploy === "required"
    ? [rolledBack]
    : [
        rolledBack,
        PlatformActions.draft("blocker-opened", {
          blocker: `reverted-${sha.slice(0, 12)}`,
          needs: "human",
          reason: `the default branch no longer has this feature: ${sha.slice(0, 12)} (${subject.slice(0, 200)}) took its merge ${merge.slice(0, 12)} back. Cancel the feature, or clear the blocker when it is right as it is`
        })
      ]
}

/** What cannot be taken back is decided by what a forge elsewhere says now, and not by what it said before. */
const byTheForge: ReadonlySet<string> = new Set(["merge", "requeue-merge"])

type Next = "again" | "rest"

const carryOut = Effect.fn("Controller.carryOut")(function* (
  snapshot: FeatureFiles.Snapshot,
  decision: FeatureDecision,
  lastKey: string | null
) {
  const task = yield* FeatureTask.last(snapshot.index)
  if (Option.isSome(task) && isFor(task.value, decision)) {
    if (FeatureTask.unfinished(task.value)) return "rest" satisfies Next
    yield* settle(snapshot, decision, task.value)
    return "again" satisfies Next
  }
  const byAgent = decision.actor === "agent" || (decision.kind === "approve" && decision.approver === "agent")
  if (byAgent || PlatformActions.long.has(decision.action)) {
    yield* enqueue(snapshot, decision)
    return "rest" satisfies Next
  }
  if (lastKey === decision.idempotencyKey) {
    yield* FeatureFiles.record(snapshot, [failureDraft(decision, `${decision.action} changed nothing`)])
    return "again" satisfies Next
  }
  yield* perform(snapshot, decision).pipe(
    Effect.catchIf(
      (error) => "retryable" in error && !error.retryable && error._tag !== "StoreError",
      (error) =>
        Effect.andThen(
          Log.failed(snapshot, decision.action, error.message),
          Effect.flatMap(failureDrafts(decision, toTaskFailure(error).reason, error.message), (drafts) =>
            FeatureFiles.record(snapshot, drafts)
          )
        )
    )
  )
  return "again" satisfies Next
})

const mine = (decision: FeatureDecision) =>
  decision.kind === "move" || decision.kind === "do" || (decision.kind === "approve" && decision.approver === "agent")

/** One pass over a feature, to where it has to wait. Returns the last decision; None when the feature is gone. */
export const drive = Effect.fn("Controller.drive")(function* (project: Project, slug: string) {
  const store = yield* FeatureStore
  let lastKey: string | null = null
  let askedFor: string | null = null
  const news = (yield* ForgeHooks) === null ? null : yield* ForgeNews
  for (let step = 0; step < maxSteps; step++) {
    const index = yield* store.get(project.id, slug)
    if (Option.isNone(index)) return Option.none<FeatureDecision>()
    const now = yield* Clock.currentTimeMillis
    const loaded = yield* FeatureFiles.load(project, index.value, yield* FeatureTask.lease(index.value))
    if (Option.isNone(loaded)) {
      if (yield* Restore.afterRevert(project, index.value)) continue
      return Option.none<FeatureDecision>()
    }
    if (loaded.value.landedSha !== null) {
      yield* FeatureFiles.record(loaded.value, landedDrafts(loaded.value, loaded.value.landedSha))
      continue
    }
    const reverted = takenBackDrafts(loaded.value)
    if (reverted.length > 0) {
      yield* FeatureFiles.record(loaded.value, reverted)
      continue
    }
    const decision = decide(loaded.value.state, loaded.value.loaded.policy, now)
    if (news !== null && byTheForge.has(decision.action) && askedFor !== decision.idempotencyKey) {
      askedFor = decision.idempotencyKey
      news.moved(project.id)
      continue
    }
    const snapshot = { ...loaded.value, index: yield* remember(loaded.value, decision) }
    if (!mine(decision)) return Option.some(decision)
    const next: Next = yield* carryOut(snapshot, decision, lastKey)
    if (next === "rest") return Option.some(decision)
    lastKey = decision.idempotencyKey
  }
  return yield* Effect.die(new Error(`feature ${slug} of ${project.name} did not come to rest in ${maxSteps} steps`))
})
