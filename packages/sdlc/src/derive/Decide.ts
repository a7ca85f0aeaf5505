/** decide: state, policy, now → the one next step of a feature, with names filled in and bound to what it is about. */
import { classify } from "../classify/Classify.ts"
import { obstacles } from "../classify/Reads.ts"
import { fill } from "../classify/Reason.ts"
import type { Rule } from "../classify/Rule.ts"
import { ruleOf, table, tableRev } from "../classify/Table.ts"
import type { Decision, FeatureDecision, WhyNot } from "../model/Decision.ts"
import type { Facts } from "../model/Facts.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import type { Policy } from "../model/Policy.ts"
import { policyFor, policyRev } from "../model/Presets.ts"
import type { Task } from "../model/Task.ts"
import { causeOf } from "./Cause.ts"
import { derive } from "./Derive.ts"
import { guardNames, ruleNames } from "./ReasonNames.ts"
import { idempotencyKey, keyOf, subjectsOf } from "./Subjects.ts"
import { batchOf, blockedTasks, readyTasks, tasksWith } from "./Work.ts"

const chosenTasks: { readonly [rule: string]: (state: FeatureState) => ReadonlyArray<Task> } = {
  I2: (state) => tasksWith(state, "claimed"),
  I3: (state) => tasksWith(state, "failed"),
  I4: readyTasks,
  I6: blockedTasks
}

const documentGates: { readonly [rule: string]: "spec" | "design" | "tasks" | "qa-plan" } = {
  S7: "spec",
  D7: "design",
  T7: "tasks",
  Q7: "qa-plan"
}

/** Rules that come before the one that hit, each with the fact that stands in its way. */
export const skippedBefore = (facts: Facts, hit: string): ReadonlyArray<WhyNot> => {
  const candidates = [...table.common, ...table.byPhase[facts.phase]]
  const before = candidates.slice(
    0,
    candidates.findIndex((rule) => rule.id === hit)
  )
  return obstacles(facts, before).flatMap(({ candidate, last }) =>
    last === undefined ? [] : [whyNotOf(candidate, facts, last)]
  )
}

export const whyNotOf = (rule: Rule, facts: Facts, fact: WhyNot["fact"]): WhyNot => ({
  rule: rule.id,
  action: rule.action,
  condition: rule.condition,
  fact,
  value: facts[fact],
  because: `${fact} is ${String(facts[fact])}`
})

const reasonOf = (
  decision: Decision,
  rule: Rule,
  state: FeatureState,
  policy: Policy,
  facts: Facts,
  now: number
): string => {
  const context = { state, policy, facts, now }
  const guard = decision.via === undefined ? undefined : ruleOf(decision.rule)
  return guard === undefined
    ? fill(rule.reason, ruleNames(rule, context))
    : fill(guard.reason, { rule: rule.id, action: rule.action, ...guardNames(guard.id, rule, context) })
}

/** `now` in milliseconds since the epoch. Equal states give equal decisions, whatever the time, unless a freeze or a lease begins or ends. */
export const decide = (state: FeatureState, policy: Policy, now: number): FeatureDecision => {
  const own = policyFor(policy, state.feature)
  const facts = derive(state, policy, now)
  const { action, actor, facts: reads, kind, rule: id, to, via } = classify(facts)
  const plain: Decision = {
    rule: id,
    ...(via === undefined ? {} : { via }),
    action,
    actor,
    kind,
    ...(to === undefined ? {} : { to }),
    reason: "",
    facts: reads
  }
  const hit = via ?? id
  // Every hit is a rule of the table; guards are never wrapped.
  const rule = ruleOf(hit) as Rule
  const tasks = chosenTasks[hit]?.(state) ?? []
  const batch = hit === "I4" ? batchOf(tasks).map((task) => task.id) : []
  const gate = documentGates[id]
  const mode = gate === undefined ? undefined : own.gates[gate]
  const subjects = subjectsOf(state, facts, plain)
  const cause = id === "P2" ? causeOf(state, facts, (other) => derive(other, policy, now)) : undefined
  return {
    ...plain,
    reason: reasonOf(plain, rule, state, own, facts, now),
    feature: state.feature.slug,
    phase: facts.phase,
    ...(tasks[0] === undefined ? {} : { taskId: tasks[0].id }),
    ...(batch.length === 0 ? {} : { batch }),
    ...(cause === undefined ? {} : { cause }),
    ...(mode === "human" || mode === "agent" ? { approver: mode } : {}),
    subjects,
    idempotencyKey: keyOf(state.feature.id, id, via, subjects),
    ...(id === "G4" ? { confirms: confirmable(state, facts) } : {}),
    skipped: skippedBefore(facts, hit),
    policyRev: policyRev(policy),
    tableRev: tableRev()
  }
}

/** The key of the action that waits for a confirmation. */
const confirmable = (state: FeatureState, facts: Facts): string => {
  const confirmed: Facts = { ...facts, autonomy: "auto" }
  return idempotencyKey(state, confirmed, classify(confirmed))
}
