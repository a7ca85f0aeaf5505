/** Which issue became which feature, in memory. */
import { Effect, Layer, Option } from "effect"
import type { IssueLink } from "../../domain/forge/IssueLink.ts"
import { IssueStore } from "../../ports/stores/IssueStore.ts"
import { StoreError } from "../../ports/stores/StoreError.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"

const keyOf = (projectId: string, number: number) => `${projectId} ${number}`

export const layer: Layer.Layer<IssueStore> = Layer.effect(
  IssueStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<IssueLink>()
    const refuse = (verb: string, reason: StoreError["reason"]) =>
      Effect.fail(new StoreError({ operation: `IssueStore.${verb}`, reason }))
    const find = (projectId: string, slug: string) =>
      [...rows.values()].find((one) => one.projectId === projectId && one.slug === slug)
    return IssueStore.of({
      claim: (link) =>
        Effect.flatten(
          write((put) => {
            const key = keyOf(link.projectId, link.number)
            const there = rows.get(key)
            if (there !== undefined) return Effect.succeed(there)
            if (find(link.projectId, link.slug) !== undefined)
              return refuse("claim", { _tag: "AlreadyExists", entity: "issue", id: link.slug })
            put(key, link)
            return Effect.succeed(link)
          })
        ),
      get: (projectId, number) => Effect.sync(() => Option.fromNullishOr(rows.get(keyOf(projectId, number)))),
      bySlug: (projectId, slug) => Effect.sync(() => Option.fromNullishOr(find(projectId, slug))),
      put: (link) =>
        Effect.flatten(
          write((put) => {
            const key = keyOf(link.projectId, link.number)
            if (!rows.has(key)) return refuse("put", { _tag: "NotFound", entity: "issue", id: String(link.number) })
            put(key, link)
            return Effect.void
          })
        ),
      removeAll: (projectId) =>
        write((put) => {
          for (const one of rows.values()) if (one.projectId === projectId) put(keyOf(projectId, one.number), undefined)
        })
    })
  })
)
