/** The names that reason templates ask for, taken from the state: who, what, how many, until when. */
import { floor, gates } from "../classify/Gates.ts"
import type { Names } from "../classify/Reason.ts"
import { trace } from "../classify/Reads.ts"
import type { Rule } from "../classify/Rule.ts"
import { unguarded } from "../classify/Table.ts"
import type { DocumentKind } from "../model/Artifact.ts"
import type { Read } from "../model/Decision.ts"
import type { Facts } from "../model/Facts.ts"
import type { FeatureState, Open } from "../model/FeatureState.ts"
import { upstreamKinds } from "../model/Names.ts"
import { own } from "../model/Own.ts"
import type { Cost, Policy } from "../model/Policy.ts"
import type { Verdict } from "../model/Verdict.ts"
import * as Checks from "./Checks.ts"
import { allowed, freezeAt, spent } from "./Derive.ts"
import { standingVerdict } from "./Documents.ts"
import { acceptedFindings, latestOnTree, prevailing } from "./Verdicts.ts"
import { blockedTasks, readyTasks, tasksWith } from "./Work.ts"

interface Context {
  readonly state: FeatureState
  readonly policy: Policy
  readonly facts: Facts
  readonly now: number
}

const list = (items: ReadonlyArray<string>, most = 3): string =>
  items.length <= most ? items.join(", ") : `${items.slice(0, most).join(", ")} and ${items.length - most} more`

export const shown = (reads: ReadonlyArray<Read>): string =>
  reads.map(({ fact, value }) => (value === true ? fact : value === false ? `¬${fact}` : `${fact}=${value}`)).join(", ")

const short = (digest: string | null | undefined): string | undefined => {
  if (digest === null || digest === undefined) return undefined
  const [scheme, rest] = digest.includes(":")
    ? [digest.slice(0, digest.indexOf(":") + 1), digest.slice(digest.indexOf(":") + 1)]
    : ["", digest]
  return `${scheme}${rest.slice(0, 10)}`
}

const opened = (open: Open | undefined, key: string): Names => ({
  [key]: open?.id,
  who: open?.by.id,
  why: open?.text,
  question: open?.text,
  cause: open?.text
})

const said = (verdict: Verdict | undefined): Names => ({ who: verdict?.by.id, why: verdict?.reason })

const documentNames =
  (kind: DocumentKind) =>
  ({ policy, state }: Context): Names => {
    const document = state.documents[kind]
    const errors = document.lint.filter((finding) => finding.severity === "error")
    const approved = state.verdicts.findLast((verdict) => verdict.gate === kind && verdict.verdict === "approve")
    const mode = policy.gates[kind]
    const moved = upstreamKinds[kind].filter(
      (above) => approved?.upstream !== undefined && (approved.upstream[above] ?? null) !== state.documents[above].hash
    )
    const from = short(approved?.subject)
    return {
      n: errors.length > 0 ? errors.length : document.openQuestions,
      errors: list(errors.map((finding) => finding.message.replace(/\.$/, ""))),
      hash: short(document.hash),
      from: from === short(document.hash) ? undefined : from,
      upstream: moved.join(", "),
      approver: mode === "human" ? "a human's" : mode === "agent" ? "an agent's" : undefined,
      ...said(standingVerdict(state, policy, kind))
    }
  }

const gateNames =
  (gate: "start" | "risk" | "uat" | "merge") =>
  ({ state }: Context): Names =>
    said(prevailing(state.verdicts.filter((verdict) => verdict.gate === gate)))

const headNames = ({ state }: Context): Names => ({
  sha: state.observed.head?.sha.slice(0, 10),
  tree: short(state.observed.head?.tree),
  job: state.observed.ci?.job ?? latestOnTree(state.ci, state)?.result?.job
})

/** Of a result that is due again: the files that changed since the last one. */
const seenNames =
  (runs: (state: FeatureState) => ReadonlyArray<{ readonly sha?: string }>) =>
  (context: Context): Names => {
    const sha = runs(context.state).at(-1)?.sha
    const files = sha === undefined ? undefined : own(context.state.observed.head?.since, sha)
    return { ...headNames(context), changed: files === undefined ? undefined : list(files, 5) }
  }

