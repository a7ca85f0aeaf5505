/** What forges told, in memory. */
import { Effect, Layer } from "effect"
import { type ForgeDelivery, ForgeStore } from "../../ports/stores/ForgeStore.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"

export const layer: Layer.Layer<ForgeStore> = Layer.effect(
  ForgeStore,
  Effect.gen(function* () {
    const told = yield* MemoryTransaction.table<ForgeDelivery>()
    const heads = yield* MemoryTransaction.table<ReadonlyMap<string, string>>()
    const keyOf = ({ id, projectId }: ForgeDelivery) => JSON.stringify([projectId, id])
    return ForgeStore.of({
      record: (delivery) =>
        told.write((put) => {
          const there = [...told.rows.values()].some(
            ({ digest, id, projectId }) =>
              projectId === delivery.projectId && (id === delivery.id || digest === delivery.digest)
          )
          if (!there) put(keyOf(delivery), delivery)
          return !there
        }),
      deliveries: (projectId, limit) =>
        Effect.sync(() =>
          [...told.rows.values()]
            .filter((one) => one.projectId === projectId)
            .sort((a, b) => b.atMillis - a.atMillis || (a.id < b.id ? -1 : 1))
            .slice(0, limit)
        ),
      heads: (projectId) => Effect.sync(() => heads.rows.get(projectId) ?? new Map()),
      moveHeads: (projectId, moved) =>
        heads.write((put) => {
          const next = new Map(heads.rows.get(projectId))
          for (const [ref, sha] of moved)
            if (sha === null) next.delete(ref)
            else next.set(ref, sha)
          put(projectId, next)
        }),
      forget: (beforeMillis) =>
        told.write((put) => {
          const old = [...told.rows.values()].filter(({ atMillis }) => atMillis < beforeMillis)
          for (const one of old) put(keyOf(one), undefined)
          return old.length
        }),
      removeAll: (projectId) =>
        Effect.andThen(
          told.write((put) => {
            for (const one of told.rows.values()) if (one.projectId === projectId) put(keyOf(one), undefined)
          }),
          heads.write((put) => put(projectId, undefined))
        )
    })
  })
)
