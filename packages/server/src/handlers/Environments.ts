/** `environments`: read from their records; names of variables without a look at their values. */
import { Api } from "@rdev/api/Api"
import * as Problem from "@rdev/api/Problem"
import type { Environment } from "@rdev/core/domain/Environment"
import type { Dns } from "@rdev/core/ports/infra/Dns"
import type { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import type { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import * as Environments from "@rdev/core/services/projects/Environments"
import * as Variables from "@rdev/core/services/projects/Variables"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"
import * as Views from "../Views.ts"

type Needs = Dns | ProjectStore | UnitOfWork | Variables.Needs

export const layer = HttpApiBuilder.group(
  Api,
  "environments",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const context = yield* Effect.context<Needs>()
    const view = (one: Environment) =>
      Effect.map(Effect.provideContext(Variables.namesOf(one), context), (names) => Views.environment(one, names))
    const of = Effect.fnUntraced(function* (project: string) {
      const { id } = yield* findProject(project)
      return yield* Effect.provideContext(Environments.of(id), context)
    })
    return handlers.handleAll({
      list: ({ params }) =>
        answer(
          Effect.gen(function* () {
            return { environments: yield* Effect.forEach(yield* of(params.project), view) }
          })
        ),
      get: ({ params }) =>
        answer(
          Effect.gen(function* () {
            const all = yield* of(params.project)
            const found = all.find(({ name }) => name === params.environment)
            if (found === undefined)
              return yield* Problem.make("not-found", {
                detail: `project ${params.project} has no environment ${params.environment}; it has ${all.map(({ name }) => name).join(", ") || "none"}`
              })
            return yield* view(found)
          })
        )
    })
  })
)
