/** Claims of Idempotency-Keys in memory; the rules are the port's. */
import { Effect, Layer } from "effect"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { StoreError } from "../../ports/stores/StoreError.ts"
import {
  type Begin,
  type ClaimKey,
  type ClaimState,
  IdempotencyStore,
  standing,
  taken
} from "../../ports/stores/IdempotencyStore.ts"

interface Row extends ClaimState {
  /** Whose claim it is. */
  readonly token: string
}

export const layer: Layer.Layer<IdempotencyStore> = Layer.effect(
  IdempotencyStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<Row>()
    const at = ({ key, principal, route }: ClaimKey) => JSON.stringify([principal, route, key])
    /** Changes the row if it is the token's, and says whether it was. */
    const held = (key: ClaimKey, token: string, change: (row: Row) => Row | undefined) =>
      write((put) => {
        const row = rows.get(at(key))
        if (row?.token !== token) return false
        put(at(key), change(row))
        return true
      })
    const orFail = (verb: string, reason: StoreError["reason"]) => (found: boolean) =>
      found ? Effect.void : Effect.fail(new StoreError({ operation: `IdempotencyStore.${verb}`, reason }))
    return IdempotencyStore.of({
      begin: (key, claiming) =>
        write((put): Begin => {
          const row = rows.get(at(key))
          const found: Begin = row === undefined ? { _tag: "Fresh" } : standing(row, claiming)
          const { bodyHash, nowMillis, token } = claiming
          if (found._tag === "Fresh")
            put(at(key), {
              bodyHash,
              token,
              claimedAtMillis: nowMillis,
              renewedAtMillis: nowMillis,
              effect: null,
              answer: null
            })
          return found
        }),
      renew: (key, token, nowMillis) =>
        Effect.asVoid(held(key, token, (row) => ({ ...row, renewedAtMillis: nowMillis }))),
      confirm: (key, token, effect) =>
        Effect.flatMap(
          held(key, token, (row) => ({ ...row, effect: row.effect ?? effect })),
          orFail("confirm", taken(key))
        ),
      complete: (key, token, answer) =>
        Effect.flatMap(
          held(key, token, (row) => ({ ...row, answer })),
          orFail("complete", { _tag: "NotFound", entity: "idempotency key", id: key.key })
        ),
      release: (key, token) =>
        Effect.asVoid(held(key, token, (row) => (row.answer === null && row.effect === null ? undefined : row))),
      abandon: (key, token) => Effect.asVoid(held(key, token, (row) => ({ ...row, renewedAtMillis: 0 }))),
      abandonAll: write((put) => {
        for (const [id, row] of rows) if (row.answer === null) put(id, { ...row, renewedAtMillis: 0 })
      }),
      purge: (beforeMillis) =>
        write((put) => {
          const old = [...rows].filter(([, row]) => row.claimedAtMillis < beforeMillis)
          for (const [id] of old) put(id, undefined)
          return old.length
        })
    })
  })
)
