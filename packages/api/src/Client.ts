/**
 * The client for programs in Effect, derived from the contract: requests and answers are the contract's own types, in camelCase, with times
 * as `DateTime`; names and ids are plain strings, checked before anything is sent. It sends as RdevClient does, and fails as it does: with
 * the tagged errors of ClientError.
 */
import { type DateTime, Effect, Layer, Option, Redacted, Schema, SchemaIssue, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientRequest } from "effect/http"
import { HttpApiClient, type HttpApiEndpoint, HttpApiMiddleware } from "effect/http-api"
import { Authorization } from "./Access.ts"
import { Api } from "./Api.ts"
import type { EndpointsOf, GroupName, Plain } from "./client/Shapes.ts"
import * as Transport from "./client/Transport.ts"
import * as ClientError from "./ClientError.ts"
import { snake } from "./Wire.ts"

export interface ClientOptions extends Omit<Transport.ClientOptions, "key"> {
  readonly key?: Redacted.Redacted | string | null
}
/** Interruption is the signal. */
export type CallOptions = Omit<Transport.CallOptions, "signal">

/** Brands are the contract's own matter: callers write plain strings. */
type Written<T> = T extends string | number | boolean | null | undefined
  ? Plain<T>
  : T extends ReadonlyArray<infer Item>
    ? ReadonlyArray<Written<Item>>
    : T extends DateTime.DateTime
      ? T
      : T extends object
        ? { [K in keyof T]: Written<T[K]> }
        : T
type Part<Name extends string, T> = [T] extends [never]
  ? {}
  : {} extends T
    ? { readonly [K in Name]?: Written<T> }
    : { readonly [K in Name]: Written<T> }
type Request<E extends HttpApiEndpoint.ConstraintRequest> = Part<"params", E["~Params"]["Type"]> &
  Part<"query", E["~Query"]["Type"]> &
  Part<"headers", E["~Headers"]["Type"]> &
  Part<"payload", E["~Payload"]["Type"]>
type Method<E extends HttpApiEndpoint.ConstraintRequest> = (
  ...args: {} extends Request<E>
    ? readonly [request?: Request<E>, options?: CallOptions]
    : readonly [request: Request<E>, options?: CallOptions]
) => Effect.Effect<HttpApiClient.SuccessType<E["~Success"]>, ClientError.ClientError>
export type Client = {
  readonly [G in GroupName]: {
    readonly [E in keyof EndpointsOf<G>]: Method<Extract<EndpointsOf<G>[E], HttpApiEndpoint.ConstraintRequest>>
  }
}

export const transportOf = ({ key, ...options }: ClientOptions): Transport.Transport =>
  Transport.make({ ...options, key: Redacted.isRedacted(key) ? Redacted.value(key) : (key ?? null) })

/** What the framework would give to `fetch`, sent by the transport. */
const fetchOver =
  (transport: Transport.Transport, options: CallOptions): typeof globalThis.fetch =>
  (url, init = {}) =>
    transport.send(
      {
        method: init.method ?? "GET",
        path: String(url).slice(transport.url.length),
        headers: Object.fromEntries(new Headers(init.headers)),
        body: (init.body ?? null) as string | Uint8Array | null
      },
      { ...options, ...(init.signal ? { signal: init.signal } : {}) }
    )

const format = SchemaIssue.makeFormatterStandardSchemaV1()
/** Wrong before anything was sent: the server would have said the same. */
const invalid = ({ issue }: Schema.SchemaError): ClientError.InvalidInput => {
  const errors = format(issue).issues.map(({ message, path = [] }) => {
    const names = path.map((part) => snake(String(typeof part === "object" ? part.key : part)))
    return { pointer: names.map((name) => `/${name}`).join(""), detail: message }
  })
  const [first] = errors
  return new ClientError.InvalidInput({ detail: first?.detail ?? "the input is invalid", errors })
}
const unexpected = (url: string, cause: unknown): ClientError.UnexpectedAnswer =>
  new ClientError.UnexpectedAnswer({
    detail: `${url} answered something that the contract does not have: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause
  })

const isClientFailure = (error: unknown): error is HttpClientError.HttpClientError =>
  HttpClientError.isHttpClientError(error)
/** On the way: the transport's own error, in what the framework makes of it. */
const sendingFailed = (url: string, error: unknown): ClientError.ClientError => {
  if (ClientError.is(error)) return error
  if (Schema.isSchemaError(error)) return invalid(error)
  const cause = isClientFailure(error) ? error.reason.cause : undefined
  return ClientError.is(cause) ? cause : unexpected(url, error)
}

type AnyMethod = (request: object) => Effect.Effect<never, unknown>
type Decode = (response: never) => Effect.Effect<unknown, unknown>

/** In two steps, so that what is wrong with the request is told apart from what is wrong with the answer. */
const methodOf =
  (transport: Transport.Transport, send: AnyMethod, decode: () => Decode) =>
  (request: object = {}, options: CallOptions = {}) =>
    send({ params: {}, query: {}, headers: {}, payload: {}, ...request, responseMode: "response-only" }).pipe(
      Effect.provideService(FetchHttpClient.Fetch, fetchOver(transport, options)),
      Effect.mapError((error) => sendingFailed(transport.url, error)),
      Effect.flatMap((response) =>
        Effect.mapError(decode()(response), (error) =>
          ClientError.is(error) ? error : unexpected(transport.url, error)
        )
      )
    )

const layer = Layer.mergeAll(
  // The transport adds the key.
  HttpApiMiddleware.layerClient(Authorization, ({ next, request }) => next(request)),
  FetchHttpClient.layer
)

/** `const client = yield* Client.make({ url, key })`, then e.g. `client.projects.get({ params: { project: "hello" } })`. */
export const make = (options: ClientOptions): Effect.Effect<Client, ClientError.InvalidInput> =>
  Effect.gen(function* () {
    const transport = yield* Effect.try({
      try: () => transportOf(options),
      catch: (error) => error as ClientError.InvalidInput
    })
    const derived = yield* HttpApiClient.make(Api, {
      transformClient: HttpClient.mapRequest(HttpClientRequest.prependUrl(transport.url))
    }).pipe(Effect.provide(layer))
    const groups = Object.entries(derived as unknown as Readonly<Record<string, Readonly<Record<string, AnyMethod>>>>)
    return Object.fromEntries(
      groups.map(([group, methods]) => [
        group,
        Object.fromEntries(
          Object.entries(methods).map(([endpoint, send]) => {
            let decode: Decode | null = null
            const decoder = () =>
              (decode ??= HttpApiClient.decodeResponse(Api, { group, endpoint } as never) as unknown as Decode)
            return [endpoint, methodOf(transport, send, decoder)]
          })
        )
      ])
    ) as unknown as Client
  })

interface Page {
  readonly nextCursor: string | null
}
type ItemsOf<P> = { [K in keyof P]: P[K] extends ReadonlyArray<infer Item> ? Item : never }[keyof P]

/** Every item of every page: `Client.items((cursor) => client.projects.list({ query: { ...cursor } }))`. */
export const items = <P extends Page, E, R>(
  page: (cursor: { readonly limit: number; readonly cursor?: string }) => Effect.Effect<P, E, R>
): Stream.Stream<ItemsOf<P>, E, R> =>
  Stream.paginate<string | null, ItemsOf<P>, E, R>(null, (cursor) =>
    Effect.map(page({ limit: 100, ...(cursor === null ? {} : { cursor }) }), (answer) => {
      const list = (Object.values(answer).find(Array.isArray) ?? []) as Array<ItemsOf<P>>
      return [list, Option.fromNullOr(answer.nextCursor)]
    })
  )
