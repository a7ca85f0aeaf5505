/** One request outside of the framework: its id, where it came from, and answers written by hand. */
import * as Problem from "@rdev/api/Problem"
import type { IncomingMessage, ServerResponse } from "node:http"
import { monotonicFactory } from "ulid"

const nextUlid = monotonicFactory()
/** A caller's own id is taken over when it is short and harmless in a log. */
export const requestIdOf = (request: IncomingMessage): string => {
  const given = request.headers["x-request-id"]
  return typeof given === "string" && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : `req_${nextUlid()}`
}

export const addressOf = (request: IncomingMessage): string | null => request.socket.remoteAddress ?? null

export const writeProblem = (response: ServerResponse, problem: Problem.Problem, headers: Readonly<Record<string, string>> = {}): void => {
  if (response.headersSent || response.destroyed) return
  response.writeHead(problem.status, { ...headers, "content-type": Problem.contentType, "cache-control": "no-store" })
  response.end(JSON.stringify(Problem.encode(problem)))
}
