/** What an endpoint's schemas cannot see of a request: parameters and bodies where the contract has none, and how the body is written. */
import * as Problem from "@rdev/api/Problem"
import * as Effect from "effect/Effect"
import type * as HttpServerError from "effect/http/HttpServerError"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import { pointer } from "./Failures.ts"
import * as StrictJson from "./StrictJson.ts"

const invalid = (errors: ReadonlyArray<StrictJson.Fault>) =>
  Problem.make("invalid-input", {
    detail:
      errors.length === 1 ? "One thing is wrong with the input" : `${errors.length} things are wrong with the input`,
    errors
  })
const notJson = (detail: string) => Problem.make("unsupported-media-type", { detail })

/** `application/json`, in the one encoding that JSON has. */
const wrongType = (type: string | undefined): string | null => {
  if (type === undefined) return "The body says no Content-Type; send it as `application/json`"
  const [media = "", ...parameters] = type.split(";").map((part) => part.trim().toLowerCase())
  if (media !== "application/json") return "Send the body as JSON, with `Content-Type: application/json`"
  const charset = parameters.find((one) => one.startsWith("charset="))
  return charset === undefined || /^charset="?utf-?8"?$/.test(charset)
    ? null
    : "JSON is UTF-8; send the body so, without another charset"
}

const isEmpty = (value: unknown) =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0

const unknownParameters = (url: string): ReadonlyArray<StrictJson.Fault> =>
  [...new URL(url, "http://rdev").searchParams.keys()].map((name) => ({
    pointer: pointer("query", name),
    detail: "unknown; remove it"
  }))

/** Of an endpoint of the contract. The body is read here and remembered by the request. */
export const check = Effect.fnUntraced(function* (
  endpoint: HttpApiEndpoint.Top,
  request: HttpServerRequest.HttpServerRequest
): Effect.fn.Return<void, Problem.Problem | HttpServerError.HttpServerError> {
  if (endpoint.query === undefined && request.url.includes("?")) {
    const unknown = unknownParameters(request.url)
    if (unknown.length > 0) return yield* invalid(unknown)
  }
  if (request.method === "GET" || request.method === "HEAD") return
  const encoding = request.headers["content-encoding"]
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    return yield* notJson("Send the body as it is, without Content-Encoding")
  const bytes = new Uint8Array(yield* request.arrayBuffer)
  const takesBody = endpoint.payload.size > 0
  if (bytes.byteLength === 0 && !takesBody) return
  const type = wrongType(request.headers["content-type"])
  if (type !== null) return yield* notJson(type)
  const found = StrictJson.read(bytes)
  if (found._tag === "NotJson") return yield* Problem.make("invalid-json", { detail: found.why })
  if (found._tag === "Faults") return yield* invalid(found.faults)
  if (!takesBody && !isEmpty(found.value))
    return yield* invalid([{ pointer: "", detail: "this route takes no body; send none" }])
})
