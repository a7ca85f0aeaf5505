/** The older JSON of `sdlc next --compat v0`. */
import type { FeatureDecision } from "../model/Decision.ts"
import type { FeatureState } from "../model/FeatureState.ts"

export interface DecisionV0 {
  readonly feature: string
  readonly current_phase: string
  readonly rule_matched: string
  readonly action: string
  readonly message: string
  readonly next_command: string | null
  readonly output_path: string | null
  readonly transition_to: string | null
  readonly task_id: string | null
}

const documentFile: ReadonlyArray<readonly [suffix: string, file: string]> = [
  ["-qa-plan", "qa-plan.md"],
  ["-spec", "spec.md"],
  ["-design", "design.md"],
  ["-tasks", "tasks.md"]
]

const reports: { readonly [action: string]: string } = {
  "review-code": "review.md",
  audit: "audit.md",
  "fix-audit": "audit.md",
  "triage-findings": "audit.md",
  "run-qa": "qa-report.md",
  "complete-qa": "qa-report.md",
  "attach-evidence": "qa-report.md"
}

const authored = /^(?:create|fix|submit|revise|reconcile|clarify|approve)(-.+)$/

const outputOf = (action: string): string | undefined => {
  const suffix = authored.exec(action)?.[1]
  return reports[action] ?? (suffix === undefined ? undefined : documentFile.find(([name]) => name === suffix)?.[1])
}

/** What somebody would type: agents carry out a step, people decide, everything else is the platform's. */
const commandOf = (decision: FeatureDecision): string | null => {
  switch (decision.actor) {
    case "agent":
      return decision.kind === "wait" ? null : `sdlc run ${decision.feature}`
    case "human":
    case "policy":
      return `sdlc why ${decision.feature}`
    case "platform":
      return null
  }
}

export const toV0 = (decision: FeatureDecision, state: FeatureState): DecisionV0 => {
  const file = outputOf(decision.action)
  return {
    feature: state.feature.slug,
    current_phase: state.phase,
    rule_matched: decision.via === undefined ? decision.rule : `${decision.rule}(${decision.via})`,
    action: decision.action,
    message: decision.reason,
    next_command: commandOf(decision),
    output_path: file === undefined ? null : `.sdlc/features/${state.feature.slug}/${file}`,
    transition_to: decision.to ?? null,
    task_id: decision.taskId ?? null
  }
}
