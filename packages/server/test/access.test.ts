/** 16 no-key, 17 authz, 18 key-format, 25 bind-host-origin: over real HTTP, every route of the contract. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as OpenApiDocument from "@rdev/api/OpenApiDocument"
import { Effect, Exit, Scope } from "effect"
import { connect } from "node:net"
import * as KeyFormat from "../src/keys/KeyFormat.ts"
import { inRange } from "../src/keys/Addresses.ts"
import { fromEnvironment } from "../src/ServerConfig.ts"
import * as MemoryServer from "./MemoryServer.ts"

const scope = Scope.makeUnsafe()
let server: MemoryServer.TestServer
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(MemoryServer.make(), scope))
  for (const name of ["mine", "theirs"]) {
    const made = await server.call("POST", "/projects", { body: { name }, headers: { prefer: "wait=30" } })
    assert.strictEqual(made.status, 202)
  }
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

interface Operation {
  readonly "x-required-scope": string
}
const samples: Record<string, string> = {
  project: "mine",
  feature: "some-feature",
  task: "task_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  operation: "op_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  exec: "exec_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  key: "key_01ARZ3NDEKTSV4RRFFQ69G5FAV"
}
const operations = Object.entries(OpenApiDocument.make().paths).flatMap(([path, item]) =>
  Object.entries(item as unknown as Record<string, Operation>).map(([method, operation]) => ({
    method: method.toUpperCase(),
    scope: operation["x-required-scope"],
    path: path.replace(/\{(\w+)\}/g, (_, name: string) => samples[name] ?? name)
  }))
)
/** Public, and nothing else is. */
const open = new Set(["/healthz", "/readyz", "/health", "/health/part", "/metrics", "/openapi.json", "/scalar", "/"])
/** Its credential is the forge's signature. */
const signed = "/hooks/adapter/hook"

describe("no-key", () => {
  it("answers 401 on every route without, with a mistyped, an unknown, a revoked and an expired key", async () => {
    const revoked = await server.makeKey({ scopes: ["admin"] })
    assert.strictEqual((await server.call("DELETE", `/keys/${revoked.id}`)).status, 204)
    const expired = await server.makeKey({ scopes: ["admin"], expiresAtMillis: Date.now() - 1000 })
    const elsewhere = await server.makeKey({ scopes: ["admin"], cidrs: ["10.0.0.0/8"] })
    const keys = [
      null,
      "nonsense",
      `${server.key.slice(0, -1)}${server.key.endsWith("0") ? "1" : "0"}`,
      KeyFormat.generate("local"),
      revoked.key,
      expired.key,
      elsewhere.key
    ]
    for (const { method, path } of operations.filter((one) => !open.has(one.path) && one.path !== signed)) {
      for (const key of keys) {
        const answer = await server.call(method, path, {
          key,
          ...(method === "GET" || method === "DELETE" ? {} : { body: {} })
        })
        assert.strictEqual(answer.status, 401, `${method} ${path} with ${String(key).slice(0, 16)}`)
        assert.strictEqual(answer.body["code"], "unauthorized")
        assert.strictEqual(answer.headers.get("www-authenticate"), "Bearer")
      }
    }
  })

  it("leaves health, metrics and the reference open", async () => {
    for (const path of open)
      assert.strictEqual(
        (await server.call("GET", path, { key: null })).status,
        path === "/health/part" ? 404 : 200,
        path
      )
  })

  it("refuses an upgrade", async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, "127.0.0.1", () =>
        socket.write(
          `GET /projects/mine/events HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`
        )
      )
      let text = ""
      socket
        .on("data", (chunk) => {
          text += String(chunk)
        })
        .on("close", () => resolve(text))
        .on("error", reject)
    })
    assert.match(answer, /^HTTP\/1\.1 404 /)
    assert.include(answer, "application/problem+json")
  })
})

