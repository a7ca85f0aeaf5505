import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"

const css = readFileSync(new URL("../../src/sections/{{file}}.css", import.meta.url), "utf8")

test("{{file}}: sets its own accent and nothing else", () => {
  assert.match(css, /^\[id="{{file}}"\] \{ --section-accent: [^;{}]+; \}\n$/)
})
