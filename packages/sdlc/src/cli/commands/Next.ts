/** `sdlc next`: the one next step. The hot path: keep its imports few. */
import { commandFor } from "../../commands/Commands.ts"
import { type DecisionV0, toV0 } from "../../derive/CompatV0.ts"
import type { FeatureDecision } from "../../model/Decision.ts"
import type { FeatureState } from "../../model/FeatureState.ts"
import { type Args, oneOf } from "../Args.ts"
import { type Hand, handOf } from "../Hand.ts"
import { done, type Result } from "../Result.ts"
import * as Session from "../Session.ts"

/** The decision as programs get it. */
export const jsonOf = (decision: FeatureDecision): object => {
  const command = commandFor(decision.action)
  return {
    ...decision,
    facts: decision.facts,
    ...(command === null ? {} : { command }),
    exitCode: Session.codeOf(decision)
  }
}

/** The JSON of the tool's first version, for scripts written against it. */
export const v0 = (decision: FeatureDecision, state: FeatureState): DecisionV0 => {
  const command = commandFor(decision.action)
  return { ...toV0(decision, state), next_command: command === null ? null : `/sdlc-${command} ${decision.feature}` }
}

const who: Readonly<Record<FeatureDecision["actor"], string>> = {
  agent: "an agent",
  human: "a person",
  platform: "the platform",
  policy: "whoever the policy names"
}

export const line = (decision: FeatureDecision): string => {
  const by =
    decision.kind === "approve"
      ? `${decision.approver === "agent" ? "an agent" : "a person"} other than the author`
      : who[decision.actor]
  const task = decision.taskId === undefined ? "" : ` ${decision.taskId}`
  const to = decision.to === undefined ? "" : ` \u2192 ${decision.to}`
  return `${decision.feature} [${decision.phase}] ${decision.action}${task}${to} (${by})\n  ${decision.reason} [${decision.rule}${decision.via === undefined ? "" : `, guarding ${decision.via}`}]`
}

/** Work that was begun twice, in words. */
export const contests = (state: FeatureState): ReadonlyArray<string> =>
  state.contested.map(
    ({ by, task }) =>
      `  warning: ${task} was begun by ${by.map((one) => `${one.by.type} ${one.by.id}${one.by.session === undefined ? "" : ` (${one.by.session})`} at ${one.at}`).join(" and by ")}, without knowing of each other; let one of them stop: sdlc task fail ${task} --reason "begun twice".`
  )

const hint = (decision: FeatureDecision, hand: Hand | null): string => {
  const command = commandFor(decision.action)
  const lines: Array<string> = []
  if (hand !== null && hand.look !== null) lines.push(`  look: ${hand.look}`)
  if (hand !== null) lines.push(`  type: ${hand.type.join("\n    or: ")}`)
  if (decision.batch !== undefined && decision.batch.length > 0) lines.push(`  beside it: ${decision.batch.join(", ")}`)
  if (command !== null) lines.push(`  how: sdlc-${command}`)
  return lines.length === 0 ? "" : `\n${lines.join("\n")}`
}

export const spec = { positionals: ["feature?"], flags: { head: "value", base: "value", compat: "value" } } as const

export const options = (args: Args): Session.ViewOptions => {
  const head = args.value("head")
  const base = args.value("base")
  return { ...(head === undefined ? {} : { head }), ...(base === undefined ? {} : { base }) }
}

export const run = (session: Session.Session, args: Args): Result => {
  const compat = args.value("compat")
  if (compat !== undefined) oneOf("--compat", compat, ["v0"])
  const { decision, loaded, state } = Session.view(session, Session.featureArg(session, args, 0), options(args))
  const code = Session.codeOf(decision)
  const problems = loaded.errors.map((error) => `  ${error.file}: ${error.problem}\n    fix: ${error.fix ?? ""}`)
  const warnings = [
    ...loaded.warnings.map((warning) => `  warning: ${warning.file} ${warning.problem}`),
    ...contests(state)
  ]
  const hand = handOf(decision, state, loaded.policy.keyring.length > 0)
  const text = [`${line(decision)}${hint(decision, hand)}`, ...problems, ...warnings].join("\n")
  if (compat !== undefined) return done(JSON.stringify(v0(decision, state), null, 2), v0(decision, state), code)
  return done(
    text,
    {
      ...jsonOf(decision),
      ...(hand === null ? {} : { hand }),
      errors: loaded.errors,
      warnings: loaded.warnings,
      ...(state.contested.length === 0 ? {} : { contested: state.contested })
    },
    code
  )
}
