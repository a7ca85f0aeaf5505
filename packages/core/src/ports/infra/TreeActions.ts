/**
 * What cookbook trees may do to the installation they run on: call its API as the principal that started the tree, and look at what it
 * serves. Every verb is bound to that principal's rights at the time of the call, so that a tree can do no more than its owner.
 */
import { Context, type Effect, Schema } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { ProjectName } from "../../domain/Project.ts"
import type { EnvironmentName } from "./Deployer.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class TreeActionsError extends Schema.TaggedError<TreeActionsError>()("TreeActionsError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}

export interface ApiRequest {
  /** Principal id; null = without any credential, to see what strangers get. */
  readonly actor: string | null
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  /** Begins with a slash, e.g. `/projects`; query included. */
  readonly path: string
  readonly body: Schema.Json | null
  /** Sent as Idempotency-Key with a POST. */
  readonly idempotencyKey: string | null
}
/** Any status is an answer; `body` is null when there is none, and a string when it is not JSON. */
export interface ApiAnswer {
  readonly status: number
  readonly body: Schema.Json
}

export interface Visit {
  readonly actor: string
  readonly project: string
  readonly environment: EnvironmentName
  readonly path: string
}
/** At most 256 KiB of the body, as text. */
export interface Visited {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export class TreeActions extends Context.Service<
  TreeActions,
  {
    /** Unauthorized when the principal is gone. */
    request(request: ApiRequest): Effect.Effect<ApiAnswer, TreeActionsError>
    /** GET from an environment of a project that the actor may read. */
    visit(visit: Visit): Effect.Effect<Visited, TreeActionsError>
    /** The project, if the actor may run commands in its workspaces; else NotFound or Unauthorized. */
    executable(
      actor: string,
      project: string
    ): Effect.Effect<
      { readonly projectId: ProjectId; readonly name: ProjectName; readonly defaultBranch: string },
      TreeActionsError
    >
  }
>()("rdev/ports/TreeActions") {}
