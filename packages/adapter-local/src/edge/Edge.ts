/**
 * Answers for every host name under the local domain: serves the live static release, or passes on to the live Node service (HTTP
 * and upgrades). For a plain Node server that asks it first; a name that is not the edge's is left to the caller. It does not listen.
 */
import type { EnvironmentName } from "@rdev/core/ports/infra/Deployer"
import { Context, Effect, Layer } from "effect"
import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as httpRequest,
  type RequestOptions,
  type ServerResponse
} from "node:http"
import { connect as connectTo, type Socket } from "node:net"
import type { Duplex } from "node:stream"
import { LiveReleases } from "../release/LocalDeployer.ts"
import { HostRoutes } from "./LocalDns.ts"
import * as StaticSite from "../release/StaticSite.ts"

const upstreamTimeoutMillis = 120_000
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "proxy-connection"
]

/** Opens a connection to the other side; its failure is the socket's error. */
type Connect = () => Socket
type Upstream =
  | { readonly kind: "static"; readonly root: string; readonly id: string }
  | { readonly kind: "proxy"; readonly connect: Connect }
  | ({ readonly kind: "nothing" } & Refusal)

export class Edge extends Context.Service<
  Edge,
  {
    /** False when the host is not the edge's. */
    readonly handler: (request: IncomingMessage, response: ServerResponse) => boolean
    /** The same for `server.on("upgrade")`. */
    readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean
  }
>()("rdev/adapter-local/Edge") {}

/** Host name without port and trailing dot, lower case; null when the header is missing or malformed. */
export const hostOf = (header: string | undefined): string | null => {
  const found = /^([a-z0-9.-]{1,253}?)\.?(?::\d{1,5})?$/i.exec(header ?? "")
  return found?.[1]?.toLowerCase() ?? null
}
export const environmentOf = (host: string): EnvironmentName => (host.startsWith("staging.") ? "staging" : "production")

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

/** Of pages that are the platform's own; a project's pages say their own. */
const ownPage = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer"
}

interface Refusal {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly headers?: OutgoingHttpHeaders
}
const problem = (
  request: IncomingMessage,
  response: ServerResponse,
  { status, code, title, detail, headers }: Refusal
) => {
  if (response.headersSent) return void response.destroy()
  const html = (request.headers.accept ?? "").includes("text/html")
  const body = html
    ? `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><body style="font:16px/1.5 system-ui;margin:4rem auto;max-width:40rem;padding:0 1rem"><h1>${escapeHtml(title)}</h1><p>${escapeHtml(detail)}</p></body></html>\n`
    : `${JSON.stringify({ type: `urn:rdev:problem:${code}`, title, status, detail, code, request_id: request.headers["x-request-id"] ?? null })}\n`
  response.writeHead(status, {
    ...headers,
    "content-type": html ? "text/html; charset=utf-8" : "application/problem+json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    ...ownPage
  })
  response.end(request.method === "HEAD" ? undefined : body)
}

/** Headers for the other side: hop-by-hop ones leave, where the request came from is added. */
const forwarded = (request: IncomingMessage): OutgoingHttpHeaders => {
  const named = (request.headers.connection ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
  const headers: OutgoingHttpHeaders = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && !hopByHop.includes(name) && !named.includes(name)) headers[name] = value
  }
  return {
    ...headers,
    "x-forwarded-for": request.socket.remoteAddress ?? "",
    "x-forwarded-host": request.headers.host ?? "",
    "x-forwarded-proto": "http"
  }
}

const upstreamOptions = (request: IncomingMessage, connect: Connect): RequestOptions => ({
  createConnection: connect,
  method: request.method ?? "GET",
  path: request.url ?? "/"
})

const unreachable = {
  status: 502,
  code: "unreachable",
  title: "The service does not answer",
  detail: "It may be starting again; see its last output in the release's log."
}

/** A project's cookies are its own host's: with a Domain they would reach the API and every other project. */
export const hostOnly = (cookie: string): string =>
  cookie
    .split(";")
    .filter((part, i) => i === 0 || !/^\s*domain\s*(?:=|$)/i.test(part))
    .join(";")

const proxy = (request: IncomingMessage, response: ServerResponse, connect: Connect) => {
  const outgoing = httpRequest({ ...upstreamOptions(request, connect), headers: forwarded(request) }, (incoming) => {
    const headers: OutgoingHttpHeaders = Object.fromEntries(
      Object.entries(incoming.headers).filter(([name]) => !hopByHop.includes(name))
    )
    if (incoming.headers["set-cookie"] !== undefined)
      headers["set-cookie"] = incoming.headers["set-cookie"].map(hostOnly)
    response.writeHead(incoming.statusCode ?? 502, headers)
    incoming.pipe(response)
    incoming.on("error", () => response.destroy())
  })
  outgoing.setTimeout(upstreamTimeoutMillis, () => outgoing.destroy(new Error("timeout")))
  outgoing.on("error", () => problem(request, response, unreachable))
  response.on("close", () => outgoing.destroy())
  request.on("error", () => outgoing.destroy())
  request.pipe(outgoing)
}

const refuseUpgrade = (socket: Duplex, status: string) =>
  void socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)

