/** Index rows of features (see domain/FeatureIndex). */
import { Context, Effect, Layer, Option } from "effect"
import type { FeatureIndex } from "../../domain/FeatureIndex.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import * as MemoryTransaction from "../../memory/MemoryTransaction.ts"
import { StoreError } from "./StoreError.ts"

export class FeatureStore extends Context.Service<
  FeatureStore,
  {
    /** AlreadyExists when the project has the slug. */
    insert(feature: FeatureIndex): Effect.Effect<void, StoreError>
    /** Inserts it or replaces the row of this project and slug. */
    put(feature: FeatureIndex): Effect.Effect<void, StoreError>
    get(projectId: ProjectId, slug: string): Effect.Effect<Option.Option<FeatureIndex>, StoreError>
    /** By id, ascending; `after` is the last id of the page before. */
    list(
      projectId: ProjectId,
      options: { readonly after: string | null; readonly limit: number }
    ): Effect.Effect<ReadonlyArray<FeatureIndex>, StoreError>
    /** Features with `live = true`, of all projects or one, by id, ascending. */
    live(projectId: ProjectId | null): Effect.Effect<ReadonlyArray<FeatureIndex>, StoreError>
    removeAll(projectId: ProjectId): Effect.Effect<void, StoreError>
  }
>()("rdev/ports/FeatureStore") {}

export const layerMemory: Layer.Layer<FeatureStore> = Layer.effect(
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
