/** Requests that break off anywhere, and what the next one with the same key gets: one effect, and its answer. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { claimMillis, type ClaimKey, IdempotencyStore } from "@rdev/core/ports/stores/IdempotencyStore"
import { Effect, Exit, Scope } from "effect"
import { createHash, randomUUID } from "node:crypto"
import * as MemoryServer from "./MemoryServer.ts"
import * as RawSocket from "../attack/RawSocket.ts"

const scope = Scope.makeUnsafe()
let server: MemoryServer.TestServer
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(MemoryServer.make(), scope))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const tree = (name: string) =>
  JSON.stringify({ text: `name: ${name}\nsteps: [{ id: q, action: ask, question: "go on?" }]` })
const headOf = (path: string, body: string, more: ReadonlyArray<string> = []) =>
  [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${server.port}`,
    `Authorization: Bearer ${server.key}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...more
  ].join("\r\n")

/** Asks with the key until it is told for good. */
const told = async (path: string, body: string, key: string): Promise<MemoryServer.Answer> => {
  for (;;) {
    const answer = await server.call("POST", path, { raw: body, headers: { "idempotency-key": key } })
    if (answer.body["code"] !== "idempotency-in-flight") return answer
    assert.strictEqual(answer.headers.get("retry-after"), "1")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
const everyId = async (path: string, list: string): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  let cursor: string | null = null
  do {
    const page: MemoryServer.Answer = await server.call(
      "GET",
      `${path}${path.includes("?") ? "&" : "?"}limit=100${cursor === null ? "" : `&cursor=${cursor}`}`
    )
    found.push(...(page.body[list] as ReadonlyArray<{ id: string }>).map(({ id }) => id))
    cursor = page.body["next_cursor"] as string | null
  } while (cursor !== null)
  return found
}

describe("a client that breaks off", () => {
  it("starts exactly one operation per key, wherever 200 requests are cut off, in parallel", async () => {
    const ids = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const [key, body] = [`cut-${i}`, tree(`cut-${i}`)]
        const cut = RawSocket.cuts[i % RawSocket.cuts.length] ?? "after-body"
        // Somebody who is gone waits for nothing.
        const wait = cut === "after-body" || cut === "reset" ? ["Prefer: wait=60"] : []
        await RawSocket.cutOff(
          server.port,
          headOf("/trees/runs", body, [`Idempotency-Key: ${key}`, ...wait]),
          body,
          cut
        )
        const answer = await told("/trees/runs", body, key)
        assert.strictEqual(answer.status, 202, `${cut}: ${answer.text}`)
        return String(answer.body["operation_id"])
      })
    )
    assert.strictEqual(new Set(ids).size, 200)
    assert.deepStrictEqual([...(await everyId("/operations?kind=tree.run", "operations"))].sort(), [...ids].sort())
  })

  it("makes exactly one thing that is no operation, and tells its secret to whoever asks again", async () => {
    const before = await everyId("/keys", "keys")
    const made = await Promise.all(
      Array.from({ length: 24 }, async (_, i) => {
        const [key, body] = [`key-${i}`, JSON.stringify({ name: `key-${i}`, scopes: ["projects:read"] })]
        await RawSocket.cutOff(
          server.port,
          headOf("/keys", body, [`Idempotency-Key: ${key}`]),
          body,
          RawSocket.cuts[i % RawSocket.cuts.length] ?? "reset"
        )
        const answer = await told("/keys", body, key)
        assert.strictEqual(answer.status, 201, answer.text)
        assert.strictEqual((await server.call("GET", "/projects", { key: String(answer.body["key"]) })).status, 200)
        return (answer.body["record"] as { readonly id: string }).id
      })
    )
    assert.deepStrictEqual([...(await everyId("/keys", "keys"))].sort(), [...before, ...made].sort())
  })

  it("does not stop a handler without a key between two writes either", async () => {
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => {
        const body = JSON.stringify({ name: `unkeyed-${i}`, scopes: ["projects:read"] })
        return RawSocket.cutOff(server.port, headOf("/keys", body), body, i % 2 === 0 ? "after-body" : "reset")
      })
    )
    const named = async () => {
      const keys = (await server.call("GET", "/keys?limit=100")).body["keys"] as ReadonlyArray<{
        id: string
        name: string
      }>
      return keys.filter(({ name }) => name.startsWith("unkeyed-")).map(({ id }) => id)
    }
    const noted = async () => {
      const entries = (await server.call("GET", "/audit/entries?limit=100")).body["entries"] as ReadonlyArray<{
        type: string
        data: { key: string; name: string }
      }>
      return entries
        .filter(({ data, type }) => type === "key.create" && data.name.startsWith("unkeyed-"))
        .map(({ data }) => data.key)
    }
    // Whatever was begun is noted: there comes a moment when nothing is under way any more.
    for (;;) {
      const [made, entered] = [await named(), await noted()]
      if (made.length === entered.length && made.length === (await named()).length) {
        assert.deepStrictEqual([...made].sort(), [...entered].sort())
        break
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
})

