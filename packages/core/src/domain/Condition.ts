/**
 * What is observed of something that is wished for: one condition for each thing that can be true or not of it. A condition says since
 * when it has its status, in one word why, and in a sentence what somebody can do about it. Schemas and pure functions only.
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
/** One as it is seen now; since when, the transition tells. */
export type Seen = Omit<Condition, "timeMillis">

/**
 * The conditions after a look: what was seen takes the place of its type and keeps its time while the status stays; types that were not
 * looked at stay as they are. The answer is `before` itself when nothing differs.
 */
export const seen = (
  before: ReadonlyArray<Condition>,
  looked: ReadonlyArray<Seen>,
  nowMillis: number
): ReadonlyArray<Condition> => {
  const kept = new Map(before.map((one) => [one.type, one]))
  let differs = false
  for (const { message, reason, status, type } of looked) {
    const was = kept.get(type)
    if (was !== undefined && was.status === status && was.reason === reason && was.message === message) continue
    differs = true
    kept.set(type, { type, status, reason, message, timeMillis: was?.status === status ? was.timeMillis : nowMillis })
  }
  return differs ? [...kept.values()] : before
}

/** Without those of types that there is no more reason to look at. */
export const only = (
  conditions: ReadonlyArray<Condition>,
  isKept: (type: string) => boolean
): ReadonlyArray<Condition> => {
  const kept = conditions.filter(({ type }) => isKept(type))
  return kept.length === conditions.length ? conditions : kept
}

/** All of one in short: false when one is false, unknown when one is unknown and none false. */
export const summary = (conditions: ReadonlyArray<Condition>): ConditionStatus =>
  conditions.some(({ status }) => status === "false")
    ? "false"
    : conditions.some(({ status }) => status === "unknown")
      ? "unknown"
      : "true"
