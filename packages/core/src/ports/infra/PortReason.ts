/** The reasons shared by the ports that reach out to infrastructure. A port's error carries one of them. */
import { Schema } from "effect"
import type { ErrorClass } from "../../domain/ErrorClass.ts"

export const PortReason = Schema.TaggedUnion({
  NotFound: { message: Schema.String },
  AlreadyExists: { message: Schema.String },
  /** It exists and is not marked ours: never touched. */
  Foreign: { message: Schema.String },
  Unauthorized: { message: Schema.String },
  RateLimited: { message: Schema.String, retryAfterMillis: Schema.NullOr(Schema.Int) },
  /** Outage, timeout or lost connection; the effect may or may not have happened: observe before repeating. */
  Unavailable: { message: Schema.String },
  ResourceExhausted: { message: Schema.String },
  Invalid: { field: Schema.String, message: Schema.String },
  Conflict: { message: Schema.String },
  /** This installation cannot do it (say what to configure). */
  Unsupported: { message: Schema.String },
  Unknown: { message: Schema.String }
})
export type PortReason = typeof PortReason.Type

/** What a port's failure means for work that met it. `resource`: what there is not enough of. */
export const errorClass = (reason: PortReason, resource = "workspace"): ErrorClass => {
  const message = describe(reason)
  switch (reason._tag) {
    case "RateLimited":
      return { _tag: "RateLimited", message, gate: null, retryAfterMillis: reason.retryAfterMillis }
    case "Unauthorized":
      return { _tag: "AuthFailed", message }
    case "ResourceExhausted":
      return { _tag: "ResourceExhausted", message, resource }
    case "Conflict":
    case "AlreadyExists":
      return { _tag: "Conflict", message }
    case "Invalid":
      return { _tag: "Invalid", message, field: reason.field }
    // Somebody has to give way, or to install something.
    case "Foreign":
    case "Unsupported":
      return { _tag: "Invalid", message, field: null }
    // Gone, away or not understood: by the next attempt it may be otherwise.
    case "NotFound":
    case "Unavailable":
    case "Unknown":
      return { _tag: "Unknown", message }
  }
}

const retryableTags: ReadonlySet<PortReason["_tag"]> = new Set(["RateLimited", "Unavailable", "ResourceExhausted"])
export const isRetryable = (reason: PortReason): boolean => retryableTags.has(reason._tag)
export const describe = (reason: PortReason): string =>
  reason._tag === "Invalid" ? `${reason.field}: ${reason.message}` : reason.message

/** The fields of every port's error: `class ForgeError extends Schema.TaggedError<ForgeError>()("ForgeError", portErrorFields)`. */
export const portErrorFields = {
  /** `Port.method`. */
  operation: Schema.String,
  reason: PortReason,
  cause: Schema.optional(Schema.Defect())
}
