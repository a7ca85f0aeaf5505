/**
 * What a forge posts to us, as its adapter reads it: whether it was the forge, and what it tells. Told by the slot `forge`; a forge that
 * posts nothing says nothing. An adapter must check the signature over the bytes as they came, in constant time, before it looks into
 * them, and must not ask the forge for anything that the answer depends on: a delivery is answered within moments.
 */
import { Context, type Effect, type Redacted, Schema } from "effect"
import type { ForgeEvent } from "../../domain/forge/ForgeEvent.ts"

/** A request as it came. Names of headers are in lower case. */
export interface Posted {
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

export interface Delivery {
  /** The forge's own id of it. */
  readonly id: string
  /** The forge's own word for what happened, e.g. `push`. */
  readonly event: string
  /** When it happened, by the body, which is what was signed; null = it does not say. */
  readonly atMillis: number | null
  /** Empty: nothing that concerns rdev, or an event that the adapter does not know. */
  readonly events: ReadonlyArray<ForgeEvent>
}

export class ForgeHookError extends Schema.TaggedError<ForgeHookError>()("ForgeHookError", {
  reason: Schema.TaggedUnion({
    /** None, or of another secret or body. */
    BadSignature: { message: Schema.String },
    /** Not what the forge sends: `field` says where. Only told of a body with a good signature, and of headers. */
    Malformed: { field: Schema.String, message: Schema.String }
  })
}) {
  override get message(): string {
    return this.reason._tag === "Malformed" ? `${this.reason.field}: ${this.reason.message}` : this.reason.message
  }
}

export interface ForgeHooks {
  /** As in `/hooks/<adapter>/…`. */
  readonly adapter: string
  /** What the forge is asked to post, in its own words. */
  readonly events: ReadonlyArray<string>
  /** Why the forge cannot post to this URL, and what to do; null = nothing speaks against it. */
  unreachable(url: string): string | null
  /** `secrets`: any of them may have signed; while one is replaced there are two. */
  read(posted: Posted, secrets: ReadonlyArray<Redacted.Redacted>): Effect.Effect<Delivery, ForgeHookError>
}
export const ForgeHooks: Context.Reference<ForgeHooks | null> = Context.Reference<ForgeHooks | null>(
  "rdev/ports/ForgeHooks",
  { defaultValue: () => null }
)

/** The largest body that is read: the pushes of the largest forges stay below it, as they name at most 2,048 commits. */
export const maxBodyBytes = 4 * 1024 * 1024
