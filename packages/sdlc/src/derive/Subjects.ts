/**
 * What a decision is about, as ids and digests, and the idempotency key made of it.
 * Each fact that the hit rule tests contributes where it comes from. A recorded outcome is part of that, so trying again after a recorded
 * failure has a new key, while trying again after a crash that recorded nothing has the old one.
 */
import { trace } from "../classify/Reads.ts"
import { ruleOf } from "../classify/Table.ts"
import type { DocumentKind } from "../model/Artifact.ts"
import type { Decision } from "../model/Decision.ts"
import { canonicalJson, digestOf } from "../model/Digest.ts"
import type { FactName, Facts } from "../model/Facts.ts"
import type { EventType } from "../model/FeatureEvent.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import { own } from "../model/Own.ts"
import type { Task, TaskStatus } from "../model/Task.ts"
import type { VerdictGate } from "../model/Verdict.ts"
import { acceptedFindings, latestFor, latestOnTree, riskDigest, upstreamOf } from "./Verdicts.ts"
import { blockedTasks, readyTasks, tasksWith } from "./Work.ts"

type Ref = string | number | null | undefined

const last = (state: FeatureState, ...types: ReadonlyArray<EventType>): ReadonlyArray<Ref> =>
  types.map((type) => state.last[type])

const verdictOn = (state: FeatureState, gate: VerdictGate): Ref =>
  state.verdicts.findLast((verdict) => verdict.gate === gate)?.event

const document =
  (kind: DocumentKind) =>
  (state: FeatureState): ReadonlyArray<Ref> => [
    state.documents[kind].hash,
    canonicalJson(upstreamOf(state, kind)),
    state.submissions.findLast((submission) => submission.kind === kind)?.event,
    verdictOn(state, kind)
  ]

const tree = (state: FeatureState): Ref => state.observed.head?.tree

/** The task that is next in this status; the others have their turn, and their own key, later. */
const task =
  (pick: (state: FeatureState) => ReadonlyArray<Task>) =>
  (state: FeatureState): ReadonlyArray<Ref> =>
    pick(state)
      .slice(0, 1)
      .map((next) => `${next.id} ${next.event}`)
const tasks = (status: TaskStatus) => task((state) => tasksWith(state, status))

const decidedOnTree =
  (gate: VerdictGate) =>
  (state: FeatureState): ReadonlyArray<Ref> => [tree(state), verdictOn(state, gate)]

const findings = (state: FeatureState): ReadonlyArray<Ref> => [
  tree(state),
  latestFor(state.audits, state)?.event,
  ...last(state, "finding-disposed")
]

/** Where each fact comes from. */
const sources: { readonly [K in FactName]: (state: FeatureState) => ReadonlyArray<Ref> } = {
  integrity: (s) => s.integrity.map((error) => `${error.file} ${error.problem}`),
  lifecycle: (s) => [s.lifecycleReason?.id, ...last(s, "archived")],
  phase: () => [],
  escalation: (s) => s.escalations.map((open) => open.id),
  blocker: (s) => s.blockers.map((open) => `${open.id} ${open.event}`),
  dep: (s) => s.feature.deps.map((dep) => `${dep} ${own(s.observed.deps, dep) ?? "unmet"}`),
  spec: document("spec"),
  design: document("design"),
  tasksDoc: document("tasks"),
  qaPlan: document("qa-plan"),
  go: (s) => [...Object.values(s.documents).map((artifact) => artifact.hash), verdictOn(s, "start")],
  wip: () => [],
  claim: (s) => [s.observed.claim, ...last(s, "claim-taken", "claim-released", "cleanup-recorded")],
  branch: (s) => [
    s.observed.branch?.relation,
    s.observed.head?.sha,
    ...last(s, "branch-provisioned", "branch-lost", "cleanup-recorded")
  ],
  tNone: (s) => [s.documents.tasks.hash, s.plan?.event],
  tVerify: tasks("claimed"),
  tFailed: tasks("failed"),
  tReady: task(readyTasks),
  tRunning: tasks("running"),
  tBlocked: task(blockedTasks),
  pr: (s) => [s.observed.pr?.number, s.observed.pr?.state, ...last(s, "pr-opened", "pr-closed", "pr-reopened")],
  ci: (s) => [
    tree(s),
    s.observed.ci?.tree === tree(s) ? s.observed.ci?.status : undefined,
    latestOnTree(s.ci, s)?.event
  ],
  agentReview: (s) => [tree(s), latestFor(s.reviews, s)?.event],
  threads: (s) => s.threads.map((thread) => `${thread.id} ${thread.event}`),
  humanReview: decidedOnTree("human-review"),
  audit: (s) => [tree(s), latestFor(s.audits, s)?.event],
  findBlock: findings,
  findOpen: findings,
  risk: (s) => [riskDigest(s), ...acceptedFindings(s), verdictOn(s, "risk")],
  qa: (s) => [tree(s), s.documents["qa-plan"].hash, latestFor(s.qa, s)?.event],
  evidence: (s) => [tree(s), latestFor(s.qa, s)?.event],
  uat: decidedOnTree("uat"),
  mergeGate: decidedOnTree("merge"),
  freeze: () => [],
  merge: (s) => [tree(s), s.merge.sha, s.merge.event, s.observed.pr?.state, s.observed.landed?.sha],
  deployReq: () => [],
  release: (s) => [s.merge.sha, s.release.deploy, s.release.event],
  incident: (s) => s.incidents.map((incident) => incident.id),
  sync: (s) => [s.merge.sha, ...last(s, "sync-recorded")],
  cleanup: (s) => [s.branch?.event, s.claim?.event],
  lease: (s) => [s.observed.lease?.holder],
  attempts: (s) =>
    Object.entries(s.failures)
      .map(([subject, count]) => `${subject} ${count}`)
      .sort(),
  rework: (s) => [s.rework],
  budget: (s) => [canonicalJson(s.granted)],
  autonomy: () => []
}

/** Where a fact comes from: document hashes, code trees, event and task ids. */
export const sourcesOf = (state: FeatureState, fact: FactName): ReadonlyArray<string> =>
  sources[fact](state)
    .filter((ref) => ref !== undefined && ref !== null && ref !== "")
    .map(String)

const factsOf = (id: string | undefined, facts: Facts): ReadonlyArray<FactName> => {
  const rule = id === undefined ? undefined : ruleOf(id)
  return rule === undefined ? [] : trace(facts, rule.when).map((read) => read.fact)
}

/** Every subject of a decision, each with the name of the fact it stands for. */
export const subjectsOf = (state: FeatureState, facts: Facts, decision: Decision): ReadonlyArray<string> => {
  const rule = decision.via ?? decision.rule
  const names = new Set([...factsOf(rule, facts), ...(decision.via === undefined ? [] : factsOf(decision.rule, facts))])
  return [
    `phase ${facts.phase} ${state.history.at(-1)?.event ?? state.feature.id}`,
    `attempt ${state.failures[rule] ?? 0} ${state.last["escalation-answered"] ?? ""}`.trimEnd(),
    ...[...names].flatMap((fact) => sourcesOf(state, fact).map((ref) => `${fact} ${ref}`))
  ]
}

/** Equal iff feature, rule and subjects are equal. */
export const keyOf = (
  feature: string,
  rule: string,
  via: string | undefined,
  subjects: ReadonlyArray<string>
): string => digestOf("key", [feature, rule, via ?? null, subjects])

export const idempotencyKey = (state: FeatureState, facts: Facts, decision: Decision): string =>
  keyOf(state.feature.id, decision.rule, decision.via, subjectsOf(state, facts, decision))