describe("authz", () => {
  it("asks every route for its scope", async () => {
    const scopes = [...new Set(operations.map((one) => one.scope).filter((one) => one !== "public"))]
    for (const scope of scopes) {
      const others = scopes.filter((one) => one !== scope && one !== "admin")
      const without = await server.makeKey({ scopes: others as never })
      for (const { method, path } of operations.filter((one) => one.scope === scope)) {
        const answer = await server.call(method, path, {
          key: without.key,
          ...(method === "GET" || method === "DELETE" ? {} : { body: {} })
        })
        assert.strictEqual(answer.status, 403, `${method} ${path} without ${scope}`)
        assert.include(String(answer.body["detail"]), scope)
      }
    }
  })

  it("shows a restricted key its own project only: others do not exist", async () => {
    const mine = await server.call("GET", "/projects/mine")
    const key = (await server.makeKey({ scopes: ["admin"], projects: [String(mine.body["id"])] })).key
    const theirs = await server.call("GET", "/projects/theirs")
    const operation = String(theirs.body["operation_id"])
    assert.strictEqual((await server.call("GET", "/projects/mine", { key })).status, 200)
    const listed = await server.call("GET", "/projects", { key })
    assert.deepStrictEqual(
      (listed.body["projects"] as ReadonlyArray<{ name: string }>).map((one) => one.name),
      ["mine"]
    )
    const hidden = [
      ["GET", "/projects/theirs"],
      ["GET", `/projects/${String(theirs.body["id"])}`],
      ["DELETE", "/projects/theirs"],
      ["GET", "/projects/theirs/events"],
      ["GET", "/projects/theirs/audit"],
      ["GET", "/projects/theirs/tasks"],
      ["GET", "/projects/theirs/sdlc/features"],
      ["GET", `/operations/${operation}`],
      ["GET", `/operations/${operation}/steps`],
      ["GET", `/operations/${operation}/events`],
      ["POST", `/operations/${operation}/cancel`],
      ["POST", `/operations/${operation}/retry`],
      ["GET", "/tasks?project=theirs"],
      ["GET", "/operations?project=theirs"]
    ] as const
    for (const [method, path] of hidden) {
      const answer = await server.call(method, path, { key })
      assert.strictEqual(answer.status, 404, `${method} ${path}`)
    }
    for (const path of ["/tasks", "/operations", "/workers/pool", "/events", "/audit"])
      assert.strictEqual((await server.call("GET", path, { key })).status, 403, path)
    assert.strictEqual((await server.call("POST", "/projects", { key, body: { name: "another" } })).status, 403)
    const wider = await server.call("POST", "/keys", { key, body: { name: "wider", scopes: ["admin"] } })
    assert.strictEqual(wider.status, 403)
  })

  it("hands out no scope that the maker does not have", async () => {
    const key = (await server.makeKey({ scopes: ["keys:manage", "sdlc:read"] })).key
    assert.strictEqual(
      (await server.call("POST", "/keys", { key, body: { name: "a", scopes: ["sdlc:read"] } })).status,
      201
    )
    assert.strictEqual(
      (await server.call("POST", "/keys", { key, body: { name: "a", scopes: ["admin"] } })).status,
      403
    )
  })

  it("hands out no word of a human to an agent, no wider address and no longer life than the maker's", async () => {
    const make = (key: string, body: Record<string, unknown>) =>
      server.call("POST", "/keys", { key, body: { name: "made", scopes: ["sdlc:read"], ...body } })
    const agent = (await server.makeKey({ scopes: ["keys:manage", "sdlc:read"], type: "agent" })).key
    assert.strictEqual((await make(agent, {})).status, 403)
    assert.strictEqual((await make(agent, { type: "human" })).status, 403)
    assert.strictEqual((await make(agent, { type: "agent" })).status, 201)
    const expiresAtMillis = Date.now() + 60_000
    const bound = (
      await server.makeKey({
        scopes: ["keys:manage", "sdlc:read"],
        cidrs: ["127.0.0.0/8", "10.0.0.0/8"],
        expiresAtMillis
      })
    ).key
    const until = (millis: number) => new Date(millis).toISOString()
    assert.strictEqual((await make(bound, { cidrs: ["127.0.0.0/8"] })).status, 403)
    assert.strictEqual((await make(bound, { expires_at: until(expiresAtMillis) })).status, 403)
    assert.strictEqual((await make(bound, { cidrs: ["0.0.0.0/0"], expires_at: until(expiresAtMillis) })).status, 403)
    assert.strictEqual(
      (await make(bound, { cidrs: ["127.0.0.0/8"], expires_at: until(expiresAtMillis + 1) })).status,
      403
    )
    assert.strictEqual((await make(bound, { cidrs: ["127.0.0.0/8"], expires_at: until(expiresAtMillis) })).status, 201)
  })

  it("makes no key that has ended already", async () => {
    const late = await server.call("POST", "/keys", {
      body: { name: "late", scopes: ["sdlc:read"], expires_at: "2020-01-01T00:00:00Z" }
    })
    assert.deepStrictEqual(
      [late.status, late.body["errors"]],
      [422, [{ pointer: "/expires_at", detail: "lies in the past" }]]
    )
  })

  it("refuses an address range that is none, and takes every one that is", async () => {
    const make = (range: string) =>
      server.call("POST", "/keys", { body: { name: "ranged", scopes: ["projects:read"], cidrs: [range] } })
    for (const range of [
      "10.0.0.0/33",
      "10.0.0/8",
      "999.0.0.1/8",
      "10.0.0.0.0/8",
      "10.0.0.0./8",
      "fd00::/129",
      "fd00:::/8",
      "fd00/8",
      "::ffff:10.0.0.0.1/99",
      "10.0.0.0"
    ]) {
      const answer = await make(range)
      assert.strictEqual(answer.status, 400, range)
      assert.deepStrictEqual(
        (answer.body["errors"] as ReadonlyArray<{ pointer: string }>).map((error) => error.pointer),
        ["/cidrs/0"]
      )
    }
    for (const range of ["127.0.0.1/32", "0.0.0.0/0", "fd00::/8", "::/0", "::1/128"]) {
      const made = await make(range)
      assert.strictEqual(made.status, 201, range)
      // Used from 127.0.0.1: let in or not, never a failure of the server.
      assert.strictEqual(
        (await server.call("GET", "/projects", { key: String(made.body["key"]) })).status,
        range.includes(":") ? 401 : 200,
        range
      )
    }
  })

  it("matches address ranges, IPv4 in IPv6 included", () => {
    assert.isTrue(inRange("::ffff:10.1.2.3", ["10.0.0.0/8"]))
    assert.isTrue(inRange("fd00::1", ["10.0.0.0/8", "fd00::/8"]))
    assert.isFalse(inRange("11.0.0.1", ["10.0.0.0/8"]))
    assert.isFalse(inRange("not an address", ["0.0.0.0/0"]))
  })
})

