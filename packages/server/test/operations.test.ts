/** Operations over the API: planned, started, answered, resumed; trees in the name of a key; the trail per operation and as a file. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as AuditExport from "@rdev/core/services/AuditExport"
import { Effect, Exit, Scope } from "effect"
import * as Delegation from "../src/keys/Delegation.ts"
import * as MemoryServer from "./MemoryServer.ts"

const scope = Scope.makeUnsafe()
let server: MemoryServer.TestServer
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(MemoryServer.make(), scope))
  assert.strictEqual((await post("/projects", { name: "shop" })).status, 202)
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

type Body = Readonly<Record<string, unknown>>
const post = (path: string, body?: unknown, options: Omit<MemoryServer.Call, "body"> = {}) =>
  server.call("POST", path, {
    ...options,
    ...(body === undefined ? {} : { body }),
    headers: { prefer: "wait=30", ...options.headers }
  })
const get = async (path: string, key?: string): Promise<Body> => {
  const answer = await server.call("GET", path, key === undefined ? {} : { key })
  assert.strictEqual(answer.status, 200, answer.text)
  return answer.body
}
const list = (body: Body, name: string) => body[name] as ReadonlyArray<Body>
const errors = (answer: MemoryServer.Answer) =>
  list(answer.body, "errors")
    .map((error) => `${String(error["pointer"])} ${String(error["detail"])}`)
    .join("\n")
const refused = (answer: MemoryServer.Answer, status: number, ...parts: ReadonlyArray<string>) => {
  assert.strictEqual(answer.status, status, answer.text)
  for (const part of parts) assert.include(answer.text, part)
}
const ended = async (answer: MemoryServer.Answer) => {
  assert.strictEqual(answer.status, 202, answer.text)
  const operation = await server.call("GET", `/operations/${String(answer.body["operation_id"])}`, {
    headers: { prefer: "wait=30" }
  })
  return operation.body
}
/** Until the operation stands so: its events say when to look. */
const standing = async (id: string, status: string) => {
  const response = await fetch(
    `${server.url}/operations/${id}/events?types=step.waiting,step.failed,operation.completed,operation.failed`,
    { headers: { authorization: `Bearer ${server.key}`, accept: "text/event-stream" } }
  )
  for await (const _ of response.body ?? []) if ((await get(`/operations/${id}`))["status"] === status) return
}

describe("an operation on a project", () => {
  it("is planned, and started exactly as planned", async () => {
    const plan = await post("/projects/shop/operations?dry_run=true", { kind: "project.sync" })
    assert.strictEqual(plan.status, 200)
    assert.deepStrictEqual(
      list(plan.body, "steps")
        .filter((step) => step["change"] !== "no-op")
        .map((step) => step["key"]),
      []
    )
    refused(
      await post("/projects/shop/operations", { kind: "project.sync", plan_digest: "0".repeat(64) }),
      409,
      "plan again"
    )
    const operation = await ended(
      await post("/projects/shop/operations", { kind: "project.sync", plan_digest: plan.body["digest"] })
    )
    assert.deepInclude(operation, { kind: "project.sync", status: "completed" })
    assert.strictEqual((await get("/projects/shop"))["status"], "ready")
  })

  it("is listed by kind and status", async () => {
    const kinds = async (query: string) =>
      list(await get(`/operations?project=shop${query}`), "operations").map((one) => one["kind"])
    assert.deepStrictEqual(await kinds("&kind=project.sync"), ["project.sync"])
    assert.deepStrictEqual(await kinds("&status=failed"), [])
    assert.deepStrictEqual(await kinds("&status=completed"), ["project.sync", "project.provision"])
  })

  it("deletes, as planned", async () => {
    await post("/projects", { name: "gone" })
    const plan = await post("/projects/gone/operations?dry_run=true", { kind: "project.delete" })
    assert.strictEqual((await server.call("GET", "/projects/gone")).status, 200, "nothing was changed")
    assert.deepInclude(
      await ended(
        await post("/projects/gone/operations", { kind: "project.delete", plan_digest: plan.body["digest"] })
      ),
      { status: "completed" }
    )
    refused(await post("/projects/gone/operations", { kind: "project.sync" }), 404, "gone")
  })

  it("is refused with what is wrong", async () => {
    const unknown = await post("/projects/shop/operations", { kind: "project.explode" })
    refused(unknown, 400, "/kind")
    assert.include(errors(unknown), "project.sync")
    refused(await post("/projects/shop/operations", {}), 400, "kind")
    refused(
      await post("/projects/shop/operations", { kind: "project.sync", tree: { name: "landing-page" } }),
      400,
      "/tree",
      "takes none"
    )
    refused(await post("/projects/shop/operations", { kind: "tree.run" }), 400, "/tree", "needs one")
    refused(await post("/projects/nobody/operations", { kind: "project.sync" }), 404, "nobody")
    const { key } = await server.makeKey({ scopes: ["projects:read"] })
    refused(await post("/projects/shop/operations", { kind: "project.sync" }, { key }), 403, "projects:execute")
    refused(
      await post("/operations/op_01M89RHRHMZ0THAX2NSHVV73EM/answer", { step: "a", value: 1 }),
      404,
      "op_01M89RHRHMZ0THAX2NSHVV73EM"
    )
  })
})

