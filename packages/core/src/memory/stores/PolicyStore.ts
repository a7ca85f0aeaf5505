/** Policy entries in memory. */
import { Effect, Layer } from "effect"
import type { PolicyEntry } from "../../domain/PolicyEntry.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { StoreError } from "../../ports/stores/StoreError.ts"
import { PolicyStore } from "../../ports/stores/PolicyStore.ts"

export const layer: Layer.Layer<PolicyStore> = Layer.effect(
  PolicyStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<PolicyEntry>()
    const of = (projectId: string) =>
      [...rows.values()].filter((entry) => entry.projectId === projectId).sort((a, b) => a.number - b.number)
    return PolicyStore.of({
      append: (entry) =>
        Effect.flatten(
          write((put) => {
            const next = of(entry.projectId).length + 1
            if (entry.number !== next)
              return Effect.fail(
                new StoreError({
                  operation: "PolicyStore.append",
                  reason: {
                    _tag: "Conflict",
                    message: `entry ${entry.number} of the policy of ${entry.projectId} is not the next, which is ${next}`
                  }
                })
              )
            put(`${entry.projectId}/${entry.number}`, entry)
            return Effect.void
          })
        ),
      standing: (projectId) =>
        Effect.sync(() => {
          const all = of(projectId)
          return all.slice(
            Math.max(
              0,
              all.findLastIndex((entry) => entry.word === "accepted")
            )
          )
        }),
      history: (projectId, limit) => Effect.sync(() => of(projectId).reverse().slice(0, limit)),
      removeAll: (projectId) =>
        write((put) => {
          for (const [at, entry] of rows) if (entry.projectId === projectId) put(at, undefined)
        })
    })
  })
)
