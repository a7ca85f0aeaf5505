/** Events that bound autonomy: escalations, blockers, attempts, rework, cost. */
import { Schema } from "effect"
import { Cost } from "../Policy.ts"
import { event, maybeText, text } from "./Event.ts"

export const EscalationOpened = event("escalation-opened", { escalation: text, question: text, rule: text })
/** A human answer: it also gives attempts and rework a fresh start, and `budget` widens the budget by that much. */
export const EscalationAnswered = event("escalation-answered", {
  escalation: text,
  answer: text,
  budget: Schema.optionalKey(Cost)
})
export const BlockerOpened = event("blocker-opened", {
  blocker: text,
  needs: Schema.Literals(["human", "agent"]),
  reason: text
})
export const BlockerCleared = event("blocker-cleared", { blocker: text, answer: maybeText })
/** Outcome of carrying out a decision. Failures of tasks, CI, merges and deploys are counted from their own events and need no such record. */
export const AttemptRecorded = event("attempt-recorded", {
  rule: text,
  subject: maybeText,
  outcome: Schema.Literals(["succeeded", "failed"]),
  reason: maybeText
})
/** A round of rework that adds no fix task: a dispute, a re-requested review, threads answered. */
export const ReworkCounted = event("rework-counted", { rule: text, reason: maybeText })
export const CostRecorded = event("cost-recorded", { cost: Cost, reason: maybeText })

export const ControlEvents = [
  EscalationOpened,
  EscalationAnswered,
  BlockerOpened,
  BlockerCleared,
  AttemptRecorded,
  ReworkCounted,
  CostRecorded
] as const
