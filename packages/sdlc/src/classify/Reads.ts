/** Which facts a pure function of facts reads, with the values it saw. */
import type { Read } from "../model/Decision.ts"
import { type FactName, type Facts, factNames } from "../model/Facts.ts"

/** Runs `decide` on facts that note their names when read; the reads come back in the order in which they first happened. */
export const trace = (facts: Facts, decide: (traced: Facts) => unknown): ReadonlyArray<Read> => {
  const seen = new Set<FactName>()
  const traced = {}
  for (const name of factNames) Object.defineProperty(traced, name, { get: () => (seen.add(name), facts[name]) })
  decide(traced as Facts)
  return [...seen].map((fact) => ({ fact, value: facts[fact] }))
}
