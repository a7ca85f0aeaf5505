/** What a handler asks beyond the scope: whether the request's key is for the project that a thing belongs to. */
import * as Problem from "@rdev/api/Problem"
import { allowsProject, CurrentRequest, type Principal } from "@rdev/core/domain/Principal"
import type { Project } from "@rdev/core/domain/Project"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** A restricted key sees things of its projects, and nothing that is of no project. */
export const isVisible = (principal: Principal, projectId: string | null): boolean =>
  principal.projects === null || (projectId !== null && allowsProject(principal, projectId))

/** What is not visible to the key does not exist for it. */
export const visible = Effect.fn("Access.visible")(function* (projectId: string | null, what: string) {
  const { principal } = yield* CurrentRequest
  if (isVisible(principal, projectId)) return
  return yield* Problem.make("not-found", { detail: `${what} does not exist` })
})

/** Of the whole installation: not for a key that is for some projects only, whatever its scopes. */
export const everything = Effect.fn("Access.everything")(function* (instead: string) {
  const { principal } = yield* CurrentRequest
  if (principal.projects !== null)
    return yield* Problem.make("forbidden", { detail: `This key is for some projects only; ${instead}` })
})

export type FindProject = (idOrName: string) => Effect.Effect<Project, Problem.Problem | StoreError>

/** Finds projects by name or id. The authorizer has checked that the key may see one that stands in the path. */
export const findProject: Effect.Effect<FindProject, never, ProjectStore> = Effect.map(ProjectStore, (store) =>
  Effect.fn("Access.findProject")(function* (idOrName: string) {
    const found = yield* Effect.provideService(ProjectStore.find(idOrName), ProjectStore, store)
    if (Option.isNone(found)) return yield* Problem.make("not-found", { detail: `project ${idOrName} does not exist` })
    yield* visible(found.value.id, `project ${idOrName}`)
    return found.value
  })
)
