/** Idempotency keys: the insert decides the one winner among parallel claims; a lapsed claim is taken over by the same statement. */
import { type Begin, claimMillis, IdempotencyStore, keptMillis, StoredAnswer } from "@rdev/core/ports/IdempotencyStore"
import type { StoreError } from "@rdev/core/ports/StoreError"
import { Effect, Layer } from "effect"
import { Database } from "./Database.ts"
import { decoder, fail, operation } from "./StoreOperation.ts"

const claimSql = `
  INSERT INTO idempotency AS i (principal, route, key, body_hash, claimed_at_millis) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (principal, route, key) DO UPDATE SET body_hash = excluded.body_hash, claimed_at_millis = excluded.claimed_at_millis, answer = NULL
  WHERE i.claimed_at_millis <= $5 - CASE WHEN i.answer IS NULL THEN $6::bigint ELSE $7::bigint END
  RETURNING 1 AS fresh`
const readSql = `SELECT body_hash, answer AS data FROM idempotency WHERE principal = $1 AND route = $2 AND key = $3`
const completeSql = `UPDATE idempotency SET answer = $4 WHERE principal = $1 AND route = $2 AND key = $3 RETURNING key`
const releaseSql = `DELETE FROM idempotency WHERE principal = $1 AND route = $2 AND key = $3 AND answer IS NULL`
const purgeSql = `WITH gone AS (DELETE FROM idempotency WHERE claimed_at_millis < $1 RETURNING 1) SELECT count(*) AS n FROM gone`

const decode = decoder("IdempotencyStore", StoredAnswer)
type Key = { readonly principal: string; readonly route: string; readonly key: string }

export const layer: Layer.Layer<IdempotencyStore, never, Database> = Layer.effect(IdempotencyStore, Effect.gen(function*() {
  const { query } = yield* Database
  const at = (key: Key) => [key.principal, key.route, key.key]

  const begin = (key: Key, bodyHash: string, nowMillis: number): Effect.Effect<Begin, StoreError> => Effect.gen(function*() {
    for (;;) {
      const claimed = yield* query(claimSql, [...at(key), bodyHash, nowMillis, claimMillis, keptMillis], { prepare: true })
      if (claimed.length === 1) return { _tag: "Fresh" }
      const row = (yield* query<{ readonly body_hash: string; readonly data: unknown }>(readSql, at(key), { prepare: true }))[0]
      // Given back between the two statements: it is free, so claim again.
      if (row === undefined) continue
      if (row.body_hash !== bodyHash) return { _tag: "OtherBody" }
      if (row.data === null) return { _tag: "InFlight" }
      const answer = (yield* decode([row]))[0]
      if (answer !== undefined) return { _tag: "Replay", answer }
    }
  })
  const complete = (key: Key, answer: StoredAnswer) => Effect.gen(function*() {
    const rows = yield* query(completeSql, [...at(key), JSON.stringify(answer)], { prepare: true })
    if (rows.length === 0) return yield* fail("IdempotencyStore.complete", { _tag: "NotFound", entity: "idempotency key", id: key.key })
  })

  return IdempotencyStore.of({
    begin: (key, bodyHash, nowMillis) => operation("IdempotencyStore.begin")(begin(key, bodyHash, nowMillis)),
    complete: (key, answer) => operation("IdempotencyStore.complete")(complete(key, answer)),
    release: (key) => operation("IdempotencyStore.release")(Effect.asVoid(query(releaseSql, at(key)))),
    purge: (beforeMillis) => operation("IdempotencyStore.purge")(
      Effect.map(query<{ readonly n: number }>(purgeSql, [beforeMillis]), (rows) => rows[0]?.n ?? 0)
    )
  })
}))
