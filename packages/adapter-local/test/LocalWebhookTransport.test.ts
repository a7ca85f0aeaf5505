import { assert, describe, it } from "@effect/vitest"
import { receiver, suite } from "@rdev/conformance/infra/WebhookTransportSuite"
import { WebhookTransport, type WebhookTransportError } from "@rdev/core/ports/infra/WebhookTransport"
import { Effect, Fiber, Queue } from "effect"
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { createServer, type RequestListener } from "node:http"
import { createServer as createTlsServer } from "node:https"
import { createServer as createRawServer, type Server, type Socket } from "node:net"
import { join } from "node:path"
import { getCACertificates, setDefaultCACertificates } from "node:tls"
import { promisify } from "node:util"
import * as LocalWebhookTransport from "../src/webhooks/LocalWebhookTransport.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

suite("local", LocalWebhookTransport.layerWith({ allow: ["127.0.0.1"] }))

const event = { headers: { "content-type": "application/json" }, body: "{}", timeoutMillis: 10_000 }
const transport = (options: Partial<LocalWebhookTransport.Options> = {}) =>
  Effect.provide(Effect.service(WebhookTransport), LocalWebhookTransport.layerWith({ allow: [], ...options }))
const reasonOf = <A>(effect: Effect.Effect<A, WebhookTransportError>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)
const at =
  (...addresses: ReadonlyArray<string>) =>
  () =>
    Promise.resolve(addresses)

/** The port of a server that stands until the scope ends. */
const listening = Effect.fnUntraced(function* (server: Server) {
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => sockets.add(socket))
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )
  const address = server.address()
  return address !== null && typeof address === "object" ? address.port : yield* Effect.die(new Error("no port"))
})

describe("LocalWebhookTransport: addresses", () => {
  it.live.each([
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "１２７.0.0.1",
    "127.255.0.9",
    "0.0.0.0",
    "0",
    "[::1]",
    "[::]",
    "[::ffff:7f00:1]",
    "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[64:ff9b::127.0.0.1]",
    "[::127.0.0.1]",
    "[2002:7f00:1::]",
    "10.0.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "[fe80::1]"
  ])("refuses %s before it connects", (host) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port, received } = yield* receiver({ status: 204 })
        const { check, post } = yield* transport()
        for (const url of [`http://${host}:${port}/`, `https://${host}:${port}/`]) {
          for (const reason of [yield* reasonOf(check(url)), yield* reasonOf(post({ ...event, url }))]) {
            assert.strictEqual(reason._tag, "Unauthorized", url)
            assert.include(reason.message, "RDEV_WEBHOOK_ALLOW")
          }
        }
        assert.strictEqual(yield* Queue.size(received), 0)
      })
    )
  )

  it.live.each(["localhost", "LOCALHOST", "localhost."])("refuses %s, which this machine's resolver knows", (host) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port, received } = yield* receiver({ status: 204 })
        const { post } = yield* transport()
        const reason = yield* reasonOf(post({ ...event, url: `http://${host}:${port}/` }))
        assert.strictEqual(reason._tag, "Unauthorized")
        assert.match(reason.message, /^localhost is at (?:127\.0\.0\.1|::1), which is not a public address/)
        assert.strictEqual(yield* Queue.size(received), 0)
      })
    )
  )

  it.live("refuses a name with a public and a private address, in either order", () =>
    Effect.gen(function* () {
      for (const addresses of [
        ["93.184.216.34", "10.0.0.1"],
        ["10.0.0.1", "93.184.216.34"],
        ["2606:4700::1111", "::ffff:10.0.0.1"]
      ]) {
        const { post } = yield* transport({ resolve: at(...addresses), allow: ["127.0.0.1"] })
        const reason = yield* reasonOf(post({ ...event, url: "https://two.example/" }))
        assert.strictEqual(reason._tag, "Unauthorized")
        assert.match(reason.message, /two\.example is at (?:::ffff:)?10\.0\.0\.1/)
      }
    })
  )

  it.live("asks the resolver once and connects to the address that was checked", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port, received } = yield* receiver({ status: 204 })
        const asked: Array<string> = []
        const resolve = (host: string) => {
          asked.push(host)
          return Promise.resolve(asked.length === 1 ? ["127.0.0.1"] : ["10.0.0.1"])
        }
        const { post } = yield* transport({ resolve, allow: ["127.0.0.1"] })
        const url = `http://rebind.example:${port}/`
        assert.strictEqual((yield* post({ ...event, url })).status, 204)
        assert.deepStrictEqual(asked, ["rebind.example"])
        assert.strictEqual((yield* Queue.take(received)).headers.host, `rebind.example:${port}`)
        assert.strictEqual((yield* reasonOf(post({ ...event, url })))._tag, "Unauthorized")
        assert.strictEqual(asked.length, 2)
      })
    )
  )

  it.live("allows a name wherever it is, also without TLS, and no other", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port } = yield* receiver({ status: 204 })
        const { check, post } = yield* transport({ resolve: at("127.0.0.1"), allow: ["hooks.internal"] })
        for (const host of ["hooks.internal", "HOOKS.internal."]) {
          yield* check(`http://${host}:${port}/`)
          assert.strictEqual((yield* post({ ...event, url: `http://${host}:${port}/` })).status, 204)
        }
        assert.strictEqual((yield* reasonOf(post({ ...event, url: `http://127.0.0.1:${port}/` })))._tag, "Unauthorized")
        assert.strictEqual(
          (yield* reasonOf(post({ ...event, url: `http://x.hooks.internal:${port}/` })))._tag,
          "Unauthorized"
        )
      })
    )
  )

  it.live("takes http only for what is allowed", () =>
    Effect.gen(function* () {
      const { check, post } = yield* transport({ resolve: at("93.184.216.34") })
      for (const url of ["http://public.example/", "http://93.184.216.34/"]) {
        for (const reason of [yield* reasonOf(check(url)), yield* reasonOf(post({ ...event, url }))]) {
          assert.deepInclude(reason, { _tag: "Invalid", field: "url" })
          assert.include(reason._tag === "Invalid" ? reason.message : "", "use https")
        }
      }
      const some = yield* transport({ resolve: at("93.184.216.34"), allow: ["127.0.0.1"] })
      assert.strictEqual((yield* reasonOf(some.post({ ...event, url: "http://public.example/" })))._tag, "Invalid")
    })
  )

  it.live("checks a name's form without asking the resolver", () =>
    Effect.gen(function* () {
      const { check } = yield* transport({ resolve: () => Promise.reject(new Error("asked")) })
      for (const url of [
        "https://example.com",
        "https://example.com:8443/hooks?key=1#x",
        "https://bücher.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/"
      ])
        yield* check(url)
    })
  )

  it.live("says so when a name has no address", () =>
    Effect.gen(function* () {
      const { post } = yield* transport({ resolve: at() })
      assert.deepStrictEqual(yield* reasonOf(post({ ...event, url: "https://empty.example/" })), {
        _tag: "Unavailable",
        message: "empty.example has no address"
      })
      const system = yield* transport()
      assert.strictEqual(
        (yield* reasonOf(system.post({ ...event, url: "https://nobody.invalid/" })))._tag,
        "Unavailable"
      )
    })
  )
})

