/** Answers of POSTs that carried an Idempotency-Key, kept for 24 hours. */
import { Context, Effect, Layer, Schema } from "effect"
import * as MemoryTransaction from "./memory/MemoryTransaction.ts"
import { StoreError } from "./StoreError.ts"

export const StoredAnswer = Schema.Struct({ status: Schema.Int, contentType: Schema.String, body: Schema.String, location: Schema.NullOr(Schema.String) })
export type StoredAnswer = typeof StoredAnswer.Type
export type Begin =
  | { readonly _tag: "Fresh" }
  | { readonly _tag: "InFlight" }
  | { readonly _tag: "OtherBody" }
  | { readonly _tag: "Replay"; readonly answer: StoredAnswer }

export const keptMillis = 24 * 3_600_000
/** Longer than a request may take (`Prefer: wait=60` and what comes before the wait), so that a slow one is never run beside itself. */
export const claimMillis = 120_000

export class IdempotencyStore extends Context.Service<IdempotencyStore, {
  /** Claims the key for this request (one winner among parallel ones). An answer is kept for `keptMillis`; a claim without an answer is free again after `claimMillis`. */
  begin(key: { readonly principal: string; readonly route: string; readonly key: string }, bodyHash: string, nowMillis: number): Effect.Effect<Begin, StoreError>
  /** Stores the answer to replay. NotFound when the key is not claimed. */
  complete(key: { readonly principal: string; readonly route: string; readonly key: string }, answer: StoredAnswer): Effect.Effect<void, StoreError>
  /** Gives a claimed key back after a failure that changed nothing. */
  release(key: { readonly principal: string; readonly route: string; readonly key: string }): Effect.Effect<void, StoreError>
  /** Forgets what was claimed before the time; returns how many. */
  purge(beforeMillis: number): Effect.Effect<number, StoreError>
}>()("rdev/ports/IdempotencyStore") {}

interface Row { readonly bodyHash: string; readonly claimedAtMillis: number; readonly answer: StoredAnswer | null }

/** Whether a claim made earlier no longer counts. */
export const lapsed = (row: { readonly claimedAtMillis: number; readonly answered: boolean }, nowMillis: number): boolean =>
  row.claimedAtMillis <= nowMillis - (row.answered ? keptMillis : claimMillis)

export const layerMemory: Layer.Layer<IdempotencyStore> = Layer.effect(IdempotencyStore, Effect.gen(function*() {
  const { rows, write } = yield* MemoryTransaction.table<Row>()
  const at = (key: { readonly principal: string; readonly route: string; readonly key: string }) => JSON.stringify([key.principal, key.route, key.key])
  return IdempotencyStore.of({
    begin: (key, bodyHash, nowMillis) => write((put): Begin => {
      const row = rows.get(at(key))
      if (row === undefined || lapsed({ claimedAtMillis: row.claimedAtMillis, answered: row.answer !== null }, nowMillis)) {
        put(at(key), { bodyHash, claimedAtMillis: nowMillis, answer: null })
        return { _tag: "Fresh" }
      }
      if (row.bodyHash !== bodyHash) return { _tag: "OtherBody" }
      return row.answer === null ? { _tag: "InFlight" } : { _tag: "Replay", answer: row.answer }
    }),
    complete: (key, answer) => Effect.flatten(write((put) => {
      const row = rows.get(at(key))
      if (row === undefined) return Effect.fail(new StoreError({ operation: "IdempotencyStore.complete", reason: { _tag: "NotFound", entity: "idempotency key", id: key.key } }))
      put(at(key), { ...row, answer })
      return Effect.void
    })),
    release: (key) => write((put) => { if (rows.get(at(key))?.answer === null) put(at(key), undefined) }),
    purge: (beforeMillis) => write((put) => {
      const old = [...rows].filter(([, row]) => row.claimedAtMillis < beforeMillis)
      for (const [id] of old) put(id, undefined)
      return old.length
    })
  })
}))
