/**
 * The API as one function of Node's request and response: every route of the contract, the reference page, metrics, and problem
 * details for whatever ends a request otherwise, the framework's bare answers included.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Api } from "@rdev/api/Api"
import * as OpenApiDocument from "@rdev/api/OpenApiDocument"
import * as Problem from "@rdev/api/Problem"
import { CurrentRequest } from "@rdev/core/domain/Principal"
import { WorkerPool } from "@rdev/core/queue/WorkerPool"
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FindMyWay from "effect/http/FindMyWay"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApi from "effect/http-api/HttpApi"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Scope from "effect/Scope"
import type { IncomingMessage, ServerResponse } from "node:http"
import { anonymous } from "./Authorizer.ts"
import * as Exchange from "./Exchange.ts"
import * as Failures from "./Failures.ts"
import * as SecurityHeaders from "./SecurityHeaders.ts"
import * as ToItsEnd from "./ToItsEnd.ts"

const text = (body: string, contentType: string) => HttpServerResponse.text(body, { contentType })
const page = (html: string) =>
  HttpServerResponse.text(html, {
    contentType: "text/html; charset=utf-8",
    headers: { "content-security-policy": SecurityHeaders.ofPage(html) }
  })

const front = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>rdev</title><meta name="viewport" content="width=device-width"></head>
<body style="font:16px/1.5 system-ui;margin:3rem auto;max-width:40rem;padding:0 1rem"><h1>rdev</h1><p>The agent's operating system.</p>
<ul><li><a href="/scalar">API reference</a></li><li><a href="/openapi.json">OpenAPI document</a></li><li><a href="/health">Health</a></li><li><a href="/metrics">Metrics</a></li></ul></body></html>
`

/** The page holds 3 MB of script; it is made on the first request, so that nobody else waits or pays for it. */
const referencePage = Effect.flatMap(
  Effect.promise(() => import("effect/http-api/HttpApiScalar")),
  (scalar) => HttpRouter.toHttpEffect(scalar.layer(Api, { path: "/scalar" }))
)

/** Besides the contract; all of them public. */
const pages = Layer.effectDiscard(
  Effect.gen(function* () {
    const router = yield* HttpRouter.HttpRouter
    const pool = yield* WorkerPool
    const scalar = yield* Effect.cached(Effect.provideService(referencePage, Scope.Scope, yield* Effect.scope))
    const document = yield* Effect.cached(Effect.sync(() => OpenApiDocument.text()))
    yield* router.add("GET", "/", page(front))
    yield* router.add(
      "GET",
      "/openapi.json",
      Effect.map(document, (body) => text(body, "application/json"))
    )
    const reference = yield* Effect.cached(
      Effect.map(Effect.flatten(scalar), (made) =>
        made.body._tag === "Uint8Array"
          ? HttpServerResponse.setHeader(
              made,
              "content-security-policy",
              SecurityHeaders.ofPage(new TextDecoder().decode(made.body.body))
            )
          : made
      )
    )
    yield* router.add("GET", "/scalar", reference)
    // Looking at the pool sets the gauges of the queue.
    yield* router.add(
      "GET",
      "/metrics",
      Effect.map(Effect.andThen(Effect.ignore(pool.pool), PrometheusMetrics.format()), (body) =>
        text(body, "text/plain; version=0.0.4; charset=utf-8")
      )
    )
  })
)

const requests = Metric.counter("rdev_http_requests_total", {
  description: "Requests by method and status",
  incremental: true
})
const seconds = Metric.histogram("rdev_http_request_seconds", {
  description: "From request to response, without streams",
  boundaries: Metric.boundariesFromIterable([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
})

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const
/** Which methods a path takes, for 405. */
const methodsOf = (): ((path: string) => ReadonlyArray<string>) => {
  const router = FindMyWay.make<true>()
  for (const page of ["/", "/openapi.json", "/scalar", "/metrics"] as const) router.on("GET", page, true)
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => router.on(endpoint.method, endpoint.path as `/${string}`, true)
  })
  return (path) => {
    const found = methods.filter((method) => router.find(method, path) !== undefined)
    return found.length === 0 ? [] : [...found, ...(found.includes("GET") ? ["HEAD"] : []), "OPTIONS"]
  }
}

