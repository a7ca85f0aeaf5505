import assert from "node:assert/strict"
import { test } from "node:test"
import { routes } from "../src/routes.mjs"
import { serve } from "../tools/serve.mjs"

test("GET /health answers ok", async () => {
  await serve(routes, async (url) => {
    const response = await fetch(`${url}/health`)
    assert.equal(response.status, 200)
    assert.deepEqual(await response.json(), { status: "ok" })
  })
})

test("GET / lists every route", async () => {
  await serve(routes, async (url) => {
    const body = await (await fetch(url)).json()
    assert.deepEqual(body.routes.map((route) => route.path), routes.map((route) => route.path))
  })
})

test("unknown paths and methods get an answer that says what to do", async () => {
  await serve(routes, async (url) => {
    const missing = await fetch(`${url}/nowhere`)
    assert.equal(missing.status, 404)
    assert.match((await missing.json()).error, /GET \/ lists/)
    const refused = await fetch(`${url}/health`, { method: "POST" })
    assert.equal(refused.status, 405)
    assert.equal(refused.headers.get("allow"), "GET")
  })
})

test("HEAD answers without a body, and a handler that throws answers 500", async (context) => {
  context.mock.method(console, "error", () => {})
  const broken = { method: "GET", path: "/broken", summary: "Throws.", handle: () => { throw new Error("on purpose") } }
  await serve([...routes, broken], async (url) => {
    const head = await fetch(`${url}/health`, { method: "HEAD" })
    assert.equal(head.status, 200)
    assert.equal(await head.text(), "")
    const response = await fetch(`${url}/broken`)
    assert.equal(response.status, 500)
    assert.deepEqual(await response.json(), { error: "internal error" })
  })
})
