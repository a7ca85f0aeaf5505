/** The one failure that travels inside this adapter; each port turns it into its own error at its border. */
import { describe, type PortReason } from "@rdev/core/ports/infra/PortReason"
import { Data } from "effect"

export class GitHubFailure extends Data.TaggedError("GitHubFailure")<{
  readonly reason: PortReason
  /** Of the answer, where there was one. */
  readonly status?: number | null
}> {
  override get message(): string {
    return describe(this.reason)
  }
}

export const fail = (reason: PortReason) => new GitHubFailure({ reason })
export const notFound = (message: string) => fail({ _tag: "NotFound", message })
export const conflict = (message: string) => fail({ _tag: "Conflict", message })
export const invalid = (field: string, message: string) => fail({ _tag: "Invalid", field, message })
export const foreign = (message: string) => fail({ _tag: "Foreign", message })
export const unsupported = (message: string) => fail({ _tag: "Unsupported", message })
export const is =
  (...tags: ReadonlyArray<PortReason["_tag"]>) =>
  ({ reason }: GitHubFailure): boolean =>
    tags.includes(reason._tag)
