/** API keys by the digest of the key. Times that change stand in columns, so that a use rewrites no document. */
import { ApiKey } from "@rdev/core/domain/ApiKey"
import { ApiKeyStore, touchMillis } from "@rdev/core/ports/stores/ApiKeyStore"
import { Effect, Layer, Option, Schema } from "effect"
import { Database } from "../engine/Database.ts"
import { decoder, fail, operation, tolerant } from "./StoreOperation.ts"

const insertSql = `
  INSERT INTO rdev.api_key (id, digest, revoked_at_millis, last_used_at_millis, data) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING RETURNING id`
const selectSql = `SELECT data, revoked_at_millis, last_used_at_millis FROM rdev.api_key`
const byDigestSql = `${selectSql} WHERE digest = $1`
const byIdSql = `${selectSql} WHERE id = $1`
const listSql = `${selectSql} ORDER BY id`
const revokeSql = `UPDATE rdev.api_key SET revoked_at_millis = coalesce(revoked_at_millis, $2) WHERE id = $1 RETURNING id`
const touchSql = `UPDATE rdev.api_key SET last_used_at_millis = $2 WHERE id = $1 AND (last_used_at_millis IS NULL OR last_used_at_millis <= $2 - $3::bigint)`

interface Row {
  readonly data: object
  readonly revoked_at_millis: number | null
  readonly last_used_at_millis: number | null
}
const encode = Schema.encodeSync(Schema.Struct(ApiKey.fields))
const decode = decoder("ApiKeyStore", ApiKey)
const assembled = (row: Row) => ({
  data: { ...row.data, revokedAtMillis: row.revoked_at_millis, lastUsedAtMillis: row.last_used_at_millis }
})
const keys = (rows: ReadonlyArray<Row>) => decode(rows.map(assembled))
const tolerantly = tolerant(ApiKey, ({ data }: ReturnType<typeof assembled>) => ({
  owner: null,
  part: `API key ${String(Reflect.get(data, "id"))}`,
  repair: "Revoke it and make another; it opens nothing meanwhile"
}))

export const layer: Layer.Layer<ApiKeyStore, never, Database> = Layer.effect(
  ApiKeyStore,
  Effect.gen(function* () {
    const { query } = yield* Database

    const insert = (key: ApiKey) =>
      Effect.gen(function* () {
        const rows = yield* query(insertSql, [
          key.id,
          key.digest,
          key.revokedAtMillis,
          key.lastUsedAtMillis,
          JSON.stringify(encode(key))
        ])
        if (rows.length === 0)
          return yield* fail("ApiKeyStore.insert", { _tag: "AlreadyExists", entity: "api key", id: key.id })
      })
    const revoke = (id: string, atMillis: number) =>
      Effect.gen(function* () {
        const rows = yield* query(revokeSql, [id, atMillis])
        if (rows.length === 0) return yield* fail("ApiKeyStore.revoke", { _tag: "NotFound", entity: "api key", id })
      })

    return ApiKeyStore.of({
      insert: (key) => operation("ApiKeyStore.insert")(insert(key)),
      byDigest: (digest) =>
        operation("ApiKeyStore.byDigest")(
          Effect.map(Effect.flatMap(query<Row>(byDigestSql, [digest], { prepare: true }), keys), (found) =>
            Option.fromNullishOr(found[0])
          )
        ),
      byId: (id) =>
        operation("ApiKeyStore.byId")(
          Effect.map(Effect.flatMap(query<Row>(byIdSql, [id], { prepare: true }), keys), (found) =>
            Option.fromNullishOr(found[0])
          )
        ),
      list: operation("ApiKeyStore.list")(
        Effect.flatMap(query<Row>(listSql), (rows) => tolerantly(rows.map(assembled)))
      ),
      revoke: (id, atMillis) => operation("ApiKeyStore.revoke")(revoke(id, atMillis)),
      touch: (id, atMillis) =>
        operation("ApiKeyStore.touch")(Effect.asVoid(query(touchSql, [id, atMillis, touchMillis], { prepare: true })))
    })
  })
)
