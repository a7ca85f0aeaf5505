import assert from "node:assert/strict"
import { test } from "node:test"
import { escape, renderPage } from "../../src/page.mjs"
import section from "../../src/sections/{{file}}.mjs"
import { site } from "../../src/site.mjs"

test("{{file}}: stands on the page once and is linked once", () => {
  const html = renderPage(site)
  assert.equal(html.split("id=\"{{file}}\"").length, 2)
  assert.equal(html.split("href=\"#{{file}}\"").length, 2)
  assert.ok(html.includes(`<h2>${escape(section.title)}</h2>`))
})
