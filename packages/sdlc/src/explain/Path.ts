/** The way ahead: the steps from here to the end if every one of them succeeds, and plays of features whose steps do not. */
import { classify } from "../classify/Classify.ts"
import type { Decision } from "../model/Decision.ts"
import { type Facts, initialFacts } from "../model/Facts.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import type { Phase } from "../model/Phase.ts"
import type { Policy } from "../model/Policy.ts"
import { policyFor } from "../model/Presets.ts"
import { derive } from "../derive/Derive.ts"
import { exogenous, outcomes, rulesOf, startFacts, type World } from "./World.ts"

export interface Step {
  readonly phase: Phase
  readonly rule: string
  readonly via?: string
  readonly action: string
  readonly actor: Decision["actor"]
  readonly kind: Decision["kind"]
  /** What came of it. */
  readonly outcome: string
}

const stepOf = (facts: Facts, decision: Decision, outcome: string): Step => ({
  phase: facts.phase,
  rule: decision.rule,
  ...(decision.via === undefined ? {} : { via: decision.via }),
  action: decision.action,
  actor: decision.actor,
  kind: decision.kind,
  outcome
})

/** More than any state needs (the proofs bound it far below); a longer way means a defect of the table. */
const farthest = 200

const worldOf = (facts: Facts, state?: FeatureState): World => ({
  facts,
  attempts: Math.max(0, ...Object.values(state?.failures ?? {})),
  rework: state?.rework ?? 0,
  fixesPlanned: false,
  excused: false,
  others: 3
})

const ahead = (from: World, policy: Policy): ReadonlyArray<Step> => {
  const rules = rulesOf(policy)
  const steps: Array<Step> = []
  let world = from
  while (steps.length < farthest) {
    const decision = classify(world.facts)
    const [success] = outcomes(world, decision, rules)
    steps.push(stepOf(world.facts, decision, success?.label ?? "done"))
    if (success === undefined) return steps
    world = success.world
  }
  return steps
}

/** The steps from these facts to the end, each succeeding. One task stands for all. */
export const pathFrom = (facts: Facts, policy: Policy): ReadonlyArray<Step> => ahead(worldOf(facts), policy)

/** The path of a feature from where it is. */
export const path = (state: FeatureState, policy: Policy, now: number): ReadonlyArray<Step> =>
  ahead(worldOf(derive(state, policy, now), state), policyFor(policy, state.feature))

export interface Play {
  readonly steps: ReadonlyArray<Step>
  readonly end: "released" | "archived" | "unfinished"
  /** Steps that a person took. */
  readonly people: number
  readonly setbacks: number
}

export interface PlayOptions {
  readonly policy: Policy
  readonly seed: number
  /** Share of steps that do not succeed, 0 … 1. */
  readonly setbacks: number
  /** Share of steps before which something happens from outside, 0 … 1. */
  readonly disturbances: number
  /** Steps after which the play is broken off. */
  readonly most: number
  readonly from?: Facts
}

/** mulberry32: the same seed plays the same feature. */
const dice = (seed: number): (() => number) => {
  let a = seed | 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const choose = <A>(roll: () => number, from: ReadonlyArray<A>): A | undefined => from[Math.floor(roll() * from.length)]

/** Plays one feature by chance. */
export const simulate = ({ disturbances, from, most, policy, seed, setbacks }: PlayOptions): Play => {
  const rules = rulesOf(policy)
  const roll = dice(seed)
  const steps: Array<Step> = []
  let missed = 0
  let world = worldOf(from ?? startFacts(initialFacts, policy))
  const finish = (end: Play["end"]): Play => ({
    steps,
    end,
    people: steps.filter((step) => step.actor === "human").length,
    setbacks: missed
  })
  while (steps.length < most) {
    if (roll() < disturbances) {
      const event = choose(roll, exogenous(world.facts, rules))
      if (event !== undefined) world = { ...world, facts: { ...world.facts, ...event[1] } }
    }
    const decision = classify(world.facts)
    const [success, ...others] = outcomes(world, decision, rules)
    if (success === undefined) {
      steps.push(stepOf(world.facts, decision, "done"))
      return finish(world.facts.lifecycle === "archived" ? "archived" : "released")
    }
    const setback = roll() < setbacks ? choose(roll, others) : undefined
    if (setback !== undefined) missed++
    const outcome = setback ?? success
    steps.push(stepOf(world.facts, decision, outcome.label))
    world = outcome.world
  }
  return finish("unfinished")
}
