/** Random facts: uniform over the product, and biased towards features that got far and have a few things wrong. Seeded, so that a failure repeats. */
import { factDomains, type FactName, factNames, type Facts, initialFacts } from "../../src/model/Facts.ts"
import { phaseIndex, phases } from "../../src/model/Phase.ts"

/** mulberry32, a small generator with a period of 2³². */
export const random = (seed: number): (() => number) => {
  let a = seed | 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

type Mutable = { -readonly [K in FactName]: Facts[K] }

const pick = <A>(next: () => number, values: ReadonlyArray<A>): A => values[Math.floor(next() * values.length)] as A

const any = (next: () => number, facts: Mutable, name: FactName): void => {
  Object.assign(facts, { [name]: pick<unknown>(next, factDomains[name]) })
}

export const uniform = (next: () => number): Facts => {
  const facts: Mutable = { ...initialFacts }
  for (const name of factNames) any(next, facts, name)
  return facts
}

/** What each phase leaves behind. */
const behind: ReadonlyArray<Partial<Facts>> = [
  { spec: "approved" },
  { design: "approved", tasksDoc: "approved" },
  { qaPlan: "approved" },
  { go: "ok", claim: "held", branch: "ok", cleanup: "pending" },
  { tNone: false, pr: "open", ci: "green" },
  { agentReview: "approved", humanReview: "approved" },
  { audit: "present" },
  { qa: "passed", evidence: true, uat: "ok" },
  { mergeGate: "ok", merge: "merged", release: "live" },
  { sync: "done", cleanup: "done" }
]

/** A feature that has done everything up to this phase, and nothing of it. */
export const arrivedAt = (phase: Facts["phase"]): Facts =>
  Object.assign({ ...initialFacts }, ...behind.slice(0, phaseIndex[phase]), { phase })

/** The same with the work of the phase done. */
export const leaving = (phase: Facts["phase"]): Facts => ({ ...arrivedAt(phase), ...behind[phaseIndex[phase]] })

/** A feature in some phase with every earlier gate passed and up to four facts replaced at random. */
export const biased = (next: () => number): Facts => {
  const phase = pick(next, phases)
  const facts: Mutable = { ...(next() < 0.5 ? arrivedAt(phase) : leaving(phase)) }
  if (phase === "merge" && next() < 0.5) facts.merge = pick(next, factDomains.merge)
  if (next() < 0.5) facts.release = facts.merge === "merged" ? pick(next, factDomains.release) : facts.release
  for (let n = Math.floor(next() * 5); n > 0; n--) any(next, facts, pick(next, factNames))
  return facts
}
