/** `trees`: cookbook trees, checked and run. */
import { Api } from "@rdev/api/Api"
import { waitSeconds } from "@rdev/api/Parameters"
import * as Problem from "@rdev/api/Problem"
import { CurrentRequest } from "@rdev/core/domain/Principal"
import { Operations } from "@rdev/core/operations/Operations"
import { type TreeRequest, Trees } from "@rdev/core/services/Trees"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { answer } from "../http/Failures.ts"
import { told, TreeCatalogue } from "../TreeCatalogue.ts"
import * as Views from "../Views.ts"
import { waited } from "./Operations.ts"

/** A run of no project would be invisible to a key that is for some. */
const unrestricted = Effect.gen(function* () {
  const { principal } = yield* CurrentRequest
  if (principal.projects !== null)
    return yield* Problem.make("forbidden", {
      detail:
        "This key is for some projects only; run the tree on one of them: POST /projects/{project}/operations with the kind tree.run"
    })
})

export const layer = HttpApiBuilder.group(
  Api,
  "trees",
  Effect.fn(function* (handlers) {
    const catalogue = yield* TreeCatalogue
    const trees = yield* Trees
    const operations = yield* Operations
    return handlers.handleAll({
      list: () => Effect.succeed({ trees: catalogue.list.map(Views.tree) }),
      check: ({ payload }) => answer(told("", Effect.map(trees.check(payload.text), Views.tree))),
      run: ({ headers, payload, query }) =>
        answer(
          told(
            "",
            Effect.gen(function* () {
              yield* unrestricted
              const { planDigest, ...source } = payload
              const request: TreeRequest = {
                ...(yield* catalogue.resolve(source, "")),
                ...(planDigest === undefined ? {} : { planDigest })
              }
              if (query.dry_run === "true") return Views.plan(yield* trees.plan(request))
              const operation = yield* trees.run(request)
              yield* waited(operations, operation, waitSeconds(headers))
              return Views.accepted(operation)
            })
          )
        )
    })
  })
)
