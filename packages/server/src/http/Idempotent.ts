/**
 * `Idempotency-Key` on POST: of parallel requests with one key a single one runs; later ones get its answer. A refusal changed
 * nothing, so it gives the key back; so does a crash, after `claimMillis`.
 */
import { Idempotency } from "@rdev/api/Access"
import * as Problem from "@rdev/api/Problem"
import { CurrentRequest } from "@rdev/core/domain/Principal"
import { IdempotencyStore } from "@rdev/core/ports/IdempotencyStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import { createHash } from "node:crypto"
import { answer } from "./Failures.ts"

const shape = /^[\x21-\x7e]{1,200}$/

const bodyOf = (response: HttpServerResponse.HttpServerResponse): string | null => {
  switch (response.body._tag) {
    case "Empty": return ""
    case "Uint8Array": return new TextDecoder().decode(response.body.body)
    default: return null
  }
}

export const layer: Layer.Layer<Idempotency, never, IdempotencyStore> = Layer.effect(Idempotency, Effect.gen(function*() {
  const store = yield* IdempotencyStore

  const once = Effect.fnUntraced(function*<E, R>(app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>, key: string, request: HttpServerRequest.HttpServerRequest) {
    const { principal } = yield* CurrentRequest
    const claim = { principal: principal.id, route: `${request.method} ${request.url}`, key }
    const body = yield* answer(request.text)
    const begun = yield* answer(Effect.flatMap(Clock.currentTimeMillis, (now) => store.begin(claim, createHash("sha256").update(body).digest("hex"), now)))
    switch (begun._tag) {
      case "InFlight":
        return yield* answer(Problem.make("idempotency-in-flight", { detail: `A request with the Idempotency-Key ${key} is under way; ask again when it has ended` }))
      case "OtherBody":
        return yield* answer(Problem.make("idempotency-mismatch", { detail: `The Idempotency-Key ${key} was used with another body; use a new key for a new request` }))
      case "Replay": {
        const { body, contentType, location, status } = begun.answer
        const headers = { "idempotency-replayed": "true", ...(location === null ? {} : { location }) }
        return body === "" ? HttpServerResponse.empty({ status, headers }) : HttpServerResponse.text(body, { status, headers, contentType })
      }
      case "Fresh": {
        const exit = yield* Effect.exit(app)
        const stored = Exit.isSuccess(exit) && exit.value.status < 400 ? bodyOf(exit.value) : null
        if (Exit.isSuccess(exit) && stored !== null) {
          const { headers, status } = exit.value
          yield* answer(store.complete(claim, { status, contentType: headers["content-type"] ?? "application/json", body: stored, location: headers["location"] ?? null }))
        } else yield* answer(store.release(claim))
        return yield* exit
      }
    }
  })

  return Idempotency.of((app) => Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const key = request.headers["idempotency-key"]
    return request.method === "POST" && key !== undefined && shape.test(key) ? Effect.uninterruptibleMask((restore) => once(restore(app), key, request)) : app
  }))
}))
