/** Records of API keys, found by the digest of the key. */
import { Context, Effect, Option } from "effect"
import { ApiKey } from "../../domain/ApiKey.ts"
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
