/** One endpoint as a function: takes its input apart into path, query, headers and body, and reads its answer. */
import * as ClientError from "../ClientError.ts"
import * as Answers from "./Answers.ts"
import type { AnswerKind, Route } from "./RouteTable.ts"
import type { OutputPiece } from "./Shapes.ts"
import type { CallOptions, Request, Transport } from "./Transport.ts"

export type { Route } from "./RouteTable.ts"
type Fields = Readonly<Record<string, unknown>>

const wrong = (field: string, detail: string): ClientError.InvalidInput =>
  new ClientError.InvalidInput({ detail: `${field}: ${detail}`, errors: [{ pointer: `/${field}`, detail }] })

const takeSegment = (input: Map<string, unknown>, name: string): string => {
  const value = input.get(name)
  input.delete(name)
  // Nothing and dots would be another path.
  if (typeof value !== "string" || /^\.{0,2}$/.test(value.trim())) throw wrong(name, "expected a name or an id")
  return encodeURIComponent(value)
}
const wordsOf = (text: string): ReadonlyArray<string> => (text === "" ? [] : text.split(" "))

/** The request that an input asks for. What no part of the route takes goes into the body, or is a mistake where there is none. */
export const requestOf = ([method, path, query, headers, takes]: Route, given: Fields): Request => {
  const input = new Map(Object.entries(given).filter(([, value]) => value !== undefined))
  const filled = path.replace(/:(\w+)/g, (_, name: string) => takeSegment(input, name))
  const parameters = new URLSearchParams()
  for (const name of wordsOf(query)) {
    const value = input.get(name)
    input.delete(name)
    if (value !== undefined && value !== null) parameters.set(name, String(value))
  }
  const sent: Record<string, string> = {}
  for (const name of wordsOf(headers)) {
    const field = name === "prefer" ? "wait" : name.replaceAll("-", "_")
    const value = input.get(field)
    input.delete(field)
    if (value !== undefined && value !== null) sent[name] = name === "prefer" ? `wait=${String(value)}` : String(value)
  }
  const [unknown] = input.keys()
  if (takes === "nothing" && unknown !== undefined) throw wrong(unknown, "unknown; remove it")
  const search = parameters.toString()
  return {
    method,
    path: search === "" ? filled : `${filled}?${search}`,
    headers: sent,
    body: takes === "body" ? JSON.stringify(Object.fromEntries(input)) : null
  }
}

const unexpected = (transport: Transport, response: Response): ClientError.UnexpectedAnswer =>
  new ClientError.UnexpectedAnswer({
    detail: `${transport.url} answered something that is no JSON; is this an rdev server?`,
    status: response.status,
    requestId: response.headers.get("x-request-id")
  })

const pieceOf = async (response: Response): Promise<OutputPiece> => {
  const count = (name: string) => Number(response.headers.get(`rdev-output-${name}`))
  return {
    bytes: new Uint8Array(await response.arrayBuffer()),
    offset: count("offset"),
    next: count("next"),
    size: count("size"),
    dropped: count("dropped"),
    ended: response.headers.get("rdev-output-ended") === "true"
  }
}

const answerOf = async (transport: Transport, kind: AnswerKind, response: Response): Promise<unknown> => {
  if (kind === "none") return undefined
  if (kind === "bytes with headers")
    return pieceOf(response).catch((cause: unknown) => {
      throw Answers.broken(transport.url, cause, true)
    })
  const body = Answers.parse(await response.text())
  if (typeof body !== "object" || body === null) throw unexpected(transport, response)
  return kind === "json with etag" ? { ...body, etag: response.headers.get("etag") ?? "" } : body
}

/** `always` is added to what the caller gives. */
export const call =
  (transport: Transport, route: Route, always: Fields = {}) =>
  async (input: Fields = {}, options: CallOptions = {}): Promise<unknown> =>
    answerOf(transport, route[5], await transport.send(requestOf(route, { ...input, ...always }), options))

/** A body piece by piece, as it arrives; ends the connection when its reader has seen enough. */
export const streamed = (transport: Transport, route: Route) =>
  async function* (input: Fields = {}, options: CallOptions = {}): AsyncGenerator<Uint8Array, void> {
    const response = await transport.send(requestOf(route, input), options)
    const reader = response.body?.getReader()
    if (reader === undefined) return
    try {
      for (;;) {
        const { done, value } = await reader.read().catch((cause: unknown) => {
          throw options.signal?.aborted === true ? options.signal.reason : Answers.broken(transport.url, cause, true)
        })
        if (done) return
        yield value
      }
    } finally {
      await reader.cancel().catch(() => undefined)
    }
  }

/** Every item of every page of a list. */
export const items = (transport: Transport, route: Route) =>
  async function* (input: Fields = {}, options: CallOptions = {}): AsyncGenerator<unknown, void> {
    const page = call(transport, route)
    let cursor: string | undefined
    do {
      const answer = (await page({ limit: 100, ...input, cursor }, options)) as Fields
      yield* Object.values(answer).find(Array.isArray) ?? []
      cursor = typeof answer["next_cursor"] === "string" ? answer["next_cursor"] : undefined
    } while (cursor !== undefined)
  }
