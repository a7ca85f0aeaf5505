/** Secrets of projects in memory, not encrypted. */
import { Clock, Effect, Layer, Option, type Redacted } from "effect"
import type { OwnerId } from "../../domain/Owner.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"

interface Row {
  readonly owner: OwnerId
  readonly name: string
  readonly value: Redacted.Redacted
  readonly updatedAtMillis: number
}

export const layer: Layer.Layer<CredentialStore> = Layer.effect(
  CredentialStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<Row>()
    const at = (owner: string, name: string) => `${owner}/${name}`
    return CredentialStore.of({
      put: (owner, name, value) =>
        Effect.flatMap(Clock.currentTimeMillis, (updatedAtMillis) =>
          write((put) => put(at(owner, name), { owner, name, value, updatedAtMillis }))
        ),
      get: (owner, name) =>
        Effect.sync(() => Option.map(Option.fromNullishOr(rows.get(at(owner, name))), (row) => row.value)),
      list: (owner) =>
        Effect.sync(() =>
          [...rows.values()]
            .filter((row) => row.owner === owner)
            .sort((a, b) => (a.name < b.name ? -1 : 1))
            .map(({ name, updatedAtMillis }) => ({ name, updatedAtMillis }))
        ),
      remove: (owner, name) => write((put) => put(at(owner, name), undefined)),
      removeAll: (owner) =>
        write((put) => {
          for (const [id, row] of rows) if (row.owner === owner) put(id, undefined)
        })
    })
  })
)
