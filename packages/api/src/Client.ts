/**
 * The typed client, derived from the contract. `fetch` carries it, so it runs in Node and in browsers. A refusal fails with the
 * `Problem` that the server sent; a lost connection with `HttpClientError`.
 */
import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Authorization } from "./Access.ts"
import { Api } from "./Api.ts"

export interface ClientOptions {
  /** e.g. `http://127.0.0.1:4848` */
  readonly url: string
  readonly key: Redacted.Redacted | string
}

const secret = (key: ClientOptions["key"]) => (typeof key === "string" ? key : Redacted.value(key))

/** `const client = yield* Client.make({ url, key })`, then e.g. `client.projects.list({ query: {} })`. */
export const make = (options: ClientOptions) =>
  HttpApiClient.make(Api, {
    transformClient: HttpClient.mapRequest(HttpClientRequest.prependUrl(options.url))
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
          next(HttpClientRequest.bearerToken(request, secret(options.key)))
        ),
        FetchHttpClient.layer
      )
    )
  )
export type Client = Effect.Success<ReturnType<typeof make>>
