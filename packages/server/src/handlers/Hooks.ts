/** `hooks`: what forges post. The body is read here, as it came, and only for a hook that there is. */
import { Api } from "@rdev/api/Api"
import * as Problem from "@rdev/api/Problem"
import { CurrentRequest } from "@rdev/core/domain/Principal"
import type { RatePolicy } from "@rdev/core/domain/RateLimit"
import { RateLimiter } from "@rdev/core/ports/infra/RateLimiter"
import { maxBodyBytes } from "@rdev/core/ports/forge/ForgeHooks"
import { Audit } from "@rdev/core/services/Audit"
import { ForgeInbox } from "@rdev/core/services/forge/ForgeInbox"
import * as RateLimits from "@rdev/core/services/RateLimits"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Layer from "effect/Layer"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"

/** Of one project: what a forge sends of a busy repository is a tenth of it. */
const ofProject: RatePolicy = { name: "hook", limit: 1_200, windowSeconds: 60 }
/** What is refused, by address: somebody tries. A forge with a wrong secret is told so for as long as it stays below. */
const ofRefusals: RatePolicy = { name: "hook-refused", limit: 120, windowSeconds: 60 }

const mediaType = (type: string | undefined) => (type ?? "").split(";", 1)[0]?.trim().toLowerCase()
const bodyOf = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  if (mediaType(request.headers["content-type"]) !== "application/json")
    return yield* Problem.make("unsupported-media-type", {
      detail: "Have the forge send its webhooks as JSON, with `Content-Type: application/json`"
    })
  const encoding = request.headers["content-encoding"]
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    return yield* Problem.make("unsupported-media-type", { detail: "Send the body as it is, without Content-Encoding" })
  const bytes = yield* request.arrayBuffer.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.fromInputUnsafe(maxBodyBytes)),
    Effect.mapError(() =>
      Problem.make("too-large", { detail: "The body is larger than 4 MiB, or it did not come to its end" })
    )
  )
  return new Uint8Array(bytes)
})

const tooMany = (seconds: number) =>
  Problem.make("rate-limited", { detail: `Too many deliveries in a minute; try again in ${seconds} s` })

export const layer = HttpApiBuilder.group(
  Api,
  "hooks",
  Effect.fn(function* (handlers) {
    const inbox = yield* ForgeInbox
    const limits = RateLimits.make(yield* RateLimiter)
    const within = Effect.fnUntraced(function* (
      key: { readonly kind: "project" | "address"; readonly id: string },
      policy: RatePolicy
    ) {
      const taken = yield* limits.take(key, policy)
      if (taken?.allowed === false) return yield* tooMany(taken.retryAfterSeconds)
    })
    return handlers.handleRaw("receive", ({ params, request }) =>
      answer(
        Effect.gen(function* () {
          const { sourceAddress } = yield* CurrentRequest
          const refused = within({ kind: "address", id: sourceAddress ?? "unknown" }, ofRefusals)
          const work = Effect.gen(function* () {
            const project = yield* inbox.find(params.adapter, params.hook)
            yield* within({ kind: "project", id: project.id }, ofProject)
            const body = yield* bodyOf(request)
            return yield* inbox.receive(params.adapter, params.hook, { headers: request.headers, body }, sourceAddress)
          })
          return yield* work.pipe(
            Effect.tapError((error) =>
              "_tag" in error && (error._tag === "ForgeInboxError" || error._tag === "ForgeHookError")
                ? refused
                : Effect.void
            )
          )
        })
      )
    )
  })
)

export const layerSecrets = HttpApiBuilder.group(
  Api,
  "hookSecrets",
  Effect.fn(function* (handlers) {
    const inbox = yield* ForgeInbox
    const audit = yield* Audit
    const findProject = yield* Access.findProject
    return handlers.handleAll({
      replaceSecret: ({ params }) =>
        answer(
          Effect.gen(function* () {
            const project = yield* findProject(params.project)
            yield* inbox.replaceSecret(project.id)
            yield* audit.record({ projectId: project.id, type: "hook.secret", data: {} })
          })
        )
    })
  })
)
export const layers = Layer.merge(layer, layerSecrets)
