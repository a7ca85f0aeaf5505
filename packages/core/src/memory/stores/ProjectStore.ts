/** Records of projects in memory. */
import { Effect, Layer, Option } from "effect"
import type { Project } from "../../domain/Project.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { StoreError } from "../../ports/stores/StoreError.ts"
import { ProjectStore } from "../../ports/stores/ProjectStore.ts"

const taken = (operation: string, id: string) =>
  new StoreError({ operation, reason: { _tag: "AlreadyExists", entity: "project", id } })

export const layer: Layer.Layer<ProjectStore> = Layer.effect(
  ProjectStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<Project>()
    const due = new Map<string, number>()
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
        ),
      takeDue: ({ limit, nowMillis, untilMillis }) =>
        Effect.sync(() => {
          const dueOf = ({ id }: Project) => due.get(id) ?? 0
          const taken = [...rows.values()]
            .filter((one) => (one.status === "ready" || one.status === "failed") && dueOf(one) <= nowMillis)
            .sort((a, b) => dueOf(a) - dueOf(b) || (a.id < b.id ? -1 : 1))
            .slice(0, limit)
          for (const { id } of taken) due.set(id, untilMillis)
          return taken
        }),
      schedule: (next) =>
        Effect.sync(() => {
          for (const { atMillis, id } of next) if (rows.has(id)) due.set(id, atMillis)
        })
    })
  })
)
