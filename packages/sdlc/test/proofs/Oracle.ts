/**
 * Exact cover: runs a function of facts on an oracle that forks at each fact read, so that every path through the function is taken exactly once.
 * Each path (leaf) stands for all facts that agree on what was read; the volumes of the leaves must add up to the whole product.
 */
import { factDomains, type FactName, factNames, type Facts } from "../../src/model/Facts.ts"

const domains = factNames.map((name) => factDomains[name] as ReadonlyArray<unknown>)
const index = Object.fromEntries(factNames.map((name, i) => [name, i])) as { readonly [K in FactName]: number }

/** Number of all fact combinations, 1.33×10²². */
export const productSize: bigint = domains.reduce((size, domain) => size * BigInt(domain.length), 1n)

export interface Leaf {
  /** The facts that were read, in order; every other fact is free. */
  readonly read: ReadonlyArray<FactName>
  readonly volume: bigint
}

/** Calls `run` once per path and `visit` with its result; returns the number of leaves and the sum of their volumes. */
export const explore = <A>(
  run: (facts: Facts) => A,
  visit: (result: A, leaf: Leaf, facts: Facts) => void
): { readonly leaves: number; readonly volume: bigint } => {
  const chosen = new Int8Array(domains.length).fill(-1)
  const trail: Array<number> = []
  const volumes: Array<bigint> = [productSize]
  const oracle = {}
  for (const name of factNames) {
    const i = index[name]
    const domain = domains[i] as ReadonlyArray<unknown>
    const size = BigInt(domain.length)
    Object.defineProperty(oracle, name, {
      get: () => {
        if ((chosen[i] as number) < 0) {
          chosen[i] = 0
          trail.push(i)
          volumes.push((volumes.at(-1) as bigint) / size)
        }
        return domain[chosen[i] as number]
      }
    })
  }
  const facts = oracle as Facts
  const view = {
    get read() {
      return trail.map((i) => factNames[i] as FactName)
    },
    get volume() {
      return volumes.at(-1) as bigint
    }
  }
  let leaves = 0
  let volume = 0n
  for (;;) {
    const result = run(facts)
    leaves++
    volume += volumes.at(-1) as bigint
    visit(result, view, facts)
    for (;;) {
      const i = trail.at(-1)
      if (i === undefined) return { leaves, volume }
      if ((chosen[i] as number) + 1 < (domains[i] as ReadonlyArray<unknown>).length) {
        chosen[i] = (chosen[i] as number) + 1
        break
      }
      chosen[i] = -1
      trail.pop()
      volumes.pop()
    }
  }
}

/** Whether two predicates agree on the whole product. */
export const equivalent = (a: (facts: Facts) => boolean, b: (facts: Facts) => boolean): boolean => {
  let equal = true
  explore(
    (facts) => a(facts) === b(facts),
    (same) => (equal &&= same)
  )
  return equal
}

/** Whether no combination of facts satisfies both. */
export const disjoint = (a: (facts: Facts) => boolean, b: (facts: Facts) => boolean): boolean => {
  let apart = true
  explore(
    (facts) => a(facts) && b(facts),
    (both) => (apart &&= !both)
  )
  return apart
}
