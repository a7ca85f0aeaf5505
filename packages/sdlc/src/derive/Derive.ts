/**
 * derive: state, policy, now → facts. Ordered and total; the only place where time enters.
 * Facts that observations know better (branch, CI, pull request, slots, leases) prefer them to the events.
 */
import { classify } from "../classify/Classify.ts"
import type { Facts } from "../model/Facts.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import { own } from "../model/Own.ts"
import type { Cost, Policy } from "../model/Policy.ts"
import { policyFor } from "../model/Presets.ts"
import * as Checks from "./Checks.ts"
import { documentState } from "./Documents.ts"
import { addCost } from "./fold/Builder.ts"
import { idempotencyKey } from "./Subjects.ts"
import { gateVerdict, onPresentCode, planDigest } from "./Verdicts.ts"
import { taskFacts } from "./Work.ts"

const dependencies = (state: FeatureState): Facts["dep"] => {
  const statuses = state.feature.deps.map((dep) => own(state.observed.deps, dep) ?? "unmet")
  return (["cycle", "dead", "unmet"] as const).find((status) => statuses.includes(status)) ?? "met"
}

/** The pull request as observed, unless it belongs to a round that was rolled back. */
const observedPr = (state: FeatureState) => {
  const pr = state.observed.pr
  return pr !== undefined && !state.retiredPrs.includes(pr.number) ? pr : undefined
}

const pullRequest = (state: FeatureState): Facts["pr"] => {
  const seen = observedPr(state)
  if (seen !== undefined) return seen.state === "closed" ? "closed" : "open"
  return state.pr?.state ?? "none"
}

/** The freeze that holds now, if any. */
export const freezeAt = (
  state: FeatureState,
  policy: Policy,
  now: number
): { readonly until?: string; readonly reason?: string } | undefined => {
  const window = policy.freeze.find(({ from, until }) => Date.parse(from) <= now && now < Date.parse(until))
  if (window !== undefined) return window
  const seen = state.observed.freeze
  return seen !== undefined && (seen.until === undefined || now < Date.parse(seen.until)) ? seen : undefined
}

export const spent = (state: FeatureState): Cost => addCost(state.cost, state.observed.cost ?? {})
export const allowed = (state: FeatureState, policy: Policy): Cost => {
  const budget = policy.budget
  const granted = state.granted
  const sum = addCost(budget, granted)
  // A grant widens a limit; where the policy sets none, there is none to widen.
  return {
    ...(budget.usd === undefined ? {} : { usd: sum.usd as number }),
    ...(budget.tokens === undefined ? {} : { tokens: sum.tokens as number }),
    ...(budget.agentMinutes === undefined ? {} : { agentMinutes: sum.agentMinutes as number })
  }
}

const budgetFact = (state: FeatureState, policy: Policy): Facts["budget"] => {
  const used = spent(state)
  const limit = allowed(state, policy)
  const over = (["usd", "tokens", "agentMinutes"] as const).some((key) => {
    const most = limit[key]
    return most !== undefined && (used[key] ?? 0) >= most
  })
  return over ? "exhausted" : "ok"
}

const blocker = (state: FeatureState): Facts["blocker"] =>
  state.blockers.some((open) => open.needs === "human") ? "human" : state.blockers.length > 0 ? "agent" : "none"

const planning = (state: FeatureState, policy: Policy) => ({
  spec: documentState(state, policy, "spec"),
  design: documentState(state, policy, "design"),
  tasksDoc: documentState(state, policy, "tasks"),
  qaPlan: documentState(state, policy, "qa-plan"),
  go: gateVerdict(state, policy, "start", (subject) => subject === planDigest(state), []),
  wip: (state.observed.wip?.used ?? 0) >= policy.wip ? ("full" as const) : ("free" as const),
  claim: state.observed.claim ?? (state.claim === undefined ? ("none" as const) : ("held" as const)),
  branch: state.observed.branch?.relation ?? (state.branch === undefined ? ("none" as const) : ("ok" as const))
})

