/**
 * The one place that lets a request through. Default-deny: an endpoint without a scope is refused, a key without the scope is
 * refused, and a project that the key is not for does not exist for it (404).
 */
import { Authorization, RequiredScope } from "@rdev/api/Access"
import * as Problem from "@rdev/api/Problem"
import { allows, allowsProject, CurrentRequest, type Principal } from "@rdev/core/domain/Principal"
import { headersOf, type RatePolicy } from "@rdev/core/domain/RateLimit"
import { RateLimiter } from "@rdev/core/ports/infra/RateLimiter"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import * as RateLimits from "@rdev/core/services/RateLimits"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { ApiKeys } from "../keys/ApiKeys.ts"
import { localOwner } from "../keys/Issuers.ts"
import type { ServerConfig } from "../ServerConfig.ts"
import { answer } from "./Failures.ts"
import * as StrictInput from "./StrictInput.ts"

/** Nobody: what a request is before its key was checked. */
export const anonymous: Principal = { id: "anonymous", name: "anonymous", type: "agent", scopes: [], projects: [] }

/** How often the key of an open stream, or of a request that waits, is looked at again: with `Issuers.rememberMillis`, what it opened ends at most 5 s after its revocation elsewhere. */
export const recheckMillis = 2_500

/** Whether what was allowed then is what is allowed now. */
const sameRights = (a: Principal, b: Principal): boolean =>
  a.type === b.type &&
  JSON.stringify([...a.scopes].sort()) === JSON.stringify([...b.scopes].sort()) &&
  JSON.stringify(a.projects === null ? null : [...a.projects].sort()) ===
    JSON.stringify(b.projects === null ? null : [...b.projects].sort())

const refused = (detail: string) => Problem.make("unauthorized", { detail })
const howTo =
  "send `Authorization: Bearer rdev_…`; the first start wrote an admin key to the file admin.key in the data folder"

const minute = 60
/** What a key may ask in a minute; null = as much as it likes. */
const policyOf = ({ rateLimit }: ServerConfig): RatePolicy | null =>
  rateLimit === 0 ? null : { name: "key", limit: rateLimit, windowSeconds: minute }

/** Takes one request of the key's quota. The answer, whichever it is, tells the client what is left. */
const limiter = (limits: RateLimits.RateLimits, policy: RatePolicy | null) =>
  Effect.fnUntraced(function* ({ id }: Principal) {
    if (policy === null) return
    const answer = yield* limits.take({ kind: "key", id }, policy)
    if (answer === null) return
    const { allowed, retryAfterSeconds } = answer
    yield* HttpEffect.appendPreResponseHandler((_request, response) =>
      Effect.succeed(
        HttpServerResponse.setHeaders(response, {
          ...headersOf(policy, answer),
          ...(allowed ? {} : { "retry-after": String(retryAfterSeconds) })
        })
      )
    )
    if (!allowed)
      return yield* Problem.make("rate-limited", {
        detail: `More than ${policy.limit} requests in a minute; try again in ${retryAfterSeconds} s`
      })
  })

export const layer = (config: ServerConfig): Layer.Layer<Authorization, never, ApiKeys | ProjectStore | RateLimiter> =>
  Layer.effect(
    Authorization,
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      const projects = yield* ProjectStore
      const withinLimit = limiter(RateLimits.make(yield* RateLimiter), policyOf(config))

      const identify = Effect.fn("Authorizer.identify")(function* (credential: string, address: string | null) {
        if (credential === "") {
          if (config.auth === "off") return localOwner
          return yield* refused(`This needs an API key: ${howTo}`)
        }
        const result = yield* keys.authenticate(credential, address)
        if ("principal" in result) return result.principal
        return yield* refused(
          result.refusal === "malformed"
            ? `The API key is mistyped: its check digits do not fit; ${howTo}`
            : "The API key is unknown, revoked, expired, or not for this address"
        )
      })

      /** Restricted keys see their projects only; whether another exists is not told. */
      const guardProject = Effect.fn("Authorizer.guardProject")(function* (principal: Principal) {
        if (principal.projects === null) return
        const { project } = (yield* HttpRouter.RouteContext).params
        if (project === undefined) return
        const found = yield* Effect.provideService(ProjectStore.find(project), ProjectStore, projects)
        if (Option.isNone(found) || !allowsProject(principal, found.value.id))
          return yield* Problem.make("not-found", { detail: `project ${project} does not exist` })
      })

      const authorize = Effect.fnUntraced(function* (credential: string, endpoint: HttpApiEndpoint.Top) {
        const request = yield* CurrentRequest
        const scope = Context.getOption(endpoint.annotations, RequiredScope)
        if (Option.isNone(scope))
          return yield* Problem.make("forbidden", { detail: "This route says no scope and is therefore closed" })
        const principal = yield* identify(credential, request.sourceAddress)
        yield* withinLimit(principal)
        if (scope.value !== "public" && !allows(principal, scope.value)) {
          return yield* Problem.make("forbidden", {
            detail: `This needs the scope ${scope.value}; the key ${principal.name} has ${principal.scopes.join(", ")}`
          })
        }
        yield* StrictInput.check(endpoint, yield* HttpServerRequest.HttpServerRequest)
        yield* guardProject(principal)
        return { ...request, principal }
      })

      /** Fails when the key may no longer do what it might when it asked: gone, or for less. A store that does not answer says nothing about the key. */
      const refusedLater = (credential: string, address: string | null, asked: Principal) =>
        Effect.flatMap(identify(credential, address), (now) =>
          sameRights(asked, now) ? Effect.void : Effect.fail(refused("The rights of this key have changed; ask again"))
        ).pipe(
          Effect.catchTag("StoreError", (error) =>
            Effect.logWarning("the key of an open request could not be looked at again", error)
          ),
          Effect.delay(recheckMillis),
          Effect.forever
        )

      return Authorization.of({
        bearer: (app, { credential, endpoint }) =>
          Effect.gen(function* () {
            const key = Redacted.value(credential)
            const request = yield* answer(authorize(key, endpoint))
            const { headers, url } = yield* HttpServerRequest.HttpServerRequest
            const answered = Effect.provideService(app, CurrentRequest, request)
            const isStream = (headers["accept"] ?? "").includes("event-stream")
            // Every other request is over before the next look.
            if (!isStream && !/\bwait\b/.test(headers["prefer"] ?? "") && !/[?&]wait=/.test(url)) return yield* answered
            const gone = refusedLater(key, request.sourceAddress, request.principal)
            // A stream has sent its status long ago; it ends.
            return yield* Effect.raceFirst(
              answered,
              isStream ? Effect.orElseSucceed(gone, () => HttpServerResponse.empty()) : answer(gone)
            )
          })
      })
    })
  )
