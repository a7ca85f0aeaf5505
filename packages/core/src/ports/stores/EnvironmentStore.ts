/** Records of environments. A project has a name once, for as long as the environment is there. */
import { Context, type Effect, type Option } from "effect"
import type { Environment } from "../../domain/Environment.ts"
import type { EnvironmentId, ProjectId } from "../../domain/Ids.ts"
import type { StoreError } from "./StoreError.ts"

export class EnvironmentStore extends Context.Service<
  EnvironmentStore,
  {
    /** AlreadyExists when the project has the name. */
    insert(environment: Environment): Effect.Effect<void, StoreError>
    /** Writes it if its stored revision is `environment.revision - 1`, else Conflict; NotFound when it was never inserted. */
    update(environment: Environment): Effect.Effect<void, StoreError>
    byId(id: EnvironmentId): Effect.Effect<Option.Option<Environment>, StoreError>
    /** Those of all these projects, by id, ascending. */
    ofProjects(ids: ReadonlyArray<ProjectId>): Effect.Effect<ReadonlyArray<Environment>, StoreError>
    /** A missing one is success. */
    remove(id: EnvironmentId): Effect.Effect<void, StoreError>
    removeAll(projectId: ProjectId): Effect.Effect<void, StoreError>
  }
>()("rdev/ports/EnvironmentStore") {}
