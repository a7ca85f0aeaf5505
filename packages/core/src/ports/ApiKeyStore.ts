/** Records of API keys, found by the digest of the key. */
import { Context, type Effect, type Option } from "effect"
import type { ApiKey } from "../domain/ApiKey.ts"
import type { StoreError } from "./StoreError.ts"

export class ApiKeyStore extends Context.Service<ApiKeyStore, {
  insert(key: ApiKey): Effect.Effect<void, StoreError>
  byDigest(digest: string): Effect.Effect<Option.Option<ApiKey>, StoreError>
  list: Effect.Effect<ReadonlyArray<ApiKey>, StoreError>
  revoke(id: string, atMillis: number): Effect.Effect<void, StoreError>
  touch(id: string, atMillis: number): Effect.Effect<void, StoreError>
}>()("rdev/ports/ApiKeyStore") {}
