/**
 * What the two ports of a forge have in common: `RepositoryHost` keeps repositories and what people talk about there, `GitObjects` reads
 * and writes what is in them. One slot gives both. Refs are validated here (`BranchName`), so that no adapter ever sees a name with a
 * leading dash.
 */
import { Schema } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { ProjectName } from "../../domain/Project.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

/** `operation` names the port and the verb: `GitObjects.commit`. */
export class ForgeError extends Schema.TaggedError<ForgeError>()("ForgeError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}

/**
 * The subset of `git check-ref-format --branch` that rdev uses for its own branches and accepts from callers. Names that a git command
 * line takes for something else are left out: `HEAD`, a whole commit id, a name that begins with `refs/`.
 */
export const BranchName = Schema.String.check(
  Schema.isPattern(
    /^(?!refs\/)(?!(?:HEAD|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$)(?!.*(?:\.\.|\/\/|@\{|\.lock(?:\/|$)|\/\.|\.$|\/$))[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$/,
    {
      message:
        "expected a branch name: letters, digits, . _ / -, not starting with a dash, a dot or refs/, not HEAD and not a commit id"
    }
  )
).pipe(Schema.brand("rdev/BranchName"))
export type BranchName = typeof BranchName.Type

/** Lower-case hex commit id. */
export type Sha = string

export interface RepositoryTarget {
  readonly projectId: ProjectId
  readonly name: ProjectName
}
