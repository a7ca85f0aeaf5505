/**
 * Model checking: everything reachable under a policy when any outcome may follow any decision and one thing from outside may happen at any moment.
 * Checks T3 (no skip), T4 (safe landing), T5 (liveness), T6 (bounded autonomy) and the S invariants on every state.
 */
import type { Decision } from "../../src/model/Decision.ts"
import { factDomains, factNames, type Facts, initialFacts } from "../../src/model/Facts.ts"
import { phaseIndex } from "../../src/model/Phase.ts"
import type { Policy } from "../../src/model/Policy.ts"
import { exogenous, outcomes, type Rules, rulesOf, startFacts, type World } from "../../src/explain/World.ts"
import { landable, open, violations } from "./Invariants.ts"

export interface Bounds {
  /** Steps that succeed, from any state to the end. */
  readonly longestWay: number
  /** Steps without a person, whatever their outcomes. */
  readonly longestAutonomy: number
}

export interface Report {
  readonly policy: string
  readonly states: number
  readonly edges: number
  readonly happyPath: number
  readonly longestWay: number
  readonly longestAutonomy: number
  readonly rules: ReadonlySet<string>
  /** Empty when everything holds; otherwise the first few violations, in words. */
  readonly violations: ReadonlyArray<string>
}

type Classifier = (facts: Facts) => Decision | undefined

const codes = factNames.map(
  (name) => new Map((factDomains[name] as ReadonlyArray<unknown>).map((value, i) => [value, i + 48]))
)
const buffer = new Uint16Array(factNames.length + 6)

/** `left`: how many things may still happen from outside. */
const keyOf = (world: World, left: number): string => {
  for (let i = 0; i < factNames.length; i++)
    buffer[i] = (codes[i] as Map<unknown, number>).get(world.facts[factNames[i] as keyof Facts]) as number
  buffer[factNames.length] = 48 + world.attempts
  buffer[factNames.length + 1] = 48 + world.rework
  buffer[factNames.length + 2] = world.fixesPlanned ? 49 : 48
  buffer[factNames.length + 3] = world.excused ? 49 : 48
  buffer[factNames.length + 4] = 48 + world.others
  buffer[factNames.length + 5] = 48 + left
  return String.fromCharCode(...buffer)
}

const decode = (key: string): World => {
  const facts = {}
  factNames.forEach((name, i) => Object.assign(facts, { [name]: factDomains[name][key.charCodeAt(i) - 48] }))
  const at = (i: number) => key.charCodeAt(factNames.length + i) - 48
  return {
    facts: facts as Facts,
    attempts: at(0),
    rework: at(1),
    fixesPlanned: at(2) === 1,
    excused: at(3) === 1,
    others: at(4)
  }
}

/** A step that no person takes: approvals count as autonomous when the policy leaves them to agents. */
const autonomous = (decision: Decision, policy: Policy): boolean => {
  if (decision.kind === "approve") return policy.gates[decision.action.slice("approve-".length) as "spec"] !== "human"
  return decision.actor !== "human"
}

/** T3 and T4 for one step. */
const stepViolations = (f: Facts, d: Decision): ReadonlyArray<string> => {
  const found: Array<string> = []
  if (d.kind === "move" && d.to !== undefined && d.to !== "archived") {
    const distance = phaseIndex[d.to] - phaseIndex[f.phase]
    if (distance > 1 || distance === 0 || (distance === 1) !== (d.action === "advance")) found.push("T3 skip")
    if (
      d.action === "advance" &&
      !open[f.phase](f) &&
      !(f.merge === "merged" && phaseIndex[f.phase] < phaseIndex.merge)
    )
      found.push("T3 gate")
  }
  if (["merge", "requeue-merge", "wait-merge"].includes(d.action) && !landable(f)) found.push("T4")
  return found
}

/** Edges as growing typed arrays: from each state, a run of successors. */
class Graph {
  readonly index = new Map<string, number>()
  readonly keys: Array<string> = []
  readonly first: Array<number> = []
  targets = new Int32Array(1 << 16)
  size = 0

  add(world: World, left: number): number {
    const key = keyOf(world, left)
    const known = this.index.get(key)
    if (known !== undefined) return known
    const id = this.keys.length
    this.index.set(key, id)
    this.keys.push(key)
    return id
  }

  edge(target: number): void {
    if (this.size === this.targets.length) {
      const wider = new Int32Array(this.size * 2)
      wider.set(this.targets)
      this.targets = wider
    }
    this.targets[this.size++] = target
  }
}

