import assert from "node:assert/strict"
import { test } from "node:test"
import route from "../../src/routes/{{file}}.mjs"

const ask = (query) => route.handle({ query: new URLSearchParams(query) })

test("{{file}}: answers with a title and a greeting", () => {
  assert.deepEqual(ask({}), { status: 200, body: { title: {{titleJson}}, greeting: "Hello" } })
})

test("{{file}}: uses the name", () => {
  assert.equal(ask({ name: " Ada " }).body.greeting, "Hello Ada")
})

test("{{file}}: refuses a name of 101 characters and accepts one of 100", () => {
  assert.equal(ask({ name: "x".repeat(100) }).status, 200)
  const refused = ask({ name: "x".repeat(101) })
  assert.equal(refused.status, 400)
  assert.match(refused.body.error, /^name: /)
})
