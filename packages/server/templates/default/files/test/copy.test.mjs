// House rules for the texts of every section on the page.
import assert from "node:assert/strict"
import { test } from "node:test"
import { site } from "../src/site.mjs"

test("ids are anchors and stand once", () => {
  const ids = site.sections.map((section) => section.id)
  for (const id of ids) assert.match(id, /^[a-z0-9]+(-[a-z0-9]+)*$/, `id ${id}`)
  assert.equal(new Set(ids).size, ids.length, `duplicate among ${ids.join(", ")}`)
})

for (const section of site.sections) {
  test(`${section.id}: has a title, a label and finished sentences`, () => {
    assert.ok(section.title.trim() !== "", "title")
    assert.ok(section.label.trim() !== "", "label")
    assert.ok(section.paragraphs.length > 0, "at least one paragraph")
    for (const paragraph of section.paragraphs) assert.match(paragraph, /[.!?]$/, `ends a sentence: ${JSON.stringify(paragraph)}`)
  })
}
