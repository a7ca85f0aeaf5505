/** Idempotency keys: the insert decides the one winner among parallel claims; a claim that may be taken over is taken by the same statement. */
import {
  type Begin,
  type ClaimKey,
  type Claiming,
  claimMillis,
  Effected,
  IdempotencyStore,
  keptMillis,
  standing,
  StoredAnswer,
  taken
} from "@rdev/core/ports/stores/IdempotencyStore"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, Layer, Schema } from "effect"
import { Database } from "../engine/Database.ts"
import { decoder, fail, operation } from "./StoreOperation.ts"

const claimSql = `
  INSERT INTO rdev.idempotency AS i (principal, route, key, body_hash, claimed_at_millis, renewed_at_millis, token) VALUES ($1, $2, $3, $4, $5, $5, $6)
  ON CONFLICT (principal, route, key) DO UPDATE SET body_hash = excluded.body_hash, claimed_at_millis = excluded.claimed_at_millis,
    renewed_at_millis = excluded.renewed_at_millis, token = excluded.token, effect = NULL, answer = NULL
  WHERE i.claimed_at_millis <= $5 - $9::bigint
    OR ($7 AND i.answer IS NULL AND i.effect IS NULL AND i.body_hash = excluded.body_hash AND i.renewed_at_millis <= $5 - $8::bigint)
  RETURNING 1 AS fresh`
const readSql = `
  SELECT json_build_object('bodyHash', body_hash, 'claimedAtMillis', claimed_at_millis, 'renewedAtMillis', renewed_at_millis, 'effect', effect, 'answer', answer) AS data
  FROM rdev.idempotency WHERE principal = $1 AND route = $2 AND key = $3`
const held = "WHERE principal = $1 AND route = $2 AND key = $3 AND token = $4"
const renewSql = `UPDATE rdev.idempotency SET renewed_at_millis = $5 ${held}`
const confirmSql = `UPDATE rdev.idempotency SET effect = coalesce(effect, $5::json) ${held} RETURNING key`
const completeSql = `UPDATE rdev.idempotency SET answer = $5 ${held} RETURNING key`
const releaseSql = `DELETE FROM rdev.idempotency ${held} AND answer IS NULL AND effect IS NULL`
const abandonSql = `UPDATE rdev.idempotency SET renewed_at_millis = 0 ${held}`
const abandonAllSql = "UPDATE rdev.idempotency SET renewed_at_millis = 0 WHERE answer IS NULL AND renewed_at_millis > 0"
const purgeSql = `WITH gone AS (DELETE FROM rdev.idempotency WHERE claimed_at_millis < $1 RETURNING 1) SELECT count(*) AS n FROM gone`

const ClaimRow = Schema.Struct({
  bodyHash: Schema.String,
  claimedAtMillis: Schema.Int,
  renewedAtMillis: Schema.Int,
  effect: Schema.NullOr(Effected),
  answer: Schema.NullOr(StoredAnswer)
})
const decode = decoder("IdempotencyStore", ClaimRow)

export const layer: Layer.Layer<IdempotencyStore, never, Database> = Layer.effect(
  IdempotencyStore,
  Effect.gen(function* () {
    const { query } = yield* Database
    const at = ({ key, principal, route }: ClaimKey) => [principal, route, key]

    const begin = (key: ClaimKey, claiming: Claiming): Effect.Effect<Begin, StoreError> =>
      Effect.gen(function* () {
        const { bodyHash, nowMillis, resumable, token } = claiming
        for (;;) {
          const claimed = yield* query(
            claimSql,
            [...at(key), bodyHash, nowMillis, token, resumable, claimMillis, keptMillis],
            { prepare: true }
          )
          if (claimed.length === 1) return { _tag: "Fresh" }
          const [row] = yield* decode(yield* query<{ readonly data: unknown }>(readSql, at(key), { prepare: true }))
          const found = row === undefined ? null : standing(row, claiming)
          // Given back or let go between the two statements: claim again.
          if (found !== null && found._tag !== "Fresh") return found
        }
      })
    /** `query` answers with a row when the claim is the token's. */
    const orFail = (verb: string, sql: string, values: ReadonlyArray<string>, reason: StoreError["reason"]) =>
      Effect.flatMap(query(sql, values), (rows) =>
        rows.length === 0 ? fail(`IdempotencyStore.${verb}`, reason) : Effect.void
      )

    return IdempotencyStore.of({
      begin: (key, claiming) => operation("IdempotencyStore.begin")(begin(key, claiming)),
      renew: (key, token, nowMillis) =>
        operation("IdempotencyStore.renew")(Effect.asVoid(query(renewSql, [...at(key), token, nowMillis]))),
      confirm: (key, token, effect) =>
        operation("IdempotencyStore.confirm")(
          orFail("confirm", confirmSql, [...at(key), token, JSON.stringify(effect)], taken(key))
        ),
      complete: (key, token, answer) =>
        operation("IdempotencyStore.complete")(
          orFail("complete", completeSql, [...at(key), token, JSON.stringify(answer)], {
            _tag: "NotFound",
            entity: "idempotency key",
            id: key.key
          })
        ),
      release: (key, token) =>
        operation("IdempotencyStore.release")(Effect.asVoid(query(releaseSql, [...at(key), token]))),
      abandon: (key, token) =>
        operation("IdempotencyStore.abandon")(Effect.asVoid(query(abandonSql, [...at(key), token]))),
      abandonAll: operation("IdempotencyStore.abandonAll")(Effect.asVoid(query(abandonAllSql))),
      purge: (beforeMillis) =>
        operation("IdempotencyStore.purge")(
          Effect.map(query<{ readonly n: number }>(purgeSql, [beforeMillis]), (rows) => rows[0]?.n ?? 0)
        )
    })
  })
)
