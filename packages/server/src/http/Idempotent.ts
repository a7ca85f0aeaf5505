/**
 * `Idempotency-Key` on POST: of all requests with one key a single one takes effect, and the others get its answer. The handler runs to
 * its end whatever the client does (see Routes), and its answer is stored. A key is given back only when it is certain that nothing
 * was changed; what broke off otherwise is told from what it committed, or refused as unknown: it is never run again blindly.
 */
import { Idempotency } from "@rdev/api/Access"
import * as Problem from "@rdev/api/Problem"
import { CurrentRequest } from "@rdev/core/domain/Principal"
import {
  type ClaimKey,
  claimMillis,
  CurrentClaim,
  type Effected,
  IdempotencyStore,
  keptMillis
} from "@rdev/core/ports/stores/IdempotencyStore"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { createHash, randomUUID } from "node:crypto"
import { answer, isRefusal } from "./Failures.ts"
import { Recovery } from "./Recovery.ts"
import * as Sealing from "./Sealing.ts"

const shape = /^[\x21-\x7e]{1,200}$/
type Response = HttpServerResponse.HttpServerResponse

const bodyOf = (response: Response): string | null => {
  switch (response.body._tag) {
    case "Empty":
      return ""
    case "Uint8Array":
      return new TextDecoder().decode(response.body.body)
    default:
      return null
  }
}

/** One spelling for every way to write the same target. */
const targetOf = (url: string) => {
  const parsed = new URL(url, "http://rdev")
  parsed.searchParams.sort()
  // What cannot be decoded was refused before (see Gateway).
  const pathname = parsed.pathname
    .split("/")
    .map((segment) => encodeURIComponent(decodeURIComponent(segment)))
    .join("/")
  return { pathname, target: `${pathname}${parsed.search}` }
}

/** What the end of the handler says about its effect. */
const outcomeOf = <E>(exit: Exit.Exit<Response, E>): "answer" | "nothing" | "unknown" => {
  if (Exit.isSuccess(exit)) return exit.value.status < 400 ? "answer" : exit.value.status < 500 ? "nothing" : "unknown"
  const error = Cause.findErrorOption(exit.cause)
  return Option.isSome(error) && isRefusal(error.value) ? "nothing" : "unknown"
}

const replayed = (body: string, status: number, contentType: string, location: string | null): Response => {
  const headers = { "idempotency-replayed": "true", ...(location === null ? {} : { location }) }
  return body === ""
    ? HttpServerResponse.empty({ status, headers })
    : HttpServerResponse.text(body, { status, headers, contentType })
}
const unknown = (key: string, detail: string) =>
  answer(
    Problem.make("idempotency-unknown", {
      detail: `The first request with the Idempotency-Key ${key} ${detail}; look whether it took effect, and send what is still wanted with a new key`
    })
  )

interface Holder {
  readonly token: string
  readonly resumable: boolean
}

export interface Options {
  /** The installation's secret. */
  readonly pepper: Uint8Array
  /** This process is the installation's only one: claims found at its start are nobody's. */
  readonly alone: boolean
}

