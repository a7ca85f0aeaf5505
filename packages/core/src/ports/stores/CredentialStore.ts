/** Secrets of projects, encrypted at rest. What leaves is Redacted; listing shows names only. */
import { Context, Effect, Option, type Redacted } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { StoreError } from "./StoreError.ts"

export class CredentialStore extends Context.Service<
  CredentialStore,
  {
    /** Stores it or replaces the value of this name. */
    put(projectId: ProjectId, name: string, value: Redacted.Redacted): Effect.Effect<void, StoreError>
    get(projectId: ProjectId, name: string): Effect.Effect<Option.Option<Redacted.Redacted>, StoreError>
    /** By name, ascending. */
    list(
      projectId: ProjectId
    ): Effect.Effect<ReadonlyArray<{ readonly name: string; readonly updatedAtMillis: number }>, StoreError>
    /** A missing one is success. */
    remove(projectId: ProjectId, name: string): Effect.Effect<void, StoreError>
    removeAll(projectId: ProjectId): Effect.Effect<void, StoreError>
  }
>()("rdev/ports/CredentialStore") {}
