/**
 * `Idempotency-Key` on POST: of parallel requests with one key a single one runs; later ones get its answer. A refusal changed
 * nothing, so it gives the key back; so does a crash, after `claimMillis`. Answers are kept sealed: some show a secret, such as a new
 * API key, which no dump of the database may hold.
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
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto"
import { answer } from "./Failures.ts"

const shape = /^[\x21-\x7e]{1,200}$/

const bodyOf = (response: HttpServerResponse.HttpServerResponse): string | null => {
  switch (response.body._tag) {
    case "Empty": return ""
    case "Uint8Array": return new TextDecoder().decode(response.body.body)
    default: return null
  }
}

interface Claim { readonly principal: string; readonly route: string; readonly key: string }
const ivBytes = 12
const tagBytes = 16
/** AES-256-GCM under a key of its own, bound to the claim: an answer that was moved to another one does not open. */
const sealing = (pepper: Uint8Array) => {
  const secret = Buffer.from(hkdfSync("sha256", pepper, "", "rdev/idempotency", 32))
  const bound = ({ key, principal, route }: Claim) => Buffer.from(JSON.stringify([principal, route, key]))
  return {
    seal: (claim: Claim, text: string): string => {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv("aes-256-gcm", secret, iv, { authTagLength: tagBytes }).setAAD(bound(claim))
      return Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64")
    },
    open: (claim: Claim, sealed: string): string => {
      const bytes = Buffer.from(sealed, "base64")
      const cipher = createDecipheriv("aes-256-gcm", secret, bytes.subarray(0, ivBytes), { authTagLength: tagBytes }).setAAD(bound(claim)).setAuthTag(bytes.subarray(-tagBytes))
      return Buffer.concat([cipher.update(bytes.subarray(ivBytes, -tagBytes)), cipher.final()]).toString("utf8")
    }
  }
}

/** `pepper`: the installation's secret. */
export const layer = (pepper: Uint8Array): Layer.Layer<Idempotency, never, IdempotencyStore> => Layer.effect(Idempotency, Effect.gen(function*() {
  const store = yield* IdempotencyStore
  const { open, seal } = sealing(pepper)

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
        const { contentType, location, status } = begun.answer
        const body = open(claim, begun.answer.body)
        const headers = { "idempotency-replayed": "true", ...(location === null ? {} : { location }) }
        return body === "" ? HttpServerResponse.empty({ status, headers }) : HttpServerResponse.text(body, { status, headers, contentType })
      }
      case "Fresh": {
        const exit = yield* Effect.exit(app)
        const stored = Exit.isSuccess(exit) && exit.value.status < 400 ? bodyOf(exit.value) : null
        if (Exit.isSuccess(exit) && stored !== null) {
          const { headers, status } = exit.value
          yield* answer(store.complete(claim, { status, contentType: headers["content-type"] ?? "application/json", body: seal(claim, stored), location: headers["location"] ?? null }))
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