describe("LocalWebhookTransport: exchanges", () => {
  const toSocket = (answer: (socket: Socket) => void) =>
    Effect.map(
      listening(
        createRawServer((socket) => {
          // Both ends hang up here in the middle of things.
          socket.on("error", () => socket.destroy())
          socket.once("data", () => answer(socket))
        })
      ),
      (port) => ({ ...event, url: `http://127.0.0.1:${port}/` })
    )
  const local = transport({ allow: ["127.0.0.1"] })

  it.live("counts the look-up into the time limit", () =>
    Effect.gen(function* () {
      const { post } = yield* transport({ resolve: () => Promise.withResolvers<ReadonlyArray<string>>().promise })
      assert.deepStrictEqual(yield* reasonOf(post({ ...event, url: "https://slow.example/", timeoutMillis: 200 })), {
        _tag: "Unavailable",
        message: "no answer within 0.2 s"
      })
    })
  )

  it.live("counts the answer's body into the time limit, and hangs up", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const closed = Promise.withResolvers<void>()
        const request = yield* toSocket((socket) => {
          socket.on("close", () => closed.resolve())
          socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
        })
        assert.strictEqual(
          (yield* reasonOf((yield* local).post({ ...request, timeoutMillis: 800 })))._tag,
          "Unavailable"
        )
        yield* Effect.promise(() => closed.promise)
      })
    )
  )

  it.live("hangs up in the middle of a body when it is interrupted", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const [started, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
        const request = yield* toSocket((socket) => {
          socket.on("close", () => closed.resolve())
          socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", () => started.resolve())
        })
        const post = yield* Effect.forkChild((yield* local).post({ ...request, timeoutMillis: 3_600_000 }))
        yield* Effect.promise(() => started.promise)
        yield* Fiber.interrupt(post)
        yield* Effect.promise(() => closed.promise)
      })
    )
  )

  it.live("hangs up on an endless body and keeps its status", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const closed = Promise.withResolvers<void>()
        const server: RequestListener = (_, response) => {
          const more = () => {
            while (response.write(Buffer.alloc(16_384))) {
              /* until the other side's buffers are full */
            }
          }
          response.on("drain", more).on("close", () => closed.resolve())
          response.writeHead(202, { "retry-after": "7" })
          more()
        }
        const port = yield* listening(createServer(server))
        assert.deepStrictEqual(yield* (yield* local).post({ ...event, url: `http://127.0.0.1:${port}/` }), {
          status: 202,
          retryAfterMillis: 7000
        })
        yield* Effect.promise(() => closed.promise)
      })
    )
  )

  it.live("keeps the status of an answer that breaks off", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const request = yield* toSocket((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"))
        assert.strictEqual((yield* (yield* local).post(request)).status, 200)
      })
    )
  )

  it.live("takes a 101 for the answer that it is, and hangs up", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const closed = Promise.withResolvers<void>()
        const request = yield* toSocket((socket) => {
          socket.on("close", () => closed.resolve())
          socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
        })
        assert.strictEqual((yield* (yield* local).post(request)).status, 101)
        yield* Effect.promise(() => closed.promise)
      })
    )
  )

  it.live("calls what is no answer Unavailable", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { post } = yield* local
        const cases: ReadonlyArray<readonly [answer: string, expected: RegExp]> = [
          ["", /^127\.0\.0\.1 closed the connection before it answered/],
          ["HTTP/1.1 200 OK\r\ncontent-le", /closed the connection before it answered/],
          ["220 mail.example ESMTP\r\n", /did not answer in HTTP/],
          [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\n\r\n`, /did not answer in HTTP/]
        ]
        for (const [answer, expected] of cases) {
          const reason = yield* reasonOf(post(yield* toSocket((socket) => socket.end(answer))))
          assert.strictEqual(reason._tag, "Unavailable")
          assert.match(reason.message, expected)
        }
      })
    )
  )

  it.live("refuses headers that would break the request apart", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { received, url } = yield* receiver({ status: 204 })
        const { post } = yield* local
        for (const headers of [{ "x-a": "1\r\nx-b: 2" }, { "x a": "1" }]) {
          assert.deepInclude(yield* reasonOf(post({ ...event, url, headers })), { _tag: "Invalid", field: "headers" })
        }
        assert.strictEqual(yield* Queue.size(received), 0)
      })
    )
  )
})

describe("LocalWebhookTransport: TLS", () => {
  const certificate = Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")]
    return yield* Effect.promise(async () => {
      await promisify(execFile)("openssl", [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=hooks.example",
        "-addext",
        "subjectAltName=DNS:hooks.example,IP:127.0.0.1",
        "-keyout",
        keyFile,
        "-out",
        certFile
      ])
      return { key: await readFile(keyFile, "utf8"), cert: await readFile(certFile, "utf8") }
    })
  })

  it.live("trusts a certificate only from an authority, for the host's name", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { cert, key } = yield* certificate
        const names: Array<string | false | null> = []
        const server = createTlsServer({ cert, key }, (_, response) => response.writeHead(204).end())
        server.on("secureConnection", (socket) => names.push(socket.servername))
        const port = yield* listening(server)
        const { post } = yield* transport({ resolve: at("127.0.0.1"), allow: ["127.0.0.1"] })
        const to = (host: string) => post({ ...event, url: `https://${host}:${port}/` })

        const selfSigned = yield* reasonOf(to("hooks.example"))
        assert.strictEqual(selfSigned._tag, "Unavailable")
        assert.match(selfSigned.message, /certificate of hooks\.example is refused \(DEPTH_ZERO_SELF_SIGNED_CERT\)/)

        const before = getCACertificates("default")
        yield* Effect.acquireRelease(
          Effect.sync(() => setDefaultCACertificates([...before, cert])),
          () => Effect.sync(() => setDefaultCACertificates(before))
        )
        names.length = 0
        assert.strictEqual((yield* to("hooks.example")).status, 204)
        assert.strictEqual((yield* to("127.0.0.1")).status, 204)
        assert.deepStrictEqual(names, ["hooks.example", false])
        assert.match(
          (yield* reasonOf(to("other.example"))).message,
          /certificate of other\.example is refused \(ERR_TLS_CERT_ALTNAME_INVALID\)/
        )
      })
    )
  )

  it.live("calls a port without TLS Unavailable", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port, received } = yield* receiver({ status: 204 })
        const { post } = yield* transport({ allow: ["127.0.0.1"] })
        const reason = yield* reasonOf(post({ ...event, url: `https://127.0.0.1:${port}/` }))
        assert.strictEqual(reason._tag, "Unavailable")
        assert.include(reason.message, "no TLS connection with 127.0.0.1")
        assert.strictEqual(yield* Queue.size(received), 0)
      })
    )
  )
})

describe("LocalWebhookTransport: what may be posted to", () => {
  it.live("is public, and what it is told besides", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* receiver({ status: 204 })
        const { post } = yield* transport({ allow: ["hooks.internal", "127.0.0.0/8", "::1"] })
        assert.strictEqual((yield* post({ ...event, url })).status, 204)
        assert.strictEqual((yield* reasonOf((yield* transport()).post({ ...event, url })))._tag, "Unauthorized")
      })
    )
  )

  it.live("names the entry that is malformed", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(transport({ allow: ["127.0.0.1", "10.0.0.0/33"] }))
      assert.strictEqual(
        error.message,
        'allow: "10.0.0.0/33" is neither a host name nor an address nor a range such as 10.1.0.0/16'
      )
      assert.include((yield* Effect.flip(transport({ allow: ["*"] }))).message, 'allow: "*"')
    })
  )
})
