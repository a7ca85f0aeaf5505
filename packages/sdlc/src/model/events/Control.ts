/** Events that bound autonomy: escalations, blockers, attempts, rework, cost. */
import type { Cost } from "../Policy.ts"

export interface ControlData {
  readonly "escalation-opened": { readonly escalation: string; readonly question: string; readonly rule: string }
  /** A human answer: it also gives attempts and rework a fresh start, and `budget` widens the budget by that much. */
  readonly "escalation-answered": { readonly escalation: string; readonly answer: string; readonly budget?: Cost }
  readonly "blocker-opened": { readonly blocker: string; readonly needs: "human" | "agent"; readonly reason: string }
  readonly "blocker-cleared": { readonly blocker: string; readonly answer?: string }
  /** Outcome of carrying out a decision. Failures of tasks, CI, merges and deploys are counted from their own events and need no such record. */
  readonly "attempt-recorded": {
    readonly rule: string
    readonly subject?: string
    readonly outcome: "succeeded" | "failed"
    readonly reason?: string
  }
  /** A round of rework that adds no fix task: a dispute, a re-requested review, threads answered. */
  readonly "rework-counted": { readonly rule: string; readonly reason?: string }
  readonly "cost-recorded": { readonly cost: Cost; readonly reason?: string }
}
