/**
 * The mutation gate. Every mutant of the table must be noticed: by the invariants on states around the mutated rules, by the model checker on
 * small configurations, or by the golden vectors; a mutant that none of them notices must be proven equal to the table over all facts.
 */
import { classify, compile, run } from "../../src/classify/Classify.ts"
import { ruleOf, table } from "../../src/classify/Table.ts"
import type { Facts } from "../../src/model/Facts.ts"
import { violations } from "./Invariants.ts"
import { check } from "./Model.ts"
import { allMutants, type Mutant, saying } from "./Mutants.ts"
import { explore } from "./Oracle.ts"
import { policies } from "./Policies.ts"
import type { Policy } from "../../src/model/Policy.ts"
import { neighbourhood, pool } from "./Witness.ts"

export type Killer = "invariants" | "model" | "vectors" | "disjoint" | "equal" | "nobody"

export interface Verdict {
  readonly mutant: Mutant
  readonly killer: Killer
}

const rulesIn = (mutant: Mutant): ReadonlyArray<string> => (mutant.name.split(" ")[0] as string).split("↔")

/** T1 and S1 … S25. Only decisions that differ from the table's can break what the table keeps. */
const breaksInvariant = (mutant: Mutant, states: ReadonlyArray<Facts>): boolean =>
  states.some((facts) => {
    const decision = mutant.classify(facts)
    return (
      decision === undefined || (saying(decision) !== saying(classify(facts)) && violations(facts, decision).length > 0)
    )
  })

/** T3 … T6 on small configurations: two without, one with something happening from outside. */
const failsModel = (mutant: Mutant): boolean =>
  (
    [
      ["standard", 0],
      ["agents", 0],
      ["lean", 1]
    ] as const
  ).some(
    ([name, disturbances]) =>
      check({
        classify: mutant.classify,
        policy: policies[name] as Policy,
        name,
        disturbances,
        bounds: { longestWay: 60, longestAutonomy: 120 },
        most: 60_000
      }).violations.length > 0
  )

export const differsOn = (mutant: Mutant, facts: Facts): boolean =>
  saying(mutant.classify(facts)) !== saying(classify(facts))

/** Equal decisions over the whole product; of a swap, only facts that satisfy both rules can matter. */
export const equalEverywhere = (mutant: Mutant): boolean => {
  const original = compile(table)
  const whens = rulesIn(mutant).flatMap((id) => ruleOf(id)?.when ?? [])
  const relevant = (facts: Facts) => mutant.operator !== "swap" || whens.every((when) => when(facts))
  let equal = true
  explore(
    (facts) => !relevant(facts) || saying(run(original, facts)) === saying(mutant.classify(facts)),
    (same) => (equal &&= same)
  )
  return equal
}

/** Thorough: wider ground for the invariants, and the model checker, before the vectors are asked. The mutants that count as noticed are the same. */
export const gate = (vectors: ReadonlyArray<Facts>, thorough: boolean): ReadonlyArray<Verdict> => {
  const everywhere = pool()
  return allMutants().map((mutant) => {
    const killer: Killer = mutant.equivalent
      ? "disjoint"
      : breaksInvariant(mutant, everywhere) || (thorough && breaksInvariant(mutant, neighbourhood(rulesIn(mutant))))
        ? "invariants"
        : thorough && failsModel(mutant)
          ? "model"
          : vectors.some((facts) => differsOn(mutant, facts))
            ? "vectors"
            : equalEverywhere(mutant)
              ? "equal"
              : "nobody"
    return { mutant, killer }
  })
}

/** The fewest states, in a greedy sense, on which every mutant that can be told from the table is told from it. */
export const tellingStates = (
  known: ReadonlyArray<Facts>
): ReadonlyArray<{ readonly name: string; readonly facts: Facts }> => {
  const states = [...known]
  const everywhere = pool()
  return allMutants().flatMap((mutant) => {
    if (mutant.equivalent || states.some((facts) => differsOn(mutant, facts))) return []
    const facts =
      everywhere.find((candidate) => differsOn(mutant, candidate)) ??
      neighbourhood(rulesIn(mutant)).find((candidate) => differsOn(mutant, candidate))
    if (facts === undefined) return []
    states.push(facts)
    return [{ name: `${mutant.operator} ${mutant.name}`, facts }]
  })
}
