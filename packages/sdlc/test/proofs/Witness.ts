/** Finds facts that show a difference: tables are compared on states around the rules in question, not on blind samples. */
import { classify } from "../../src/classify/Classify.ts"
import { allRules, ruleOf } from "../../src/classify/Table.ts"
import { factDomains, type FactName, type Facts } from "../../src/model/Facts.ts"
import { phases } from "../../src/model/Phase.ts"
import { explore } from "./Oracle.ts"
import { arrivedAt, leaving } from "./States.ts"

/** The facts that a rule's condition can read, short of those a whole gate reads. */
export const factsRead = (when: (facts: Facts) => boolean): ReadonlyArray<FactName> => {
  const found = new Set<FactName>()
  explore(when, (_, leaf) => leaf.read.forEach((fact) => found.add(fact)))
  return [...found]
}

const broken: ReadonlyArray<Partial<Facts>> = [
  { spec: "stale" },
  { design: "submitted" },
  { qaPlan: "draft" },
  { claim: "none" },
  { ci: "red" },
  { threads: true },
  { audit: "stale" },
  { qa: "failed" }
]

const contexts: ReadonlyArray<Facts> = phases.flatMap((phase) => [
  arrivedAt(phase),
  leaving(phase),
  { ...leaving(phase), audit: "off" },
  { ...leaving(phase), merge: "idle", release: "none" },
  { ...leaving(phase), merge: "queued", release: "none" }
])

/** Features whose earlier work broke: every one of these regresses. */
const regressing: ReadonlyArray<Facts> = phases
  .slice(1)
  .flatMap((phase) => broken.map((facts) => ({ ...leaving(phase), merge: "idle", release: "none", ...facts })))

/** All ways to set some facts, over the contexts of every phase. */
const around = (names: ReadonlyArray<FactName>): ReadonlyArray<Facts> =>
  names.reduce<ReadonlyArray<Facts>>(
    (states, name) =>
      (factDomains[name] as ReadonlyArray<unknown>).flatMap((value) =>
        states.map((facts) => ({ ...facts, [name]: value }))
      ),
    contexts
  )

const guardings: ReadonlyArray<Partial<Facts>> = [
  {},
  { rework: "exhausted" },
  { rework: "exhausted", lease: "live" },
  { lease: "live", attempts: "exhausted" },
  { attempts: "exhausted", budget: "exhausted" },
  { budget: "exhausted", autonomy: "confirm" },
  { autonomy: "confirm" }
]

const guarded = (states: ReadonlyArray<Facts>): ReadonlyArray<Facts> =>
  guardings.flatMap((guard) => states.map((facts) => ({ ...facts, ...guard })))

/** States that surround some rules: their own facts set in every way, in every phase, with each guard's fact set or not. */
export const neighbourhood = (ids: ReadonlyArray<string>): ReadonlyArray<Facts> => {
  const small = new Set(
    ids.flatMap((id) => {
      const when = ruleOf(id)?.when
      const read = when === undefined ? [] : factsRead(when)
      return read.length <= 3 ? read : []
    })
  )
  return guarded(around([...small].slice(0, 4)))
}

/** For every rule, states in which it is what hits: the ground that guards and whole-table mutants are compared on. */
export const everyRule = (): ReadonlyMap<string, ReadonlyArray<Facts>> => {
  const found = new Map<string, Array<Facts>>()
  const note = (facts: Facts) => {
    const { rule, via } = classify(facts)
    const id = via ?? rule
    const states = found.get(id) ?? []
    if (states.length < 3) found.set(id, [...states, facts])
  }
  regressing.forEach(note)
  for (const rule of allRules) around(factsRead(rule.when).length <= 3 ? factsRead(rule.when) : []).forEach(note)
  return found
}

/** Three states per rule, under every guard. */
export const pool = (): ReadonlyArray<Facts> => guarded([...everyRule().values()].flat())
