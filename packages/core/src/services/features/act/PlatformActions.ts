/**
 * What the platform itself does for a decision. Each action turns into verbs of ports and answers with the events that record it;
 * the controller commits them. Every action may be run twice: the ports observe before they change, and a decision whose outcome
 * was recorded is not made again.
 */
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import type { Draft } from "@rdev/sdlc/repo/Repo"
import { Effect, Option, Stream } from "effect"
import * as NewId from "../../../ids/NewId.ts"
import { Ci, type CiRun } from "../../../ports/infra/Ci.ts"
import { BranchName } from "../../../ports/infra/Forge.ts"
import { ForgeNews } from "../../../ports/forge/ForgeNews.ts"
import { GitObjects } from "../../../ports/infra/GitObjects.ts"
import { RepositoryHost } from "../../../ports/infra/RepositoryHost.ts"
import { WorkspaceHost } from "../../../ports/infra/WorkspaceHost.ts"
import { branchOf, type Snapshot } from "../read/FeatureFiles.ts"
import * as PullText from "../../issues/PullText.ts"
import * as FeatureWorkspace from "./FeatureWorkspace.ts"
import * as Log from "../report/FeatureLog.ts"
import * as Observe from "../read/Observe.ts"
import { draft, type Outcome } from "./Outcome.ts"
import * as ReleaseActions from "./ReleaseActions.ts"
import * as TaskCheck from "./TaskCheck.ts"

export { draft, type Outcome } from "./Outcome.ts"

/** Actions that take long enough to be tasks of the queue instead of part of the controller's pass. */
export const long: ReadonlySet<string> = new Set([
  "run-ci",
  "verify-task",
  "deploy",
  "retry-deploy",
  "rollback",
  "verify-release"
])

const provision = Effect.fn("PlatformActions.provision")(function* (snapshot: Snapshot) {
  const git = yield* GitObjects
  const branch = branchOf(snapshot.index.slug)
  const base = BranchName.make(snapshot.project.defaultBranch)
  const at = yield* git.head(snapshot.target, base)
  if (Option.isSome(at)) yield* git.ensureBranch(snapshot.target, branch, at.value)
  const workspace = yield* FeatureWorkspace.ensure(snapshot, "none")
  return {
    branch,
    events: [
      draft("branch-provisioned", {
        branch,
        base,
        ...(Option.isNone(at) ? {} : { sha: at.value }),
        resources: [`workspace:${workspace.name}`, `branch:${branch}`]
      })
    ]
  } satisfies Outcome
})

const openPullRequest = Effect.fn("PlatformActions.openPullRequest")(function* (snapshot: Snapshot) {
  const repositories = yield* RepositoryHost
  const pr = yield* repositories.ensurePullRequest(snapshot.target, {
    head: snapshot.branch,
    base: BranchName.make(snapshot.project.defaultBranch),
    title: snapshot.index.title,
    body: yield* PullText.bodyOf(snapshot.project.id, snapshot.index.slug)
  })
  return { pullRequest: pr.number, events: [draft("pr-opened", { number: pr.number, url: pr.url })] } satisfies Outcome
})

const ciDrafts = (snapshot: Snapshot, run: CiRun): ReadonlyArray<Draft> => [
  draft("ci-recorded", {
    tree: snapshot.tree,
    ...(snapshot.state.observed.head?.patch === undefined ? {} : { patch: snapshot.state.observed.head.patch }),
    sha: snapshot.sha,
    run: run.id,
    status: run.status === "green" ? "passed" : run.status === "red" ? "failed" : "infra",
    ...(run.reason === null ? {} : { job: run.reason })
  })
]

const runCi = Effect.fn("PlatformActions.runCi")(function* (snapshot: Snapshot, decision: FeatureDecision) {
  const ci = yield* Ci
  const run = yield* ci.start(snapshot.target, {
    key: decision.idempotencyKey,
    sha: snapshot.sha,
    branch: snapshot.branch,
    event: "pull_request"
  })
  yield* ci.follow(snapshot.target, run.id).pipe(
    Stream.groupedWithin(256, "50 millis"),
    Stream.runForEach((events) => Log.ci(snapshot, run.id, events))
  )
  return { events: ciDrafts(snapshot, yield* ci.get(snapshot.target, run.id)) } satisfies Outcome
})

