// House rules for every route of the service.
import assert from "node:assert/strict"
import { test } from "node:test"
import { routes } from "../src/routes.mjs"

test("no two routes share a method and a path", () => {
  const keys = routes.map((route) => `${route.method} ${route.path}`)
  assert.equal(new Set(keys).size, keys.length, `duplicate among ${keys.join(", ")}`)
})

for (const route of routes) {
  test(`${route.method} ${route.path}: is described in a sentence`, () => {
    assert.match(route.path, /^\/[a-z0-9/-]*$/)
    assert.match(route.summary, /^[A-Z].*\.$/, "summary: a sentence with a full stop")
  })
}
