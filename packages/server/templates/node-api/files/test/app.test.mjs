import assert from "node:assert/strict"
import { test } from "node:test"
import { routes } from "../src/routes.mjs"
import { withService } from "../tools/service.mjs"

test("GET /health answers ok", async () => {
  await withService(routes, async (ask) => {
    const response = await ask("/health")
    assert.equal(response.status, 200)
    assert.deepEqual(response.json(), { status: "ok" })
  })
})

test("GET / lists every route", async () => {
  await withService(routes, async (ask) => {
    const body = (await ask("/")).json()
    assert.deepEqual(body.routes.map((route) => route.path), routes.map((route) => route.path))
  })
})

test("unknown paths and methods get an answer that says what to do", async () => {
  await withService(routes, async (ask) => {
    const missing = await ask("/nowhere")
    assert.equal(missing.status, 404)
    assert.match(missing.json().error, /GET \/ lists/)
    const refused = await ask("/health", { method: "POST" })
    assert.equal(refused.status, 405)
    assert.equal(refused.headers.allow, "GET")
  })
})

test("HEAD answers without a body, and a handler that throws answers 500", async (context) => {
  context.mock.method(console, "error", () => {})
  const broken = { method: "GET", path: "/broken", summary: "Throws.", handle: () => { throw new Error("on purpose") } }
  await withService([...routes, broken], async (ask) => {
    const head = await ask("/health", { method: "HEAD" })
    assert.deepEqual([head.status, head.text], [200, ""])
    const response = await ask("/broken")
    assert.equal(response.status, 500)
    assert.deepEqual(response.json(), { error: "internal error" })
  })
})
