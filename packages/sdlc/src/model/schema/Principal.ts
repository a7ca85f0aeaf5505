/** Who did something. Two agent sessions of one id are two principals: a review needs a fresh context, not a second vendor. */
import { Schema } from "effect"

export const PrincipalType = Schema.Literals(["human", "agent", "ci", "platform"])
export type PrincipalType = typeof PrincipalType.Type

export const Principal = Schema.Struct({
  id: Schema.NonEmptyString,
  type: PrincipalType,
  /** Model of an agent. */
  model: Schema.optionalKey(Schema.String),
  /** Session of an agent: its separate context. */
  session: Schema.optionalKey(Schema.String)
})
export type Principal = typeof Principal.Type
