/** Which gate a decision waits at, and what a verdict about a gate is about now. Pure. */
import { subjectOf } from "@rdev/sdlc/derive/Verdicts"
import type { Upstream } from "@rdev/sdlc/model/Artifact"
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import type { FeatureState } from "@rdev/sdlc/model/FeatureState"
import type { VerdictGate } from "@rdev/sdlc/model/Verdict"

const gateOfAction: Readonly<Record<string, VerdictGate>> = {
  "approve-spec": "spec",
  "approve-design": "design",
  "approve-tasks": "tasks",
  "approve-qa-plan": "qa-plan",
  "approve-start": "start",
  "approve-review": "human-review",
  "accept-risk": "risk",
  "approve-qa": "uat",
  "approve-merge": "merge",
  "confirm-action": "action"
}

export interface AtGate {
  readonly gate: VerdictGate
  /** Digest of exactly what is decided about; null while there is nothing. */
  readonly subject: string | null
  readonly upstream: Upstream
}

/** At the given gate, or at the one that waits; null when none is given and none waits. */
export const subjectAt = (state: FeatureState, decision: FeatureDecision, given: VerdictGate | null): AtGate | null => {
  const gate = given ?? gateOfAction[decision.action] ?? null
  if (gate === null) return null
  const about = subjectOf(state, gate)
  return { gate, subject: gate === "action" ? (decision.confirms ?? null) : about.subject, upstream: about.upstream }
}
