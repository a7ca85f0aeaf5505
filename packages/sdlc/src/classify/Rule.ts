/**
 * A rule of the table: when it hits, what is to be done, by whom, and how the reason reads.
 * `condition` is the same predicate as `when`, as text; a test parses it and proves the two equal over all the facts they read.
 */
import type { Actor, DecisionKind } from "../model/Decision.ts"
import type { Facts } from "../model/Facts.ts"
import type { Phase } from "../model/Phase.ts"

export interface Rule {
  readonly id: string
  /** The phase it belongs to; "any" for the rules that come before all phases. */
  readonly phase: Phase | "any"
  readonly condition: string
  readonly when: (facts: Facts) => boolean
  readonly action: string
  readonly actor: Actor
  readonly kind: DecisionKind
  readonly to?: Phase | "archived" | "floor" | "next"
  /** `{name}` is filled in by `decide`; a `[…]` group vanishes when one of its names is unknown. */
  readonly reason: string
}

type Act = Pick<Rule, "action" | "actor" | "kind" | "to">

/** Who acts, and in which manner. Every `do` is an effect that the guards wrap. */
export const agent = (action: string): Act => ({ action, actor: "agent", kind: "do" })
export const platform = (action: string): Act => ({ action, actor: "platform", kind: "do" })
export const agentWaits = (action: string): Act => ({ action, actor: "agent", kind: "wait" })
export const platformWaits = (action: string): Act => ({ action, actor: "platform", kind: "wait" })
export const humanHolds = (action: string): Act => ({ action, actor: "human", kind: "hold" })
export const policyApproves = (action: string): Act => ({ action, actor: "policy", kind: "approve" })
export const terminal: Act = { action: "none", actor: "platform", kind: "done" }
export const advance: Act = { action: "advance", actor: "platform", kind: "move", to: "next" }
export const regress = (to: Phase | "floor"): Act => ({ action: "regress", actor: "platform", kind: "move", to })

export const rule = (
  id: string,
  phase: Phase | "any",
  condition: string,
  when: (facts: Facts) => boolean,
  act: Act,
  reason: string
): Rule => ({ id, phase, condition, when, ...act, reason })
