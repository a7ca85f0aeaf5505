/**
 * Rule mutants: the table with one thing wrong. Deletion of every rule and guard, swap of every two neighbours, negation of every clause,
 * and every exemption of a guard taken away. A swap of disjoint rules changes nothing; such mutants are proven equivalent and set aside.
 */
import { compile, type Program, run } from "../../src/classify/Classify.ts"
import type { Rule } from "../../src/classify/Rule.ts"
import { type Guard, reworkRules, type Table, table, unguarded } from "../../src/classify/Table.ts"
import type { Decision } from "../../src/model/Decision.ts"
import type { Facts } from "../../src/model/Facts.ts"
import { phases } from "../../src/model/Phase.ts"
import { evaluate, negations, parse } from "./Condition.ts"
import { disjoint } from "./Oracle.ts"

export interface Mutant {
  readonly operator: "deletion" | "swap" | "negation" | "scope"
  readonly name: string
  readonly classify: (facts: Facts) => Decision | undefined
  readonly program: Program
  /** Swaps only: no facts satisfy both rules, so their order cannot matter. */
  readonly equivalent: boolean
}

const lists = ["common", ...phases] as const
type ListName = (typeof lists)[number]

const listOf = (name: ListName): ReadonlyArray<Rule> => (name === "common" ? table.common : table.byPhase[name])

const withList = (name: ListName, rules: ReadonlyArray<Rule>): Table =>
  name === "common" ? { ...table, common: rules } : { ...table, byPhase: { ...table.byPhase, [name]: rules } }

const mutant = (operator: Mutant["operator"], name: string, mutated: Table, equivalent = false): Mutant => {
  // The short cut past the first rules belongs to the unchanged list.
  const program = compile(mutated.common === table.common ? mutated : { ...mutated, calm: undefined })
  return { operator, name, program, equivalent, classify: (facts) => run(program, facts) }
}

const deletions = (): ReadonlyArray<Mutant> => [
  ...lists.flatMap((name) =>
    listOf(name).map((rule, i) => mutant("deletion", rule.id, withList(name, listOf(name).toSpliced(i, 1))))
  ),
  ...table.guards.map((guard, i) => mutant("deletion", guard.id, { ...table, guards: table.guards.toSpliced(i, 1) }))
]

const swapped = <A>(list: ReadonlyArray<A>, i: number): ReadonlyArray<A> =>
  list.with(i, list[i + 1] as A).with(i + 1, list[i] as A)

const swaps = (): ReadonlyArray<Mutant> => [
  ...lists.flatMap((name) => {
    const rules = listOf(name)
    return rules.slice(1).map((second, i) => {
      const first = rules[i] as Rule
      return mutant(
        "swap",
        `${first.id}↔${second.id}`,
        withList(name, swapped(rules, i)),
        disjoint(first.when, second.when)
      )
    })
  }),
  ...table.guards
    .slice(1)
    .map((second, i) =>
      mutant("swap", `${(table.guards[i] as Guard).id}↔${second.id}`, { ...table, guards: swapped(table.guards, i) })
    )
]

const clauses = (): ReadonlyArray<Mutant> => [
  ...lists.flatMap((name) =>
    listOf(name).flatMap((rule, i) =>
      negations(parse(rule.condition)).map((condition, clause) =>
        mutant(
          "negation",
          `${rule.id} clause ${clause + 1}`,
          withList(name, listOf(name).with(i, { ...rule, when: evaluate(condition, rule.phase) }))
        )
      )
    )
  ),
  ...table.guards.map((guard, i) =>
    mutant("negation", guard.id, {
      ...table,
      guards: table.guards.with(i, { ...guard, when: (facts) => !guard.when(facts) })
    })
  )
]

/** A rework rule that G5 overlooks, and a safety effect that the guards may hold up. */
export const scopeMutant = (rule: string): Mutant =>
  mutant("scope", rule, {
    ...table,
    guards: table.guards.map((guard) => {
      if (guard.id === "G5")
        return { ...guard, wraps: (candidate: Rule) => guard.wraps(candidate) && candidate.id !== rule }
      const agentsOnly = guard.id === "G3" || guard.id === "G4"
      return {
        ...guard,
        wraps: (candidate: Rule) =>
          guard.wraps(candidate) || (unguarded.has(rule) && candidate.id === rule && !agentsOnly)
      }
    })
  })

const scopes = (): ReadonlyArray<Mutant> => [...reworkRules, ...unguarded].map(scopeMutant)

export const allMutants = (): ReadonlyArray<Mutant> => [...deletions(), ...swaps(), ...clauses(), ...scopes()]

/** What a decision says, without the facts it read. */
export const saying = (decision: Decision | undefined): string =>
  decision === undefined
    ? "nothing"
    : [decision.rule, decision.via ?? "", decision.action, decision.actor, decision.kind, decision.to ?? ""].join(" ")