describe("a claim whose holder is gone", () => {
  const adminOf = async () =>
    String(
      ((await server.call("GET", "/keys?limit=100")).body["keys"] as ReadonlyArray<{ id: string; name: string }>).find(
        ({ name }) => name === "admin"
      )?.id
    )
  /** As another replica left it, so long ago that nobody holds it. */
  const left = async (
    path: string,
    body: string,
    key: string,
    operationId?: string | null,
    agoMillis = claimMillis
  ) => {
    const claim: ClaimKey = { principal: await adminOf(), route: `POST ${path}`, key }
    await server.run(
      Effect.gen(function* () {
        const store = yield* IdempotencyStore
        yield* store.begin(claim, {
          bodyHash: createHash("sha256").update(body).digest("hex"),
          nowMillis: Date.now() - agoMillis,
          token: "gone",
          resumable: false
        })
        if (operationId !== undefined) yield* store.confirm(claim, "gone", { operationId })
      })
    )
    return server.call("POST", path, { raw: body, headers: { "idempotency-key": key } })
  }

  it("runs again when nothing was committed and only what was committed counts", async () => {
    const answer = await left("/trees/runs", tree("left-1"), "left-1")
    assert.strictEqual(answer.status, 202, answer.text)
    const busy = await left("/trees/runs", tree("left-2"), "left-2", undefined, 0)
    assert.strictEqual(busy.body["code"], "idempotency-in-flight")
  })

  it("answers with the operation that was committed", async () => {
    const run = await server.call("POST", "/trees/runs", { raw: tree("left-3") })
    const id = String(run.body["operation_id"])
    const again = await left("/trees/runs", tree("left-3"), "left-3", id)
    assert.strictEqual(again.status, 202)
    assert.strictEqual(again.text, run.text)
    assert.strictEqual(again.headers.get("idempotency-replayed"), "true")
    const made = await server.call("POST", "/projects", { body: { name: "left" }, headers: { prefer: "wait=30" } })
    const project = await left(
      "/projects",
      JSON.stringify({ name: "left" }),
      "left-4",
      String(made.body["operation_id"])
    )
    assert.strictEqual(project.status, 202, project.text)
    assert.deepStrictEqual(project.body, made.body)
  })

  it("is never run blindly when its effect is not known", async () => {
    const body = JSON.stringify({ name: "left-5", scopes: ["projects:read"] })
    const before = await everyId("/keys", "keys")
    for (const [key, effect] of [
      ["left-5", undefined],
      ["left-6", null]
    ] as const) {
      const answer = await left("/keys", body, key, effect)
      assert.strictEqual(answer.status, 409)
      assert.strictEqual(answer.body["code"], "idempotency-unknown")
      assert.strictEqual(
        (await server.call("POST", "/keys", { raw: body, headers: { "idempotency-key": key } })).status,
        409
      )
    }
    assert.strictEqual((await left("/keys", body, "left-7", null, 0)).body["code"], "idempotency-in-flight")
    assert.deepStrictEqual(await everyId("/keys", "keys"), before)
  })

  it("counts every spelling of one target as the same", async () => {
    const body = JSON.stringify({ name: "spelt", scopes: ["projects:read"] })
    const answers = await Promise.all(
      ["/keys", "/api/v1/keys", "/%6beys", "/keys?", "/api/v1/ke%79s"].map((path) => told(path, body, "spelt"))
    )
    for (const answer of answers) assert.strictEqual(answer.text, answers[0]?.text)
    assert.strictEqual(answers[0]?.status, 201)
  })

  it("gives the key back after a refusal only", async () => {
    const key = randomUUID()
    const send = (body: unknown) => server.call("POST", "/projects", { body, headers: { "idempotency-key": key } })
    for (const [body, status] of [
      [{ name: "No" }, 400],
      [{ name: "yes", template: "nope" }, 422],
      [{ name: "yes", plan_digest: "another" }, 409],
      [{ name: "released-key" }, 202]
    ] as const) {
      const answer = await send(body)
      assert.strictEqual(answer.status, status, answer.text)
    }
    assert.strictEqual((await send({ name: "yes" })).body["code"], "idempotency-mismatch")
  })
})

describe("a request that does not fit the contract", () => {
  it("uses up no key: the same again is refused in the same way, and the right one is done", async () => {
    const cases = [
      ["/webhooks/01ARZ3NDEKTSV4RRFFQ69G5FAV/test", undefined],
      ["/operations/op_1/retry", undefined],
      ["/projects/UPPER/operations", JSON.stringify({ kind: "project.sync" })],
      ["/trees/runs", JSON.stringify({ name: 1 })],
      ["/trees/runs?dry_run=maybe", JSON.stringify({ name: "landing-page" })],
      ["/keys", JSON.stringify({ name: "x" })]
    ] as const
    for (const [i, [path, raw]] of cases.entries()) {
      const headers = { "idempotency-key": `refused-${i}` }
      const [first, second] = [
        await server.call("POST", path, raw === undefined ? { headers } : { raw, headers }),
        await server.call("POST", path, raw === undefined ? { headers } : { raw, headers })
      ]
      assert.include([400, 404], first.status, path)
      assert.deepStrictEqual([second.status, second.body["code"]], [first.status, first.body["code"]], path)
    }
    const headers = { "idempotency-key": "refused-5" }
    const right = await server.call("POST", "/keys", {
      raw: JSON.stringify({ name: "x", scopes: ["projects:read"] }),
      headers
    })
    assert.strictEqual(right.status, 201)
  })
})