const make = ({ alone, pepper }: Options) =>
  Effect.gen(function* () {
    const store = yield* IdempotencyStore
    const recovery = yield* Recovery
    const { open, seal } = Sealing.make(pepper)
    const noted = (what: string) => (effect: Effect.Effect<void, StoreError>) =>
      Effect.catch(effect, (error) => Effect.logWarning(what, error))

    if (alone) yield* noted("claims of the last run could not be let go")(store.abandonAll)
    const purge = Effect.flatMap(Clock.currentTimeMillis, (now) => store.purge(now - keptMillis))
    yield* Effect.forkScoped(
      Effect.repeat(
        noted("old Idempotency-Keys could not be forgotten")(Effect.asVoid(purge)),
        Schedule.spaced("1 hour")
      )
    )

    /** For as long as the handler works, nobody takes its claim over. */
    const renewing = (claim: ClaimKey, token: string) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => store.renew(claim, token, now)).pipe(
        noted("an Idempotency-Key could not be renewed"),
        Effect.delay(claimMillis / 3),
        Effect.forever
      )

    const busy = Effect.fnUntraced(function* (key: string) {
      yield* HttpEffect.appendPreResponseHandler((_request, response) =>
        Effect.succeed(HttpServerResponse.setHeader(response, "retry-after", "1"))
      )
      return yield* answer(
        Problem.make("idempotency-in-flight", {
          detail: `A request with the Idempotency-Key ${key} is under way; ask again in a second for its answer`
        })
      )
    })

    const settle = <E>(claim: ClaimKey, { resumable, token }: Holder, exit: Exit.Exit<Response, E>) =>
      Effect.gen(function* () {
        const outcome = outcomeOf(exit)
        const stored = outcome === "answer" && Exit.isSuccess(exit) ? bodyOf(exit.value) : null
        if (Exit.isSuccess(exit) && stored !== null) {
          const { headers, status } = exit.value
          yield* store.complete(claim, token, {
            status,
            contentType: headers["content-type"] ?? "application/json",
            body: seal(claim, stored),
            location: headers["location"] ?? null
          })
          // The store looks at what was committed: a claim with an effect is not given back.
        } else if (outcome === "nothing" || resumable) yield* store.release(claim, token)
        else yield* store.abandon(claim, token)
      }).pipe(noted("the end of a request with an Idempotency-Key could not be stored"))

    const fresh = Effect.fnUntraced(function* <E, R>(
      app: Effect.Effect<Response, E, R>,
      claim: ClaimKey,
      holder: Holder
    ) {
      const { token } = holder
      const confirm = (effect: Effected) => store.confirm(claim, token, effect)
      const exit = yield* Effect.exit(
        Effect.raceFirst(Effect.provideService(app, CurrentClaim, confirm), renewing(claim, token))
      )
      yield* settle(claim, holder, exit)
      return yield* exit
    })

    const once = Effect.fnUntraced(function* <E, R>(
      app: Effect.Effect<Response, E, R>,
      key: string,
      request: HttpServerRequest.HttpServerRequest
    ) {
      const { principal } = yield* CurrentRequest
      const { pathname, target } = targetOf(request.url)
      const claim = { principal: principal.id, route: `${request.method} ${target}`, key }
      const holder: Holder = { token: randomUUID(), resumable: recovery.startsOperation(pathname) }
      const body = yield* answer(request.text)
      const nowMillis = yield* Clock.currentTimeMillis
      const begun = yield* answer(
        store.begin(claim, { ...holder, bodyHash: createHash("sha256").update(body).digest("hex"), nowMillis })
      )
      switch (begun._tag) {
        case "Fresh":
          return yield* fresh(app, claim, holder)
        case "InFlight":
          return yield* busy(key)
        case "OtherBody":
          return yield* answer(
            Problem.make("idempotency-mismatch", {
              detail: `The Idempotency-Key ${key} was used with another body; use a new key for a new request`
            })
          )
        case "Replay":
          return replayed(
            open(claim, begun.answer.body),
            begun.answer.status,
            begun.answer.contentType,
            begun.answer.location
          )
        case "Abandoned":
          return yield* unknown(key, "broke off inside the server, before or after what it asked for was done")
        case "Effected": {
          const {
            effect: { operationId },
            held
          } = begun
          if (operationId !== null && holder.resumable)
            return replayed(yield* recovery.accepted(pathname, operationId), 202, "application/json", null)
          return held ? yield* busy(key) : yield* unknown(key, "took effect, but its answer is lost")
        }
      }
    })

    return Idempotency.of((app) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        const key = request.headers["idempotency-key"]
        return request.method === "POST" && key !== undefined && shape.test(key) ? once(app, key, request) : app
      })
    )
  })

export const layer = (options: Options): Layer.Layer<Idempotency, never, IdempotencyStore | Recovery> =>
  Layer.effect(Idempotency, make(options))
