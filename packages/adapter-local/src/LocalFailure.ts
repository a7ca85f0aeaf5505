/** The one failure that travels inside this adapter; each port turns it into its own error at its border. */
import { describe, type PortReason } from "@rdev/core/ports/infra/PortReason"
import { GitError } from "@rdev/git/GitError"
import { Data, Effect } from "effect"
import { basename } from "node:path"
import { classifyError } from "./classifyError.ts"

export class LocalFailure extends Data.TaggedError("LocalFailure")<{
  readonly reason: PortReason
  readonly cause?: unknown
}> {
  override get message(): string {
    return describe(this.reason)
  }
}

export const fail = (reason: PortReason) => new LocalFailure({ reason })
export const notFound = (message: string) => fail({ _tag: "NotFound", message })
export const conflict = (message: string) => fail({ _tag: "Conflict", message })
export const invalid = (field: string, message: string) => fail({ _tag: "Invalid", field, message })
export const foreign = (message: string) => fail({ _tag: "Foreign", message })

/** A record of ours that cannot be read: what is in it, not the machine. */
export class DamagedRecord extends LocalFailure {
  constructor(path: string, cause: unknown) {
    super({
      reason: {
        _tag: "Unknown",
        message: `${basename(path)} is damaged (${(cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, " ").slice(0, 300)}); restore ${path} from a backup or remove it`
      },
      cause
    })
  }
}

export const fromUnknown = (cause: unknown): LocalFailure => {
  if (cause instanceof LocalFailure) return cause
  if (cause instanceof GitError) return new LocalFailure({ reason: cause.reason, cause: cause.cause })
  return new LocalFailure({ reason: classifyError(cause), cause })
}

/** Runs file-system or process work; what it throws is classified. The signal aborts when the fiber is interrupted. */
export const attempt = <A>(work: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, LocalFailure> =>
  Effect.tryPromise({ try: work, catch: fromUnknown })