const verifyTask = Effect.fn("PlatformActions.verifyTask")(function* (snapshot: Snapshot, decision: FeatureDecision) {
  const task = snapshot.state.tasks.find((candidate) => candidate.id === decision.taskId)
  if (task === undefined) return { events: [] } satisfies Outcome
  const checked = yield* TaskCheck.run(snapshot, task)
  return checked._tag === "Passed"
    ? ({
        files: [checked.evidence.file],
        events: [draft("task-verified", { task: task.id, evidence: checked.evidence.digest })]
      } satisfies Outcome)
    : ({ events: [draft("task-failed", { task: task.id, reason: checked.reason })] } satisfies Outcome)
})

const merge = Effect.fn("PlatformActions.merge")(function* (snapshot: Snapshot) {
  const repositories = yield* RepositoryHost
  const number = snapshot.state.pr?.number
  if (number === undefined)
    return { events: [draft("merge-ejected", { reason: "no pull request is recorded" })] } satisfies Outcome
  return yield* repositories.mergePullRequest(snapshot.target, number, snapshot.sha).pipe(
    Effect.tap(() => Effect.map(ForgeNews, (news) => news.moved(snapshot.project.id))),
    // The merge is recorded on the default branch, where the feature goes on: the controller does so when it sees it there.
    Effect.map((): Outcome => ({ events: [] })),
    Effect.catchIf(
      (error) => error.reason._tag === "Conflict",
      (error) => Effect.succeed<Outcome>({ events: [draft("merge-ejected", { reason: error.message })] })
    )
  )
})

const cleanup = Effect.fn("PlatformActions.cleanup")(function* (snapshot: Snapshot) {
  const git = yield* GitObjects
  const host = yield* WorkspaceHost
  yield* host.destroy(snapshot.project.id, snapshot.index.slug)
  const branch = branchOf(snapshot.index.slug)
  // A cancelled feature's files live on its branch alone: without it the history would be gone.
  // So it is with one whose code was merged without its records.
  const merged = snapshot.state.merge.status === "merged" && snapshot.branch !== branch
  if (merged) yield* git.deleteBranch(snapshot.target, branch)
  return {
    events: [
      draft("cleanup-recorded", {
        resources: [`workspace:${snapshot.index.slug}`, ...(merged ? [`branch:${branch}`] : [])]
      })
    ]
  } satisfies Outcome
})

/** A rolled-back feature goes on in a branch made anew from the default branch, with one task that says what went wrong. */
const reopen = Effect.fn("PlatformActions.reopen")(function* (snapshot: Snapshot, decision: FeatureDecision) {
  const cause = snapshot.state.release.detail ?? snapshot.state.incidents.at(-1)?.text ?? decision.reason
  const number = snapshot.state.tasks.length + 1
  const git = yield* GitObjects
  yield* git.deleteBranch(snapshot.target, branchOf(snapshot.index.slug))
  return {
    events: [
      draft("fix-tasks-added", {
        origin: "rollback",
        reason: cause,
        tasks: [
          {
            id: `task-${String(number).padStart(3, "0")}`,
            title: `Fix what made the release roll back: ${cause}`,
            deps: [],
            covers: [],
            writes: ["**"],
            verify: []
          }
        ]
      }),
      draft("phase-moved", {
        from: snapshot.state.phase,
        to: "implementation",
        rule: decision.rule,
        reason: decision.reason,
        policyRev: decision.policyRev
      })
    ]
  } satisfies Outcome
})

const question = (decision: FeatureDecision, text: string) =>
  Effect.map(NewId.ulid, (id) =>
    draft("escalation-opened", { escalation: id, question: text.slice(0, 2_000), rule: decision.via ?? decision.rule })
  )

