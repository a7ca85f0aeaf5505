/** What forges told: deliveries, each of which counts once, and where branches were by what was told last. */
import { Context, type Effect } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { StoreError } from "./StoreError.ts"

export interface ForgeDelivery {
  readonly projectId: ProjectId
  /** The forge's own, 1 to 200 characters. */
  readonly id: string
  /** Of the body, SHA-256 in hex: headers are not signed, so that the id alone is no proof of being new. */
  readonly digest: string
  readonly event: string
  readonly atMillis: number
}

export class ForgeStore extends Context.Service<
  ForgeStore,
  {
    /** False when the project has one of this id or digest: then nothing is written. In a transaction it waits for one that writes the same. */
    record(delivery: ForgeDelivery): Effect.Effect<boolean, StoreError>
    /** Newest first. */
    deliveries(projectId: ProjectId, limit: number): Effect.Effect<ReadonlyArray<ForgeDelivery>, StoreError>
    /** Branches by what was told last, e.g. `refs/heads/main`. */
    heads(projectId: ProjectId): Effect.Effect<ReadonlyMap<string, string>, StoreError>
    /** null = gone. */
    moveHeads(projectId: ProjectId, heads: ReadonlyMap<string, string | null>): Effect.Effect<void, StoreError>
    /** Forgets deliveries older than this; returns how many. */
    forget(beforeMillis: number): Effect.Effect<number, StoreError>
    removeAll(projectId: ProjectId): Effect.Effect<void, StoreError>
  }
>()("rdev/ports/ForgeStore") {}
