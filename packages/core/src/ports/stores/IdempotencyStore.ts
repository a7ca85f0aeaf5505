/**
 * What became of POSTs that carried an Idempotency-Key, kept for 24 hours. A request claims its key, renews the claim while it works, and
 * stores its answer. A claim whose holder is gone is not free: what the holder did stands in it (`effected`, written in the transaction
 * of the effect itself), or is not known.
 */
import { Context, Effect, Schema } from "effect"
import { StoreError } from "./StoreError.ts"

export const StoredAnswer = Schema.Struct({
  status: Schema.Int,
  contentType: Schema.String,
  body: Schema.String,
  location: Schema.NullOr(Schema.String)
})
export type StoredAnswer = typeof StoredAnswer.Type
/** What was committed in the claim's name: the operation that was started, or null for anything else. */
export const Effected = Schema.Struct({ operationId: Schema.NullOr(Schema.String) })
export type Effected = typeof Effected.Type

export interface ClaimKey {
  readonly principal: string
  readonly route: string
  readonly key: string
}
export interface Claiming {
  readonly bodyHash: string
  readonly nowMillis: number
  /** Tells this holder from one that takes the claim over. */
  readonly token: string
  /** Every effect of the request is confirmed in the claim: without one, a request whose holder is gone did nothing and may run again. */
  readonly resumable: boolean
}
export type Begin =
  | { readonly _tag: "Fresh" }
  | { readonly _tag: "InFlight" }
  | { readonly _tag: "OtherBody" }
  | { readonly _tag: "Replay"; readonly answer: StoredAnswer }
  /** It took effect and has no answer (yet); `held`: its holder is still at it. */
  | { readonly _tag: "Effected"; readonly effect: Effected; readonly held: boolean }
  /** Its holder is gone, and whether it took effect is not known. */
  | { readonly _tag: "Abandoned" }

export const keptMillis = 24 * 3_600_000
/** How long a claim holds without being renewed. Holders renew it every third of this. */
export const claimMillis = 15_000

export class IdempotencyStore extends Context.Service<
  IdempotencyStore,
  {
    /** Claims the key for this request (one winner among parallel ones), or says what stands in the way. Everything is forgotten `keptMillis` after the claim. */
    begin(key: ClaimKey, claiming: Claiming): Effect.Effect<Begin, StoreError>
    /** Holds the claim for another `claimMillis`; nothing when it is not the token's any more. */
    renew(key: ClaimKey, token: string, nowMillis: number): Effect.Effect<void, StoreError>
    /**
     * Says in the surrounding transaction that it is the claim's effect. Conflict when the claim is no longer the token's: the transaction
     * must fail, as another request may do the same by now.
     */
    confirm(key: ClaimKey, token: string, effect: Effected): Effect.Effect<void, StoreError>
    /** Stores the answer to replay. NotFound when the claim is not the token's. */
    complete(key: ClaimKey, token: string, answer: StoredAnswer): Effect.Effect<void, StoreError>
    /** Gives the key back after a request that changed nothing; a claim with an effect or an answer stays. */
    release(key: ClaimKey, token: string): Effect.Effect<void, StoreError>
    /** Lets the claim go without an answer: whoever asks next is told what is known of it. */
    abandon(key: ClaimKey, token: string): Effect.Effect<void, StoreError>
    /** Abandons every claim: for the start of an installation's only process, when no holder can be alive. */
    readonly abandonAll: Effect.Effect<void, StoreError>
    /** Forgets what was claimed before the time; returns how many. */
    purge(beforeMillis: number): Effect.Effect<number, StoreError>
  }
>()("rdev/ports/IdempotencyStore") {}

/** The claim in whose name a fiber works: confirms an effect of it. Null: nobody's. */
export const CurrentClaim = Context.Reference<((effect: Effected) => Effect.Effect<void, StoreError>) | null>(
  "rdev/ports/CurrentClaim",
  { defaultValue: () => null }
)

/** For a transaction that does what was asked for: binds it to the claim of the request, if that has one. */
export const confirmed = (effect: Effected): Effect.Effect<void, StoreError> =>
  Effect.flatMap(Effect.service(CurrentClaim), (confirm) => (confirm === null ? Effect.void : confirm(effect)))

/** What is known of a claim. */
export interface ClaimState {
  readonly bodyHash: string
  readonly claimedAtMillis: number
  readonly renewedAtMillis: number
  readonly effect: Effected | null
  readonly answer: StoredAnswer | null
}

/** What a claim that was found says to another request; `Fresh`: it may be taken over. */
export const standing = (row: ClaimState, { bodyHash, nowMillis, resumable }: Claiming): Begin => {
  if (row.claimedAtMillis <= nowMillis - keptMillis) return { _tag: "Fresh" }
  if (row.bodyHash !== bodyHash) return { _tag: "OtherBody" }
  if (row.answer !== null) return { _tag: "Replay", answer: row.answer }
  const held = row.renewedAtMillis > nowMillis - claimMillis
  if (row.effect !== null) return { _tag: "Effected", effect: row.effect, held }
  if (held) return { _tag: "InFlight" }
  return resumable ? { _tag: "Fresh" } : { _tag: "Abandoned" }
}

/** Of `confirm`: whoever took the claim over does the same by now. */
export const taken = ({ key }: ClaimKey): StoreError["reason"] => ({
  _tag: "Conflict",
  message: `another request with the Idempotency-Key ${key} has taken over: this one stopped answering for ${claimMillis / 1_000} s`
})
