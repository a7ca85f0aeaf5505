/** `system`: is the process there, can it work. */
import { Api } from "@rdev/api/Api"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Schema from "effect/Schema"
import { Check, Health as HealthView } from "@rdev/api/groups/System"
import * as Problem from "@rdev/api/Problem"
import { Health } from "../Health.ts"
import { answer } from "../http/Failures.ts"

const encode = Schema.encodeSync(HealthView)
const encodeCheck = Schema.encodeSync(Check)

export const layer = HttpApiBuilder.group(
  Api,
  "system",
  Effect.fn(function* (handlers) {
    const health = yield* Health
    return handlers.handleAll({
      alive: () => Effect.succeed({ status: "ok" as const }),
      ready: () =>
        Effect.map(health.look, (view) =>
          HttpServerResponse.jsonUnsafe(encode(view), { status: view.status === "ok" ? 200 : 503 })
        ),
      health: () => health.whole,
      part: ({ params }) =>
        answer(
          Effect.flatMap(health.part(params.part), (found) =>
            found === null
              ? Effect.fail(
                  Problem.make("not-found", {
                    detail: `no slot of this installation is called ${params.part}; rdev adapters lists them`
                  })
                )
              : Effect.succeed(HttpServerResponse.jsonUnsafe(encodeCheck(found), { status: found.ok ? 200 : 503 }))
          )
        )
    })
  })
)
