import assert from "node:assert/strict"
import { test } from "node:test"
import { routes } from "../../src/routes.mjs"
import { serve } from "../../tools/serve.mjs"

test("{{file}}: answers over HTTP and is listed", async () => {
  await serve(routes, async (url) => {
    const response = await fetch(`${url}/{{file}}?name=Ada`)
    assert.equal(response.status, 200)
    assert.match(response.headers.get("content-type"), /^application\/json/)
    assert.equal((await response.json()).greeting, "Hello Ada")
    const { routes: listed } = await (await fetch(url)).json()
    assert.ok(listed.some((route) => route.path === "/{{file}}" && route.summary !== ""))
  })
})
