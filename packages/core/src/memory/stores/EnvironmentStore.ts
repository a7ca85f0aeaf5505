/** Records of environments in memory. */
import { Effect, Layer, Option } from "effect"
import type { Environment } from "../../domain/Environment.ts"
import { EnvironmentStore } from "../../ports/stores/EnvironmentStore.ts"
import { StoreError, type StoreReason } from "../../ports/stores/StoreError.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"

const refuse = (verb: string, reason: StoreReason) =>
  Effect.fail(new StoreError({ operation: `EnvironmentStore.${verb}`, reason }))

export const layer: Layer.Layer<EnvironmentStore> = Layer.effect(
  EnvironmentStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<Environment>()
    return EnvironmentStore.of({
      insert: (environment) =>
        Effect.flatten(
          write((put) => {
            const taken = [...rows.values()].some(
              (other) =>
                other.id === environment.id ||
                (other.projectId === environment.projectId && other.name === environment.name)
            )
            if (taken) return refuse("insert", { _tag: "AlreadyExists", entity: "environment", id: environment.name })
            put(environment.id, environment)
            return Effect.void
          })
        ),
      update: (environment) =>
        Effect.flatten(
          write((put) => {
            const stored = rows.get(environment.id)
            if (stored === undefined)
              return refuse("update", { _tag: "NotFound", entity: "environment", id: environment.id })
            if (stored.revision !== environment.revision - 1)
              return refuse("update", {
                _tag: "Conflict",
                message: `environment ${environment.id} is at revision ${stored.revision}, not ${environment.revision - 1}: somebody changed it; read it again`
              })
            put(environment.id, environment)
            return Effect.void
          })
        ),
      byId: (id) => Effect.sync(() => Option.fromNullishOr(rows.get(id))),
      ofProjects: (ids) =>
        Effect.sync(() =>
          [...rows.values()].filter((one) => ids.includes(one.projectId)).sort((a, b) => (a.id < b.id ? -1 : 1))
        ),
      remove: (id) => write((put) => put(id, undefined)),
      removeAll: (projectId) =>
        write((put) => {
          for (const [id, one] of rows) if (one.projectId === projectId) put(id, undefined)
        })
    })
  })
)
