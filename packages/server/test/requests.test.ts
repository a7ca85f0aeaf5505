/** 21 idempotency, 22 problem-json, 23 strict-input, and paging, ETags, request ids, rate limits. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as Client from "@rdev/api/Client"
import { ApiKeyStore } from "@rdev/core/ports/stores/ApiKeyStore"
import { IdempotencyStore } from "@rdev/core/ports/stores/IdempotencyStore"
import { Effect, Exit, Scope } from "effect"
import { createHash } from "node:crypto"
import { connect } from "node:net"
import * as MemoryServer from "./MemoryServer.ts"

const scope = Scope.makeUnsafe()
let server: MemoryServer.TestServer
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(MemoryServer.make(), scope))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const isProblem = (answer: MemoryServer.Answer, status: number, code: string) => {
  assert.strictEqual(answer.status, status, answer.text)
  assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
  assert.strictEqual(answer.body["status"], status)
  assert.strictEqual(answer.body["code"], code)
  assert.strictEqual(answer.body["type"], `urn:rdev:problem:${code}`)
  assert.isString(answer.body["title"])
  assert.isString(answer.body["detail"])
  assert.strictEqual(answer.body["request_id"], answer.headers.get("x-request-id"))
}
const pointers = (answer: MemoryServer.Answer) =>
  (answer.body["errors"] as ReadonlyArray<{ pointer: string }>).map((error) => error.pointer).sort()
const project = async (name: string) => {
  const made = await server.call("POST", "/projects", { body: { name }, headers: { prefer: "wait=30" } })
  assert.strictEqual(made.status, 202, made.text)
}

describe("problem-json", () => {
  it("describes every refusal in one shape", async () => {
    await project("taken")
    isProblem(await server.call("GET", "/no/such/route"), 404, "no-route")
    const method = await server.call("PUT", "/projects/taken")
    isProblem(method, 405, "method-not-allowed")
    assert.strictEqual(method.headers.get("allow"), "GET, PATCH, DELETE, HEAD, OPTIONS")
    isProblem(await server.call("GET", "/projects/nobody"), 404, "not-found")
    isProblem(await server.call("GET", "/projects/Not%20a%20name"), 404, "not-found")
    isProblem(await server.call("GET", "/tasks/task_01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404, "not-found")
    isProblem(await server.call("GET", "/operations/op_01ARZ3NDEKTSV4RRFFQ69G5FAV/steps"), 404, "not-found")
    isProblem(await server.call("POST", "/projects", { body: { name: "taken" } }), 409, "already-exists")
    const template = await server.call("POST", "/projects", { body: { name: "other", template: "nope" } })
    isProblem(template, 422, "unprocessable")
    assert.include(String(template.body["detail"]), "default")
    assert.deepStrictEqual(pointers(template), ["/template"])
    const agent = await server.call("POST", "/projects", { body: { name: "other", agent: "nope" } })
    isProblem(agent, 422, "unprocessable")
    assert.deepStrictEqual(pointers(agent), ["/agent"])
    isProblem(await server.call("POST", "/projects", { raw: '{"name":' }), 400, "invalid-json")
    for (const raw of ["[]", "null"]) {
      const notAnObject = await server.call("POST", "/projects", { raw })
      isProblem(notAnObject, 400, "invalid-input")
      assert.include(JSON.stringify(notAnObject.body), "expected a JSON object with name, template (optional)")
    }
    isProblem(
      await server.call("POST", "/projects", {
        raw: "name=x",
        headers: { "content-type": "application/x-www-form-urlencoded" }
      }),
      415,
      "unsupported-media-type"
    )
    isProblem(await server.call("POST", "/projects", { raw: `{"name":"${"x".repeat(1_048_577)}"}` }), 413, "too-large")
    isProblem(await server.call("POST", "/projects", { raw: "", key: null }), 401, "unauthorized")
    isProblem(
      await server.call("GET", "/projects/taken/events", { headers: { accept: "image/png" } }),
      406,
      "not-acceptable"
    )
    isProblem(
      await server.call("PATCH", "/projects/taken", { body: { description: "x" } }),
      428,
      "precondition-required"
    )
    isProblem(
      await server.call("PATCH", "/projects/taken", { body: { description: "x" }, headers: { "if-match": '"old"' } }),
      412,
      "precondition-failed"
    )
    isProblem(await server.call("GET", "/projects/taken/sdlc/features/nothing/next"), 404, "not-found")
  })

  it("refuses a body without length as soon as it is over the limit", async () => {
    const chunk = new TextEncoder().encode("x".repeat(65_536))
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (sent++ < 40) controller.enqueue(chunk)
        else controller.close()
      }
    })
    const response = await fetch(`${server.url}/projects`, {
      method: "POST",
      body,
      duplex: "half",
      headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json" }
    } as RequestInit)
    assert.strictEqual(response.status, 413)
    assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
  })

  it("describes what is no request at all, and what Node would refuse bare", async () => {
    const send = (text: string) =>
      new Promise<{ status: number; type: string; body: Record<string, unknown>; id: string }>((resolve, reject) => {
        let said = ""
        const socket = connect(server.port, "127.0.0.1", () => socket.write(text))
        socket
          .on("data", (chunk) => {
            said += String(chunk)
          })
          .on("error", reject)
          .on("close", () => {
            const header = (name: string) => new RegExp(`^${name}: (.*)\r$`, "im").exec(said)?.[1] ?? ""
            resolve({
              status: Number(said.slice(9, 12)),
              type: header("content-type"),
              id: header("x-request-id"),
              body: JSON.parse(said.slice(said.indexOf("{"), said.lastIndexOf("}") + 1)) as Record<string, unknown>
            })
          })
      })
    const head = `Host: 127.0.0.1:${server.port}\r\nConnection: close\r\n`
    const post = `POST /projects HTTP/1.1\r\n${head}Authorization: Bearer ${server.key}\r\nContent-Type: application/json\r\n`
    const cases = [
      ["no http\r\n\r\n", 400, "malformed-request"],
      [`GET / HTTP/1.1\r\n${head}X: ${"x".repeat(20_000)}\r\n\r\n`, 431, "headers-too-large"],
      ["GET /projects HTTP/1.1\r\nConnection: close\r\n\r\n", 421, "bad-host"],
      [`${post}Transfer-Encoding: chunked\r\n\r\nno chunk\r\n`, 400, "malformed-request"],
      [`${post}Expect: something\r\nContent-Length: 2\r\n\r\n{}`, 417, "expectation-failed"]
    ] as const
    for (const [text, status, code] of cases) {
      const answer = await send(text)
      assert.strictEqual(answer.status, status, text.slice(0, 60))
      assert.strictEqual(answer.type, "application/problem+json")
      assert.deepInclude(answer.body, { status, code, type: `urn:rdev:problem:${code}`, request_id: answer.id })
    }
  })

  it("echoes a harmless request id and makes one otherwise", async () => {
    assert.strictEqual(
      (await server.call("GET", "/projects", { headers: { "x-request-id": "my-id.7" } })).headers.get("x-request-id"),
      "my-id.7"
    )
    assert.match(
      (await server.call("GET", "/projects", { headers: { "x-request-id": "a b\u00e9" } })).headers.get(
        "x-request-id"
      ) ?? "",
      /^req_/
    )
  })

  it("answers under both prefixes", async () => {
    const [plain, versioned] = await Promise.all([
      server.call("GET", "/projects/taken"),
      server.call("GET", "/api/v1/projects/taken")
    ])
    assert.deepStrictEqual(plain.body, versioned.body)
    assert.strictEqual((await server.call("GET", "/api/v1/openapi.json", { key: null })).status, 200)
    isProblem(await server.call("GET", "/api/v2/projects"), 404, "no-route")
  })

  it("gives the typed client the problem", async () => {
    const client = await Effect.runPromise(Client.make({ url: server.url, key: server.key }))
    const found = await Effect.runPromise(client.projects.get({ params: { project: "taken" } }))
    assert.strictEqual(found.body.defaultBranch, "main")
    const problem = await Effect.runPromise(Effect.flip(client.projects.get({ params: { project: "nobody" } })))
    assert.strictEqual(problem._tag, "NotFound")
  })
})

describe("strict-input", () => {
  const cases: ReadonlyArray<readonly [method: string, path: string, body: unknown, pointers: ReadonlyArray<string>]> =
    [
      ["POST", "/projects", { name: "Upper" }, ["/name"]],
      ["POST", "/projects", { name: "ok", surprise: 1 }, ["/surprise"]],
      ["POST", "/projects", { name: 7, description: null }, ["/description", "/name"]],
      ["POST", "/projects", {}, ["/name"]],
      ["POST", "/projects", [], [""]],
      [
        "POST",
        "/projects/taken/sdlc/features",
        { title: "", kind: "epic", deps: ["ok", "Not Ok"], start: "yes" },
        ["/deps/1", "/kind", "/start", "/title"]
      ],
      [
        "POST",
        "/projects/taken/workspace/execs",
        { command: [], timeout_seconds: 0, env: { "BAD-NAME": "x" }, tty: {} },
        ["/command", "/env/BAD-NAME", "/timeout_seconds", "/tty"]
      ],
      ["POST", "/keys", { name: "x", scopes: ["everything"] }, ["/scopes/0"]],
      ["POST", "/keys", { name: "x", scopes: ["admin"], expires_at: "soon" }, ["/expires_at"]],
      ["GET", "/projects?limit=0", undefined, ["/query/limit"]],
      ["GET", "/projects?limit=NaN", undefined, ["/query/limit"]],
      ["GET", "/projects?limit=101&what=1", undefined, ["/query/limit", "/query/what"]],
      ["GET", "/projects/taken/events?after=-1&types=A%20B", undefined, ["/query/after", "/query/types"]],
      ["GET", "/tasks?status=sleeping", undefined, ["/query/status"]],
      ["GET", "/tasks?kind=%00", undefined, ["/query/kind"]],
      ["GET", "/operations?kind=a%00", undefined, ["/query/kind"]]
    ]
  it("points at every field that is wrong or unknown", async () => {
    for (const [method, path, body, wanted] of cases) {
      const answer = await server.call(method, path, body === undefined ? {} : { body })
      isProblem(answer, 400, "invalid-input")
      assert.deepStrictEqual(pointers(answer), [...wanted].sort(), `${method} ${path}: ${answer.text}`)
    }
    isProblem(
      await server.call("POST", "/projects", { body: { name: "x" }, headers: { prefer: "wait=forever" } }),
      400,
      "invalid-input"
    )
  })

  it("takes no number that JSON does not have", async () => {
    isProblem(
      await server.call("POST", "/projects/taken/workspace/execs", {
        raw: '{"command":["true"],"timeout_seconds":NaN}'
      }),
      400,
      "invalid-json"
    )
    const huge = await server.call("POST", "/projects/taken/workspace/execs", {
      raw: '{"command":["true"],"timeout_seconds":1e999}'
    })
    isProblem(huge, 400, "invalid-input")
    assert.deepStrictEqual(pointers(huge), ["/timeout_seconds"])
  })
})

describe("idempotency", () => {
  const count = async () => ((await server.call("GET", "/keys")).body["keys"] as ReadonlyArray<unknown>).length

  it("makes one effect of fifty parallel requests with one key", async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        server.call("POST", "/projects", { body: { name: "once" }, headers: { "idempotency-key": "k-1" } })
      )
    )
    const made = answers.filter((answer) => answer.status === 202)
    const busy = answers.filter((answer) => answer.status === 409)
    assert.strictEqual(made.length + busy.length, 50)
    assert.isAtLeast(made.length, 1)
    for (const answer of busy) assert.strictEqual(answer.body["code"], "idempotency-in-flight")
    assert.strictEqual(new Set(made.map((answer) => answer.text)).size, 1)
    const again = await server.call("POST", "/projects", {
      body: { name: "once" },
      headers: { "idempotency-key": "k-1" }
    })
    assert.strictEqual(again.status, 202)
    assert.strictEqual(again.headers.get("idempotency-replayed"), "true")
    assert.strictEqual(again.text, made[0]?.text)
    const all = await server.call("GET", "/projects?limit=100")
    assert.strictEqual(
      (all.body["projects"] as ReadonlyArray<{ name: string }>).filter((one) => one.name === "once").length,
      1
    )
  })

  it("keeps no readable answer: a new key stands in none", async () => {
    const made = await server.call("POST", "/keys", {
      body: { name: "sealed", scopes: ["sdlc:read"] },
      headers: { "idempotency-key": "k-sealed" }
    })
    const claim = {
      principal:
        (await server.run(Effect.flatMap(ApiKeyStore, (store) => store.list))).find((key) => key.name === "admin")
          ?.id ?? "",
      route: "POST /keys",
      key: "k-sealed"
    }
    const body = createHash("sha256")
      .update(JSON.stringify({ name: "sealed", scopes: ["sdlc:read"] }))
      .digest("hex")
    const stored = await server.run(
      Effect.flatMap(IdempotencyStore, (store) =>
        store.begin(claim, { bodyHash: body, nowMillis: Date.now(), token: "other", resumable: false })
      )
    )
    assert.strictEqual(stored._tag, "Replay")
    assert.notInclude(JSON.stringify(stored), String(made.body["key"]))
    const again = await server.call("POST", "/keys", {
      body: { name: "sealed", scopes: ["sdlc:read"] },
      headers: { "idempotency-key": "k-sealed" }
    })
    assert.strictEqual(again.text, made.text)
    isProblem(
      await server.call("POST", "/keys", {
        body: { name: "x", scopes: ["sdlc:read"] },
        headers: { "idempotency-key": "x".repeat(201) }
      }),
      400,
      "invalid-input"
    )
  })

  it("refuses another body, keeps keys of other principals and routes apart, and gives a refused request's key back", async () => {
    const before = await count()
    const send = (body: unknown, key = server.key) =>
      server.call("POST", "/keys", { key, body, headers: { "idempotency-key": "k-2" } })
    const first = await send({ name: "a", scopes: ["sdlc:read"] })
    assert.strictEqual(first.status, 201)
    isProblem(await send({ name: "b", scopes: ["sdlc:read"] }), 422, "idempotency-mismatch")
    assert.strictEqual((await send({ name: "a", scopes: ["sdlc:read"] })).text, first.text)
    const other = await server.makeKey({ scopes: ["admin"] })
    assert.notStrictEqual((await send({ name: "a", scopes: ["sdlc:read"] }, other.key)).text, first.text)
    assert.strictEqual(await count(), before + 3)
    const wrong = await server.call("POST", "/projects", {
      body: { name: "later", template: "nope" },
      headers: { "idempotency-key": "k-3" }
    })
    assert.strictEqual(wrong.status, 422)
    const right = await server.call("POST", "/projects", {
      body: { name: "later" },
      headers: { "idempotency-key": "k-3" }
    })
    assert.strictEqual(right.status, 202)
  })
})

describe("paging", () => {
  it("goes through a list once, whatever is added meanwhile, and refuses a cursor of another list", async () => {
    for (const name of ["page-a", "page-b", "page-c"]) await project(name)
    const seen: Array<string> = []
    let cursor: string | null = null
    do {
      const page: MemoryServer.Answer = await server.call(
        "GET",
        `/projects?limit=2${cursor === null ? "" : `&cursor=${cursor}`}`
      )
      assert.strictEqual(page.status, 200, page.text)
      seen.push(...(page.body["projects"] as ReadonlyArray<{ name: string }>).map((one) => one.name))
      cursor = page.body["next_cursor"] as string | null
      if (seen.length === 2) await project("page-d")
    } while (cursor !== null)
    assert.strictEqual(new Set(seen).size, seen.length)
    for (const name of ["page-a", "page-b", "page-c", "page-d"]) assert.include(seen, name)
    const first = await server.call("GET", "/projects?limit=1")
    const foreign = String(first.body["next_cursor"])
    const refused = await server.call("GET", `/operations?limit=1&cursor=${foreign}`)
    isProblem(refused, 400, "invalid-cursor")
    assert.deepStrictEqual(pointers(refused), ["/query/cursor"])
    isProblem(await server.call("GET", "/projects?cursor=made.up"), 400, "invalid-cursor")
  })

  it("changes a project only for who has read it last", async () => {
    await project("etag")
    const read = await server.call("GET", "/projects/etag")
    const match = read.headers.get("etag") ?? ""
    assert.match(match, /^"[^"]+"$/)
    const changed = await server.call("PATCH", "/projects/etag", {
      body: { description: "new words" },
      headers: { "if-match": match }
    })
    assert.strictEqual(changed.status, 200, changed.text)
    assert.strictEqual(changed.body["description"], "new words")
    assert.notStrictEqual(changed.headers.get("etag"), match)
    isProblem(
      await server.call("PATCH", "/projects/etag", {
        body: { description: "too late" },
        headers: { "if-match": match }
      }),
      412,
      "precondition-failed"
    )
    const now = changed.headers.get("etag") ?? ""
    const either = await server.call("PATCH", "/projects/etag", {
      body: { description: "one of two" },
      headers: { "if-match": `"other", ${now}` }
    })
    assert.strictEqual(either.status, 200, either.text)
    assert.strictEqual(
      (
        await server.call("PATCH", "/projects/etag", {
          body: { description: "whatever" },
          headers: { "if-match": "*" }
        })
      ).status,
      200
    )
    isProblem(
      await server.call("PATCH", "/projects/etag", {
        body: { description: "weak" },
        headers: { "if-match": `W/${now}` }
      }),
      412,
      "precondition-failed"
    )
  })
})

describe("rate limits", () => {
  it("answers 429 with the time to wait", () =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const limited = yield* MemoryServer.make({ RDEV_RATE_LIMIT: "5" })
          const answers = yield* Effect.promise(async () => {
            const all: Array<MemoryServer.Answer> = []
            for (let i = 0; i < 6; i++) all.push(await limited.call("GET", "/templates"))
            return all
          })
          assert.deepStrictEqual(
            answers.map((answer) => answer.status),
            [200, 200, 200, 200, 200, 429]
          )
          const last = answers[5]
          assert.isAbove(Number(last?.headers.get("retry-after")), 0)
          assert.include(last?.headers.get("ratelimit-policy") ?? "", "q=5")
          assert.strictEqual(last?.body["code"], "rate-limited")
        })
      )
    ))
})
