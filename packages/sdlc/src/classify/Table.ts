/** The whole rule table in order of evaluation, and the guards that wrap a hit. */
import { digestOf } from "../model/Digest.ts"
import type { Facts } from "../model/Facts.ts"
import { type Phase, phases } from "../model/Phase.ts"
import { humanHolds, platform, platformWaits, type Rule } from "./Rule.ts"
import { calm, commonRules, troubleRules } from "./rules/Common.ts"
import { mergeRules, releasedRules } from "./rules/Delivery.ts"
import { draftRules, plannedRules, readyRules, specifiedRules } from "./rules/Planning.ts"
import { auditRules, implementationRules, qaRules, reviewRules } from "./rules/Work.ts"

export interface Guard extends Omit<Rule, "phase" | "to"> {
  /** Whether the guard looks at this rule at all. */
  readonly wraps: (rule: Rule) => boolean
  /** The same in words. */
  readonly scope: string
}

export interface Table {
  readonly common: ReadonlyArray<Rule>
  /** When it holds, the first `skips` common rules cannot hit and are passed over. */
  readonly calm: ((facts: Facts) => boolean) | undefined
  readonly skips: number
  readonly byPhase: { readonly [P in Phase]: ReadonlyArray<Rule> }
  readonly guards: ReadonlyArray<Guard>
}

/** Rules that start or continue a loop of rework. */
export const reworkRules: ReadonlySet<string> = new Set(["P2", "V3", "V4", "U4", "U6", "K3", "K6", "M10"])
/** Effects that nothing may hold up: repair, rollback, verification, leaving the queue, cleaning up after a cancel. */
export const unguarded: ReadonlySet<string> = new Set(["L1", "C3", "C5", "C6", "C7", "H1", "H2"])

const isEffect = (rule: Rule): boolean => rule.kind === "do" && !unguarded.has(rule.id)
const isAgentEffect = (rule: Rule): boolean => isEffect(rule) && rule.actor === "agent"
const effects = "effects"
const agentEffects = "effects by agents"

const guard = (
  id: string,
  condition: string,
  when: (facts: Facts) => boolean,
  scope: string,
  wraps: (rule: Rule) => boolean,
  act: Pick<Rule, "action" | "actor" | "kind">,
  reason: string
): Guard => ({ id, condition, when, scope, wraps, ...act, reason })

/** In order: the loop bound first, then work in flight, retries, money, confirmation. */
const guards: ReadonlyArray<Guard> = [
  guard(
    "G5",
    "rework=exhausted",
    (f) => f.rework === "exhausted",
    [...reworkRules].join(", "),
    (r) => reworkRules.has(r.id),
    platform("escalate-rework"),
    "{rule} looped[ {n:time}]; a person has to look"
  ),
  guard(
    "G1",
    "lease=live",
    (f) => f.lease === "live",
    effects,
    isEffect,
    platformWaits("wait-inflight"),
    "Work is in flight[ by {holder}][ until {until}]"
  ),
  guard(
    "G2",
    "attempts=exhausted",
    (f) => f.attempts === "exhausted",
    effects,
    isEffect,
    platform("escalate-retries"),
    "[{subject} ]failed[ {n:time}]; a person has to look"
  ),
  guard(
    "G3",
    "budget=exhausted",
    (f) => f.budget === "exhausted",
    agentEffects,
    isAgentEffect,
    platform("escalate-budget"),
    "The budget is spent[: {spent} of {max}]"
  ),
  guard(
    "G4",
    "autonomy=confirm",
    (f) => f.autonomy === "confirm",
    agentEffects,
    isAgentEffect,
    humanHolds("confirm-action"),
    "Confirm {action}"
  )
]

const phaseRules: Table["byPhase"] = {
  draft: draftRules,
  specified: specifiedRules,
  planned: plannedRules,
  ready: readyRules,
  implementation: implementationRules,
  review: reviewRules,
  audit: auditRules,
  qa: qaRules,
  merge: mergeRules,
  released: releasedRules
}

export const table: Table = { common: commonRules, calm, skips: troubleRules, byPhase: phaseRules, guards }

/** All rules in order of evaluation, phase after phase. */
export const allRules: ReadonlyArray<Rule> = [...commonRules, ...phases.flatMap((phase) => phaseRules[phase])]

const byId: ReadonlyMap<string, Rule | Guard> = new Map([...allRules, ...guards].map((entry) => [entry.id, entry]))

/** The rule or guard of this id. */
export const ruleOf = (id: string): Rule | Guard | undefined => byId.get(id)

/** Digest of the whole table: ids, order, conditions, actions. Part of every decision made by it. */
export const tableRev = (): string => {
  tableDigest ??= digestOf("table", [
    allRules.map((rule) => [rule.id, rule.phase, rule.condition, rule.action, rule.actor, rule.kind, rule.to ?? null]),
    guards.map((guard) => [guard.id, guard.condition, guard.scope, guard.action, guard.actor, guard.kind])
  ])
  return tableDigest
}
let tableDigest: string | undefined
