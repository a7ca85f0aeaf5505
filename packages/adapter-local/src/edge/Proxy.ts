/** Passes exchanges on to what answers for a host: HTTP, and connections that change their protocol. */
import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as httpRequest,
  type RequestOptions,
  type ServerResponse
} from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { problem, refuseUpgrade } from "./Refusal.ts"

/** Opens a connection to the other side; its failure is the socket's error. */
type Connect = () => Socket
export interface Backend {
  readonly connect: Connect
  readonly done: () => void
}

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

/** `done` once the exchange has ended, whichever way. */
export const proxy = (request: IncomingMessage, response: ServerResponse, { connect, done }: Backend) => {
  // Who asked may have gone while the service was woken.
  if (response.destroyed) return void done()
  response.once("close", done)
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

export const tunnel = (request: IncomingMessage, socket: Duplex, head: Buffer, { connect, done }: Backend) => {
  if (socket.destroyed) return void done()
  socket.once("close", done)
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
