/**
 * A proxy in front of a real server that does to requests what networks and busy servers do: cuts, delays, refusals, half answers, lost
 * answers, requests that arrive twice. What happens to which request is the test's choice, by the request's number. Answers that are text
 * name the proxy where they named the server, so that whoever follows an address stays behind it.
 */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export type Fault =
  /** The connection ends and the server hears nothing. */
  | "cut"
  /** The server does it, and its answer is lost. */
  | "lost"
  /** The server does it, and half of its answer comes. */
  | "half"
  /** The server gets it twice, one after the other; the first answer comes. */
  | "twice"
  | { readonly delayMillis: number }
  /** The server hears nothing. */
  | { readonly status: number; readonly retryAfterSeconds?: number }

export interface Asked {
  readonly method: string
  readonly path: string
  /** From 1. */
  readonly number: number
}
export interface FaultProxy {
  /** Without a slash at the end. */
  readonly url: string
  /** What was done to whom, oldest first. */
  readonly done: ReadonlyArray<Asked & { readonly fault: Fault }>
  readonly count: () => number
  /** From now on; null = nothing happens to anybody. */
  readonly choose: (fault: ((asked: Asked) => Fault | null) | null) => void
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}
/** Belong to one connection, or are made anew. */
const own = new Set([
  "connection",
  "content-length",
  "content-encoding",
  "host",
  "keep-alive",
  "transfer-encoding",
  "expect"
])

const read = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
const forward = async (target: string, request: IncomingMessage, body: Buffer): Promise<Answer> => {
  const headers = Object.entries(request.headers).flatMap(([name, value]) =>
    own.has(name) || value === undefined ? [] : [[name, String(value)] as [string, string]]
  )
  const method = request.method ?? "GET"
  const answer = await fetch(`${target}${request.url ?? "/"}`, {
    method,
    headers,
    redirect: "manual",
    ...(method === "GET" || method === "HEAD" ? {} : { body: new Uint8Array(body) })
  })
  return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) }
}
const renamed = (text: string, from: string, to: string): string => text.replaceAll(from, to)
const send = (response: ServerResponse, { body, headers, status }: Answer, from: string, to: string, half: boolean) => {
  const isText = /json|text/.test(headers.get("content-type") ?? "")
  const content = isText ? Buffer.from(renamed(body.toString("utf8"), from, to)) : body
  const kept = [...headers].flatMap(([name, value]) =>
    own.has(name) ? [] : [[name, renamed(value, from, to)] as [string, string]]
  )
  response.writeHead(status, Object.fromEntries([...kept, ["content-length", String(content.byteLength)]]))
  if (!half) return void response.end(content)
  response.write(content.subarray(0, Math.floor(content.byteLength / 2)), () => response.destroy())
}

const listening = (server: Server): Promise<string> =>
  new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  )

/** Until the scope ends. */
export const make = (target: string): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    let [count, choice] = [0, null as ((asked: Asked) => Fault | null) | null]
    const done: Array<Asked & { readonly fault: Fault }> = []
    let url = ""
    const serve = async (request: IncomingMessage, response: ServerResponse) => {
      const body = await read(request)
      count += 1
      const asked: Asked = { method: request.method ?? "GET", path: request.url ?? "/", number: count }
      const fault = choice?.(asked) ?? null
      if (fault !== null) done.push({ ...asked, fault })
      if (fault === "cut") return void request.socket.destroy()
      if (typeof fault === "object" && fault !== null && "status" in fault) {
        const { retryAfterSeconds, status } = fault
        response.writeHead(status, retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) })
        return void response.end("<html>from in between</html>")
      }
      if (typeof fault === "object" && fault !== null) await new Promise((go) => setTimeout(go, fault.delayMillis))
      const answer = await forward(target, request, body)
      if (fault === "twice") await forward(target, request, body)
      if (fault === "lost") return void request.socket.destroy()
      send(response, answer, target, url, fault === "half")
    }
    const server = createServer((request, response) => {
      // A server behind it that is away is a connection that ends.
      serve(request, response).catch(() => request.socket.destroy())
    })
    url = yield* Effect.acquireRelease(
      Effect.promise(() => listening(server)),
      () =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    return { url, done, count: () => count, choose: (fault) => void (choice = fault) }
  })

/**
 * One of these, by turns, to every `every`-th request of those that it may happen to. A request that only reads may also come to half an
 * answer; what makes something that is told apart by whether it was new is not lost.
 */
export const byTurns = (every: number, mayLose: (asked: Asked) => boolean): ((asked: Asked) => Fault | null) => {
  const turns: ReadonlyArray<Fault> = [
    { status: 500 },
    "lost",
    { delayMillis: 150 },
    "cut",
    { status: 429, retryAfterSeconds: 0 },
    "half",
    "twice"
  ]
  let turn = 0
  return (asked) => {
    if (asked.number % every !== 0) return null
    const fault = turns[turn++ % turns.length] ?? null
    if ((fault === "lost" || fault === "half") && !mayLose(asked)) return { status: 502 }
    return fault === "twice" && asked.method === "POST" ? "cut" : fault
  }
}
