/** Decision: what to do next, by whom, why, and which facts the answer rests on. Plain types, safe in a browser. */
import type { FactName, FactValue } from "./Facts.ts"
import type { Phase } from "./Phase.ts"

/** agent, human, platform: who acts · policy: whoever the policy's gate names (human, agent, or the policy itself). */
export type Actor = "agent" | "human" | "platform" | "policy"

/** do: an effect · approve: a verdict by somebody other than the author · wait: time or the platform · hold: a human · move: a change of phase · done. */
export type DecisionKind = "do" | "approve" | "wait" | "hold" | "move" | "done"

/** A fact that the answer depends on, with the value it had. */
export interface Read {
  readonly fact: FactName
  readonly value: FactValue
}

export interface Decision {
  /** The rule that hit, or the guard that wrapped it. */
  readonly rule: string
  /** Under a guard: the rule that it wraps. */
  readonly via?: string
  readonly action: string
  readonly actor: Actor
  readonly kind: DecisionKind
  readonly to?: Phase | "archived"
  readonly reason: string
  /** In the order in which they were read; every other fact could have any value without changing this decision. */
  readonly facts: ReadonlyArray<Read>
}

/** A rule that comes before the one that hit, or could give an action asked for, and the first fact that stands in its way. */
export interface WhyNot {
  readonly rule: string
  readonly action: string
  readonly condition: string
  readonly fact: FactName
  readonly value: FactValue
  readonly because: string
}

/** A decision about one feature: names filled in, bound to what it is about. */
export interface FeatureDecision extends Decision {
  readonly feature: string
  readonly phase: Phase
  readonly taskId?: string
  /** Other ready tasks whose writes are disjoint from `taskId`'s and from each other's. */
  readonly batch?: ReadonlyArray<string>
  /** Under kind approve: who the policy lets approve. */
  readonly approver?: "human" | "agent"
  /** What the action is about: documents, code trees, task and event ids. */
  readonly subjects: ReadonlyArray<string>
  /** Equal iff feature, rule and subjects are equal; a recorded outcome changes the subjects, a crash before it does not. */
  readonly idempotencyKey: string
  /** Under regress: the base brought it about, not the feature; it is no rework. */
  readonly cause?: "base"
  /** Under confirm-action: the key to approve (gate `action`). */
  readonly confirms?: string
  readonly skipped: ReadonlyArray<WhyNot>
  readonly policyRev: string
  readonly tableRev: string
}
