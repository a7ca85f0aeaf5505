/** What was said about the policies of projects (see domain/PolicyEntry). Entries are added, never changed. */
import { Context, Effect } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { PolicyEntry } from "../../domain/PolicyEntry.ts"
import { StoreError } from "./StoreError.ts"

export class PolicyStore extends Context.Service<
  PolicyStore,
  {
    /** Conflict when the project's next number is another: somebody said something meanwhile. */
    append(entry: PolicyEntry): Effect.Effect<void, StoreError>
    /** The last acceptance and everything after it, in order; all there is where nothing was accepted yet. */
    standing(projectId: ProjectId): Effect.Effect<ReadonlyArray<PolicyEntry>, StoreError>
    /** The latest entries, newest first. */
    history(projectId: ProjectId, limit: number): Effect.Effect<ReadonlyArray<PolicyEntry>, StoreError>
    removeAll(projectId: ProjectId): Effect.Effect<void, StoreError>
  }
>()("rdev/ports/PolicyStore") {}
