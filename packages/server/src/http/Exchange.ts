/** One request outside of the framework: its id, where it came from, and answers written by hand. */
import * as Problem from "@rdev/api/Problem"
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import { monotonicFactory } from "ulid"
import * as SecurityHeaders from "./SecurityHeaders.ts"

const nextUlid = monotonicFactory()
const newRequestId = () => `req_${nextUlid()}`
/** A caller's own id is taken over when it is short and harmless in a log. */
export const requestIdOf = (request: IncomingMessage): string => {
  const given = request.headers["x-request-id"]
  return typeof given === "string" && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : newRequestId()
}

export const addressOf = (request: IncomingMessage): string | null => request.socket.remoteAddress ?? null

export const writeProblem = (
  response: ServerResponse,
  problem: Problem.Problem,
  headers: Readonly<Record<string, string>> = {}
): void => {
  if (response.headersSent || response.destroyed) return
  response.writeHead(problem.status, {
    ...SecurityHeaders.everywhere,
    ...headers,
    "content-type": Problem.contentType,
    "cache-control": "no-store"
  })
  response.end(JSON.stringify(Problem.encode(problem)))
}

/** For an upgrade, or bytes that made no request: on the bare socket, which it ends. */
export const endWithProblem = (
  socket: Duplex,
  problem: Problem.Problem,
  requestId = newRequestId(),
  more: Readonly<Record<string, string>> = {}
): void => {
  const body = JSON.stringify({ ...Problem.encode(problem), request_id: requestId })
  const headers = {
    ...SecurityHeaders.everywhere,
    ...more,
    Connection: "close",
    "Content-Type": Problem.contentType,
    "Content-Length": Buffer.byteLength(body),
    "X-Request-Id": requestId
  }
  socket.on("error", () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}\r\n${Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("")}\r\n${body}`
  )
}
