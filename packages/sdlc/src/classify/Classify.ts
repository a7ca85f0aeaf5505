/**
 * classify: facts → decision. Pure, total over every combination of facts, at most a microsecond.
 * The first rule that hits decides; the first guard that wraps that rule and holds takes its place.
 */
import type { Actor, Decision, DecisionKind, Read } from "../model/Decision.ts"
import type { Facts } from "../model/Facts.ts"
import { nextPhase, type Phase } from "../model/Phase.ts"
import { floor } from "./Gates.ts"
import { trace } from "./Reads.ts"
import { fill } from "./Reason.ts"
import type { Rule } from "./Rule.ts"
import { type Guard, type Table, table } from "./Table.ts"

interface Compiled {
  readonly rule: Rule
  readonly guards: ReadonlyArray<Guard>
  readonly reason: string
  readonly guardReasons: ReadonlyArray<string>
}

const compileRule =
  (guards: ReadonlyArray<Guard>) =>
  (rule: Rule): Compiled => {
    const wrapping = guards.filter((guard) => guard.wraps(rule))
    return {
      rule,
      guards: wrapping,
      reason: fill(rule.reason, {}) || rule.action,
      guardReasons: wrapping.map((guard) => fill(guard.reason, { rule: rule.id, action: rule.action }))
    }
  }

/** The table as arrays that are walked without looking anything up. */
export interface Program {
  readonly common: ReadonlyArray<Compiled>
  readonly calm: Table["calm"]
  readonly skips: number
  readonly byPhase: { readonly [P in Phase]: ReadonlyArray<Compiled> }
}

export const compile = (source: Table): Program => {
  const one = compileRule(source.guards)
  const phase = (name: Phase) => source.byPhase[name].map(one)
  return {
    common: source.common.map(one),
    calm: source.calm,
    skips: source.skips,
    byPhase: {
      draft: phase("draft"),
      specified: phase("specified"),
      planned: phase("planned"),
      ready: phase("ready"),
      implementation: phase("implementation"),
      review: phase("review"),
      audit: phase("audit"),
      qa: phase("qa"),
      merge: phase("merge"),
      released: phase("released")
    }
  }
}

const target = (rule: Rule, facts: Facts): Phase | "archived" | undefined =>
  rule.to === undefined
    ? undefined
    : rule.to === "next"
      ? nextPhase(facts.phase)
      : rule.to === "floor"
        ? floor(facts)
        : rule.to

const find = (program: Program, facts: Facts): Compiled | undefined => {
  const { calm, common } = program
  for (let i = calm !== undefined && calm(facts) ? program.skips : 0; i < common.length; i++) {
    const candidate = common[i] as Compiled
    if (candidate.rule.when(facts)) return candidate
  }
  // JavaScript may pass a phase that is none; that is nobody's rule, not a crash.
  const rules =
    (program.byPhase as { readonly [phase: string]: ReadonlyArray<Compiled> | undefined })[facts.phase] ?? []
  for (let i = 0; i < rules.length; i++) {
    const candidate = rules[i] as Compiled
    if (candidate.rule.when(facts)) return candidate
  }
  return undefined
}

/**
 * A decision whose `facts` are traced when somebody asks for them, because tracing costs more than deciding.
 * They are part of its JSON; a spread copy or `structuredClone` does not carry them: read `facts` first.
 */
class TracedDecision implements Decision {
  readonly rule: string
  readonly via?: string
  readonly action: string
  readonly actor: Actor
  readonly kind: DecisionKind
  readonly to?: Phase | "archived"
  readonly reason: string
  readonly #program: Program
  readonly #facts: Facts

  constructor(
    program: Program,
    facts: Facts,
    hit: Rule | Guard,
    reason: string,
    via: string | undefined,
    to: Phase | "archived" | undefined
  ) {
    this.rule = hit.id
    if (via !== undefined) this.via = via
    this.action = hit.action
    this.actor = hit.actor
    this.kind = hit.kind
    if (to !== undefined) this.to = to
    this.reason = reason
    this.#program = program
    this.#facts = facts
  }

  get facts(): ReadonlyArray<Read> {
    return trace(this.#facts, (traced) => run(this.#program, traced))
  }

  toJSON(): Decision {
    return { ...this, facts: this.facts }
  }
}

/** The decision of a compiled table, or undefined when no rule hits (which the proofs exclude for the real table). */
export const run = (program: Program, facts: Facts): Decision | undefined => {
  const hit = find(program, facts)
  if (hit === undefined) return undefined
  const { guards, rule } = hit
  for (let i = 0; i < guards.length; i++) {
    const guard = guards[i] as Guard
    if (guard.when(facts))
      return new TracedDecision(program, facts, guard, hit.guardReasons[i] as string, rule.id, undefined)
  }
  return new TracedDecision(program, facts, rule, hit.reason, undefined, target(rule, facts))
}

const program = compile(table)

/**
 * The one next step for a feature in this state. `facts` is the list of facts the answer rests on; it is computed when first read,
 * from the object passed in, so do not change that object afterwards.
 *
 * @example
 * import { classify, initialFacts } from "@rdev/sdlc"
 * classify(initialFacts).action // "create-spec"
 */
export const classify = (facts: Facts): Decision => {
  const decision = run(program, facts)
  if (decision === undefined)
    throw new RangeError(
      `No rule covers these facts: ${JSON.stringify(facts)}. Pass one value of its domain for every fact.`
    )
  return decision
}
