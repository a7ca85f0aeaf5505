/** Index rows of features in memory. */
import { Effect, Layer, Option } from "effect"
import type { FeatureIndex } from "../../domain/FeatureIndex.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { StoreError } from "../../ports/stores/StoreError.ts"
import { FeatureStore } from "../../ports/stores/FeatureStore.ts"

export const layer: Layer.Layer<FeatureStore> = Layer.effect(
  FeatureStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<FeatureIndex>()
    const key = (projectId: string, slug: string) => `${projectId}/${slug}`
    const select = (matches: (feature: FeatureIndex) => boolean) =>
      [...rows.values()].filter(matches).sort((a, b) => (a.id < b.id ? -1 : 1))
    return FeatureStore.of({
      insert: (feature) =>
        Effect.flatten(
          write((put) => {
            const at = key(feature.projectId, feature.slug)
            if (rows.has(at)) {
              return Effect.fail(
                new StoreError({
                  operation: "FeatureStore.insert",
                  reason: { _tag: "AlreadyExists", entity: "feature", id: feature.slug }
                })
              )
            }
            put(at, feature)
            return Effect.void
          })
        ),
      put: (feature) => write((put) => put(key(feature.projectId, feature.slug), feature)),
      get: (projectId, slug) => Effect.sync(() => Option.fromNullishOr(rows.get(key(projectId, slug)))),
      list: (projectId, { after, limit }) =>
        Effect.sync(() => select((f) => f.projectId === projectId && (after === null || f.id > after)).slice(0, limit)),
      live: (projectId) =>
        Effect.sync(() => select((f) => f.live && (projectId === null || f.projectId === projectId))),
      removeAll: (projectId) =>
        write((put) => {
          for (const [at, feature] of rows) if (feature.projectId === projectId) put(at, undefined)
        })
    })
  })
)
