/** `components`: read from the repository at a commit. */
import { Api } from "@rdev/api/Api"
import * as Problem from "@rdev/api/Problem"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import * as Components from "@rdev/core/services/components/Components"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "components",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const context = yield* Effect.context<GitObjects>()
    const list = Effect.fnUntraced(function* (name: string, at: string | undefined) {
      const project = yield* findProject(name)
      const found = yield* Effect.mapError(Effect.provideContext(Components.at(project, at), context), (error) =>
        error._tag === "ProjectError" ? Problem.make("not-found", { detail: error.message }) : error
      )
      const needs = new Map((yield* Components.planned(found.components)).map((one) => [one.name, one.needs]))
      return {
        sha: found.sha,
        said: found.said,
        components: found.components.map((one) => ({ ...one, needs: needs.get(one.name) ?? [] })),
        faults: found.faults,
        unavailable: yield* Components.unavailable(found.components)
      }
    })
    return handlers.handleAll({ list: ({ params, query }) => answer(list(params.project, query.at)) })
  })
)
