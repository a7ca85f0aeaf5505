/** Records of projects. A name is taken until its project is deleted. */
import { Context, Effect, Option } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { Project } from "../../domain/Project.ts"
import { StoreError } from "./StoreError.ts"

export class ProjectStore extends Context.Service<
  ProjectStore,
  {
    /** AlreadyExists when the name is taken. */
    insert(project: Project): Effect.Effect<void, StoreError>
    /** Writes the project if its stored revision is `project.revision - 1`, else Conflict; NotFound when it was never inserted. */
    update(project: Project): Effect.Effect<void, StoreError>
    byId(id: ProjectId): Effect.Effect<Option.Option<Project>, StoreError>
    /** Not those with status `deleted`. */
    byName(name: string): Effect.Effect<Option.Option<Project>, StoreError>
    /** By id, ascending, not deleted; `after` is the last id of the page before. */
    list(options: {
      readonly after: string | null
      readonly limit: number
      readonly only: ReadonlyArray<string> | null
    }): Effect.Effect<ReadonlyArray<Project>, StoreError>
    /**
     * Those that are ready or failed and due to be looked at, the longest due first. Each is due again at `untilMillis`: of several
     * processes one gets it, and one that dies keeps it from nobody. A new project is due at once.
     */
    takeDue(options: {
      readonly nowMillis: number
      readonly untilMillis: number
      readonly limit: number
    }): Effect.Effect<ReadonlyArray<Project>, StoreError>
    /** When each is due next. Unknown ones are left out. */
    schedule(
      next: ReadonlyArray<{ readonly id: ProjectId; readonly atMillis: number }>
    ): Effect.Effect<void, StoreError>
  }
>()("rdev/ports/ProjectStore") {
  /** By id or name, as people and paths give it; none when it is deleted. No name looks like an id: `_` is in none. */
  static readonly find = (idOrName: string): Effect.Effect<Option.Option<Project>, StoreError, ProjectStore> =>
    Effect.flatMap(ProjectStore, (store) =>
      Effect.map(
        idOrName.startsWith("proj_") ? store.byId(idOrName as ProjectId) : store.byName(idOrName),
        Option.filter(({ status }) => status !== "deleted")
      )
    )
}
