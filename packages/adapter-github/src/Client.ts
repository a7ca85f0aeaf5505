/**
 * Requests to GitHub's REST API, and the only file that imports its library. Nothing is repeated here: whoever calls decides on retries,
 * of which operations have a ledger. A request takes at most 30 s. Redirects are followed for reads, to the same origin alone, so that a
 * credential goes nowhere else. What was read before with an ETag is asked for conditionally: GitHub does not count what did not change.
 */
import { Octokit } from "@octokit/core"
import type { Endpoints } from "@octokit/types"
import * as VendorCalls from "@rdev/core/adapter/VendorCalls"
import { Clock, Duration, Effect, Redacted, Schema } from "effect"
import { classifyError, clean, type Refusal } from "./classifyError.ts"
import * as Download from "./Download.ts"
import { GitHubFailure, fail } from "./GitHubFailure.ts"

export type Route = keyof Endpoints
export type Parameters<R extends Route> = Endpoints[R]["parameters"]

export interface Options {
  /** e.g. `https://api.github.com`, of Enterprise Server `https://ghe.example.org/api/v3`. */
  readonly url: string
  /** Instead of the platform's, for tests. */
  readonly fetch?: typeof fetch
}
/** Of the account in whose name the newest answer came. */
export interface Allowance {
  readonly remaining: number
  readonly limit: number
}
export interface Client {
  readonly host: string
  readonly origin: string
  /** One request; the answer is held to what is expected of it. */
  ask<R extends Route, A>(
    credential: Redacted.Redacted,
    route: R,
    expected: Schema.Decoder<A>,
    parameters: Parameters<R>
  ): Effect.Effect<A, GitHubFailure>
  /** One whose answer says nothing. */
  tell<R extends Route>(
    credential: Redacted.Redacted,
    route: R,
    parameters: Parameters<R>
  ): Effect.Effect<void, GitHubFailure>
  /** What GitHub's REST API has no verb for. */
  change(
    credential: Redacted.Redacted,
    mutation: string,
    variables: Readonly<Record<string, string>>
  ): Effect.Effect<void, GitHubFailure>
  /** Every page of a list, at most 100 of 100. */
  all<R extends Route, A, B>(
    credential: Redacted.Redacted,
    route: R,
    expected: Schema.Decoder<A>,
    of: (page: A) => ReadonlyArray<B>,
    parameters: Parameters<R>
  ): Effect.Effect<ReadonlyArray<B>, GitHubFailure>
  /** A part, from a byte on, of a text that GitHub sends its readers elsewhere for. */
  download<R extends Route>(
    credential: Redacted.Redacted,
    route: R,
    parameters: Parameters<R>,
    from: number
  ): Effect.Effect<Uint8Array, GitHubFailure>
  readonly allowance: () => Allowance | null
}

const timeoutMillis = 30_000
export const pageSize = 100
const maxPages = 100
const maxRedirects = 3
/** Answers kept for a conditional request; the oldest goes. */
const maxKept = 500

/** GraphQL answers 200 whatever happened. */
const Changed = Schema.Struct({
  errors: Schema.optionalKey(
    Schema.Array(Schema.Struct({ message: Schema.String, type: Schema.optionalKey(Schema.String) }))
  )
})

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number | undefined>>
  readonly data: unknown
  readonly url: string
}
interface Kept {
  readonly etag: string
  readonly answer: Answer
}

const errorOf = (
  cause: unknown
): { readonly status: number | null; readonly answer: Answer | null; readonly problem: string } => {
  const error = typeof cause === "object" && cause !== null ? cause : {}
  const response: unknown = Reflect.get(error, "response")
  if (typeof response === "object" && response !== null) {
    const answer = response as Answer
    return { status: answer.status, answer, problem: "" }
  }
  const inner: unknown = Reflect.get(error, "cause")
  const code: unknown = Reflect.get(typeof inner === "object" && inner !== null ? inner : {}, "code")
  const name = String(Reflect.get(error, "name"))
  if (name === "TimeoutError" || name === "AbortError")
    return { status: null, answer: null, problem: `it took more than ${timeoutMillis / 1000} s` }
  const text = cause instanceof Error ? cause.message : String(cause)
  return { status: null, answer: null, problem: typeof code === "string" ? `${text} (${code})` : text }
}

