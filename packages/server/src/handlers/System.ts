/** `system`: is the process there, can it work. */
import { Api } from "@rdev/api/Api"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Schema from "effect/Schema"
import { Health as HealthView } from "@rdev/api/groups/System"
import { Health } from "../Health.ts"

const encode = Schema.encodeSync(HealthView)

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
      health: () => health.look
    })
  })
)