describe("key-format", () => {
  it("refuses every single mistyped character without looking the key up", () => {
    const key = KeyFormat.generate("local")
    assert.match(key, /^rdev_local_[0-9A-Za-z]{36}$/)
    assert.isTrue(KeyFormat.isWellFormed(key))
    for (let i = 0; i < key.length; i++) {
      const other = key[i] === "x" ? "y" : "x"
      assert.isFalse(KeyFormat.isWellFormed(key.slice(0, i) + other + key.slice(i + 1)), `position ${i}`)
    }
    assert.isFalse(KeyFormat.isWellFormed(`${key} `))
    assert.isFalse(KeyFormat.isWellFormed(key.replace("rdev_", "")))
  })

  it("stores and shows nothing that opens anything", async () => {
    const made = await server.call("POST", "/keys", { body: { name: "shown once", scopes: ["audit:read"] } })
    const key = String(made.body["key"])
    assert.strictEqual((await server.call("GET", "/projects/mine/audit", { key })).status, 200)
    const listed = await server.call("GET", "/keys?limit=100")
    assert.notInclude(listed.text, key)
    assert.notInclude(listed.text, KeyFormat.digest(Buffer.alloc(32, 7), key))
    assert.include(listed.text, KeyFormat.hint(key))
  })
})

describe("bind-host-origin", () => {
  const raw = (headers: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, "127.0.0.1", () =>
        socket.write(`GET /healthz HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`)
      )
      let text = ""
      socket
        .on("data", (chunk) => {
          text += String(chunk)
        })
        .on("close", () => resolve(text))
        .on("error", reject)
    })

  it("answers for its own names only", async () => {
    for (const host of [`127.0.0.1:${server.port}`, `localhost:${server.port}`, "localhost", `[::1]:${server.port}`])
      assert.match(await raw(`Host: ${host}\r\n`), /^HTTP\/1\.1 200 /, host)
    for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "a b", "169.254.169.254"]) {
      const answer = await raw(`Host: ${host}\r\n`)
      assert.match(answer, /^HTTP\/1\.1 421 /, host)
      assert.include(answer, "application/problem+json")
    }
  })

  it("lets pages of its own origin call it, and no others", async () => {
    const host = `Host: 127.0.0.1:${server.port}\r\n`
    assert.match(await raw(`${host}Origin: http://127.0.0.1:${server.port}\r\n`), /^HTTP\/1\.1 200 /)
    for (const origin of ["http://evil.example", "null", `http://localhost:${server.port}`, `https://127.0.0.1:1`])
      assert.match(await raw(`${host}Origin: ${origin}\r\n`), /^HTTP\/1\.1 403 /, origin)
  })

  it("refuses to listen for others without keys, and names the variable", async () => {
    const refused = await Effect.runPromise(Effect.flip(fromEnvironment({ RDEV_HOST: "0.0.0.0", RDEV_AUTH: "off" })))
    assert.strictEqual(refused.field, "RDEV_AUTH")
    const fine = await Effect.runPromise(fromEnvironment({ RDEV_AUTH: "off" }))
    assert.strictEqual(fine.host, "127.0.0.1")
  })

  it("takes the label of keys by its name, and by its former one where that is not given", async () => {
    const labelOf = (env: Record<string, string>) => Effect.map(fromEnvironment(env), ({ keyLabel }) => keyLabel)
    for (const [env, label] of [
      [{}, "local"],
      [{ RDEV_ENV: "old" }, "old"],
      [{ RDEV_KEY_LABEL: "new" }, "new"],
      [{ RDEV_KEY_LABEL: "new", RDEV_ENV: "old" }, "new"],
      [{ RDEV_KEY_LABEL: " ", RDEV_ENV: "old" }, "old"],
      // What is not read is not judged.
      [{ RDEV_KEY_LABEL: "new", RDEV_ENV: "Prod 1" }, "new"]
    ] as const)
      assert.strictEqual(await Effect.runPromise(labelOf({ ...env })), label)
  })

  it("names the variable, the problem and the fix for every bad value", async () => {
    const bad = {
      RDEV_PORT: "70000",
      RDEV_HOST: "example.org",
      RDEV_DATABASE_URL: "mysql://x",
      RDEV_KEY_LABEL: "Prod 1",
      RDEV_ENV: "Prod 1",
      RDEV_DOMAIN: "-x",
      RDEV_PUBLIC_URL: "x",
      RDEV_AUTH: "maybe",
      RDEV_WORKER_CAPACITY: "-1",
      RDEV_UNSAFE_HOST: "yes please",
      RDEV_DRAIN_SECONDS: "soon",
      RDEV_RATE_LIMIT: "1.5",
      RDEV_ALLOWED_ORIGINS: "example.org",
      RDEV_ALLOWED_HOSTS: "a b"
    }
    for (const [name, value] of Object.entries(bad)) {
      const error = await Effect.runPromise(Effect.flip(fromEnvironment({ [name]: value })))
      assert.strictEqual(error.field, name)
      assert.isAbove(error.fix.length, 10)
      assert.notInclude(error.message, "\n")
    }
  })
})