const releaseNames = ({ state }: Context): Names => ({
  deploy: state.release.deploy,
  error: state.release.detail,
  check: state.release.detail,
  environment: state.release.environment,
  version: state.release.version,
  sha: (state.release.sha ?? state.merge.sha)?.slice(0, 10),
  attempt: state.failures["deploy"],
  incident: state.incidents[0]?.id,
  cause: state.incidents[0]?.text ?? state.release.detail
})

const taskNames =
  (pick: (state: FeatureState) => FeatureState["tasks"]) =>
  ({ state }: Context): Names => {
    const tasks = pick(state)
    const first = tasks[0]
    return {
      n: tasks.length,
      task: first?.id,
      commands: list(first?.verify ?? []),
      why: first?.reason,
      attempt: first?.failures
    }
  }

const dependencies = ({ state }: Context): Names => ({
  features: list(
    state.feature.deps
      .filter((dep) => own(state.observed.deps, dep) !== "met")
      .map((dep) => `${dep} ${own(state.observed.deps, dep) ?? "unmet"}`),
    5
  )
})

const frozen = ({ now, policy, state }: Context): Names => {
  const freeze = freezeAt(state, policy, now)
  return { until: freeze?.until, why: freeze?.reason }
}

const slots = ({ policy, state }: Context): Names => ({ n: state.observed.wip?.used ?? 0, max: policy.wip })
const queue = ({ state }: Context): Names => ({
  position: state.observed.train?.position ?? state.merge.position,
  why: state.merge.reason
})
const resources = ({ state }: Context): Names => ({
  resources: list(state.branch?.resources ?? [], 5),
  who: state.lifecycleReason?.by.id,
  why: state.lifecycleReason?.text,
  version: state.release.version
})

const changes = ({ policy, state }: Context): Names => {
  const people = Checks.humanReviews(state, policy).filter((verdict) => verdict.verdict === "reject")
  const run = Checks.currentReview(state, policy)
  const byAgent = run?.result?.verdict === "changes" ? [run.by.id] : []
  return {
    n: people.length + (byAgent.length > 0 ? Math.max(1, run?.result?.findings.length ?? 1) : 0),
    who: list([...byAgent, ...people.map((verdict) => verdict.by.id)])
  }
}

const qaNames =
  (pick: (status: string, hasEvidence: boolean) => boolean) =>
  ({ policy, state }: Context): Names => {
    const without = new Set(Checks.checksWithoutEvidence(state, policy))
    const checks = Checks.qaChecks(state, policy).filter((check) => pick(check.status, !without.has(check)))
    return { n: checks.length, checks: list(checks.map((check) => check.id)) }
  }

const money = (cost: Cost): string =>
  list([
    ...(cost.usd === undefined ? [] : [`${cost.usd} USD`]),
    ...(cost.tokens === undefined ? [] : [`${cost.tokens} tokens`]),
    ...(cost.agentMinutes === undefined ? [] : [`${cost.agentMinutes} minutes`])
  ])

type NamesOf = (context: Context) => Names

const forAll = (ids: ReadonlyArray<string>, names: NamesOf): { readonly [rule: string]: NamesOf } =>
  Object.fromEntries(ids.map((id) => [id, names]))

/** The seven rules of a document. */
const sevenOf = (letter: string): ReadonlyArray<string> => [1, 2, 3, 4, 5, 6, 7].map((n) => `${letter}${n}`)

