/** The one failure that travels inside this package; whoever gives a port its verbs turns it into the port's error at its border. */
import { describe, type PortReason } from "@rdev/core/ports/infra/PortReason"
import { Data, Effect } from "effect"
import { classifyError } from "./classifyError.ts"

export class GitError extends Data.TaggedError("GitError")<{
  readonly reason: PortReason
  readonly cause?: unknown
}> {
  override get message(): string {
    return describe(this.reason)
  }
}

export const fail = (reason: PortReason) => new GitError({ reason })
export const notFound = (message: string) => fail({ _tag: "NotFound", message })
export const conflict = (message: string) => fail({ _tag: "Conflict", message })
export const invalid = (field: string, message: string) => fail({ _tag: "Invalid", field, message })
export const foreign = (message: string) => fail({ _tag: "Foreign", message })

const fromUnknown = (cause: unknown): GitError =>
  cause instanceof GitError ? cause : new GitError({ reason: classifyError(cause), cause })

/** Runs file-system or process work; what it throws is classified. The signal aborts when the fiber is interrupted. */
export const attempt = <A>(work: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, GitError> =>
  Effect.tryPromise({ try: work, catch: fromUnknown })
