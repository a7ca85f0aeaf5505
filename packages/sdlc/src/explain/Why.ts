/** why and whyNot: what a decision rests on, and what stands in the way of another one. */
import { classify } from "../classify/Classify.ts"
import { floor, gates, gateTexts } from "../classify/Gates.ts"
import { obstacles, trace } from "../classify/Reads.ts"
import type { Rule } from "../classify/Rule.ts"
import { allRules, type Guard, ruleOf, table } from "../classify/Table.ts"
import { decide } from "../derive/Decide.ts"
import { derive } from "../derive/Derive.ts"
import { sourcesOf } from "../derive/Subjects.ts"
import type { FeatureDecision, Read } from "../model/Decision.ts"
import type { Facts } from "../model/Facts.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import { type Phase, phases } from "../model/Phase.ts"
import type { Policy } from "../model/Policy.ts"

export interface FactOrigin extends Read {
  /** Document hashes, code trees, event and task ids that the fact comes from. */
  readonly sources: ReadonlyArray<string>
  /** The rule that hit tests this fact itself; the others were read on the way to it. */
  readonly decisive: boolean
}

export interface GateStatus {
  readonly phase: Phase
  readonly passage: "pass" | "pend" | "fail"
  readonly condition: string
  readonly facts: ReadonlyArray<Read>
}

export interface Why {
  readonly decision: FeatureDecision
  /** Condition of the rule, and of the guard that wraps it. */
  readonly conditions: ReadonlyArray<{ readonly rule: string; readonly condition: string }>
  readonly facts: ReadonlyArray<FactOrigin>
  readonly gates: ReadonlyArray<GateStatus>
  /** The phase that the feature would fall back to. */
  readonly floor: Phase | undefined
  /** Events that did not count because a signature is missing or wrong. */
  readonly untrusted: ReadonlyArray<string>
}

/** Every gate with its passage and the facts that decided it. */
export const gateStatuses = (facts: Facts): ReadonlyArray<GateStatus> =>
  phases.flatMap((phase) => {
    if (phase === "released") return []
    return [
      { phase, passage: gates[phase](facts), condition: gateTexts[phase].pass, facts: trace(facts, gates[phase]) }
    ]
  })

export const why = (state: FeatureState, policy: Policy, now: number): Why => {
  const decision = decide(state, policy, now)
  const facts = derive(state, policy, now)
  const ids = [decision.via, decision.rule].filter((id) => id !== undefined)
  const entries = ids.flatMap((id) => ruleOf(id) ?? [])
  const decisive = new Set(entries.flatMap((entry) => trace(facts, entry.when).map((read) => read.fact)))
  return {
    decision,
    conditions: entries.map((entry) => ({ rule: entry.id, condition: entry.condition })),
    facts: decision.facts.map((read) => ({
      ...read,
      sources: sourcesOf(state, read.fact),
      decisive: decisive.has(read.fact)
    })),
    gates: gateStatuses(facts),
    floor: floor(facts),
    untrusted: state.untrusted
  }
}

/** Why a rule that could give an action does not, as the first thing in its way. */
export type Obstacle =
  | { readonly rule: string; readonly condition: string; readonly tag: "decides"; readonly because: string }
  | {
      readonly rule: string
      readonly condition: string
      readonly tag: "phase"
      readonly phase: Phase
      readonly because: string
    }
  | {
      readonly rule: string
      readonly condition: string
      readonly tag: "fact"
      readonly read: Read
      readonly because: string
    }
  | {
      readonly rule: string
      readonly condition: string
      readonly tag: "earlier"
      readonly earlier: string
      readonly because: string
    }
  | {
      readonly rule: string
      readonly condition: string
      readonly tag: "guard"
      readonly guard: string
      readonly because: string
    }

const inTheWay = (rule: Rule, facts: Facts): Obstacle => {
  const { condition, id } = rule
  const decision = classify(facts)
  if (decision.rule === id) return { rule: id, condition, tag: "decides", because: "it is what comes next" }
  if (decision.via === id)
    return {
      rule: id,
      condition,
      tag: "guard",
      guard: decision.rule,
      because: `${decision.rule} stands in for it: ${ruleOf(decision.rule)?.condition ?? ""}`
    }
  if (rule.phase !== "any" && rule.phase !== facts.phase) {
    return {
      rule: id,
      condition,
      tag: "phase",
      phase: rule.phase,
      because: `the feature is in ${facts.phase}, the rule belongs to ${rule.phase}`
    }
  }
  const [found] = obstacles(facts, [rule])
  if (found !== undefined && !found.holds && found.last !== undefined) {
    const read: Read = { fact: found.last, value: facts[found.last] }
    return {
      rule: id,
      condition,
      tag: "fact",
      read,
      because: `${read.fact} is ${String(read.value)}, the rule needs ${condition}`
    }
  }
  const earlier = decision.via ?? decision.rule
  return { rule: id, condition, tag: "earlier", earlier, because: `${earlier} comes first: ${decision.reason}` }
}

const guardInTheWay = (guard: Guard, facts: Facts): Obstacle => {
  const { condition, id } = guard
  const decision = classify(facts)
  if (decision.rule === id) return { rule: id, condition, tag: "decides", because: "it is what comes next" }
  const [read] = trace(facts, guard.when)
  if (read !== undefined && !guard.when(facts))
    return {
      rule: id,
      condition,
      tag: "fact",
      read,
      because: `${read.fact} is ${String(read.value)}, the guard needs ${condition}`
    }
  const earlier = decision.via === undefined ? decision.rule : `${decision.rule} on ${decision.via}`
  return {
    rule: id,
    condition,
    tag: "earlier",
    earlier,
    because: `${earlier} decides; the guard looks at ${guard.scope} only, and after the guards before it`
  }
}

/** All actions that the table knows. */
export const actions: ReadonlyArray<string> = [
  ...new Set([...allRules, ...table.guards].map((entry) => entry.action))
].sort()

/** For each rule and guard that could give `action`, the first condition in its way; empty when the table knows no such action. */
export const whyNot = (facts: Facts, action: string): ReadonlyArray<Obstacle> => [
  ...allRules.filter((rule) => rule.action === action).map((rule) => inTheWay(rule, facts)),
  ...table.guards.filter((guard) => guard.action === action).map((guard) => guardInTheWay(guard, facts))
]
