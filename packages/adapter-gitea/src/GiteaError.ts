/** The one failure that travels inside this adapter; each port turns it into its own error at its border. */
import { describe, type PortReason } from "@rdev/core/ports/infra/PortReason"
import { Data } from "effect"
import type { Answer } from "./classifyError.ts"

export class GiteaError extends Data.TaggedError("GiteaError")<{
  readonly reason: PortReason
  /** What was answered, where something was. */
  readonly answer?: Answer
}> {
  override get message(): string {
    return describe(this.reason)
  }
}

export const fail = (reason: PortReason, answer?: Answer) =>
  new GiteaError(answer === undefined ? { reason } : { reason, answer })
export const notFound = (message: string) => fail({ _tag: "NotFound", message })
export const conflict = (message: string) => fail({ _tag: "Conflict", message })
export const invalid = (field: string, message: string) => fail({ _tag: "Invalid", field, message })
export const foreign = (message: string) => fail({ _tag: "Foreign", message })
