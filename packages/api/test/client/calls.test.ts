/** One call over a connection that breaks, a server that is busy, silent or something else; and what comes of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Retry from "../../src/client/Retry.ts"
import * as ClientError from "../../src/ClientError.ts"
import * as Problem from "../../src/Problem.ts"
import * as RdevClient from "../../src/RdevClient.ts"
import { type Answer, breaking, breakingOff, json, problem, serving } from "./Peer.ts"

const failed = async (promise: Promise<unknown>): Promise<ClientError.ClientError> => {
  try {
    await promise
  } catch (error) {
    if (ClientError.is(error)) return error
    throw error
  }
  return assert.fail("nothing failed")
}
const at = (url: string) => RdevClient.make({ url, key: "k" })
const projects = json(200, { projects: [], next_cursor: null })

describe("a call", () => {
  it("takes path, query, headers and body from one object, and sends the key", async () => {
    await using peer = await serving(json(202, { operation_id: "op_1" }))
    const rdev = RdevClient.make({ url: `${peer.url}/api/v1/`, key: "k" })
    await rdev.operations.start({ project: "a b/c", kind: "project.sync", wait: 7 })
    await rdev.tasks.list({ limit: 5, status: "failed" })
    await rdev.features.run({ project: "hello", feature: "page" })
    await rdev.projects.plan({ name: "x" })
    const [start, list, run, plan] = peer.seen
    assert.deepInclude(start, {
      method: "POST",
      url: "/api/v1/projects/a%20b%2Fc/operations",
      body: '{"kind":"project.sync"}'
    })
    assert.deepInclude(start?.headers, { authorization: "Bearer k", prefer: "wait=7" })
    assert.deepInclude(list, { method: "GET", url: "/api/v1/tasks?limit=5&status=failed", body: "" })
    assert.deepInclude(run, { method: "POST", url: "/api/v1/projects/hello/sdlc/features/page/run", body: "" })
    assert.deepInclude(plan, { url: "/api/v1/projects?dry_run=true", body: '{"name":"x"}' })
  })

  it("refuses what no path can hold and what nothing takes, before it is sent", async () => {
    await using peer = await serving(projects)
    const rdev = at(peer.url)
    for (const project of ["", ".", "..", " "])
      assert.deepInclude(await failed(rdev.projects.get({ project })), { _tag: "InvalidInput", field: "project" })
    const surprising = { project: "x", surprise: 1 }
    assert.deepInclude(await failed(rdev.projects.get(surprising)), { _tag: "InvalidInput", field: "surprise" })
    for (const url of ["nonsense", "ftp://x", "http://x/?a=1"])
      assert.throws(() => RdevClient.make({ url }), ClientError.InvalidInput, "url")
    assert.strictEqual(peer.seen.length, 0)
  })

  it("reads all pages, and no more than are asked for", async () => {
    await using peer = await serving(
      json(200, { keys: [{ id: 1 }, { id: 2 }], next_cursor: "c1" }),
      json(200, { keys: [{ id: 3 }], next_cursor: null })
    )
    const ids: Array<unknown> = []
    for await (const { id } of at(peer.url).keys.listAll()) ids.push(id)
    assert.deepStrictEqual(ids, [1, 2, 3])
    assert.deepStrictEqual(
      peer.seen.map(({ url }) => url),
      ["/keys?limit=100", "/keys?limit=100&cursor=c1"]
    )
    for await (const { id } of at(peer.url).keys.listAll({ limit: 2 })) if (id !== undefined) break
    assert.strictEqual(peer.seen.length, 3)
  })
})

describe("a connection that breaks", () => {
  it("sends a POST again under one key, and waits for the answer of the first", async () => {
    await using peer = await serving(
      breaking,
      breakingOff,
      problem(409, "idempotency-in-flight", {}, { "retry-after": "0" }),
      json(202, { operation_id: "op_1" })
    )
    assert.strictEqual((await at(peer.url).projects.create({ name: "x" })).operation_id, "op_1")
    const keys = new Set(peer.seen.map(({ headers }) => headers["idempotency-key"]))
    assert.strictEqual(peer.seen.length, 4)
    assert.strictEqual(keys.size, 1)
    assert.match(String([...keys][0]), /^[0-9a-f]{32}$/)
  })

  it("gives every call a key of its own, or the caller's", async () => {
    await using peer = await serving(json(201, {}))
    const rdev = at(peer.url)
    const key = { name: "x", scopes: ["admin"] } as const
    await rdev.keys.create(key)
    await rdev.keys.create(key)
    await rdev.keys.create(key, { idempotencyKey: "mine" })
    const keys = peer.seen.map(({ headers }) => headers["idempotency-key"])
    assert.strictEqual(new Set(keys).size, 3)
    assert.strictEqual(keys[2], "mine")
  })

  it("reads again, and does not say that a change was not made", async () => {
    await using reading = await serving(breaking, breakingOff, projects)
    assert.deepStrictEqual((await at(reading.url).projects.list()).projects, [])
    await using deleting = await serving(breaking)
    const lost = await failed(at(deleting.url).projects.delete({ project: "x" }))
    assert.deepInclude(lost, { _tag: "ConnectionLost", mayHaveHappened: true, status: null })
    assert.include(lost.message, "it may have been done")
    assert.strictEqual(deleting.seen.length, 1)
    const changing = await failed(at(deleting.url).projects.update({ project: "x", if_match: "e" }))
    assert.strictEqual(changing._tag, "ConnectionLost")
    assert.strictEqual(deleting.seen.length, 2)
  })

  it("is told at once when there never was one", async () => {
    const gone = await failed(at("http://127.0.0.1:1").projects.create({ name: "x" }))
    assert.strictEqual(gone._tag, "Unreachable")
    assert.include(gone.message, "http://127.0.0.1:1")
  })

  it("ends in what was lost, when the server does not come again", async () => {
    let refusals = 0
    const lostThenGone: typeof fetch = () => {
      refusals++
      const cause = Object.assign(new Error("x"), { code: refusals === 1 ? "ECONNRESET" : "ECONNREFUSED" })
      return Promise.reject(new TypeError("fetch failed", { cause }))
    }
    const rdev = RdevClient.make({ url: "http://x", fetch: lostThenGone, retries: 1 })
    const lost = await failed(rdev.projects.create({ name: "x" }))
    assert.deepInclude(lost, { _tag: "ConnectionLost", mayHaveHappened: true })
    assert.strictEqual(refusals, 2)
  })
})

describe("a server", () => {
  it("that is busy is asked again, for as long as it says, and not by what is not safe", async () => {
    const busy = problem(503, "unavailable", {}, { "retry-after": "0" })
    await using peer = await serving(busy, problem(429, "rate-limited", {}, { "retry-after": "0" }), projects)
    assert.deepStrictEqual((await at(peer.url).projects.list()).projects, [])
    assert.strictEqual(peer.seen.length, 3)
    await using changing = await serving(busy)
    assert.strictEqual((await failed(at(changing.url).projects.delete({ project: "x" })))._tag, "Unavailable")
    assert.strictEqual(changing.seen.length, 1)
    await using patient = await serving(problem(429, "rate-limited", {}, { "retry-after": "3600" }))
    const limited = await failed(at(patient.url).projects.list())
    assert.deepInclude(limited, { _tag: "RateLimited", retryAfterMillis: 3_600_000 })
    assert.strictEqual(patient.seen.length, 1)
  })

  it("that says nothing is given up, with what may have happened", async () => {
    await using peer = await serving(() => {})
    const rdev = RdevClient.make({ url: peer.url, timeoutMillis: 20 })
    assert.deepInclude(await failed(rdev.projects.list()), { _tag: "Timeout", mayHaveHappened: false })
    assert.deepInclude(await failed(rdev.keys.revoke({ key: "k" })), { _tag: "Timeout", mayHaveHappened: true })
  })

  it("is no rdev server", async () => {
    const page: Answer = (response) =>
      void response.writeHead(200, { "content-type": "text/html" }).end("<h1>hello</h1>")
    await using peer = await serving(page, (response) => void response.writeHead(502).end("Bad gateway"))
    const rdev = RdevClient.make({ url: peer.url, retries: 0 })
    assert.include((await failed(rdev.projects.list())).message, "is this an rdev server?")
    assert.deepInclude(await failed(rdev.projects.list()), { _tag: "UnexpectedAnswer", status: 502 })
  })

  it("that is not ready says what it lacks", async () => {
    await using peer = await serving(json(503, { status: "failing", checks: [] }))
    assert.strictEqual((await at(peer.url).system.ready()).status, "failing")
  })
})

describe("an abort", () => {
  it("ends a call with its own reason, wherever it is", async () => {
    await using silent = await serving(() => {})
    await using waiting = await serving(problem(409, "idempotency-in-flight", {}, { "retry-after": "60" }))
    const reason = new Error("enough")
    for (const peer of [silent, waiting]) {
      const controller = new AbortController()
      const call = at(peer.url).projects.create({ name: "x" }, { signal: controller.signal })
      call.catch(() => undefined)
      while (peer.seen.length === 0) await new Promise(setImmediate)
      controller.abort(reason)
      assert.strictEqual(await call.catch((error: unknown) => error), reason)
    }
    const before = at(silent.url).projects.list({}, { signal: AbortSignal.abort(reason) })
    assert.strictEqual(await before.catch((error: unknown) => error), reason)
  })
})

describe("errors", () => {
  it("have a class for every code of the contract, with tag, field, fix, status and request", async () => {
    const tags = new Set<string>()
    for (const [code, [status]] of Object.entries(Problem.codes)) {
      await using peer = await serving(
        problem(status, code, { errors: [{ pointer: "/query/limit", detail: "expected 1 to 100" }] })
      )
      const error = await failed(RdevClient.make({ url: peer.url, retries: 0 }).projects.delete({ project: "x" }))
      const { detail, field, requestId } = error
      assert.deepStrictEqual([error.code, error.status], [code, status])
      assert.deepStrictEqual([requestId, field, detail], ["req_1", "limit", `${code} it is`])
      assert.isTrue(error instanceof ClientError.ofCode[code as Problem.Code])
      assert.instanceOf(error, Error)
      assert.match(error.fix, /^[A-Z].*\.$/)
      assert.strictEqual(error.name, error._tag)
      assert.include(error.message, "limit: expected 1 to 100")
      tags.add(error._tag)
    }
    assert.strictEqual(tags.size, Object.keys(Problem.codes).length)
    await using newer = await serving(problem(418, "from-the-future"))
    assert.deepInclude(await failed(at(newer.url).projects.list()), { _tag: "UnknownProblem", status: 418 })
  })
})

describe("retrying", () => {
  const unavailable = new ClientError.Unavailable({ detail: "x", status: 503, retryAfterMillis: 1_000 })
  it("ends, and never repeats what is not safe", () => {
    let tried = Retry.none
    const waits: Array<number> = []
    for (;;) {
      const next = Retry.next(tried, unavailable, true, 4)
      if (!Retry.isWaiting(next)) break
      waits.push(next.waitMillis)
      tried = next.tried
    }
    assert.deepStrictEqual(waits, [1_000, 1_000, 3_000, 8_000])
    assert.strictEqual(Retry.next(Retry.none, unavailable, false, 4), unavailable)
    const inFlight = new ClientError.IdempotencyInFlight({ detail: "x", status: 409 })
    assert.deepInclude(Retry.next(Retry.none, inFlight, true, 0), { waitMillis: 1_000 })
    assert.strictEqual(Retry.next({ ...Retry.none, waits: 120 }, inFlight, true, 4), inFlight)
    const conflict = new ClientError.Conflict({ detail: "x", status: 409 })
    assert.strictEqual(Retry.next(Retry.none, conflict, true, 4), conflict)
  })
})
