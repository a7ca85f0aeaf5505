/** Index rows of features (see domain/FeatureIndex). */
import { Context, Effect, Option } from "effect"
import type { FeatureIndex } from "../../domain/FeatureIndex.ts"
import type { ProjectId } from "../../domain/Ids.ts"
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