const looking = `
name: looking
vars: { project_name: { description: an existing project }, path: { default: "" } }
steps:
  - { id: look, action: api, method: GET, path: "/projects/{{ vars.project_name }}{{ vars.path }}", outputs: { name: $.name } }
`
const asking = `
name: asking
vars: { project_name: {} }
steps:
  - { id: may, action: ask, question: "Go on with {{ vars.project_name }}?", outputs: { said: $.answer } }
  - { id: sure, depends_on: [may], action: assert, checks: [{ value: "{{ steps.may.outputs.said }}", equals: "yes" }] }
`

describe("a tree", () => {
  it("is listed, checked, and run by text, on a project or on none", async () => {
    assert.deepStrictEqual(
      list(await get("/trees"), "trees").map((tree) => tree["name"]),
      ["authenticated-service", "landing-page"]
    )
    assert.deepStrictEqual(
      list((await post("/trees/check", { text: looking })).body, "vars").map((one) => [one["name"], one["required"]]),
      [
        ["project_name", true],
        ["path", false]
      ]
    )
    const plan = await post("/trees/runs?dry_run=true", { text: looking, vars: { project_name: "shop" } })
    assert.deepStrictEqual(
      list(plan.body, "steps").map((step) => step["change"]),
      ["run"]
    )
    assert.deepInclude(
      await ended(
        await post("/trees/runs", { text: looking, vars: { project_name: "shop" }, plan_digest: plan.body["digest"] })
      ),
      { status: "completed", project_id: null }
    )
    const bound = await ended(await post("/projects/shop/operations", { kind: "tree.run", tree: { text: looking } }))
    assert.deepInclude(bound, { status: "completed", kind: "tree.run", output: { look: { name: "shop" } } })
    assert.strictEqual(list(await get("/projects/shop/audit"), "operations")[0]?.["type"], "tree.run")
  })

  it("is refused with every mistake and its place", async () => {
    const yaml = await post("/trees/runs", { text: "name: x\nsteps:\n  - { id: a, action: api\n" })
    refused(yaml, 422)
    assert.match(errors(yaml), /^\/text line \d+: /)
    assert.match(
      errors(await post("/trees/check", { text: "name: x\nsteps:\n  - { id: a, action: fly }\n" })),
      /^\/text steps\[0\]\.action: there is no action "fly"/
    )
    assert.include(
      errors(await post("/trees/runs", { text: looking })),
      "/vars/project_name missing: an existing project"
    )
    assert.include(
      errors(await post("/projects/shop/operations", { kind: "tree.run", tree: { text: looking, vars: { nope: 1 } } })),
      "/tree/vars/nope"
    )
    refused(await post("/trees/runs", { name: "nope" }), 422, "/name", "landing-page")
    refused(await post("/trees/runs", { name: "landing-page", text: looking }), 400, "exactly one of name, text")
  })

  it("can do no more than the key that started it, and stops with it", async () => {
    const { key } = await server.makeKey({ scopes: ["projects:read", "projects:execute"] })
    const closed = await ended(
      await post(
        "/projects/shop/operations",
        { kind: "tree.run", tree: { text: looking, vars: { path: "/audit" } } },
        { key }
      )
    )
    assert.strictEqual(closed["status"], "failed")
    assert.include(JSON.stringify(closed["error"]), "audit:read")
    const project = await get("/projects/shop")
    const restricted = await server.makeKey({
      scopes: ["projects:read", "projects:execute"],
      projects: [String(project["id"])]
    })
    refused(
      await post("/trees/runs", { text: looking, vars: { project_name: "shop" } }, { key: restricted.key }),
      403,
      "tree.run"
    )
    await post("/projects", { name: "other" })
    const elsewhere = await ended(
      await post(
        "/projects/shop/operations",
        { kind: "tree.run", tree: { text: looking, vars: { project_name: "other" } } },
        { key: restricted.key }
      )
    )
    assert.include(JSON.stringify(elsewhere["error"]), "404")
    const passing = await server.makeKey({ scopes: ["admin"] })
    const text = `name: late\nsteps:\n  - { id: may, action: ask, question: "?" }\n  - { id: look, depends_on: [may], action: api, method: GET, path: /projects }\n`
    const waits = await post(
      "/projects/shop/operations",
      { kind: "tree.run", tree: { text } },
      { key: passing.key, headers: { prefer: "wait=0" } }
    )
    const id = String(waits.body["operation_id"])
    await standing(id, "waiting")
    assert.strictEqual((await server.call("DELETE", `/keys/${passing.id}`)).status, 204)
    assert.strictEqual((await post(`/operations/${id}/answer`, { step: "may", value: true })).status, 200)
    assert.include(JSON.stringify((await get(`/operations/${id}`))["error"]), "has no valid key any more")
  })

  it("runs without keys where none are asked for", () =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const open = yield* MemoryServer.make({ RDEV_AUTH: "off" })
          yield* Effect.promise(async () => {
            await open.call("POST", "/projects", { key: null, body: { name: "free" } })
            const { body } = await open.call("POST", "/trees/runs", {
              key: null,
              body: { text: looking, vars: { project_name: "free" } },
              headers: { prefer: "wait=30" }
            })
            const operation = await open.call("GET", `/operations/${String(body["operation_id"])}`, { key: null })
            assert.deepInclude(operation.body, { status: "completed", actor: "local" })
          })
        })
      )
    ))

  it("waits for an answer, shows the question, and goes on with it", async () => {
    const started = await post(
      "/projects/shop/operations",
      { kind: "tree.run", tree: { text: asking } },
      { headers: { prefer: "wait=0" } }
    )
    const id = String(started.body["operation_id"])
    await standing(id, "waiting")
    const steps = list(await get(`/operations/${id}/steps`), "steps")
    assert.deepInclude(steps[0]?.["wait"], { kind: "answer", question: "Go on with shop?", until: null })
    refused(await post(`/operations/${id}/answer`, { step: "sure", value: "yes" }), 409, "asks nothing")
    refused(await post(`/operations/${id}/answer`, { step: "may" }), 400, "value")
    const answered = await post(`/operations/${id}/answer`, { step: "may", value: "no" })
    assert.deepInclude(answered.body, { id, status: "failed" })
    refused(await post(`/operations/${id}/answer`, { step: "may", value: "yes" }), 409, "has ended")
    // An operation that has ended and was taken back is started anew.
    const again = await post(`/operations/${id}/retry`, undefined, { headers: { prefer: "wait=0" } })
    const next = String(again.body["id"])
    assert.notStrictEqual(next, id)
    await standing(next, "waiting")
    assert.deepInclude((await post(`/operations/${next}/answer`, { step: "may", value: "yes" })).body, {
      status: "completed"
    })
  })
})