const codeOfStatus: Readonly<Record<number, Problem.Code>> = {
  404: "no-route",
  413: "too-large",
  415: "unsupported-media-type"
}
const details: Partial<Record<Problem.Code, string>> = {
  "too-large": "The body is larger than 1 MiB",
  "unsupported-media-type": "Send the body as JSON, with `Content-Type: application/json`"
}

const problemResponse = (problem: Problem.Problem, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.text(JSON.stringify(Problem.encode(problem)), {
    status: problem.status,
    contentType: Problem.contentType,
    headers: { "cache-control": "no-store", ...headers }
  })

/** The framework answers some refusals bare. */
const dressed = (response: HttpServerResponse.HttpServerResponse, requestId: string | null) => {
  if (response.status < 400 || (response.headers["content-type"] ?? "").includes("json")) return response
  const code = codeOfStatus[response.status] ?? "internal"
  return problemResponse(
    Problem.make(code, { detail: details[code] ?? "The request could not be answered", requestId })
  )
}

const headersOfStatus: Readonly<Record<number, Record<string, string>>> = {
  401: { "www-authenticate": "Bearer" },
  429: { "retry-after": "1" },
  503: { "retry-after": "1" }
}
const maxBody = ByteSize.fromInputUnsafe(1_048_576)

/** What the caller was told: a stream has sent its own status, and whoever hangs up before an answer gets none (499). */
const statusOf = (
  sent: Pick<ServerResponse, "headersSent" | "statusCode" | "destroyed">,
  answer: HttpServerResponse.HttpServerResponse
): number => (sent.headersSent ? sent.statusCode : sent.destroyed ? 499 : answer.status)

/** `routes`: the contract's routes with their handlers. The returned listener lives as long as the scope. */
export const make = Effect.fn("Routes.make")(function* <E, R>(routes: Layer.Layer<never, E, R>, graceMillis: number) {
  const toItsEnd = yield* ToItsEnd.make(graceMillis)
  const app = yield* HttpRouter.toHttpEffect(Layer.merge(routes, pages))
  const allowed = methodsOf()

  const refusal = (cause: Cause.Cause<unknown>, request: HttpServerRequest.HttpServerRequest, requestId: string) =>
    Effect.gen(function* () {
      if (Cause.hasInterruptsOnly(cause))
        return problemResponse(
          Problem.make("unavailable", {
            detail:
              "The server stopped before it was done: look whether the request took effect, or send it again with its Idempotency-Key",
            requestId
          })
        )
      const { problem, unexpected } = yield* Failures.ofCause(cause, requestId)
      if (unexpected) yield* Effect.logError(`request ${requestId} failed: ${request.method} ${request.url}`, cause)
      if (problem.code !== "no-route") return problemResponse(problem)
      const others = request.url === "*" ? [...methods, "HEAD", "OPTIONS"] : allowed(request.url)
      if (request.method === "OPTIONS" && others.length > 0)
        return HttpServerResponse.empty({ status: 204, headers: { allow: others.join(", ") } })
      return others.length === 0
        ? problemResponse(problem)
        : problemResponse(
            Problem.make("method-not-allowed", { detail: `This route takes ${others.join(", ")}`, requestId }),
            { allow: others.join(", ") }
          )
    })

  const handled = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const source = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
    const requestId = Exchange.requestIdOf(source)
    const began = performance.now()
    const sent = NodeHttpServerRequest.toServerResponse(request) as ServerResponse
    const response = yield* toItsEnd
      .run(
        Effect.catchCause(app, (cause) => refusal(cause, request, requestId)),
        request.method,
        sent
      )
      .pipe(
        Effect.provideService(CurrentRequest, {
          principal: anonymous,
          requestId,
          sourceAddress: Exchange.addressOf(source)
        }),
        Effect.provideService(HttpIncomingMessage.MaxBodySize, maxBody),
        Effect.annotateLogs({ requestId })
      )
    const shown = dressed(response, requestId)
    yield* Metric.update(
      Metric.withAttributes(requests, { method: request.method, status: String(statusOf(sent, shown)) }),
      1
    )
    if (request.headers["accept"] !== "text/event-stream")
      yield* Metric.update(seconds, (performance.now() - began) / 1000)
    const extra = headersOfStatus[shown.status]
    return extra === undefined ? shown : HttpServerResponse.setHeaders(shown, { ...extra, ...shown.headers })
  })
  return yield* NodeHttpServer.makeHandler(handled, { scope: toItsEnd.requests })
})
