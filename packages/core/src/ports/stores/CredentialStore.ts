/** Secrets of projects, encrypted at rest. What leaves is Redacted; listing shows names only. */
import { Clock, Context, Effect, Layer, Option, type Redacted } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import * as MemoryTransaction from "../../memory/MemoryTransaction.ts"
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

interface Row {
  readonly projectId: ProjectId
  readonly name: string
  readonly value: Redacted.Redacted
  readonly updatedAtMillis: number
}

export const layerMemory: Layer.Layer<CredentialStore> = Layer.effect(
  CredentialStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<Row>()
    const at = (projectId: string, name: string) => `${projectId}/${name}`
    return CredentialStore.of({
      put: (projectId, name, value) =>
        Effect.flatMap(Clock.currentTimeMillis, (updatedAtMillis) =>
          write((put) => put(at(projectId, name), { projectId, name, value, updatedAtMillis }))
        ),
      get: (projectId, name) =>
        Effect.sync(() => Option.map(Option.fromNullishOr(rows.get(at(projectId, name))), (row) => row.value)),
      list: (projectId) =>
        Effect.sync(() =>
          [...rows.values()]
            .filter((row) => row.projectId === projectId)
            .sort((a, b) => (a.name < b.name ? -1 : 1))
            .map(({ name, updatedAtMillis }) => ({ name, updatedAtMillis }))
        ),
      remove: (projectId, name) => write((put) => put(at(projectId, name), undefined)),
      removeAll: (projectId) =>
        write((put) => {
          for (const [id, row] of rows) if (row.projectId === projectId) put(id, undefined)
        })
    })
  })
)
