/** What every transport of webhooks must do. Which addresses it refuses is its own matter; the receiver of this suite must be allowed. */
import { assert, layer as withLayer } from "@effect/vitest"
import { WebhookTransport, type WebhookTransportError } from "@rdev/core/ports/infra/WebhookTransport"
import { Deferred, Effect, Fiber, Layer, Queue, type Scope } from "effect"
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http"

export interface Answer {
  readonly status: number
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
}
export interface Received {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Ends when the exchange has ended on this side: answered, or hung up on. */
  readonly closed: Effect.Effect<void>
}
export interface Receiver {
  /** Without a path. */
  readonly url: string
  readonly port: number
  readonly received: Queue.Dequeue<Received>
}

/** A server on 127.0.0.1 that gives every request this answer; null = none at all. */
export const receiver = Effect.fnUntraced(function* (
  answer: Answer | null
): Effect.fn.Return<Receiver, never, Scope.Scope> {
  const received = yield* Queue.unbounded<Received>()
  const server = createServer((request, response) => {
    const closed = Deferred.makeUnsafe<void>()
    response.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      Queue.offerUnsafe(received, {
        method: request.method,
        path: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
        closed: Deferred.await(closed)
      })
      if (answer !== null) response.writeHead(answer.status, answer.headers).end(answer.body)
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const address = server.address()
  if (address === null || typeof address === "string")
    return yield* Effect.die(new Error(`expected a port, got ${String(address)}`))
  return { url: `http://127.0.0.1:${address.port}`, port: address.port, received }
})

const reasonOf = <A>(effect: Effect.Effect<A, WebhookTransportError>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)
/** The limit of a post that a test expects to end by itself: a failed test, never a wait. */
const timeoutMillis = 10_000
const event = {
  headers: { "content-type": "application/json", "webhook-id": "msg_1" },
  body: '{"text":"grüße"}',
  timeoutMillis
}

/** `receive` starts a receiver that the transport can reach; the default is a server on this machine. */
export const suite = (
  name: string,
  layer: Layer.Layer<WebhookTransport, unknown>,
  receive: typeof receiver = receiver
): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`WebhookTransport: ${name}`, (it) => {
    it.effect("posts the body and the headers as they are", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const transport = yield* WebhookTransport
          const { received, url } = yield* receive({ status: 204 })
          yield* transport.check(`${url}/hooks?a=1`)
          assert.deepStrictEqual(yield* transport.post({ ...event, url: `${url}/hooks?a=1` }), {
            status: 204,
            retryAfterMillis: null
          })
          const { body, headers, method, path } = yield* Queue.take(received)
          assert.deepStrictEqual([method, path, body], ["POST", "/hooks?a=1", event.body])
          assert.deepInclude(headers, {
            ...event.headers,
            "content-length": String(Buffer.byteLength(event.body)),
            host: new URL(url).host
          })
          assert.strictEqual(yield* Queue.size(received), 0)
        })
      )
    )

    it.effect("gives every status back, with a body or without", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const transport = yield* WebhookTransport
          for (const status of [200, 202, 304, 400, 404, 410, 500, 503]) {
            const { received, url } = yield* receive({ status, ...(status === 304 ? {} : { body: "x".repeat(1000) }) })
            assert.strictEqual((yield* transport.post({ ...event, url })).status, status)
            assert.strictEqual(yield* Queue.size(received), 1, `${status} is asked once`)
          }
        })
      )
    )

    it.effect("follows no redirect", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const transport = yield* WebhookTransport
          const other = yield* receive({ status: 204 })
          for (const status of [301, 302, 303, 307, 308]) {
            const { url } = yield* receive({ status, headers: { location: `${other.url}/elsewhere` } })
            assert.strictEqual((yield* transport.post({ ...event, url })).status, status)
          }
          assert.strictEqual(yield* Queue.size(other.received), 0)
        })
      )
    )

    it.effect("tells what Retry-After asks for", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const transport = yield* WebhookTransport
          const asked = (value: string) =>
            Effect.gen(function* () {
              const { url } = yield* receive({ status: 429, headers: { "retry-after": value } })
              return (yield* transport.post({ ...event, url })).retryAfterMillis
            })
          assert.strictEqual(yield* asked("120"), 120_000)
          assert.strictEqual(yield* asked("Wed, 21 Oct 2015 07:28:00 GMT"), 0)
          const hour = 3_600_000
          const later = yield* asked(new Date(Date.now() + hour).toUTCString())
          assert.isTrue(later !== null && later > hour - 2 * timeoutMillis && later <= hour, String(later))
          assert.isNull(yield* asked("soon"))
        })
      )
    )

    it.effect("gives up on a receiver that does not answer, and hangs up", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const transport = yield* WebhookTransport
          const { received, url } = yield* receive(null)
          const reason = yield* reasonOf(transport.post({ ...event, url, timeoutMillis: 800 }))
          assert.strictEqual(reason._tag, "Unavailable")
          yield* (yield* Queue.take(received)).closed
        })
      )
    )

    it.effect("hangs up at once when it is interrupted", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const transport = yield* WebhookTransport
          const { received, url } = yield* receive(null)
          const post = yield* Effect.forkChild(transport.post({ ...event, url, timeoutMillis: 3_600_000 }))
          const { closed } = yield* Queue.take(received)
          yield* Fiber.interrupt(post)
          yield* closed
        })
      )
    )

    it.effect("calls a closed port Unavailable", () =>
      Effect.gen(function* () {
        const transport = yield* WebhookTransport
        const { url } = yield* Effect.scoped(receive({ status: 204 }))
        assert.strictEqual((yield* reasonOf(transport.post({ ...event, url })))._tag, "Unavailable")
      })
    )

    it.effect("calls what is no URL of a receiver Invalid, before anything is sent", () =>
      Effect.gen(function* () {
        const transport = yield* WebhookTransport
        for (const url of [
          "",
          "example.com",
          "//example.com/hooks",
          "https://",
          "https://exa mple.com",
          "file:///etc/passwd",
          "ftp://example.com/",
          "javascript:alert(1)",
          "https://user:password@example.com/"
        ]) {
          for (const reason of [
            yield* reasonOf(transport.check(url)),
            yield* reasonOf(transport.post({ ...event, url }))
          ]) {
            assert.deepInclude(reason, { _tag: "Invalid", field: "url" }, url)
            assert.notInclude(reason._tag === "Invalid" ? reason.message : "", "password@")
          }
        }
      })
    )
  })
}
