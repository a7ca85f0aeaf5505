import assert from "node:assert/strict"
import { test } from "node:test"
import { renderSection } from "../../src/page.mjs"
import section from "../../src/sections/{{file}}.mjs"

test("{{file}}: is a section with a title and a text", () => {
  assert.equal(section.id, "{{file}}")
  assert.equal(section.title, {{titleJson}})
  assert.ok(section.paragraphs.length > 0)
})

test("{{file}}: markup in its texts is shown as text", () => {
  const html = renderSection({ ...section, title: "<b>\"x\"</b>", paragraphs: ["1 < 2 & 3"] })
  assert.match(html, /<h2>&lt;b&gt;&quot;x&quot;&lt;\/b&gt;<\/h2>/)
  assert.match(html, /<p>1 &lt; 2 &amp; 3<\/p>/)
})
