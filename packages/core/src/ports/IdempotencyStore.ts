/** Answers of POSTs that carried an Idempotency-Key, kept for 24 hours. */
import { Context, type Effect, Schema } from "effect"
import type { StoreError } from "./StoreError.ts"

export const StoredAnswer = Schema.Struct({ status: Schema.Int, contentType: Schema.String, body: Schema.String, location: Schema.NullOr(Schema.String) })
export type StoredAnswer = typeof StoredAnswer.Type
export type Begin =
  | { readonly _tag: "Fresh" }
  | { readonly _tag: "InFlight" }
  | { readonly _tag: "OtherBody" }
  | { readonly _tag: "Replay"; readonly answer: StoredAnswer }

export class IdempotencyStore extends Context.Service<IdempotencyStore, {
  /** Claims the key for this request (one winner among parallel ones) until `expiresAtMillis`. A claim without an answer is free again after 60 s. */
  begin(key: { readonly principal: string; readonly route: string; readonly key: string }, bodyHash: string, nowMillis: number): Effect.Effect<Begin, StoreError>
  complete(key: { readonly principal: string; readonly route: string; readonly key: string }, answer: StoredAnswer): Effect.Effect<void, StoreError>
  /** Gives a claimed key back after a failure that changed nothing. */
  release(key: { readonly principal: string; readonly route: string; readonly key: string }): Effect.Effect<void, StoreError>
  purge(beforeMillis: number): Effect.Effect<number, StoreError>
}>()("rdev/ports/IdempotencyStore") {}
