/** The one failure that travels inside this adapter; the port turns it into its own error at its border. */
import { describe, type PortReason } from "@rdev/core/ports/infra/PortReason"
import { Data } from "effect"
import type { Refusal } from "./classifyError.ts"

export class AcmeFailure extends Data.TaggedError("AcmeFailure")<{
  readonly reason: PortReason
  /** Of the authority, where it was one. */
  readonly refusal?: Refusal
  /** The order it belongs to has come to its end. */
  readonly isFinal?: boolean
}> {
  override get message(): string {
    return describe(this.reason)
  }
}
export const fail = (reason: PortReason) => new AcmeFailure({ reason })
/** Of a store or of another port: its reason where it has one of ours. */
export const unavailable = (message: string) => fail({ _tag: "Unavailable", message })
