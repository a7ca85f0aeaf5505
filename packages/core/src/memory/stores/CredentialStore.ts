/** Secrets of projects in memory, not encrypted. */
import { Clock, Effect, Layer, Option, type Redacted } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"

interface Row {
  readonly projectId: ProjectId
  readonly name: string
  readonly value: Redacted.Redacted
  readonly updatedAtMillis: number
}

export const layer: Layer.Layer<CredentialStore> = Layer.effect(
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
