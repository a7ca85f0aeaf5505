/** API keys in a table that a transaction can undo. */
import { Effect, Layer, Option } from "effect"
import { ApiKey } from "../../domain/ApiKey.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { StoreError } from "../../ports/stores/StoreError.ts"
import { touchMillis, ApiKeyStore } from "../../ports/stores/ApiKeyStore.ts"

export const layer: Layer.Layer<ApiKeyStore> = Layer.effect(
  ApiKeyStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<ApiKey>()
    return ApiKeyStore.of({
      insert: (key) =>
        Effect.flatten(
          write((put) => {
            if (rows.has(key.id) || [...rows.values()].some((other) => other.digest === key.digest)) {
              return Effect.fail(
                new StoreError({
                  operation: "ApiKeyStore.insert",
                  reason: { _tag: "AlreadyExists", entity: "api key", id: key.id }
                })
              )
            }
            put(key.id, key)
            return Effect.void
          })
        ),
      byDigest: (digest) =>
        Effect.sync(() => Option.fromNullishOr([...rows.values()].find((key) => key.digest === digest))),
      byId: (id) => Effect.sync(() => Option.fromUndefinedOr(rows.get(id))),
      list: Effect.sync(() => [...rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1))),
      revoke: (id, atMillis) =>
        Effect.flatten(
          write((put) => {
            const key = rows.get(id)
            if (key === undefined)
              return Effect.fail(
                new StoreError({ operation: "ApiKeyStore.revoke", reason: { _tag: "NotFound", entity: "api key", id } })
              )
            put(id, new ApiKey({ ...key, revokedAtMillis: key.revokedAtMillis ?? atMillis }))
            return Effect.void
          })
        ),
      touch: (id, atMillis) =>
        write((put) => {
          const key = rows.get(id)
          if (key === undefined || (key.lastUsedAtMillis !== null && key.lastUsedAtMillis > atMillis - touchMillis))
            return
          put(id, new ApiKey({ ...key, lastUsedAtMillis: atMillis }))
        })
    })
  })
)