class Requests implements Client {
  readonly host: string
  readonly origin: string
  readonly #octokit: Octokit
  readonly #base: string
  readonly #kept = new Map<string, Kept>()
  readonly #graphql: string
  #allowance: Allowance | null = null

  constructor(options: Options) {
    const url = new URL(options.url)
    this.host = url.host
    this.origin = url.origin
    // Of Enterprise Server it lies beside the REST API, elsewhere below it.
    this.#graphql = `${options.url.replace(/\/+$/, "").replace(/\/api\/v3$/, "/api")}/graphql`
    this.#base = options.url.replace(/\/+$/, "")
    const silent = () => undefined
    this.#octokit = new Octokit({
      baseUrl: this.#base,
      userAgent: "rdev",
      log: { debug: silent, info: silent, warn: silent, error: silent },
      request: { redirect: "manual", ...(options.fetch === undefined ? {} : { fetch: options.fetch }) }
    })
  }

  allowance = () => this.#allowance

  /** One exchange. Statuses of 400 and more are the library's exceptions, as is 304. */
  #exchange = (credential: Redacted.Redacted, route: string, parameters: object, etag: string | null) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.tryPromise({
        try: async (signal): Promise<Answer> => {
          const answer = await this.#octokit.request(route, {
            ...parameters,
            headers: {
              "x-github-api-version": "2022-11-28",
              authorization: `Bearer ${Redacted.value(credential)}`,
              ...(etag === null ? {} : { "if-none-match": etag })
            },
            request: { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMillis)]) }
          })
          return answer as Answer
        },
        catch: (cause) => {
          const { answer, problem, status } = errorOf(cause)
          const refusal: Refusal = {
            route,
            host: this.host,
            status,
            headers: answer?.headers ?? {},
            body: answer?.data,
            problem: problem.replaceAll(Redacted.value(credential), "***")
          }
          this.#note(answer)
          return new GitHubFailure({ reason: classifyError(refusal, now), status })
        }
      })
    ).pipe(
      Effect.tap((answer) => Effect.sync(() => this.#note(answer))),
      // Where a read was sent on to is a name of somebody's.
      VendorCalls.counted(
        {
          vendor: "github",
          call: route.includes("://") ? (route.endsWith("/graphql") ? "POST /graphql" : "GET (sent on)") : route
        },
        ({ reason, status }: GitHubFailure) => (status === 304 ? "ok" : reason._tag)
      ),
      Effect.ensuring(
        Effect.suspend(() =>
          this.#allowance === null ? Effect.void : VendorCalls.left("github", this.#allowance.remaining)
        )
      )
    )

  #note = (answer: Answer | null) => {
    const [remaining, limit] = [
      Number(answer?.headers["x-ratelimit-remaining"]),
      Number(answer?.headers["x-ratelimit-limit"])
    ]
    if (Number.isInteger(remaining) && Number.isInteger(limit) && limit > 0) this.#allowance = { remaining, limit }
  }

  /** Follows where a read has moved to on the same origin. */
  #follow = Effect.fnUntraced(
    { self: this },
    function* (this: Requests, credential: Redacted.Redacted, route: string, parameters: object, etag: string | null) {
      let answer = yield* this.#exchange(credential, route, parameters, etag)
      for (let hops = 0; answer.status >= 300 && answer.status < 400; hops++) {
        const location = textOf(answer.headers["location"])
        const target = URL.canParse(location, answer.url) ? new URL(location, answer.url) : null
        const refusal = {
          route,
          host: this.host,
          status: answer.status,
          headers: answer.headers,
          body: answer.data,
          problem: ""
        }
        if (!route.startsWith("GET ") || target === null || target.origin !== this.origin || hops >= maxRedirects)
          return yield* new GitHubFailure({ reason: classifyError(refusal, 0), status: answer.status })
        yield* Effect.logInfo(`GitHub sends ${new URL(answer.url).pathname} on to ${target.pathname}`)
        answer = yield* this.#exchange(credential, `GET ${target.href}`, {}, null)
      }
      return answer
    }
  )

  /** With an ETag, where the same was read before. Lists are not kept: they may be large. */
  #read = Effect.fnUntraced(
    { self: this },
    function* (this: Requests, credential: Redacted.Redacted, route: string, parameters: object) {
      // The parameters name the thing; whose answer it is does the credential, of which there is one per repository and hour.
      const key = `${route} ${JSON.stringify(parameters)}`
      const kept = route.startsWith("GET ") ? this.#kept.get(key) : undefined
      const answer = yield* this.#follow(credential, route, parameters, kept?.etag ?? null).pipe(
        Effect.catchIf(
          ({ status }) => status === 304 && kept !== undefined,
          (failure) => (kept === undefined ? Effect.fail(failure) : Effect.succeed(kept.answer))
        )
      )
      const etag = textOf(answer.headers["etag"])
      if (route.startsWith("GET ") && etag !== "") {
        this.#kept.delete(key)
        this.#kept.set(key, { etag, answer })
        const [oldest] = this.#kept.keys()
        if (this.#kept.size > maxKept && oldest !== undefined) this.#kept.delete(oldest)
      }
      return answer
    }
  )

  #decode = <A>(route: string, expected: Schema.Decoder<A>, { data }: Answer): Effect.Effect<A, GitHubFailure> =>
    Effect.mapError(Schema.decodeUnknownEffect(expected)(data), (error) =>
      typeof data === "object"
        ? fail({
            _tag: "Unknown",
            message: clean(`${this.host} gave ${route} an answer of another shape: ${error.message}`)
          })
        : fail({
            _tag: "Unavailable",
            message: `no whole answer from ${this.host}: ${route} got something that is no JSON`
          })
    )

  ask: Client["ask"] = (credential, route, expected, parameters) =>
    this.#read(credential, route, parameters ?? {}).pipe(
      Effect.flatMap((answer) => this.#decode(route, expected, answer)),
      Effect.withSpan(`GitHub ${route}`)
    )

  tell: Client["tell"] = (credential, route, parameters) =>
    Effect.asVoid(this.#follow(credential, route, parameters ?? {}, null)).pipe(Effect.withSpan(`GitHub ${route}`))

  change: Client["change"] = Effect.fnUntraced(
    { self: this },
    function* (
      this: Requests,
      credential: Redacted.Redacted,
      mutation: string,
      variables: Readonly<Record<string, string>>
    ) {
      const route = `POST ${this.#graphql}`
      const answer = yield* this.#exchange(credential, route, { query: mutation, variables }, null)
      const { errors } = yield* this.#decode(route, Changed, answer)
      const [first] = errors ?? []
      if (first === undefined) return
      const message = clean(`${this.host} refuses ${first.type ?? "it"}: ${first.message}`)
      return yield* fail({ _tag: first.type === "NOT_FOUND" ? "NotFound" : "Conflict", message })
    }
  )

  download: Client["download"] = (credential, route, parameters, from) =>
    this.#exchange(credential, route, parameters ?? {}, null).pipe(
      Effect.flatMap(({ headers, status }) => {
        const location = textOf(headers["location"])
        // Sent on within the API: the repository has another name by now.
        return location === "" || location.startsWith(`${this.#base}/`)
          ? Effect.fail(new GitHubFailure({ reason: { _tag: "NotFound", message: `${route} moved` }, status }))
          : Download.part(location, this.origin, from)
      }),
      Effect.withSpan(`GitHub ${route}`)
    )

  all: Client["all"] = <R extends Route, A, B>(
    credential: Redacted.Redacted,
    route: R,
    expected: Schema.Decoder<A>,
    of: (page: A) => ReadonlyArray<B>,
    parameters: Parameters<R>
  ) =>
    Effect.gen({ self: this }, function* () {
      const found: Array<B> = []
      for (let page = 1; page <= maxPages; page++) {
        const answer = yield* this.#follow(credential, route, { ...parameters, per_page: pageSize, page }, null)
        found.push(...of(yield* this.#decode(route, expected, answer)))
        if (!/rel="next"/.test(textOf(answer.headers["link"]))) return found
      }
      return yield* fail({
        _tag: "ResourceExhausted",
        message: `${route} has more than ${maxPages * pageSize} entries; rdev reads no further`
      })
    }).pipe(Effect.withSpan(`GitHub ${route}`))
}
const textOf = (value: string | number | undefined): string => (value === undefined ? "" : String(value))

export const make = (options: Options): Client => new Requests(options)
/** For a health check, which is given 5 seconds in all. */
export const soon = <A>(work: Effect.Effect<A, GitHubFailure>): Effect.Effect<A, GitHubFailure> =>
  Effect.timeoutOrElse(work, {
    duration: Duration.seconds(4),
    orElse: () => Effect.fail(fail({ _tag: "Unavailable", message: "no answer within 4 s" }))
  })
