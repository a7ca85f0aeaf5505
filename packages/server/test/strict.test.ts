/** What a lenient server would take or guess: each spelling is refused with its place, or means what the standard says. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import fc from "fast-check"
import * as StrictJson from "../src/http/StrictJson.ts"
import * as RawSocket from "../attack/RawSocket.ts"
import * as MemoryServer from "./MemoryServer.ts"

const scope = Scope.makeUnsafe()
let server: MemoryServer.TestServer
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(MemoryServer.make(), scope))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

interface Told {
  readonly code?: string
  readonly errors?: ReadonlyArray<{ readonly pointer: string }>
  readonly request_id?: string
}
const body = (text: string): Told =>
  text.includes("{") ? (JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as Told) : {}
const raw = async (start: string, headers: ReadonlyArray<string> = [], content: string | Uint8Array = "") =>
  RawSocket.exchange(
    server.port,
    `${start}\r\n${[`Host: 127.0.0.1:${server.port}`, "Connection: close", `Authorization: Bearer ${server.key}`, ...headers].join("\r\n")}\r\n\r\n`,
    content
  )
const post = (content: string | Uint8Array, headers: ReadonlyArray<string> = [], path = "/keys") =>
  raw(
    `POST ${path} HTTP/1.1`,
    [
      "Content-Type: application/json",
      `Content-Length: ${typeof content === "string" ? Buffer.byteLength(content) : content.byteLength}`,
      ...headers
    ],
    content
  )

describe("bodies", () => {
  const cases: ReadonlyArray<
    readonly [what: string, content: string | Uint8Array, code: string, pointer: string | null]
  > = [
    ["a key twice", `{"name":"a","name":"b","scopes":["admin"]}`, "invalid-input", "/name"],
    ["a key twice in another spelling", `{"name":"a","\\u006eame":"b","scopes":["admin"]}`, "invalid-input", "/name"],
    [
      "a key twice inside",
      `{"name":"a","scopes":["admin"],"projects":[{"x":1,"x":2}]}`,
      "invalid-input",
      "/projects/0/x"
    ],
    ["a NUL", `{"name":"a\\u0000b","scopes":["admin"]}`, "invalid-input", "/name"],
    ["half of a pair", `{"name":"a\\ud800","scopes":["admin"]}`, "invalid-input", "/name"],
    ["half of a pair in a key", `{"\\udc00":1,"name":"a","scopes":["admin"]}`, "invalid-input", null],
    ["__proto__", `{"__proto__":{"name":"a"},"scopes":["admin"]}`, "invalid-input", "/__proto__"],
    ["a number that loses digits", `{"name":9007199254740993,"scopes":["admin"]}`, "invalid-input", "/name"],
    ["a number beyond all", `{"name":1e999,"scopes":["admin"]}`, "invalid-input", "/name"],
    ["depth", `{"name":${"[".repeat(70)}${"]".repeat(70)}}`, "invalid-input", null],
    ["depth without end", "[".repeat(200_000), "invalid-json", null],
    [
      "bytes that are no UTF-8",
      Buffer.from([...Buffer.from(`{"name":"`), 0xff, 0xc0, 0x80, ...Buffer.from(`","scopes":["admin"]}`)]),
      "invalid-json",
      null
    ],
    ["a mark before", Buffer.from([0xef, 0xbb, 0xbf, ...Buffer.from("{}")]), "invalid-json", null],
    ["two values", "{}{}", "invalid-json", null],
    ["a comment", `{"name":"a"/**/}`, "invalid-json", null]
  ]
  it("are refused when they mean two things", async () => {
    for (const [what, content, code, at] of cases) {
      const answer = await post(content)
      assert.strictEqual(answer.status, 400, `${what}: ${answer.text}`)
      assert.strictEqual(body(answer.body).code, code, what)
      if (at !== null)
        assert.include(
          (body(answer.body).errors ?? []).map(({ pointer }) => pointer),
          at,
          what
        )
    }
    const inner = await server.call("POST", "/trees/runs", {
      raw: `{"name":"x","vars":{"a":{"b":[1,{"c":"\\u0000"}]}}}`
    })
    assert.strictEqual(JSON.stringify(inner.body["errors"]).includes("/vars/a/b/1/c"), true, inner.text)
  })

  it("are JSON in UTF-8 and nothing else", async () => {
    const content = JSON.stringify({ name: "typed", scopes: ["projects:read"] })
    for (const [type, status] of [
      ["application/json", 201],
      ["application/json; charset=utf-8", 201],
      ['Application/JSON;charset="UTF-8"', 201],
      ["application/json; charset=utf-16", 415],
      ["application/json; charset=latin1", 415],
      ["text/json", 415],
      ["application/problem+json", 415],
      ["text/plain", 415],
      ["multipart/form-data", 415]
    ] as const) {
      assert.strictEqual(
        (await server.call("POST", "/keys", { raw: content, headers: { "content-type": type } })).status,
        status,
        type
      )
    }
    assert.strictEqual(
      (await server.call("POST", "/keys", { raw: content, headers: { "content-encoding": "gzip" } })).status,
      415
    )
    const operation = "/operations/op_01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel"
    assert.strictEqual((await server.call("POST", operation, { raw: '{"reason":1}' })).status, 400)
    assert.strictEqual((await server.call("POST", operation, { raw: "{}" })).status, 404)
    assert.strictEqual((await server.call("POST", operation)).status, 404)
  })

  it("keep every text that JSON.stringify writes of plain data", () => {
    const plain = fc
      .jsonValue({ maxDepth: 6 })
      .filter((value) => !/\\u0000|\\ud[89a-f]|__proto__/i.test(JSON.stringify(value)))
    fc.assert(
      fc.property(plain, (value) => {
        const text = JSON.stringify(value)
        const exact = !/\d{16}|e\+/.test(text)
        if (exact) assert.deepStrictEqual(StrictJson.faults(text), [])
      })
    )
  })

  it("point at a doubled key wherever it stands", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc
              .string({ minLength: 1, maxLength: 5 })
              .filter((text) => text.isWellFormed() && !text.includes("\u0000") && text !== "__proto__"),
            fc.constant(null)
          ),
          { maxLength: 8 }
        ),
        (path) => {
          const text = path.reduceRight<string>(
            (inner, key) => (key === null ? `[${inner}]` : `{${JSON.stringify(key)}:${inner}}`),
            `{"k":1,"k":2}`
          )
          const at = [...path, "k"]
            .map((key) => `/${(key ?? "0").replaceAll("~", "~0").replaceAll("/", "~1")}`)
            .join("")
          assert.deepStrictEqual(
            StrictJson.faults(text).map(({ pointer }) => pointer),
            [at]
          )
        }
      )
    )
  })
})

describe("requests", () => {
  it("upgrade to nothing but WebSocket, and are answered otherwise", async () => {
    for (const upgrade of ["h2c", "HTTP/2.0", "TLS/1.0, HTTP/1.1", "foo/1, bar", "h2c, foo"]) {
      for (const connection of ["Upgrade", "Upgrade, HTTP2-Settings", "keep-alive, Upgrade"]) {
        const got = await RawSocket.exchange(
          server.port,
          `GET /projects HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: ${connection}, close\r\nUpgrade: ${upgrade}\r\nHTTP2-Settings: AAMAAABk\r\nAuthorization: Bearer ${server.key}\r\n\r\n`
        )
        assert.strictEqual(got.status, 200, `${upgrade} ${connection}: ${got.text}`)
        const content = JSON.stringify({ name: "upgrading", scopes: ["projects:read"] })
        const posted = await post(content, [`Upgrade: ${upgrade}`, `Connection: ${connection}`])
        assert.strictEqual(posted.status, 201, posted.text)
      }
    }
    assert.strictEqual(
      (await raw("GET /projects HTTP/1.1", ["Upgrade: websocket"])).status,
      200,
      "without Connection: upgrade it is none"
    )
    assert.strictEqual((await raw("GET /projects HTTP/1.1", ["Upgrade: websocket", "Connection: Upgrade"])).status, 404)
  })

  const refused: ReadonlyArray<
    readonly [start: string, headers: ReadonlyArray<string>, status: number, pointer: string | null]
  > = [
    ["GET /projects HTTP/1.1", ["Host: evil.example"], 400, "/header/host"],
    ["GET /projects HTTP/1.1", ["Authorization: Bearer x"], 400, "/header/authorization"],
    ["GET /projects HTTP/1.1", ['If-Match: "a"', 'If-Match: "b"'], 400, "/header/if-match"],
    ["GET /projects HTTP/1.1", ["Idempotency-Key: a", "idempotency-key: b"], 400, "/header/idempotency-key"],
    ["GET /projects?limit=1&limit=2 HTTP/1.1", [], 400, "/query/limit"],
    ["GET /projects?limit=1&li%6dit=2 HTTP/1.1", [], 400, "/query/limit"],
    ["GET /projects?limit=%ff HTTP/1.1", [], 400, "/query/limit"],
    ["GET /projects?cursor=%00 HTTP/1.1", [], 400, "/query/cursor"],
    ["GET /projects?limit=1e1 HTTP/1.1", [], 400, "/query/limit"],
    ["GET /projects?limit=0x10 HTTP/1.1", [], 400, "/query/limit"],
    ["GET /projects?limit=%2010 HTTP/1.1", [], 400, "/query/limit"],
    ["GET /projects?limit=010 HTTP/1.1", [], 400, "/query/limit"],
    ["GET /templates?limit=1 HTTP/1.1", [], 400, "/query/limit"],
    ["GET /keys?what=1 HTTP/1.1", [], 400, "/query/what"],
    ["GET /webhooks?what=1 HTTP/1.1", [], 400, "/query/what"],
    ["GET /projects/ HTTP/1.1", [], 404, null],
    ["GET /projects//audit HTTP/1.1", [], 404, null],
    // A semicolon ends no path: the thing of that name is asked for, and not the list before it.
    ["GET /projects;a=b HTTP/1.1", [], 404, null],
    ["GET /projects/;a=b HTTP/1.1", [], 404, null],
    ["GET /health/;a=b HTTP/1.1", [], 404, null],
    ["GET /tasks/;?limit=1 HTTP/1.1", [], 400, "/query/limit"],
    ["GET /projects/%2e%2e/keys HTTP/1.1", [], 404, null],
    ["GET /projects/%zz HTTP/1.1", [], 404, null],
    ["GET /projects/%c0%af HTTP/1.1", [], 404, null],
    ["GET /projects/a%00 HTTP/1.1", [], 404, null],
    ["GET * HTTP/1.1", [], 400, null],
    ["GET projects HTTP/1.1", [], 400, null],
    ["TRACE /projects HTTP/1.1", [], 405, null],
    ["CONNECT 127.0.0.1:22 HTTP/1.1", [], 405, null],
    ["PUT /projects HTTP/1.1", [], 405, null],
    ["GET http://evil.example/projects HTTP/1.1", [], 421, null],
    ["GET /projects HTTP/1.1", ["Expect: something"], 417, null]
  ]
  it("with two meanings are refused", async () => {
    for (const [start, headers, status, at] of refused) {
      const answer = await raw(start, headers)
      assert.strictEqual(answer.status, status, `${start} ${headers.join()}: ${answer.text}`)
      assert.match(answer.head, /content-type: application\/problem\+json/i, start)
      assert.match(answer.head, /content-security-policy: default-src 'none'/i, start)
      if (at !== null)
        assert.deepStrictEqual(
          (body(answer.body).errors ?? []).map(({ pointer }) => pointer),
          [at],
          answer.text
        )
      if (status === 405) assert.match(answer.head, /^allow: /im)
    }
    const both = await raw("POST /keys HTTP/1.1", ["Content-Length: 2", "Transfer-Encoding: chunked"], "0\r\n\r\n")
    assert.strictEqual(both.status, 400)
  })

  it("that the standard allows are answered", async () => {
    assert.strictEqual((await raw(`GET http://127.0.0.1:${server.port}/projects?limit=1 HTTP/1.1`)).status, 200)
    assert.strictEqual((await raw("GET /projects HTTP/1.0")).status, 200)
    assert.strictEqual((await raw("HEAD /projects HTTP/1.1")).status, 200)
    const options = await raw("OPTIONS /projects HTTP/1.1")
    assert.strictEqual(options.status, 204)
    assert.match(options.head, /^allow: GET, POST, HEAD, OPTIONS\r?$/im)
    assert.strictEqual((await raw("OPTIONS * HTTP/1.1")).status, 204)
    const content = JSON.stringify({ name: "expected", scopes: ["projects:read"] })
    assert.include((await post(content, ["Expect: 100-continue"])).text, "HTTP/1.1 201")
    const chunked = await raw(
      "POST /keys HTTP/1.1",
      ["Content-Type: application/json", "Transfer-Encoding: chunked", "Trailer: X"],
      `${content.length.toString(16)}\r\n${content}\r\n0\r\nX: y\r\n\r\n`
    )
    assert.strictEqual(chunked.status, 201, chunked.text)
  })

  it("get pages that run nothing but their own scripts", async () => {
    for (const path of ["/", "/scalar", "/openapi.json", "/health", "/metrics", "/projects", "/nothing"]) {
      const answer = await server.call("GET", path)
      for (const header of [
        "content-security-policy",
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "cross-origin-resource-policy"
      ])
        assert.isNotNull(answer.headers.get(header), `${path} ${header}`)
      const policy = answer.headers.get("content-security-policy") ?? ""
      assert.notMatch(policy, /script-src[^;]*unsafe/)
    }
    assert.match(
      (await server.call("GET", "/scalar")).headers.get("content-security-policy") ?? "",
      /script-src 'sha256-/
    )
  })
})