/** Longest path from every node along `next` (lists of successors); -1 marks a cycle. */
const longest = (
  count: number,
  successors: (node: number) => ReadonlyArray<number>
): { readonly length: Int32Array; readonly cycle: number } => {
  const length = new Int32Array(count).fill(-1)
  const active = new Uint8Array(count)
  for (let start = 0; start < count; start++) {
    if ((length[start] as number) >= 0) continue
    const stack: Array<{ readonly node: number; readonly next: ReadonlyArray<number>; at: number }> = [
      { node: start, next: successors(start), at: 0 }
    ]
    active[start] = 1
    while (stack.length > 0) {
      const frame = stack.at(-1) as (typeof stack)[number]
      const target = frame.next[frame.at++]
      if (target === undefined) {
        length[frame.node] = frame.next.reduce((most, node) => Math.max(most, 1 + (length[node] as number)), 0)
        active[frame.node] = 0
        stack.pop()
      } else if (active[target] === 1) return { length, cycle: target }
      else if ((length[target] as number) < 0) {
        active[target] = 1
        stack.push({ node: target, next: successors(target), at: 0 })
      }
    }
  }
  return { length, cycle: -1 }
}

const finished = (f: Facts): boolean =>
  f.lifecycle === "archived" ||
  (f.phase === "released" &&
    f.merge === "merged" &&
    (!f.deployReq || f.release === "live") &&
    f.sync === "done" &&
    f.cleanup === "done")

export interface Options {
  readonly classify: Classifier
  readonly policy: Policy
  readonly name: string
  /** How many things may happen from outside, at any moment. */
  readonly disturbances: number
  readonly bounds: Bounds
  /** How many features may land before this one and get in its way; none when left out. */
  readonly others?: number
  /** Give up, with a violation, when there are more states than this. */
  readonly most?: number
}

export const check = ({
  bounds,
  classify,
  disturbances,
  most = 5_000_000,
  name,
  others = 0,
  policy
}: Options): Report => {
  const rules: Rules = rulesOf(policy)
  const graph = new Graph()
  const found: Array<string> = []
  const hit = new Set<string>()
  const success: Array<number> = []
  const alone: Array<boolean> = []
  const report = (what: string, world: World, decision?: Decision): void => {
    if (found.length < 5) found.push(`${what} at ${decision?.rule ?? "no rule"}: ${JSON.stringify(world)}`)
  }
  const start: World = {
    facts: startFacts(initialFacts, policy),
    attempts: 0,
    rework: 0,
    fixesPlanned: false,
    excused: false,
    others
  }
  graph.add(start, disturbances)
  for (let id = 0; id < graph.keys.length && found.length < 5; id++) {
    if (id > most) {
      report(`more than ${most} states`, start)
      break
    }
    const key = graph.keys[id] as string
    const world = decode(key)
    const left = key.charCodeAt(key.length - 1) - 48
    const decision = classify(world.facts)
    graph.first.push(graph.size)
    if (decision === undefined) {
      report("T1 no decision", world)
      success.push(-1)
      alone.push(false)
      continue
    }
    hit.add(decision.rule)
    if (decision.via !== undefined) hit.add(decision.via)
    for (const what of [...violations(world.facts, decision), ...stepViolations(world.facts, decision)])
      report(what, world, decision)
    const next = outcomes(world, decision, rules)
    next.forEach((outcome, i) => {
      const target = graph.add(outcome.world, left)
      graph.edge(target)
      if (i === 0) success.push(target)
    })
    if (next.length === 0) {
      success.push(-1)
      if (!finished(world.facts)) report("T5 ends unfinished", world, decision)
    }
    alone.push(autonomous(decision, policy))
    // Whatever comes from outside is a way to reach a state, not a step: it has no edge.
    if (left > 0)
      for (const [, change] of exogenous(world.facts, rules))
        graph.add({ ...world, facts: { ...world.facts, ...change } }, left - 1)
  }
  graph.first.push(graph.size)
  const count = success.length
  if (found.length > 0)
    return {
      policy: name,
      states: count,
      edges: graph.size,
      happyPath: -1,
      longestWay: -1,
      longestAutonomy: -1,
      rules: hit,
      violations: found
    }
  const describe = (id: number) => decode(graph.keys[id] as string)
  const way = longest(count, (node) => ((success[node] as number) < 0 ? [] : [success[node] as number]))
  if (way.cycle >= 0) report("T5 success runs in a circle", describe(way.cycle), classify(describe(way.cycle).facts))
  const free = longest(count, (node) =>
    alone[node] === true ? [...graph.targets.subarray(graph.first[node], graph.first[node + 1])] : []
  )
  if (free.cycle >= 0)
    report("T6 autonomy runs in a circle", describe(free.cycle), classify(describe(free.cycle).facts))
  const greatest = (lengths: Int32Array) => lengths.reduce((a, b) => Math.max(a, b), 0)
  const longestWay = greatest(way.length)
  const longestAutonomy = greatest(free.length)
  if (longestWay > bounds.longestWay) report(`T5 takes ${longestWay} steps`, describe(way.length.indexOf(longestWay)))
  if (longestAutonomy > bounds.longestAutonomy)
    report(`T6 takes ${longestAutonomy} steps`, describe(free.length.indexOf(longestAutonomy)))
  return {
    policy: name,
    states: count,
    edges: graph.size,
    happyPath: way.length[0] as number,
    longestWay,
    longestAutonomy,
    rules: hit,
    violations: found
  }
}
