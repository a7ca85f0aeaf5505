/**
 * What is observed of something that is wished for: one condition for each thing that can be true or not of it. A condition says since
 * when it has its status, in one word why, and in a sentence what somebody can do about it.
 */
import { Schema } from "effect"

export const ConditionStatus = Schema.Literals(["true", "false", "unknown"])
export type ConditionStatus = typeof ConditionStatus.Type

export const Condition = Schema.Struct({
  /** Unique among the conditions of one thing, e.g. `Ready`, `database`, `dns.staging`. */
  type: Schema.String,
  status: ConditionStatus,
  /** One word for programs, e.g. `Repaired`, `Foreign`, `Unavailable`. */
  reason: Schema.String,
  /** For people; says what to do where something can be done. */
  message: Schema.String,
  /** When the status was another the last time. */
  timeMillis: Schema.Int
})
export type Condition = typeof Condition.Type

/** Told by the renewal of certificates, and not by the look at resources: each leaves the other's alone. */
export const certificateType = "Certificate"
