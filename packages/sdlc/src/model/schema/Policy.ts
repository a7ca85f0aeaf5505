/** Policy: what a project demands of its features, as data. `.sdlc/policy.yaml` decodes to this; its digest is in every decision. */
import { Schema } from "effect"
import { gateNames } from "../Names.ts"
import { Instant, Severity } from "./Scalars.ts"

/** human, agent: who may approve · auto: the policy itself approves · off: the gate is not asked. */
export const GateMode = Schema.Literals(["human", "agent", "auto", "off"])
export type GateMode = typeof GateMode.Type

export const Gate = Schema.Literals(gateNames)
export type Gate = typeof Gate.Type

/** Upper bounds or spent amounts; a key that is missing is unbounded. */
export const Cost = Schema.Struct({
  usd: Schema.optionalKey(Schema.Finite),
  tokens: Schema.optionalKey(Schema.Finite),
  agentMinutes: Schema.optionalKey(Schema.Finite)
})
export type Cost = typeof Cost.Type

/** No merge and no deploy from `from` (inclusive) until `until` (exclusive). */
export const FreezeWindow = Schema.Struct({ from: Instant, until: Instant, reason: Schema.optionalKey(Schema.String) })
export type FreezeWindow = typeof FreezeWindow.Type

export const GateModes = Schema.Struct({
  spec: GateMode,
  design: GateMode,
  tasks: GateMode,
  "qa-plan": GateMode,
  start: GateMode,
  "agent-review": GateMode,
  "human-review": GateMode,
  audit: GateMode,
  risk: GateMode,
  uat: GateMode,
  merge: GateMode
})

const GatePatch = Schema.Struct({
  spec: Schema.optionalKey(GateMode),
  design: Schema.optionalKey(GateMode),
  tasks: Schema.optionalKey(GateMode),
  "qa-plan": Schema.optionalKey(GateMode),
  start: Schema.optionalKey(GateMode),
  "agent-review": Schema.optionalKey(GateMode),
  "human-review": Schema.optionalKey(GateMode),
  audit: Schema.optionalKey(GateMode),
  risk: Schema.optionalKey(GateMode),
  uat: Schema.optionalKey(GateMode),
  merge: Schema.optionalKey(GateMode)
})

const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))

/** The public half of a key whose signatures count. */
export const KeyringEntry = Schema.Struct({
  id: Schema.NonEmptyString,
  /** Raw Ed25519 public key, base64url. */
  ed25519: Schema.NonEmptyString,
  /** Principals the key may speak for; missing: any. */
  principals: Schema.optionalKey(Schema.Array(Schema.String))
})
export type KeyringEntry = typeof KeyringEntry.Type

const scalars = {
  /** An author never approves their own work. */
  separationOfDuties: Schema.Boolean,
  /** Who may waive a document: humans, also agents, or nobody. */
  waive: Schema.Literals(["human", "agent", "off"]),
  /** Distinct approvals that the human review needs. */
  reviewers: positive,
  /** Findings of this severity or above must be fixed or their risk accepted. */
  blockSeverity: Severity,
  /** Failures of one thing before a human is asked. */
  maxAttempts: positive,
  /** Rounds of rework before a human is asked. */
  maxRework: positive,
  /** Features that may hold a slot at once. */
  wip: positive,
  budget: Cost,
  autonomy: Schema.Literals(["auto", "confirm"]),
  freeze: Schema.Array(FreezeWindow),
  deploy: Schema.Literals(["required", "none"])
}

/** A partial policy that a preset lays over the base. */
export const PolicyPatch = Schema.Struct({
  gates: Schema.optionalKey(GatePatch),
  separationOfDuties: Schema.optionalKey(scalars.separationOfDuties),
  waive: Schema.optionalKey(scalars.waive),
  reviewers: Schema.optionalKey(scalars.reviewers),
  blockSeverity: Schema.optionalKey(scalars.blockSeverity),
  maxAttempts: Schema.optionalKey(scalars.maxAttempts),
  maxRework: Schema.optionalKey(scalars.maxRework),
  wip: Schema.optionalKey(scalars.wip),
  budget: Schema.optionalKey(scalars.budget),
  autonomy: Schema.optionalKey(scalars.autonomy),
  freeze: Schema.optionalKey(scalars.freeze),
  deploy: Schema.optionalKey(scalars.deploy)
})
export type PolicyPatch = typeof PolicyPatch.Type

/** How documents are judged. Absent fields are left out of the policy's digest. */
export const writing = {
  /** BCP 47 tag of the language that specs are written in, such as `de`; absent: found from each text. */
  language: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}$/u))),
  lint: Schema.optionalKey(
    Schema.Struct({
      /** A requirement that has none of the EARS forms; absent: an error where the language's forms are known, else a warning. */
      requirementForm: Schema.optionalKey(Schema.Literals(["error", "warn", "off"]))
    })
  )
}

export const Policy = Schema.Struct({
  gates: GateModes,
  ...scalars,
  ...writing,
  /** Keys whose signatures make human and platform events count; empty: no signature is asked. */
  keyring: Schema.Array(KeyringEntry),
  /** Patches by the kind of a feature (feature, bugfix, refactor, hotfix) or by a name that a feature asks for (lean). */
  presets: Schema.Record(Schema.String, PolicyPatch)
})
export type Policy = typeof Policy.Type