describe("a credential in a key's name", () => {
  const pepper = Buffer.alloc(32, 7)
  it("is good for a minute, for that key, and only from who has the pepper", async () => {
    const { id } = await server.makeKey({ scopes: ["projects:read"] })
    const status = async (credential: string) =>
      (await server.call("GET", "/projects/shop", { key: credential })).status
    const now = Date.now()
    const good = Delegation.make(pepper, id, now)
    assert.strictEqual(await status(good), 200)
    assert.strictEqual(await status(Delegation.make(pepper, id, now - Delegation.lifetimeMillis - 1)), 401, "too old")
    assert.strictEqual(await status(Delegation.make(pepper, id, now + 3_600_000)), 401, "lives too long")
    assert.strictEqual(await status(Delegation.make(Buffer.alloc(32, 8), id, now)), 401, "another pepper")
    const other = await server.makeKey({ scopes: ["admin"] })
    assert.strictEqual(await status(good.replace(id, other.id)), 401, "another key")
    assert.strictEqual(
      (await server.call("GET", "/keys", { key: good })).status,
      403,
      "no scope that the key does not have"
    )
    await server.call("DELETE", `/keys/${id}`)
    assert.strictEqual(await status(good), 401, "revoked")
  })
})

describe("the audit trail", () => {
  it("has one line per operation, in pages, with steps and durations", async () => {
    const lines: Array<Body> = []
    let cursor: unknown = null
    do {
      const page = await get(
        `/projects/shop/audit?limit=2${cursor === null ? "" : `&cursor=${encodeURIComponent(String(cursor))}`}`
      )
      assert.isAtMost(list(page, "operations").length, 2)
      lines.push(...list(page, "operations"))
      cursor = page["next_cursor"]
    } while (cursor !== null)
    const ids = lines.map((line) => line["operation_id"])
    assert.strictEqual(new Set(ids).size, ids.length, "an operation stands there once")
    const provision = lines.at(-1) ?? {}
    assert.deepInclude(provision, { type: "project.provision", outcome: "completed" })
    const steps = provision["steps"] as ReadonlyArray<Body>
    assert.deepStrictEqual(steps.map((step) => step["name"]).sort(), [
      "cache",
      "ci",
      "database",
      "deployment.production",
      "dns.production",
      "dns.staging",
      "repository",
      "tls.production",
      "tls.staging"
    ])
    for (const step of steps) {
      assert.deepStrictEqual(Object.keys(step).sort(), ["duration_ms", "name", "status"])
      assert.isNumber(step["duration_ms"])
    }
    refused(
      await server.call(
        "GET",
        `/projects/shop/audit/entries?cursor=${encodeURIComponent(String((await get("/projects/shop/audit?limit=1"))["next_cursor"]))}`
      ),
      400,
      "cursor"
    )
  })

  it("is there as entries and as a file that can be checked", async () => {
    const entries = list(await get("/projects/shop/audit/entries?limit=100"), "entries")
    assert.strictEqual(entries.at(-1)?.["previous_hash"], "0".repeat(64))
    const exported = await server.call("GET", "/projects/shop/audit/export")
    assert.strictEqual(exported.headers.get("content-type"), "application/x-ndjson")
    const verdict = AuditExport.verify(exported.text)
    assert.isTrue(verdict.ok, JSON.stringify(verdict.problem))
    assert.deepStrictEqual(verdict.head, { number: entries.length, hash: entries[0]?.["hash"] })
    assert.isTrue(AuditExport.verify((await server.call("GET", "/audit/export")).text).ok)
    const { key } = await server.makeKey({ scopes: ["audit:read"] })
    refused(await server.call("GET", "/audit/export", { key }), 403, "admin")
    refused(await server.call("GET", "/projects/nobody/audit/export"), 404, "nobody")
  })
})