describe("lists", () => {
  it("of keys and webhooks page like all others", async () => {
    for (let i = 0; i < 5; i++)
      await server.call("POST", "/keys", { body: { name: `page-${i}`, scopes: ["projects:read"] } })
    const whole = (await server.call("GET", "/keys?limit=100")).body["keys"] as ReadonlyArray<{ id: string }>
    const seen: Array<string> = []
    let cursor: string | null = null
    do {
      const page: MemoryServer.Answer = await server.call(
        "GET",
        `/keys?limit=3${cursor === null ? "" : `&cursor=${cursor}`}`
      )
      seen.push(...(page.body["keys"] as ReadonlyArray<{ id: string }>).map(({ id }) => id))
      cursor = page.body["next_cursor"] as string | null
    } while (cursor !== null)
    assert.deepStrictEqual(
      seen,
      whole.map(({ id }) => id)
    )
    assert.strictEqual((await server.call("GET", "/webhooks?limit=1")).body["next_cursor"], null)
  })

  it("of a tree are bounded before anything looks at them twice", async () => {
    const names = Array.from({ length: 40_000 }, (_, i) => `a${i}`)
    for (const text of [
      `name: x\nvars: { ${names.join(": {}, ").slice(0, 200_000)}: {} }\nsteps: [{ id: q, action: ask, question: y }]`,
      `name: x\nsteps: [{ id: q, action: ask, question: y, depends_on: [${names.join(", ").slice(0, 200_000)}] }]`,
      `name: x\nsteps: ${"[".repeat(50_000)}`,
      `name: x\nname: y\nsteps: [{ id: q, action: ask, question: y }]`
    ]) {
      const answer = await server.call("POST", "/trees/check", { body: { text } })
      assert.include([400, 422], answer.status, answer.text.slice(0, 200))
      assert.isBelow((answer.body["errors"] as ReadonlyArray<unknown>).length, 51)
    }
  })
})
