/**
 * Answers for every host name under the local domain: serves the live static release, or passes on to the live Node service (HTTP
 * and upgrades). For a plain Node server that asks it first; a name that is not the edge's is left to the caller. It does not listen.
 */
import * as Hosts from "@rdev/core/domain/hosts/Hosts"
import type { ProjectId } from "@rdev/core/domain/Ids"
import type { EnvironmentName } from "@rdev/core/ports/infra/Deployer"
import { Context, Effect, Layer } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { connect as connectTo } from "node:net"
import type { Duplex } from "node:stream"
import { LiveReleases } from "../release/Place.ts"
import * as StaticSite from "../release/StaticSite.ts"
import { HostRoutes } from "./LocalDns.ts"
import { RouteTable } from "./LocalRouter.ts"
import { type Backend, proxy, tunnel } from "./Proxy.ts"
import { problem, type Refusal, refuseUpgrade } from "./Refusal.ts"

type Upstream =
  | { readonly kind: "static"; readonly root: string; readonly id: string }
  | ({ readonly kind: "proxy" } & Backend)
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

const unreadable = {
  status: 500,
  code: "release-damaged",
  title: "The release cannot be read",
  detail: "Its records are damaged; deploy it again."
}

const unavailable = (retryAfterMillis: number): Upstream => ({
  kind: "nothing",
  status: 503,
  code: "not-awake",
  title: "The service could not be woken",
  detail: "It is tried again at a later request. Its project says why it does not start.",
  headers: { "retry-after": String(Math.max(1, Math.ceil(retryAfterMillis / 1000))) }
})
/** The same for a connection that wanted to change its protocol. */
const refuse = (socket: Duplex, upstream: Upstream): void => {
  const later = upstream.kind === "nothing" ? upstream.headers?.["retry-after"] : undefined
  if (later === undefined) refuseUpgrade(socket, "404 Not Found")
  else refuseUpgrade(socket, "503 Service Unavailable", `retry-after: ${String(later)}\r\n`)
}

const serve = (upstream: Upstream, request: IncomingMessage, response: ServerResponse): void => {
  if (upstream.kind === "nothing") return problem(request, response, upstream)
  if (upstream.kind === "proxy") return proxy(request, response, upstream)
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

/** How often a release is looked for that is replaced while it is woken. */
const tries = 3

/** What answers for the live release; of a service that sleeps once it is awake. Null = nothing is released. */
const released = async (
  releases: LiveReleases["Service"],
  projectId: ProjectId,
  environment: EnvironmentName
): Promise<Upstream | null> => {
  for (let i = 0; i < tries; i++) {
    const live = await releases.find(projectId, environment)
    if (live === null) return null
    if (live.kind === "static") return live
    const reached = await live.reach()
    if (reached.kind === "open") return { ...reached, kind: "proxy" }
    if (reached.kind === "unavailable") return unavailable(reached.retryAfterMillis)
  }
  return unavailable(1_000)
}

const unknownHost = (host: string): Upstream => ({
  kind: "nothing",
  status: 404,
  code: "unknown-host",
  title: "Unknown host",
  detail: `No project has the host name ${host}.`
})
const nothingReleased = (host: string, environment: string): Upstream => ({
  kind: "nothing",
  status: 404,
  code: "nothing-released",
  title: "Nothing is released yet",
  detail: `${host} has no release in ${environment}.`
})

/** A server at an origin. One that points at this very server would go round in circles, and https is for routers that speak it. */
const elsewhere = (address: string, request: IncomingMessage): Upstream | null => {
  const parsed = URL.parse(address)
  if (parsed === null || parsed.protocol !== "http:") return null
  const port = parsed.port === "" ? 80 : Number(parsed.port)
  const host = parsed.hostname.replace(/^\[|\]$/g, "")
  if (isLoopback(host) && port === request.socket.localPort) return null
  return { kind: "proxy", connect: () => connectTo({ host, port }), done: () => undefined }
}
const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || host.startsWith("127.")

const isReleasedTo = (environment: string): environment is EnvironmentName =>
  environment === "staging" || environment === "production"

/** Where a request for a host name goes: where its route says; without one a record of the name may say it, or that nothing is there yet. */
const resolver =
  (table: RouteTable["Service"], routes: HostRoutes["Service"], releases: LiveReleases["Service"]) =>
  async (host: string, request: IncomingMessage): Promise<Upstream> => {
    const route = await table.find(host)
    if (route !== null) {
      const upstream =
        route.backend._tag === "Http"
          ? elsewhere(route.backend.address, request)
          : isReleasedTo(route.environment)
            ? await released(releases, route.projectId, route.environment)
            : null
      return upstream ?? nothingReleased(host, route.environment)
    }
    const record = await routes.find(host)
    if (record === null) return unknownHost(host)
    const local = record.target.startsWith("http://") ? elsewhere(record.target, request) : null
    return local ?? nothingReleased(host, Hosts.readings(host, routes.domain).at(-1)?.name ?? "production")
  }

export const make = Effect.gen(function* () {
  const routes = yield* HostRoutes
  const resolve = resolver(yield* RouteTable, routes, yield* LiveReleases)

  /** The host name, when it is the edge's. */
  const mine = (request: IncomingMessage): string | null => {
    const host = hostOf(request.headers.host)
    return host !== null && host.endsWith(`.${routes.domain}`) ? host : null
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
        (upstream) => (upstream.kind === "proxy" ? tunnel(request, socket, head, upstream) : refuse(socket, upstream)),
        () => refuseUpgrade(socket, "500 Internal Server Error")
      )
      return true
    }
  })
})
export const layer: Layer.Layer<Edge, never, HostRoutes | LiveReleases | RouteTable> = Layer.effect(Edge, make)
