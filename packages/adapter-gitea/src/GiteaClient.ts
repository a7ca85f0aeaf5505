/**
 * The one place that speaks HTTP with Gitea (`/api/v1`, versions 1.22 and later; Forgejo speaks the same). No redirects: a renamed
 * repository answers 301, which would turn a POST into a GET. Lists are read to their end, and one that was cut is an error.
 */
import * as VendorCalls from "@rdev/core/adapter/VendorCalls"
import { Effect, Redacted, Schema } from "effect"
import { classifyAnswer, classifyConnection, type Answer } from "./classifyError.ts"
import { fail, GiteaError } from "./GiteaError.ts"

export interface Options {
  /** Where people reach it, without a trailing slash, e.g. `https://git.example.org`. */
  readonly url: string
  readonly token: Redacted.Redacted
}
export interface Call {
  readonly body?: unknown
  readonly query?: Readonly<Record<string, string | number>>
  /** Statuses that are answers; default any 2xx. */
  readonly accept?: ReadonlyArray<number>
  /** Instead of the token: name and password of a user, for the one call that Gitea gives no token to (making tokens). */
  readonly as?: { readonly username: string; readonly password: Redacted.Redacted }
  readonly timeoutMillis?: number
}
interface Sent extends Call {
  readonly headers?: Record<string, string>
  /** It was sent on already. */
  readonly moved?: true
}
interface Got {
  readonly bytes: Buffer
  readonly headers: Headers
  readonly status: number
}
export interface Reply {
  readonly status: number
  readonly json: unknown
  readonly total: number | null
  readonly location: string | null
}

const timeoutMillis = 30_000
const maxBytes = 32 * 1024 * 1024
const pageSize = 50
/** 50,000 of anything. */
const maxPages = 1_000

const seconds = (header: string | null) => (header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null)

/** Words of the API that are no names of anybody's: what a request is counted as. */
const words = new Set(
  `repos orgs users user admin repositories search version hooks topics pulls merge issues comments statuses tokens collaborators branch_protections
  actions runs jobs logs variables runners permissions commits git settings`.split(/\s+/)
)

const bytesOf = async (response: Response): Promise<Buffer> => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw fail({ _tag: "ResourceExhausted", message: `an answer has more than ${maxBytes} bytes` })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
const parsed = (text: string): unknown => {
  try {
    return text === "" ? null : JSON.parse(text)
  } catch {
    // A proxy's page, or plain text of Gitea's own: shown as it is where it matters.
    return text
  }
}
const messageOf = (json: unknown): string => {
  if (typeof json === "string") return json.slice(0, 300)
  return typeof json === "object" && json !== null && "message" in json ? String(json.message) : ""
}

export interface GiteaClient {
  readonly url: string
  readonly token: Redacted.Redacted
  call(method: string, path: string, call?: Call): Effect.Effect<Reply, GiteaError>
  /** A part of a text that may be long and grows: 206, 416 when there is nothing more, 200 with all of it, 404. */
  bytes(
    path: string,
    range: { readonly from: number; readonly count: number }
  ): Effect.Effect<{ readonly status: number; readonly bytes: Uint8Array }, GiteaError>
  /** A GET that is decoded; null when it answers 404. */
  find<A>(path: string, schema: Schema.Decoder<A>): Effect.Effect<A | null, GiteaError>
  /** All pages of a list. */
  all<A>(path: string, schema: Schema.Decoder<A>, query?: Call["query"]): Effect.Effect<ReadonlyArray<A>, GiteaError>
}

/** What Gitea sent, held against what is read of it. */
export const decode =
  <A>(schema: Schema.Decoder<A>, what: string) =>
  (json: unknown): Effect.Effect<A, GiteaError> =>
    Effect.mapError(Schema.decodeUnknownEffect(schema)(json), (cause) =>
      fail({
        _tag: "Unknown",
        message: `${what}: Gitea sent something else than expected (${cause.message.slice(0, 300)})`
      })
    )

