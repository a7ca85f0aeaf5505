/**
 * What stands before the API on the socket: request ids, Host and Origin checks, the two prefixes, git over HTTP and the edge for
 * `<project>.<domain>`. Everything that gets past it belongs to the API.
 */
import * as Problem from "@rdev/api/Problem"
import { maxBodyBytes as maxHookBytes } from "@rdev/core/ports/forge/ForgeHooks"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { RequestHandler, UpgradeHandler } from "../Listener.ts"
import * as CrossOrigin from "./CrossOrigin.ts"
import * as Exchange from "./Exchange.ts"
import * as Origins from "./Origins.ts"
import * as SecurityHeaders from "./SecurityHeaders.ts"
import * as StrictRequest from "./StrictRequest.ts"

export interface Parts {
  readonly origins: Origins.Origins
  readonly api: RequestHandler
  /** Serves `/git/…`; null = no local repositories. */
  readonly git: RequestHandler | null
  /** Serves the hosts of projects. */
  readonly edge: RequestHandler | null
  readonly edgeUpgrade: UpgradeHandler | null
  readonly isStopping: () => boolean
}

const prefix = "/api/v1"
const ownHeader = "x-request-id"
const maxBodyBytes = 1_048_576
/** What forges post is larger; its route reads it itself. */
const ofForge = /^(?:\/api\/v1)?\/hooks\//

const securityHeaders = Object.entries(SecurityHeaders.everywhere)
const withId = (problem: Problem.Problem, requestId: string) =>
  new Problem.Problem({ ...Problem.fieldsOf(problem), requestId })

const refuse = (request: IncomingMessage, response: ServerResponse, problem: Problem.Problem): void => {
  // The rest of an unread body would otherwise be taken for the next request.
  if (!request.complete) response.setHeader("connection", "close")
  Exchange.writeProblem(response, problem)
}

export const make = (parts: Parts): { readonly request: RequestHandler; readonly upgrade: UpgradeHandler } => {
  const request: RequestHandler = (incoming, response) => {
    const requestId = Exchange.requestIdOf(incoming)
    incoming.headers[ownHeader] = requestId
    response.setHeader(ownHeader, requestId)
    const target = StrictRequest.authority({ rawHeaders: incoming.rawHeaders, url: incoming.url ?? "/" })
    if (target._tag === "Refused") return refuse(incoming, response, withId(target.problem, requestId))
    incoming.url = target.url
    if (target.host !== null) incoming.headers.host = target.host
    const host = parts.origins.host(incoming.headers.host)
    if (host === "project" && parts.edge !== null) return parts.edge(incoming, response)
    for (const [name, value] of securityHeaders) response.setHeader(name, value)
    if (host !== "api") {
      return refuse(
        incoming,
        response,
        Problem.make("bad-host", {
          detail: `This server does not answer for the host ${JSON.stringify((incoming.headers.host ?? "").slice(0, 200))}; add the name to RDEV_ALLOWED_HOSTS if it is this server's`,
          requestId
        })
      )
    }
    if (parts.isStopping()) response.setHeader("connection", "close")
    const url = incoming.url ?? "/"
    if (parts.git !== null && url.startsWith("/git/")) return parts.git(incoming, response)
    if (!parts.origins.origin(incoming.headers.origin, incoming.headers.host)) {
      return refuse(
        incoming,
        response,
        Problem.make("forbidden-origin", {
          detail: `Pages of ${JSON.stringify(String(incoming.headers.origin).slice(0, 200))} may not call this API; add it to RDEV_ALLOWED_ORIGINS to allow it`,
          requestId
        })
      )
    }
    const { origin } = incoming.headers
    if (parts.origins.isListed(origin) && CrossOrigin.allow(origin, incoming, response)) return
    const wrong = StrictRequest.wrong({ method: incoming.method ?? "", rawHeaders: incoming.rawHeaders, url })
    if (wrong !== null) return refuse(incoming, response, withId(wrong, requestId))
    if (incoming.headers.expect !== undefined && incoming.headers.expect.toLowerCase() !== "100-continue") {
      return refuse(
        incoming,
        response,
        Problem.make("expectation-failed", { detail: "The only expectation that is met is 100-continue", requestId })
      )
    }
    const most = ofForge.test(url) ? maxHookBytes : maxBodyBytes
    if (Number(incoming.headers["content-length"] ?? 0) > most) {
      return refuse(
        incoming,
        response,
        Problem.make("too-large", { detail: `The body is larger than ${most / 1_048_576} MiB`, requestId })
      )
    }
    incoming.url = StrictRequest.routed(
      url === prefix || url.startsWith(`${prefix}/`) || url.startsWith(`${prefix}?`)
        ? url.slice(prefix.length).replace(/^(?!\/)/, "/")
        : url
    )
    parts.api(incoming, response)
  }
  const upgrade: UpgradeHandler = (incoming, socket, head) => {
    const host = parts.origins.host(incoming.headers.host)
    if (host === "project" && parts.edgeUpgrade !== null) return parts.edgeUpgrade(incoming, socket, head)
    // No route of the API upgrades. Answered like any other refusal, so that a client can say why.
    Exchange.endWithProblem(
      socket,
      host === "api" && parts.origins.origin(incoming.headers.origin, incoming.headers.host)
        ? Problem.make("no-route", { detail: "No route of the API takes a WebSocket" })
        : Problem.make("forbidden-origin", { detail: "This host or origin may not open a WebSocket here" }),
      Exchange.requestIdOf(incoming)
    )
  }
  return { request, upgrade }
}
