/** Secrets of owners (a project, one environment, a webhook), encrypted at rest. What leaves is Redacted; listing shows names only. */
import { Context, Effect, Option, type Redacted } from "effect"
import type { OwnerId } from "../../domain/Owner.ts"
import type { StoreError } from "./StoreError.ts"

export class CredentialStore extends Context.Service<
  CredentialStore,
  {
    /** Stores it or replaces the value of this name. */
    put(owner: OwnerId, name: string, value: Redacted.Redacted): Effect.Effect<void, StoreError>
    get(owner: OwnerId, name: string): Effect.Effect<Option.Option<Redacted.Redacted>, StoreError>
    /** By name, ascending. */
    list(
      owner: OwnerId
    ): Effect.Effect<ReadonlyArray<{ readonly name: string; readonly updatedAtMillis: number }>, StoreError>
    /** A missing one is success. */
    remove(owner: OwnerId, name: string): Effect.Effect<void, StoreError>
    removeAll(owner: OwnerId): Effect.Effect<void, StoreError>
  }
>()("rdev/ports/CredentialStore") {}