/** One exchange with the server, and what it was sent on to. */
const exchanging = ({ token, url }: Options) => {
  const { host } = new URL(url)
  const api = new URL(`${url}/api/v1`)
  /** Where a repository that was renamed is now, as a path of this very API; to any other place nothing is sent. */
  const elsewhere = ({ answer }: GiteaError): string | null => {
    const location = answer?.location
    if (typeof location !== "string" || !URL.canParse(location, `${url}/`)) return null
    const at = new URL(location, `${url}/`)
    return at.origin === api.origin && at.pathname.startsWith(`${api.pathname}/repos/`)
      ? at.pathname.slice(api.pathname.length)
      : null
  }
  /** What is sent on has not happened: it is asked once more there, by the same method, which `fetch` would make a GET of. */
  const exchange = (method: string, path: string, options: Sent): Effect.Effect<Got, GiteaError> =>
    Effect.catchIf(
      attempt(method, path, options),
      (failure) => options.moved !== true && elsewhere(failure) !== null,
      (failure) => exchange(method, elsewhere(failure) ?? path, { ...options, moved: true })
    )

  /** One request; an answer that is none of `accept` (left out: any 2xx) is a failure. */
  const attempt = (method: string, path: string, options: Sent): Effect.Effect<Got, GiteaError> => {
    const { accept, as, body, query = {} } = options
    const search = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString()
    const authorization =
      as === undefined
        ? `token ${Redacted.value(token)}`
        : `Basic ${Buffer.from(`${as.username}:${Redacted.value(as.password)}`).toString("base64")}`
    return Effect.gen(function* () {
      const { bytes, response } = yield* Effect.tryPromise({
        try: async (signal) => {
          const response = await fetch(`${url}/api/v1${path}${search === "" ? "" : `?${search}`}`, {
            method,
            redirect: "manual",
            signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMillis ?? timeoutMillis)]),
            headers: {
              authorization,
              accept: "application/json",
              ...options.headers,
              ...(body === undefined ? {} : { "content-type": "application/json" })
            },
            ...(body === undefined ? {} : { body: JSON.stringify(body) })
          })
          return { response, bytes: await bytesOf(response) }
        },
        catch: (cause) => (cause instanceof GiteaError ? cause : fail(classifyConnection(cause, host)))
      })
      const { headers, status } = response
      const good = accept === undefined ? status >= 200 && status < 300 : accept.includes(status)
      if (good) return { bytes, headers, status }
      const message = messageOf(parsed(bytes.toString("utf8")))
      const location = status >= 300 && status < 400 ? headers.get("location") : null
      const answer: Answer = { status, message, retryAfterMillis: seconds(headers.get("retry-after")), location }
      return yield* fail(classifyAnswer(answer), answer)
    }).pipe(VendorCalls.counted({ vendor: "gitea", call: VendorCalls.kindOf(method, path, words) }))
  }

  return exchange
}

export const make = ({ token, url }: Options): GiteaClient => {
  const exchange = exchanging({ token, url })
  const call: GiteaClient["call"] = Effect.fn("GiteaClient.call")(function* (method, path, options = {}) {
    const { bytes, headers, status } = yield* exchange(method, path, options)
    const total = headers.get("x-total-count")
    return {
      status,
      json: parsed(bytes.toString("utf8")),
      total: total === null ? null : Number(total),
      location: headers.get("location")
    }
  })

  const bytes: GiteaClient["bytes"] = (path, { count, from }) =>
    exchange("GET", path, {
      accept: [200, 206, 404, 416],
      headers: { accept: "text/plain", range: `bytes=${from}-${from + count - 1}` }
    })

  const find: GiteaClient["find"] = (path, schema) =>
    call("GET", path, { accept: [200, 404] }).pipe(
      Effect.flatMap(({ json, status }) => (status === 404 ? Effect.succeed(null) : decode(schema, path)(json)))
    )

  const all: GiteaClient["all"] = Effect.fn("GiteaClient.all")(function* (path, schema, query = {}) {
    const found: Array<unknown> = []
    let expected: number | null = null
    for (let page = 1; page <= maxPages; page++) {
      const { json, total } = yield* call("GET", path, { query: { ...query, page, limit: pageSize } })
      const rows = Array.isArray(json) ? json : []
      expected = total
      found.push(...rows)
      if (rows.length === 0 || (total !== null && found.length >= total)) break
      if (total === null && rows.length < pageSize) break
    }
    if (expected !== null && found.length < expected)
      return yield* fail({
        _tag: "Unavailable",
        message: `${path}: ${found.length} of ${expected} came; the list changed while it was read, or was cut`
      })
    return yield* Effect.forEach(found, decode(schema, path))
  })
  return { url, token, call, bytes, find, all }
}
