/** The audit chain in memory, sealed as the databases seal it. */
import { Clock, Effect, Layer } from "effect"
import type { AuditEntry } from "../../domain/Audit.ts"
import * as AuditChain from "../../audit/AuditChain.ts"
import * as NewId from "../../ids/NewId.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { AuditStore } from "../../ports/stores/AuditStore.ts"

export const layer: Layer.Layer<AuditStore> = Layer.effect(
  AuditStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<ReadonlyArray<AuditEntry>>()
    const chainOf = (projectId: string | null) => projectId ?? ""
    return AuditStore.of({
      append: (entry) =>
        Effect.gen(function* () {
          const id = yield* NewId.make("aud")
          const timeMillis = yield* Clock.currentTimeMillis
          return yield* write((put) => {
            const chain = rows.get(chainOf(entry.projectId)) ?? []
            const head = chain.at(-1)
            const sealed = AuditChain.seal({
              ...entry,
              id,
              timeMillis,
              number: (head?.number ?? 0) + 1,
              previousHash: head?.hash ?? AuditChain.genesis
            })
            put(chainOf(entry.projectId), [...chain, sealed])
            return sealed
          })
        }),
      list: (projectId, { before, limit }) =>
        Effect.sync(() =>
          (rows.get(chainOf(projectId)) ?? [])
            .filter((entry) => before === null || entry.number < before)
            .slice(-limit)
            .reverse()
        )
    })
  })
)
