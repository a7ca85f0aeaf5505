import assert from "node:assert/strict"
import { test } from "node:test"
import { routes } from "../../src/routes.mjs"
import { withService } from "../../tools/service.mjs"

test("{{file}}: answers over HTTP and is listed", async () => {
  await withService(routes, async (ask) => {
    const response = await ask("/{{file}}?name=Ada")
    assert.equal(response.status, 200)
    assert.match(response.headers["content-type"], /^application\/json/)
    assert.equal(response.json().greeting, "Hello Ada")
    const { routes: listed } = (await ask("/")).json()
    assert.ok(listed.some((route) => route.path === "/{{file}}" && route.summary !== ""))
  })
})
