/** Records of projects. A name is taken until its project is deleted. */
import { Context, Effect, Layer, Option } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { Project } from "../../domain/Project.ts"
import * as MemoryTransaction from "../../memory/MemoryTransaction.ts"
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
  }
>()("rdev/ports/ProjectStore") {}

const taken = (operation: string, id: string) =>
  new StoreError({ operation, reason: { _tag: "AlreadyExists", entity: "project", id } })

export const layerMemory: Layer.Layer<ProjectStore> = Layer.effect(
  ProjectStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<Project>()
    const find = (matches: (project: Project) => boolean) => Option.fromNullishOr([...rows.values()].find(matches))
    const byName = (name: string) => find((project) => project.name === name && project.status !== "deleted")
    return ProjectStore.of({
      insert: (project) =>
        Effect.flatten(
          write((put) => {
            if (rows.has(project.id)) return Effect.fail(taken("ProjectStore.insert", project.id))
            if (Option.isSome(byName(project.name))) return Effect.fail(taken("ProjectStore.insert", project.name))
            put(project.id, project)
            return Effect.void
          })
        ),
      update: (project) =>
        Effect.flatten(
          write((put) => {
            const stored = rows.get(project.id)
            if (stored?.revision !== project.revision - 1) {
              return Effect.fail(
                new StoreError({
                  operation: "ProjectStore.update",
                  reason:
                    stored === undefined
                      ? { _tag: "NotFound", entity: "project", id: project.id }
                      : {
                          _tag: "Conflict",
                          message: `project ${project.id} is at revision ${stored.revision}, not ${project.revision - 1}: somebody changed it; read it again`
                        }
                })
              )
            }
            const other = byName(project.name)
            if (project.status !== "deleted" && Option.isSome(other) && other.value.id !== project.id)
              return Effect.fail(taken("ProjectStore.update", project.name))
            put(project.id, project)
            return Effect.void
          })
        ),
      byId: (id) => Effect.sync(() => Option.fromNullishOr(rows.get(id))),
      byName: (name) => Effect.sync(() => byName(name)),
      list: ({ after, limit, only }) =>
        Effect.sync(() =>
          [...rows.values()]
            .filter(
              (project) =>
                project.status !== "deleted" &&
                (after === null || project.id > after) &&
                (only === null || only.includes(project.id))
            )
            .sort((a, b) => (a.id < b.id ? -1 : 1))
            .slice(0, limit)
        )
    })
  })
)
