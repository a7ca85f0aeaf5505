/** A bare repository on this machine, and where its truth lies: in the folder itself, or at a forge that the folder is a mirror of. */
import type { ProjectId } from "@rdev/core/domain/Ids"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { Effect } from "effect"
import type { GitError } from "./GitError.ts"
import type { RefUpdate } from "./GitRefs.ts"

export interface GitRepository {
  /** Written by the server's git alone. */
  readonly directory: string
  readonly projectId: ProjectId
  readonly name: string
  readonly defaultBranch: string
}

export interface Where {
  /** The target's repository; NotFound when there is none, Foreign when it is not the project's. */
  open(target: RepositoryTarget): Effect.Effect<GitRepository, GitError>
  /** Brings the folder's branches up to the truth; `now`: whatever is believed to be fresh. */
  sync(repository: GitRepository, now: boolean): Effect.Effect<void, GitError>
  /** Moves refs, all or none. What is neither branch nor tag is bookkeeping of the folder's own. */
  move(repository: GitRepository, updates: ReadonlyArray<RefUpdate>): Effect.Effect<void, GitError>
}
