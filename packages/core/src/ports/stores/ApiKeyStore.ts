/** Records of API keys, found by the digest of the key. */
import { Context, Effect, Layer, Option } from "effect"
import { ApiKey } from "../../domain/ApiKey.ts"
import * as MemoryTransaction from "../../memory/MemoryTransaction.ts"
import { StoreError } from "./StoreError.ts"

/** How coarse `lastUsedAtMillis` is, so that reading does not write. */
export const touchMillis = 5 * 60_000

export class ApiKeyStore extends Context.Service<
  ApiKeyStore,
  {
    /** AlreadyExists when the id or digest is taken. */
    insert(key: ApiKey): Effect.Effect<void, StoreError>
    byDigest(digest: string): Effect.Effect<Option.Option<ApiKey>, StoreError>
    byId(id: string): Effect.Effect<Option.Option<ApiKey>, StoreError>
    /** All, revoked ones too, by id ascending. */
    list: Effect.Effect<ReadonlyArray<ApiKey>, StoreError>
    /** Keeps the time of the first revocation. NotFound for an unknown id. */
    revoke(id: string, atMillis: number): Effect.Effect<void, StoreError>
    /** Remembers a use, at most once per `touchMillis`; an unknown id is no failure. */
    touch(id: string, atMillis: number): Effect.Effect<void, StoreError>
  }
>()("rdev/ports/ApiKeyStore") {}

export const layerMemory: Layer.Layer<ApiKeyStore> = Layer.effect(
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