const quality = (state: FeatureState, policy: Policy) => {
  const uatOff = policy.gates.uat === "off" || policy.gates.uat === "auto"
  const present = (subject: string | null) => onPresentCode(state, subject)
  return {
    pr: pullRequest(state),
    ci: Checks.ciFact(state),
    agentReview: Checks.agentReviewFact(state, policy),
    threads: state.threads.length > 0,
    humanReview: Checks.humanReviewFact(state, policy),
    audit: Checks.auditFact(state, policy),
    findBlock: Checks.blockingFindings(state, policy).length > 0,
    findOpen: Checks.openFindings(state, policy).length > 0,
    risk: Checks.riskFact(state, policy),
    qa: Checks.qaFact(state, policy),
    evidence: Checks.evidenceFact(state, policy),
    uat: uatOff ? ("off" as const) : gateVerdict(state, policy, "uat", present, state.coders),
    mergeGate: gateVerdict(state, policy, "merge", present, state.coders)
  }
}

/** Merged, as events or the forge say, or as the base shows; a place behind others in a merge train counts as being queued. */
const mergeFact = (state: FeatureState): Facts["merge"] => {
  if (observedPr(state)?.state === "merged" || state.observed.landed !== undefined) return "merged"
  const { status } = state.merge
  return state.observed.train !== undefined && (status === "idle" || status === "ejected") ? "queued" : status
}

/** Code that came into the base unseen and was taken back again is a release that was rolled back. */
const releaseFact = (state: FeatureState): Facts["release"] =>
  state.merge.status !== "merged" && state.observed.landed?.reverted !== undefined ? "rolledBack" : state.release.status

const delivery = (state: FeatureState, policy: Policy, now: number) => ({
  freeze: freezeAt(state, policy, now) !== undefined,
  merge: mergeFact(state),
  deployReq: policy.deploy === "required",
  release: releaseFact(state),
  incident: state.incidents.length > 0,
  sync: state.sync === undefined ? ("pending" as const) : ("done" as const),
  cleanup: state.branch === undefined && state.claim === undefined ? ("done" as const) : ("pending" as const)
})

const bounds = (state: FeatureState, policy: Policy, now: number) => ({
  lease:
    state.observed.lease !== undefined && now < Date.parse(state.observed.lease.until)
      ? ("live" as const)
      : ("none" as const),
  attempts: Object.values(state.failures).some((count) => count >= policy.maxAttempts)
    ? ("exhausted" as const)
    : ("ok" as const),
  rework: state.rework >= policy.maxRework ? ("exhausted" as const) : ("ok" as const),
  budget: budgetFact(state, policy)
})

/** Whether a person confirmed exactly the action that would come next. */
const confirmed = (state: FeatureState, facts: Facts): boolean => {
  const keys = new Set(
    state.verdicts
      .filter((verdict) => verdict.gate === "action" && verdict.verdict === "approve" && verdict.by.type === "human")
      .map((verdict) => verdict.subject)
  )
  return keys.size > 0 && keys.has(idempotencyKey(state, facts, classify(facts)))
}

/** `now` in milliseconds since the epoch; `policy` is the project's, its presets are applied here. */
export const derive = (state: FeatureState, policy: Policy, now: number): Facts => {
  const own = policyFor(policy, state.feature)
  const facts: Facts = {
    integrity: state.integrity.length === 0 ? "ok" : "corrupt",
    lifecycle: state.lifecycle,
    phase: state.phase,
    escalation: state.escalations.length === 0 ? "none" : "open",
    blocker: blocker(state),
    dep: dependencies(state),
    ...planning(state, own),
    ...taskFacts(state),
    ...quality(state, own),
    ...delivery(state, own, now),
    ...bounds(state, own, now),
    autonomy: "auto"
  }
  return own.autonomy === "confirm" && !confirmed(state, facts) ? { ...facts, autonomy: "confirm" } : facts
}
