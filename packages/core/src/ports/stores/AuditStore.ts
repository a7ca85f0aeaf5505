/** The audit trail's rows: append-only, one hash chain per project, written with the head row locked. */
import { Clock, Context, Effect, Layer } from "effect"
import type { AuditEntry, NewAuditEntry } from "../../domain/Audit.ts"
import * as AuditChain from "../../audit/AuditChain.ts"
import * as NewId from "../../ids/NewId.ts"
import * as MemoryTransaction from "../../memory/MemoryTransaction.ts"
import type { StoreError } from "./StoreError.ts"

export class AuditStore extends Context.Service<
  AuditStore,
  {
    /** Numbers, dates and seals it (see audit/AuditChain); joins a surrounding transaction. */
    append(entry: NewAuditEntry): Effect.Effect<AuditEntry, StoreError>
    /** Newest first; `before` is the smallest number of the page before. `projectId` null = the installation's own chain. */
    list(
      projectId: string | null,
      options: { readonly before: number | null; readonly limit: number }
    ): Effect.Effect<ReadonlyArray<AuditEntry>, StoreError>
  }
>()("rdev/ports/AuditStore") {}

export const layerMemory: Layer.Layer<AuditStore> = Layer.effect(
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
