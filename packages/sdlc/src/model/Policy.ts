/** Policy: what a project demands of its features, as data. `.sdlc/policy.yaml` decodes to this; its digest is in every decision. */
import type { Severity } from "./Finding.ts"
import type { gateNames } from "./Names.ts"

export { gateNames } from "./Names.ts"
export { changes, type PolicyChange, stricter } from "./PolicyOrder.ts"

/** human, agent: who may approve · auto: the policy itself approves · off: the gate is not asked. */
export type GateMode = "human" | "agent" | "auto" | "off"

export type Gate = (typeof gateNames)[number]

/** Upper bounds or spent amounts; a key that is missing is unbounded. */
export interface Cost {
  readonly usd?: number
  readonly tokens?: number
  readonly agentMinutes?: number
}

/** No merge and no deploy from `from` (inclusive) until `until` (exclusive). */
export interface FreezeWindow {
  readonly from: string
  readonly until: string
  readonly reason?: string
}

/** The public half of a key whose signatures count. */
export interface KeyringEntry {
  readonly id: string
  /** Raw Ed25519 public key, base64url. */
  readonly ed25519: string
  /** Principals the key may speak for; missing: any. */
  readonly principals?: ReadonlyArray<string>
}

interface Scalars {
  /** An author never approves their own work. */
  readonly separationOfDuties: boolean
  /** Who may waive a document: humans, also agents, or nobody. */
  readonly waive: "human" | "agent" | "off"
  /** Distinct approvals that the human review needs. */
  readonly reviewers: number
  /** Findings of this severity or above must be fixed or their risk accepted. */
  readonly blockSeverity: Severity
  /** Failures of one thing before a human is asked. */
  readonly maxAttempts: number
  /** Rounds of rework before a human is asked. */
  readonly maxRework: number
  /** Features that may hold a slot at once. */
  readonly wip: number
  readonly budget: Cost
  readonly autonomy: "auto" | "confirm"
  readonly freeze: ReadonlyArray<FreezeWindow>
  readonly deploy: "required" | "none"
}

/** A partial policy that a preset lays over the base. */
export interface PolicyPatch extends Partial<Scalars> {
  readonly gates?: { readonly [G in Gate]?: GateMode }
}

export interface Policy extends Scalars {
  readonly gates: { readonly [G in Gate]: GateMode }
  /** BCP 47 tag of the language that specs are written in, such as `de`; absent: found from each text. */
  readonly language?: string
  /** How documents are judged. */
  readonly lint?: {
    /** A requirement that has none of the EARS forms; absent: an error where the language's forms are known, else a warning. */
    readonly requirementForm?: "error" | "warn" | "off"
  }
  /** Keys whose signatures make human and platform events count; empty: no signature is asked. */
  readonly keyring: ReadonlyArray<KeyringEntry>
  /** Patches by the kind of a feature (feature, bugfix, refactor, hotfix) or by a name that a feature asks for (lean). */
  readonly presets: { readonly [name: string]: PolicyPatch }
}
