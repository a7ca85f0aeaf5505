/** The golden vectors: facts and the decision that must follow, as JSON for implementations in any language. */
import { classify } from "../../src/classify/Classify.ts"
import { tableRev } from "../../src/classify/Table.ts"
import type { Decision } from "../../src/model/Decision.ts"
import { factDomains, factNames, type Facts, initialFacts } from "../../src/model/Facts.ts"
import { tellingStates } from "../proofs/Gate.ts"
import { biased, random } from "../proofs/States.ts"
import { everyRule, pool } from "../proofs/Witness.ts"

export interface Case {
  readonly name: string
  /** Facts that differ from `initial`. */
  readonly facts: Partial<Facts>
  readonly decision: Omit<Decision, "facts">
  /** Names of the facts read, in order. */
  readonly reads: ReadonlyArray<string>
}

export interface VectorFile {
  readonly v: 1
  readonly table: string
  readonly domains: typeof factDomains
  readonly initial: Facts
  readonly cases: ReadonlyArray<Case>
}

export const factsOf = (file: Pick<VectorFile, "initial">, { facts }: Case): Facts => ({ ...file.initial, ...facts })

export const caseOf = (name: string, facts: Facts): Case => {
  const { action, actor, facts: reads, kind, reason, rule, to, via } = classify(facts)
  return {
    name,
    facts: Object.fromEntries(
      factNames.filter((fact) => facts[fact] !== initialFacts[fact]).map((fact) => [fact, facts[fact]])
    ),
    decision: {
      rule,
      ...(via === undefined ? {} : { via }),
      action,
      actor,
      kind,
      ...(to === undefined ? {} : { to }),
      reason
    },
    reads: reads.map((read) => read.fact)
  }
}

/** One case per rule, one per rule and guard that wraps it, those that tell every mutant from the table, and some features at random. */
export const build = (): VectorFile => {
  const rules = [...everyRule()].map(([rule, states]) => ({ name: `rule ${rule}`, facts: states[0] as Facts }))
  const guards = new Map(
    pool().flatMap((facts) => {
      const { rule, via } = classify(facts)
      return via === undefined ? [] : [[`guard ${rule} on ${via}`, facts] as const]
    })
  )
  const known = [...rules, ...[...guards].map(([name, facts]) => ({ name, facts }))]
  const telling = tellingStates(known.map((entry) => entry.facts))
  const next = random(2026)
  const some = Array.from({ length: 100 }, (_, i) => ({ name: `random ${i + 1}`, facts: biased(next) }))
  return {
    v: 1,
    table: tableRev(),
    domains: factDomains,
    initial: initialFacts,
    cases: [...known, ...telling, ...some].map(({ facts, name }) => caseOf(name, facts))
  }
}

/** One case per line, so that a change of the table shows as a readable difference. */
export const print = ({ cases, ...head }: VectorFile): string => {
  const members = Object.entries(head).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
  return `{\n  ${[...members, `"cases": [\n    ${cases.map((one) => JSON.stringify(one)).join(",\n    ")}\n  ]`].join(",\n  ")}\n}\n`
}
