/** Who did something. Two agent sessions of one id are two principals: a review needs a fresh context, not a second vendor. */

export type PrincipalType = "human" | "agent" | "ci" | "platform"

export interface Principal {
  readonly id: string
  readonly type: PrincipalType
  /** Model of an agent. */
  readonly model?: string
  /** Session of an agent: its separate context. */
  readonly session?: string
}
