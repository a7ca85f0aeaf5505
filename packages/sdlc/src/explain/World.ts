/**
 * World: what can come of a decision, on the level of facts. Explanations use its successes to show the way to released, `sim` plays its
 * setbacks, and the proofs walk everything that is reachable in it. It abstracts: one task stands for all, one counter for all attempts.
 */
import type { Decision } from "../model/Decision.ts"
import type { DocumentState, Facts } from "../model/Facts.ts"
import type { Policy } from "../model/Policy.ts"
import { conflictAlone } from "../derive/Cause.ts"
import { type Change, type DocumentFact, endings, pushed, reworded } from "./Endings.ts"

/** The part of a policy that shapes what follows from an action. */
export interface Rules {
  /** Documents that the policy accepts itself once they are submitted. */
  readonly auto: { readonly [K in DocumentFact]: boolean }
  readonly startAsks: boolean
  readonly mergeAsks: boolean
  readonly riskAsks: boolean
  readonly confirm: boolean
  readonly maxAttempts: number
  readonly maxRework: number
}

export interface World {
  readonly facts: Facts
  readonly attempts: number
  readonly rework: number
  /** Fix tasks were planned and the regression that they cause has not happened yet. */
  readonly fixesPlanned: boolean
  /** The base brought about what was just lost (an update met the same files): the regression that follows is not rework. */
  readonly excused: boolean
  /** How many features may still land before this one and get in its way. Finite, as theirs are. */
  readonly others: number
}

/** One way in which a step can end. The first outcome of a step is success. */
export interface Outcome {
  readonly label: string
  readonly world: World
}

export const rulesOf = (policy: Policy): Rules => {
  const asks = (gate: keyof Policy["gates"]) => policy.gates[gate] === "human" || policy.gates[gate] === "agent"
  const auto = (gate: keyof Policy["gates"]) => policy.gates[gate] === "auto"
  return {
    auto: { spec: auto("spec"), design: auto("design"), tasksDoc: auto("tasks"), qaPlan: auto("qa-plan") },
    startAsks: asks("start"),
    mergeAsks: asks("merge"),
    riskAsks: asks("risk"),
    confirm: policy.autonomy === "confirm",
    maxAttempts: policy.maxAttempts,
    maxRework: policy.maxRework
  }
}

/** The facts of a feature created a moment ago under this policy. */
export const startFacts = (base: Facts, policy: Policy): Facts => {
  const off = (gate: keyof Policy["gates"], state: DocumentState): DocumentState =>
    policy.gates[gate] === "off" ? "waived" : state
  const rules = rulesOf(policy)
  const noReview = policy.gates["human-review"] === "off" || policy.gates["human-review"] === "auto"
  const noUat = policy.gates.uat === "off" || policy.gates.uat === "auto"
  return {
    ...base,
    spec: off("spec", "absent"),
    design: off("design", "absent"),
    tasksDoc: off("tasks", "absent"),
    qaPlan: off("qa-plan", "absent"),
    go: rules.startAsks ? "pending" : "ok",
    agentReview: policy.gates["agent-review"] === "off" ? "off" : "none",
    humanReview: noReview ? "off" : "pending",
    audit: policy.gates.audit === "off" ? "off" : "absent",
    uat: noUat ? "off" : "pending",
    mergeGate: rules.mergeAsks ? "pending" : "ok",
    deployReq: policy.deploy === "required",
    autonomy: policy.autonomy
  }
}

const move = (world: World, decision: Decision): World => {
  const to = decision.to as Facts["phase"]
  const next = { ...world, fixesPlanned: false, excused: false }
  if (decision.action === "advance")
    return { ...next, facts: { ...world.facts, phase: to, attempts: "ok" }, attempts: 0 }
  const free = world.fixesPlanned || world.excused || conflictAlone(world.facts)
  return { ...next, facts: { ...world.facts, phase: to }, rework: world.rework + (free ? 0 : 1) }
}

/** Everything that can come of a decision in this world, success first; nothing when it is a terminal one. */
export const outcomes = (world: World, decision: Decision, rules: Rules): ReadonlyArray<Outcome> => {
  if (decision.kind === "done") return []
  const settle = (label: string, next: World, answered: boolean): Outcome => {
    const attempts = answered ? 0 : Math.min(next.attempts, rules.maxAttempts)
    const rework = answered ? 0 : Math.min(next.rework, rules.maxRework)
    const bounded: Change = {
      attempts: attempts >= rules.maxAttempts ? "exhausted" : "ok",
      rework: rework >= rules.maxRework ? "exhausted" : "ok",
      // A confirmation is good for one step of an agent.
      ...(rules.confirm && decision.actor === "agent" && decision.kind === "do" ? { autonomy: "confirm" as const } : {})
    }
    return { label, world: { ...next, attempts, rework, facts: { ...next.facts, ...bounded } } }
  }
  if (decision.kind === "move") return [settle(decision.action, move(world, decision), false)]
  return endings(world.facts, rules, decision)
    .filter(([, , setback]) => setback !== "others" || world.others > 0)
    .map(([label, change, setback]) =>
      settle(
        label,
        {
          facts: { ...world.facts, ...change },
          attempts: world.attempts + (setback === "attempt" ? 1 : 0),
          rework: world.rework + (setback === "rework" ? 1 : 0),
          excused: world.excused || setback === "others",
          others: world.others - (setback === "others" ? 1 : 0),
          fixesPlanned:
            world.fixesPlanned || (setback === "rework" && change.tReady === true && decision.action !== "reopen")
        },
        decision.action === "await-escalation"
      )
    )
}

/** Things that happen to a feature from outside, at any moment. */
export const exogenous = (f: Facts, rules: Rules): ReadonlyArray<readonly [label: string, change: Change]> => [
  ["corruption", { integrity: "corrupt" }],
  ["pause", f.lifecycle === "active" ? { lifecycle: "paused" } : {}],
  ["cancel", f.lifecycle === "archived" ? {} : { lifecycle: "cancelled" }],
  ["escalation", { escalation: "open" }],
  ["blocker for a person", { blocker: "human" }],
  ["blocker for an agent", { blocker: "agent" }],
  ["dependency not met", { dep: "unmet" }],
  ["dependency dead", { dep: "dead" }],
  ["spec edited", f.spec === "approved" ? reworded(f, rules, "spec", "stale") : {}],
  ["design edited", f.design === "approved" ? reworded(f, rules, "design", "stale") : {}],
  ["tasks edited", f.tasksDoc === "approved" ? reworded(f, rules, "tasksDoc", "stale") : {}],
  ["head pushed", f.merge === "merged" ? {} : pushed(f, rules)],
  ["CI result lost", f.ci === "green" ? { ci: "none" } : {}],
  ["conflict with base", f.branch === "none" ? {} : { branch: "conflict" }],
  ["base moved on", f.branch === "ok" ? { branch: "behind" } : {}],
  ["claim lost", { claim: "none" }],
  ["branch lost", { branch: "none" }],
  ["slots taken", { wip: "full" }],
  ["pull request closed", f.pr === "open" ? { pr: "closed" } : {}],
  ["thread opened", f.pr === "open" ? { threads: true } : {}],
  ["merged out of band", { merge: "merged" }],
  ["freeze", { freeze: true }],
  ["incident", f.release === "live" ? { incident: true } : {}],
  ["unhealthy", f.release === "live" ? { release: "unhealthy" } : {}],
  ["budget spent", { budget: "exhausted" }],
  ["work in flight", { lease: "live" }]
]
