/**
 * The listening socket. It is taken first, so that a taken port is known before anything is built and the real port is known to
 * what needs it; until a handler is installed every request is answered 503.
 */
import * as Problem from "@rdev/api/Problem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import * as Exchange from "./http/Exchange.ts"
import { type ServerConfig, StartError } from "./ServerConfig.ts"

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export class Listener extends Context.Service<
  Listener,
  {
    readonly server: Server
    readonly port: number
    /** Where people reach it, without a trailing slash. */
    readonly url: string
    /** Where this process itself reaches it, past any proxy. */
    readonly localUrl: string
    /** From now on these answer; a second call replaces them. */
    install(handler: RequestHandler, upgrade: UpgradeHandler): void
  }
>()("rdev/server/Listener") {}

const starting: RequestHandler = (_request, response) => {
  Exchange.writeProblem(
    response,
    Problem.make("unavailable", { detail: "The server is starting; try again in a moment" }),
    { "retry-after": "1" }
  )
}

const maxHeaderBytes = 16_384
/** Far above what clients and event streams need; what comes on top is turned away before it costs memory. */
const maxConnections = 20_000

/** The only upgrade there is. Any other is left alone, as RFC 9110 (7.8) allows: the request is answered in HTTP/1.1. */
const isWebSocket = ({ headers, method }: IncomingMessage): boolean =>
  method === "GET" && (headers.upgrade ?? "").split(",").some((name) => name.trim().toLowerCase() === "websocket")
const unreadable = (code: unknown): Problem.Problem => {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return Problem.make("headers-too-large", {
        detail: `The request line and the headers have more than ${maxHeaderBytes} bytes`
      })
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return Problem.make("request-timeout", { detail: "The request did not arrive in time; send it again" })
    default:
      return Problem.make("malformed-request", {
        detail: `The bytes that arrived are no HTTP request (${String(code)})`
      })
  }
}

const refusal = (config: ServerConfig, cause: NodeJS.ErrnoException): StartError => {
  const where = `${config.host}:${config.port}`
  switch (cause.code) {
    case "EADDRINUSE":
      return new StartError({
        field: "port",
        problem: `${where} is in use by another process`,
        fix: `Stop that process, or choose another port with --port (RDEV_PORT)`,
        cause
      })
    case "EACCES":
      return new StartError({
        field: "port",
        problem: `${where} needs rights that this process does not have`,
        fix: "Choose a port above 1023 with --port (RDEV_PORT)",
        cause
      })
    case "EADDRNOTAVAIL":
      return new StartError({
        field: "RDEV_HOST",
        problem: `${config.host} is not an address of this machine`,
        fix: "Use 127.0.0.1, or 0.0.0.0 for all addresses",
        cause
      })
    default:
      return new StartError({
        field: "port",
        problem: `cannot listen on ${where}: ${cause.message}`,
        fix: "Choose another address or port",
        cause
      })
  }
}

export const layer = (config: ServerConfig): Layer.Layer<Listener, StartError> =>
  Layer.effect(
    Listener,
    Effect.gen(function* () {
      let handler = starting
      let upgrade: UpgradeHandler = (_request, socket) => socket.destroy()
      const server = yield* Effect.acquireRelease(
        Effect.callback<Server, StartError>((resume) => {
          /** The answer that is under way on a socket: what says that the rest is broken may not be mixed with it. */
          const answers = new WeakMap<Duplex, ServerResponse>()
          const answer: RequestHandler = (request, response) => {
            answers.set(request.socket, response)
            handler(request, response)
          }
          // A missing Host is refused like a wrong one, with a problem; Node would answer a bare 400.
          const server = createServer(
            {
              keepAliveTimeout: 65_000,
              headersTimeout: 20_000,
              requestTimeout: 120_000,
              maxHeaderSize: maxHeaderBytes,
              requireHostHeader: false,
              connectionsCheckingInterval: 5_000,
              shouldUpgradeCallback: isWebSocket
            },
            answer
          )
          // Node would drop headers beyond a count silently; their bytes are bounded.
          server.maxHeadersCount = 0
          server.maxConnections = maxConnections
          server.on("upgrade", (request, socket, head) => upgrade(request, socket, head))
          // Refused with a problem; Node would answer a bare 417.
          server.on("checkExpectation", answer)
          server.on("connect", (_request, socket) =>
            Exchange.endWithProblem(
              socket,
              Problem.make("method-not-allowed", { detail: "This server is no proxy" }),
              undefined,
              { Allow: "GET, HEAD, POST, PATCH, DELETE, OPTIONS" }
            )
          )
          // An oversized header, broken HTTP, or a body that breaks off or does not come.
          server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
            const under = answers.get(socket)
            if (!socket.writable || (under?.headersSent === true && !under.writableFinished)) socket.destroy()
            else Exchange.endWithProblem(socket, unreadable(error.code))
          })
          server.once("error", (cause) => resume(Effect.fail(refusal(config, cause))))
          server.listen({ host: config.host, port: config.port }, () => resume(Effect.succeed(server)))
        }),
        (server) =>
          Effect.callback<void>((resume) => {
            const late = setTimeout(() => server.closeAllConnections(), config.drainMillis)
            server.close(() => {
              clearTimeout(late)
              resume(Effect.void)
            })
            server.closeIdleConnections()
          })
      )
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : config.port
      const shown =
        config.host === "0.0.0.0" || config.host === "::"
          ? "127.0.0.1"
          : config.host.includes(":")
            ? `[${config.host}]`
            : config.host
      return Listener.of({
        server,
        port,
        url: config.publicUrl ?? `http://${shown}:${port}`,
        localUrl: `http://${shown}:${port}`,
        install: (next, nextUpgrade) => {
          handler = next
          upgrade = nextUpgrade
        }
      })
    })
  )
