/** The proofs as functions that return their counts; the tests run them short, `npm run prove` runs them long. */
import { classify, compile, run } from "../../src/classify/Classify.ts"
import { table } from "../../src/classify/Table.ts"
import { check, type Report } from "./Model.ts"
import { violations } from "./Invariants.ts"
import { explore } from "./Oracle.ts"
import { policies } from "./Policies.ts"
import { biased, random, uniform } from "./States.ts"

export interface Cover {
  readonly leaves: number
  readonly volume: bigint
  readonly undecided: number
  readonly hit: ReadonlySet<string>
  /** Leaves, of those looked at, where `Decision.facts` is not what the oracle saw read. */
  readonly readsDiffer: number
}

/** T1, T2, T10. The list of facts read is compared on every thousandth leaf. */
export const cover = (): Cover => {
  const program = compile(table)
  const hit = new Set<string>()
  let undecided = 0
  let readsDiffer = 0
  let n = 0
  const { leaves, volume } = explore(
    (facts) => run(program, facts),
    (decision, leaf) => {
      if (decision === undefined) {
        undecided++
        return
      }
      hit.add(decision.rule)
      if (decision.via !== undefined) hit.add(decision.via)
      if (n++ % 1000 === 0) {
        const seen = leaf.read.join(" ")
        if (decision.facts.map((read) => read.fact).join(" ") !== seen) readsDiffer++
      }
    }
  )
  return { leaves, volume, undecided, hit, readsDiffer }
}

/** Policies whose ways are short enough to walk them with another feature landing in between as well. */
const short = ["lean", "library", "hotfix"]

/** T3 … T6 and the S invariants on everything reachable, per policy. */
export const model = (
  disturbances: number,
  over: { readonly maxAttempts?: number; readonly maxRework?: number } = {},
  names = Object.keys(policies),
  crowded = short
): ReadonlyArray<Report> =>
  Object.entries(policies)
    .filter(([name]) => names.includes(name))
    .map(([name, policy]) => {
      const others = crowded.includes(name) ? 1 : 0
      return check({
        classify,
        name,
        policy: { ...policy, ...over },
        disturbances,
        others,
        // A confirmation before every step of an agent makes the way longer. Autonomy is bounded by the rounds that the policy allows, and by those that others cause.
        bounds: {
          longestWay: policy.autonomy === "confirm" ? 72 : 60,
          longestAutonomy: 60 * ((over.maxRework ?? policy.maxRework) + others)
        }
      })
    })

export const line = (report: Report): string =>
  `${report.policy}: ${report.states} states, ${report.edges} steps, happy path ${report.happyPath}, longest way ${report.longestWay}, longest autonomy ${report.longestAutonomy}`

/** S1 … S25 on states at random, three biased ones for each uniform one. Returns the violations, at most ten. */
export const states = (count: number, seed: number): ReadonlyArray<string> => {
  const next = random(seed)
  const found: Array<string> = []
  for (let i = 0; i < count && found.length < 10; i++) {
    const facts = i % 4 === 0 ? uniform(next) : biased(next)
    const decision = classify(facts)
    for (const id of violations(facts, decision)) found.push(`${id} by ${decision.rule}: ${JSON.stringify(facts)}`)
  }
  return found
}
