/** Mermaid diagrams: of the live rules, and of what happened to a feature. */
import { allRules, table } from "../classify/Table.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import { nextPhase, type Phase, phases } from "../model/Phase.ts"

const quote = (text: string): string =>
  text.replaceAll('"', "'").replaceAll(";", ",").replaceAll("#", "").replaceAll("\n", " ").slice(0, 120)

/** Phases as states; per phase its rules with their actors, and the moves between phases. */
export const rulesGraph = (): string => {
  const lines = ["stateDiagram-v2", "  direction TB", "  [*] --> draft"]
  for (const phase of phases) {
    const rules = table.byPhase[phase].filter((rule) => rule.kind !== "move")
    lines.push(`  state ${phase} {`)
    for (const rule of rules) lines.push(`    ${rule.id} : ${quote(`${rule.id} ${rule.action} (${rule.actor})`)}`)
    // Within a phase the first rule whose condition holds is the next step.
    for (const [i, rule] of rules.entries()) {
      const after = rules[i + 1]
      if (after !== undefined) lines.push(`    ${rule.id} --> ${after.id} : else`)
    }
    lines.push("  }")
    const advance = table.byPhase[phase].find((rule) => rule.action === "advance")
    if (advance !== undefined)
      lines.push(`  ${phase} --> ${nextPhase(phase)} : ${advance.id} ${quote(advance.condition)}`)
  }
  for (const rule of allRules) {
    if (rule.kind === "move" && rule.to === "merge")
      lines.push(`  released --> merge : ${rule.id} ${quote(rule.condition)}`)
    if (rule.action === "reopen") lines.push(`  merge --> implementation : ${rule.id} ${quote(rule.condition)}`)
  }
  lines.push(
    "  note right of draft",
    "    P2 any phase falls back to the first one whose gate fails",
    "  end note",
    "  released --> [*]"
  )
  return `${lines.join("\n")}\n`
}

/** The moves of a feature in order, with the rule behind each, and where it stands. */
export const historyGraph = (state: FeatureState): string => {
  const lines = ["stateDiagram-v2", "  direction LR", "  [*] --> draft"]
  state.history.forEach((move, i) =>
    lines.push(
      `  ${move.from} --> ${move.to} : ${i + 1}. ${quote(`${move.rule} ${move.at.slice(0, 16).replace("T", " ")}`)}`
    )
  )
  const visited = new Set<Phase>(["draft", ...state.history.map((move) => move.to)])
  const to: Phase | undefined = phases.find((phase) => !visited.has(phase))
  if (to !== undefined)
    lines.push(`  note right of ${state.phase}`, `    now in ${state.phase}, ${state.lifecycle}`, "  end note")
  lines.push("  classDef now stroke-width:4px", `  class ${state.phase} now`)
  return `${lines.join("\n")}\n`
}
