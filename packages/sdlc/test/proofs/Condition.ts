/** The condition texts of the table as a small language: parsed, evaluated, and negated clause by clause. */
import { floor, gates } from "../../src/classify/Gates.ts"
import { factDomains, type FactName, type Facts } from "../../src/model/Facts.ts"
import type { Phase } from "../../src/model/Phase.ts"

export type Condition =
  | { readonly tag: "all" | "any"; readonly parts: ReadonlyArray<Condition> }
  | { readonly tag: "in"; readonly fact: FactName; readonly values: ReadonlyArray<unknown>; readonly negated: boolean }
  | { readonly tag: "floor"; readonly negated: boolean }
  | { readonly tag: "gate"; readonly negated: boolean }
  | { readonly tag: "always"; readonly negated: boolean }

const split = (text: string, separator: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let depth = 0
  let current = ""
  for (const char of text) {
    if (char === "(") depth++
    if (char === ")") depth--
    if (char === separator && depth === 0) {
      parts.push(current)
      current = ""
    } else current += char
  }
  return [...parts, current].map((part) => part.trim())
}

const valueOf = (fact: FactName, text: string): unknown => {
  const value = (factDomains[fact] as ReadonlyArray<unknown>).find((candidate) => String(candidate) === text)
  if (value === undefined) throw new Error(`${text} is no value of ${fact}`)
  return value
}

const factOf = (text: string): FactName => {
  if (!(text in factDomains)) throw new Error(`${text} is no fact`)
  return text as FactName
}

const atom = (text: string): Condition => {
  if (text === "always") return { tag: "always", negated: false }
  if (text === "floor≠∅") return { tag: "floor", negated: false }
  if (text === "gate=pass") return { tag: "gate", negated: false }
  const set = /^(\w+)([∈∉])\{([^}]*)\}$/.exec(text)
  if (set !== null) {
    const fact = factOf(set[1] as string)
    return {
      tag: "in",
      fact,
      values: (set[3] as string).split(",").map((value) => valueOf(fact, value)),
      negated: set[2] === "∉"
    }
  }
  const equal = /^(\w+)([=≠])(\w+)$/.exec(text)
  if (equal !== null) {
    const fact = factOf(equal[1] as string)
    return { tag: "in", fact, values: [valueOf(fact, equal[3] as string)], negated: equal[2] === "≠" }
  }
  return text.startsWith("¬")
    ? { tag: "in", fact: factOf(text.slice(1)), values: [true], negated: true }
    : { tag: "in", fact: factOf(text), values: [true], negated: false }
}

export const parse = (text: string): Condition => {
  const any = split(text, "∨")
  if (any.length > 1) return { tag: "any", parts: any.map(parse) }
  const all = split(text, "∧")
  if (all.length > 1) return { tag: "all", parts: all.map(parse) }
  return text.startsWith("(") && text.endsWith(")") ? parse(text.slice(1, -1)) : atom(text)
}

export const evaluate =
  (condition: Condition, phase: Phase | "any") =>
  (f: Facts): boolean => {
    switch (condition.tag) {
      case "all":
        return condition.parts.every((part) => evaluate(part, phase)(f))
      case "any":
        return condition.parts.some((part) => evaluate(part, phase)(f))
      case "in":
        return condition.values.includes(f[condition.fact]) !== condition.negated
      case "floor":
        return (floor(f) !== undefined) !== condition.negated
      case "gate":
        return (phase !== "any" && phase !== "released" && gates[phase](f) === "pass") !== condition.negated
      case "always":
        return !condition.negated
    }
  }

/** One variant per clause, with that clause negated. */
export const negations = (condition: Condition): ReadonlyArray<Condition> => {
  if ("parts" in condition) {
    const { parts, tag } = condition
    return parts.flatMap((part, i) =>
      negations(part).map((negated): Condition => ({ tag, parts: parts.with(i, negated) }))
    )
  }
  return [{ ...condition, negated: !condition.negated }]
}