/** Asked where another attempt would fail the same way. The answer begins the attempts anew. */
export const stuck = (decision: FeatureDecision, cause: string): Effect.Effect<ReadonlyArray<Draft>> =>
  Effect.map(
    question(
      decision,
      `${decision.action} cannot be done until somebody acts: ${cause}. Correct that, then answer: it is tried again`
    ),
    (asked) => [asked]
  )

/** What the last recorded attempt failed with. */
const lastCause = (snapshot: Snapshot): string | null => {
  const last = snapshot.loaded.events.findLast(
    (event) => (event.type === "attempt-recorded" && event.data.outcome === "failed") || event.type === "task-failed"
  )
  return last?.type === "attempt-recorded" || last?.type === "task-failed" ? (last.data.reason ?? null) : null
}
const escalate = (snapshot: Snapshot, decision: FeatureDecision) => {
  const cause = decision.action === "escalate-retries" ? lastCause(snapshot) : null
  return Effect.map(
    question(decision, cause === null ? decision.reason : `${decision.reason}. The last failure: ${cause}`),
    (asked): Outcome => ({ events: [asked] })
  )
}

const recorded = (...events: ReadonlyArray<Draft>) => Effect.succeed<Outcome>({ events })

const updateBranch = Effect.fn("PlatformActions.updateBranch")(function* (snapshot: Snapshot) {
  const git = yield* GitObjects
  const main = BranchName.make(snapshot.project.defaultBranch)
  const sha = yield* git.updateBranch(snapshot.target, snapshot.branch, main)
  const { mergeBase } = yield* git.compare(snapshot.target, main, sha)
  const from = snapshot.state.observed.head?.patch
  const to = mergeBase === null ? undefined : yield* Observe.patchOf(snapshot.target, mergeBase, sha)
  // The new head is the record that the branch is no longer behind; what the update made of the patch is one of its own.
  return {
    events:
      from === undefined || to === undefined || from === to || mergeBase === null
        ? []
        : [draft("branch-updated", { base: mergeBase, from, to })]
  } satisfies Outcome
})

/** Carries out a `do` or `move` decision whose actor is the platform. */
export const perform = (snapshot: Snapshot, decision: FeatureDecision) => {
  const state = snapshot.state
  switch (decision.action) {
    case "advance":
    case "regress":
      return recorded(
        draft("phase-moved", {
          from: state.phase,
          to: decision.to === "archived" || decision.to === undefined ? state.phase : decision.to,
          rule: decision.rule,
          reason: decision.reason,
          policyRev: decision.policyRev,
          ...(decision.cause === undefined ? {} : { cause: decision.cause })
        })
      )
    case "archive":
      return recorded(draft("archived", {}))
    case "claim-slot":
      return recorded(draft("claim-taken", {}))
    case "provision-workspace":
      return provision(snapshot)
    case "materialise-tasks":
      return recorded(
        draft("tasks-materialised", { planHash: state.documents.tasks.hash, tasks: state.documents.tasks.tasks ?? [] })
      )
    case "verify-task":
      return verifyTask(snapshot, decision)
    case "open-pr":
      return openPullRequest(snapshot)
    case "run-ci":
      return runCi(snapshot, decision)
    case "update-branch":
      return updateBranch(snapshot)
    case "merge":
    case "requeue-merge":
      return merge(snapshot)
    case "dequeue-merge":
      return recorded(draft("merge-dequeued", { reason: decision.reason }))
    case "deploy":
    case "retry-deploy":
      return ReleaseActions.deploy(snapshot, decision)
    case "verify-release":
      return ReleaseActions.verify(snapshot)
    case "rollback":
      return ReleaseActions.rollback(snapshot)
    case "reopen":
      return reopen(snapshot, decision)
    case "cleanup-workspace":
      return cleanup(snapshot)
    case "escalate-rework":
    case "escalate-retries":
    case "escalate-budget":
      return escalate(snapshot, decision)
    default:
      return Effect.die(
        new Error(`the rule table asks the platform for "${decision.action}" (${decision.rule}), which it cannot do`)
      )
  }
}
