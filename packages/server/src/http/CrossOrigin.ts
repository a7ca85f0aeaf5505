/**
 * What a browser has to hear before a page of a listed origin (RDEV_ALLOWED_ORIGINS) may call the API and read its answers (CORS). Pages of
 * our own origin need none of it, and those of any other were refused before. No cookie is sent along: a page has its key.
 */
import type { IncomingMessage, ServerResponse } from "node:http"

const methods = "GET, HEAD, POST, PATCH, DELETE"
const mayBeSent = "accept, authorization, content-type, idempotency-key, if-match, last-event-id, prefer, x-request-id"
const mayBeRead = [
  "etag",
  "idempotency-replayed",
  "location",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "x-request-id",
  ...["offset", "next", "size", "dropped", "ended"].map((name) => `rdev-output-${name}`)
].join(", ")
/** How long a browser asks no more beforehand. */
const rememberSeconds = "600"

/** Says so in the answer's headers; true when that was all that was asked for. */
export const allow = (origin: string, request: IncomingMessage, response: ServerResponse): boolean => {
  response.setHeader("access-control-allow-origin", origin)
  response.setHeader("vary", "Origin")
  response.setHeader("access-control-expose-headers", mayBeRead)
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return false
  response.setHeader("access-control-allow-methods", methods)
  response.setHeader("access-control-allow-headers", mayBeSent)
  response.setHeader("access-control-max-age", rememberSeconds)
  response.writeHead(204).end()
  return true
}
