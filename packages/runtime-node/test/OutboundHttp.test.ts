import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { createServer } from "node:http"
import * as NodeError from "../src/NodeError.ts"
import * as OutboundHttp from "../src/http/OutboundHttp.ts"

describe("retryAfterMillis", () => {
  const now = Date.UTC(2026, 0, 1)
  it.each([
    [undefined, null],
    ["0", 0],
    ["90", 90_000],
    ["86400", 86_400_000],
    ["86401", 86_400_000],
    ["9".repeat(40), 86_400_000],
    ["Thu, 01 Jan 2026 00:01:30 GMT", 90_000],
    ["Wed, 31 Dec 2025 23:59:59 GMT", 0],
    ["Fri, 01 Jan 2027 00:00:00 GMT", 86_400_000],
    ["Thu, 99 Jan 2026 00:00:00 GMT", null],
    ["Thu, 01 Foo 2026 00:00:00 GMT", null],
    ["Thursday, 01-Jan-26 00:01:30 GMT", null],
    ["2026-01-01T00:01:30Z", null],
    ["-1", null],
    ["1.5", null],
    ["1e3", null],
    ["", null],
    ["soon", null]
  ])("%s", (header, expected) => assert.strictEqual(OutboundHttp.retryAfterMillis(header, now), expected))
})

describe("classifyRequest", () => {
  const failure = (code: string) => Object.assign(new Error(`${code} 10.0.0.1:443`), { code })

  it.each([
    ["ENOTFOUND", "Unavailable"],
    ["EAI_AGAIN", "Unavailable"],
    ["ECONNREFUSED", "Unavailable"],
    ["ECONNRESET", "Unavailable"],
    ["EPIPE", "Unavailable"],
    ["ETIMEDOUT", "Unavailable"],
    ["EHOSTUNREACH", "Unavailable"],
    ["ENETUNREACH", "Unavailable"],
    ["EACCES", "Unavailable"],
    ["CERT_HAS_EXPIRED", "Unavailable"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "Unavailable"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "Unavailable"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "Unavailable"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "Unavailable"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "Unavailable"],
    ["EPROTO", "Unavailable"],
    ["HPE_INVALID_CONSTANT", "Unavailable"],
    ["EMFILE", "ResourceExhausted"],
    ["ERR_INVALID_CHAR", "Invalid"],
    ["ESOMETHING", "Unknown"]
  ])("%s", (code, expected) => {
    const reason = NodeError.classifyRequest(failure(code), "hooks.example")
    assert.strictEqual(reason._tag, expected)
    if (reason._tag === "Unavailable") assert.include(reason.message, "hooks.example")
  })

  it("takes whatever is thrown", () => {
    assert.strictEqual(NodeError.classifyRequest(new Error("odd"), "hooks.example")._tag, "Unknown")
    assert.strictEqual(NodeError.classifyRequest("text", "hooks.example")._tag, "Unknown")
  })
})

describe("OutboundHttp", () => {
  const http = (options: Partial<OutboundHttp.Options>) =>
    Result.getOrThrow(OutboundHttp.make({ allow: [], setting: "MY_SETTING", ...options }))
  const request = { url: "https://inside.example/x", headers: {}, body: "{}", timeoutMillis: 5_000 }

  it.live("names the setting that would allow an address of the inside", () =>
    Effect.gen(function* () {
      for (const address of ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"]) {
        const failure = yield* Effect.flip(http({ resolve: async () => ["93.184.216.34", address] }).send(request))
        assert.strictEqual(failure.reason._tag, "Unauthorized", address)
        assert.include(failure.message, "MY_SETTING")
      }
    })
  )

  it.live("sends by the method that is asked for", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const seen: Array<string> = []
        const server = createServer((incoming, response) => {
          seen.push(`${incoming.method} ${incoming.headers.host?.split(":")[0]}`)
          response.writeHead(202).end()
        })
        yield* Effect.acquireRelease(
          Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
          () => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
        )
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const outbound = http({ allow: ["hooks.internal"], resolve: async () => ["127.0.0.1"] })
        const answer = yield* outbound.send({ ...request, method: "PUT", url: `http://hooks.internal:${port}/` })
        assert.strictEqual(answer.status, 202)
        assert.deepStrictEqual(seen, ["PUT hooks.internal"])
      })
    )
  )

  it("says which entry is none", () => {
    const made = OutboundHttp.make({ allow: ["10.0.0.0/33"], setting: "MY_SETTING" })
    assert.strictEqual(Result.isFailure(made) ? made.failure.entry : null, "10.0.0.0/33")
  })
})