/** Per rule what its template may ask for; a rule that is missing asks for nothing. */
const byRule: { readonly [rule: string]: NamesOf } = {
  ...forAll(sevenOf("S"), documentNames("spec")),
  ...forAll(sevenOf("D"), documentNames("design")),
  ...forAll(sevenOf("T"), documentNames("tasks")),
  ...forAll(sevenOf("Q"), documentNames("qa-plan")),
  ...forAll(["C1", "C2", "C3", "C4", "C5", "C6", "M10", "M11", "M13"], releaseNames),
  ...forAll(["H1", "H2", "Z2", "Z3"], resources),
  ...forAll(["H7", "Q8", "M1"], dependencies),
  ...forAll(["Y3", "Y4"], slots),
  ...forAll(["I10", "I11", "I12", "V0a", "V0b", "U0a", "U0b", "K0a", "K0b", "M3", "M7a", "M7b", "M9"], headNames),
  ...forAll(["M4", "M8"], queue),
  ...forAll(["M5", "M12"], frozen),
  L1: ({ state }) => ({ errors: list(state.integrity.map((error) => `${error.file}: ${error.problem}`)) }),
  H3: ({ state }) => opened(state.lifecycleReason, "pause"),
  H4: ({ state }) => opened(state.escalations[0], "escalation"),
  H5: ({ state }) =>
    opened(
      state.blockers.find((open) => open.needs === "human"),
      "blocker"
    ),
  H6: ({ state }) => opened(state.blockers[0], "blocker"),
  P1: ({ state }) => ({ sha: (state.merge.sha ?? state.observed.pr?.sha ?? state.observed.landed?.sha)?.slice(0, 10) }),
  Y1: gateNames("start"),
  I1: ({ state }) => ({ files: list(state.observed.branch?.conflicts ?? []) }),
  I2: taskNames((state) => tasksWith(state, "claimed")),
  I3: taskNames((state) => tasksWith(state, "failed")),
  I4: taskNames(readyTasks),
  I5: taskNames((state) => tasksWith(state, "running")),
  I6: taskNames(blockedTasks),
  I9: ({ state }) => ({ who: state.pr?.by.id }),
  V1: seenNames((state) => state.reviews),
  U1: seenNames((state) => state.audits),
  K1: seenNames((state) => state.qa),
  V3: changes,
  V4: ({ state }) => ({ n: state.threads.length }),
  V5: ({ policy, state }) => ({
    n: Checks.humanReviews(state, policy).filter((verdict) => verdict.verdict === "approve").length,
    max: policy.reviewers
  }),
  U3: ({ state }) => ({ problem: Checks.currentAudit(state)?.result?.problem }),
  U4: ({ policy, state }) => ({ n: Checks.blockingFindings(state, policy).length, severity: policy.blockSeverity }),
  U5: ({ policy, state }) => ({ n: Checks.openFindings(state, policy).length }),
  U6: gateNames("risk"),
  U7: ({ state }) => ({ n: acceptedFindings(state).length }),
  K3: qaNames((status) => status === "failed"),
  K4: qaNames((status) => status === "not-run"),
  K5: qaNames((_, hasEvidence) => !hasEvidence),
  K6: gateNames("uat"),
  M2: gateNames("merge"),
  M6: ({ state }) => ({ n: state.observed.branch?.behind })
}

/** Facts behind a change of phase: those of the failing gate for a regression, those of the passing gate for an advance. */
const moveNames = (rule: Rule, { facts }: Context): Names => {
  if (rule.to === "floor") {
    const to = floor(facts)
    return to === undefined || to === "released" ? {} : { floor: to, facts: shown(trace(facts, gates[to])) }
  }
  if (rule.to === "next") return facts.phase === "released" ? {} : { facts: shown(trace(facts, gates[facts.phase])) }
  // The last fact that C7 reads is the one that no longer holds; the floor stands for a whole gate.
  if (rule.id === "C7") {
    const below = floor(facts)
    const reads = trace(facts, rule.when)
    return {
      facts:
        below === undefined || below === "released" || reads.length < 9 ? shown(reads.slice(-1)) : `the ${below} gate`
    }
  }
  return {}
}

export const ruleNames = (rule: Rule, context: Context): Names => ({
  ...(rule.kind === "move" || unguarded.has(rule.id) ? moveNames(rule, context) : {}),
  ...byRule[rule.id]?.(context)
})

export const guardNames = (guard: string, rule: Rule, { policy, state }: Context): Names => {
  const worst = Object.entries(state.failures).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]
  switch (guard) {
    case "G5":
      return { rule: rule.id, n: state.rework }
    case "G1":
      return { holder: state.observed.lease?.holder, until: state.observed.lease?.until }
    case "G2":
      return { subject: worst?.[0], n: worst?.[1] }
    case "G3":
      return { spent: money(spent(state)), max: money(allowed(state, policy)) }
    default:
      return { action: rule.action }
  }
}
