/** Which facts a pure function of facts reads, with the values it saw. */
import type { Read } from "../model/Decision.ts"
import { type FactName, type Facts, factNames } from "../model/Facts.ts"

/** Facts that report their names when they are read. */
const reporting = (facts: Facts, report: (name: FactName) => void): Facts => {
  const traced = {}
  for (const name of factNames) {
    Object.defineProperty(traced, name, {
      get: () => {
        report(name)
        return facts[name]
      }
    })
  }
  return traced as Facts
}

/** Runs `decide` on facts that note their names when read; the reads come back in the order in which they first happened. */
export const trace = (facts: Facts, decide: (traced: Facts) => unknown): ReadonlyArray<Read> => {
  const seen = new Set<FactName>()
  decide(reporting(facts, (name) => seen.add(name)))
  return [...seen].map((fact) => ({ fact, value: facts[fact] }))
}

/** For each candidate, whether its predicate holds and the last fact it read: of one that fails, the fact that stands in its way. */
export const obstacles = <T extends { readonly when: (facts: Facts) => boolean }>(
  facts: Facts,
  candidates: ReadonlyArray<T>
): ReadonlyArray<{ readonly candidate: T; readonly holds: boolean; readonly last: FactName | undefined }> => {
  let last: FactName | undefined
  const traced = reporting(facts, (name) => {
    last = name
  })
  return candidates.map((candidate) => {
    last = undefined
    return { candidate, holds: candidate.when(traced), last }
  })
}
