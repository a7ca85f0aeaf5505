/** Answers for the host names of projects on the server's own port: their releases and previews. It does not listen. */
import { Context } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"

/** Part of an HTTP server: answers a request, or says false and leaves it alone. */
export interface HttpMount {
  readonly handler: (request: IncomingMessage, response: ServerResponse) => boolean
  /** The same for a request to change the protocol. */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean
}

/** null = they are answered elsewhere. */
export class Edge extends Context.Service<Edge, Required<HttpMount> | null>()("rdev/ports/Edge") {}
