/** The rule table as Markdown, from the code: what the package's README shows. */
import { gateTexts } from "../classify/Gates.ts"
import { allRules, table } from "../classify/Table.ts"
import { nextPhase, type Phase, phases } from "../model/Phase.ts"

const cell = (text: string): string => text.replaceAll("|", "\\|")

const targetOf = (to: string | undefined, phase: Phase | "any"): string =>
  to === undefined ? "" : to === "next" ? (phase === "any" ? "next phase" : nextPhase(phase)) : to

const row = (cells: ReadonlyArray<string>): string => `| ${cells.map(cell).join(" | ")} |`

/** Rules in order of evaluation, then the guards, then the gates. */
export const ruleTableMarkdown = (): string =>
  [
    row(["rule", "phase", "condition", "action", "actor", "kind", "to", "reason"]),
    row(Array.from({ length: 8 }, () => "---")),
    ...allRules.map((rule) =>
      row([
        rule.id,
        rule.phase,
        rule.condition,
        rule.action,
        rule.actor,
        rule.kind,
        targetOf(rule.to, rule.phase),
        rule.reason
      ])
    ),
    "",
    row(["guard", "wraps", "condition", "action", "actor", "kind", "reason"]),
    row(Array.from({ length: 7 }, () => "---")),
    ...table.guards.map((guard) =>
      row([guard.id, guard.scope, guard.condition, guard.action, guard.actor, guard.kind, guard.reason])
    ),
    "",
    row(["gate", "passes", "fails"]),
    row(["---", "---", "---"]),
    ...phases.flatMap((phase) =>
      phase === "released"
        ? []
        : [row([phase, gateTexts[phase].pass, gateTexts[phase].fail === "¬pass" ? "otherwise" : gateTexts[phase].fail])]
    ),
    ""
  ].join("\n")
