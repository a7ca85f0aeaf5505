/** A server that answers as it is told, and breaks off where it is told; for tests of what a client makes of that. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
export type Answer = (response: ServerResponse, seen: Seen) => void
export interface Peer extends AsyncDisposable {
  readonly url: string
  readonly seen: Array<Seen>
}

/** Breaks the connection before anything is said. */
export const breaking: Answer = (response) => void response.socket?.destroy()
/** Breaks it in the middle of the answer. */
export const breakingOff: Answer = (response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "1000" })
  response.write('{"projects"', () => response.socket?.destroy())
}
export const json =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))
export const problem = (
  status: number,
  code: string,
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {}
): Answer =>
  json(
    status,
    {
      type: `urn:rdev:problem:${code}`,
      title: code,
      status,
      code,
      detail: `${code} it is`,
      request_id: "req_1",
      ...more
    },
    { "content-type": "application/problem+json", ...headers }
  )

/** The answers in turn; the last one again and again. */
export const serving = (...answers: ReadonlyArray<Answer>): Promise<Peer> =>
  new Promise((resolve) => {
    const seen: Array<Seen> = []
    const server = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk
      })
      request.on("end", () => {
        const one = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body }
        seen.push(one)
        answers[Math.min(seen.length, answers.length) - 1]?.(response, one)
      })
    })
    server.listen(0, "127.0.0.1", () =>
      resolve({
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        seen,
        [Symbol.asyncDispose]: () =>
          new Promise((closed) => {
            server.close(() => closed())
            server.closeAllConnections()
          })
      })
    )
  })

export const collected = async <A>(items: AsyncIterable<A>): Promise<ReadonlyArray<A>> => {
  const all: Array<A> = []
  for await (const item of items) all.push(item)
  return all
}