const tunnel = (request: IncomingMessage, socket: Duplex, head: Buffer, connect: Connect) => {
  const headers = { ...forwarded(request), connection: "Upgrade", upgrade: request.headers.upgrade ?? "websocket" }
  const outgoing = httpRequest({ ...upstreamOptions(request, connect), headers })
  socket.on("error", () => outgoing.destroy())
  socket.on("close", () => outgoing.destroy())
  outgoing.on("error", () => refuseUpgrade(socket, "502 Bad Gateway"))
  outgoing.on("response", () => refuseUpgrade(socket, "502 Bad Gateway"))
  outgoing.on("upgrade", (incoming, other, otherHead) => {
    const lines = [`HTTP/1.1 ${incoming.statusCode ?? 101} ${incoming.statusMessage ?? "Switching Protocols"}`]
    for (let i = 0; i < incoming.rawHeaders.length; i += 2)
      lines.push(
        `${incoming.rawHeaders[i]}: ${incoming.rawHeaders[i]?.toLowerCase() === "set-cookie" ? hostOnly(incoming.rawHeaders[i + 1] ?? "") : incoming.rawHeaders[i + 1]}`
      )
    socket.write(`${lines.join("\r\n")}\r\n\r\n`)
    if (otherHead.byteLength > 0) socket.write(otherHead)
    if (head.byteLength > 0) other.write(head)
    other.on("error", () => socket.destroy())
    other.on("close", () => socket.destroy())
    socket.on("close", () => other.destroy())
    socket.pipe(other)
    other.pipe(socket)
  })
  outgoing.end()
}

const unreadable = {
  status: 500,
  code: "release-damaged",
  title: "The release cannot be read",
  detail: "Its records are damaged; deploy it again."
}

const serve = (upstream: Upstream, request: IncomingMessage, response: ServerResponse): void => {
  if (upstream.kind === "nothing") return problem(request, response, upstream)
  if (upstream.kind === "proxy") return proxy(request, response, upstream.connect)
  if (request.method !== "GET" && request.method !== "HEAD") {
    return problem(request, response, {
      status: 405,
      code: "method-not-allowed",
      title: "A page takes GET and HEAD",
      detail: `This is a release of files; they can be read, not changed by ${request.method ?? "this method"}.`,
      headers: { allow: "GET, HEAD" }
    })
  }
  const missing = () =>
    problem(request, response, {
      status: 404,
      code: "not-found",
      title: "Not found",
      detail: `${(request.url ?? "/").split("?", 1)[0]} does not exist here.`
    })
  StaticSite.serve(upstream.root, upstream.id.slice(-8).toLowerCase(), request, response, missing).catch(() =>
    problem(request, response, { ...unreadable, detail: "Its files are damaged; deploy it again." })
  )
}

export const make = Effect.gen(function* () {
  const routes = yield* HostRoutes
  const releases = yield* LiveReleases

  /** The host name, when it is the edge's. */
  const mine = (request: IncomingMessage): string | null => {
    const host = hostOf(request.headers.host)
    return host !== null && host.endsWith(`.${routes.domain}`) ? host : null
  }
  const resolve = async (host: string, request: IncomingMessage): Promise<Upstream> => {
    const route = await routes.find(host)
    if (route === null)
      return {
        kind: "nothing",
        status: 404,
        code: "unknown-host",
        title: "Unknown host",
        detail: `No project has the host name ${host}.`
      }
    const environment = environmentOf(host)
    const live = await releases.find(route.projectId, environment)
    if (live?.kind === "static") return { kind: "static", root: live.root, id: live.id }
    if (live?.kind === "node") return { kind: "proxy", connect: live.connect }
    const local = /^http:\/\/(\[::1\]|[a-z0-9.]+):(\d+)\/?$/.exec(route.target)
    // A record that points at this very server would go round in circles.
    if (local !== null && Number(local[2]) !== request.socket.localPort) {
      const to = { host: (local[1] ?? "127.0.0.1").replace(/^\[|\]$/g, ""), port: Number(local[2]) }
      return { kind: "proxy", connect: () => connectTo(to) }
    }
    return {
      kind: "nothing",
      status: 404,
      code: "nothing-released",
      title: "Nothing is released yet",
      detail: `${host} has no release in ${environment}.`
    }
  }

  return Edge.of({
    handler: (request, response) => {
      const host = mine(request)
      if (host === null) return false
      resolve(host, request).then(
        (upstream) => serve(upstream, request, response),
        () => problem(request, response, unreadable)
      )
      return true
    },
    upgrade: (request, socket, head) => {
      const host = mine(request)
      if (host === null) return false
      // The other side may go away while the release is looked up.
      socket.on("error", () => socket.destroy())
      resolve(host, request).then(
        (upstream) =>
          upstream.kind === "proxy"
            ? tunnel(request, socket, head, upstream.connect)
            : refuseUpgrade(socket, "404 Not Found"),
        () => refuseUpgrade(socket, "500 Internal Server Error")
      )
      return true
    }
  })
})
export const layer: Layer.Layer<Edge, never, HostRoutes | LiveReleases> = Layer.effect(Edge, make)
