import assert from "node:assert/strict"
import { test } from "node:test"
import { escape, renderPage, renderSection } from "../src/page.mjs"
import { site } from "../src/site.mjs"

test("text is escaped", () => {
  assert.equal(escape(`<b a="1">&'`), "&lt;b a=&quot;1&quot;&gt;&amp;&#39;")
  assert.ok(!renderSection({ id: "x", title: "<script>", label: "x", paragraphs: ["<img>"] }).match(/<script>|<img>/))
})

test("the page names the site and links every section once", () => {
  const html = renderPage(site)
  assert.ok(html.includes(`<h1>${escape(site.name)}</h1>`))
  for (const section of site.sections) {
    assert.equal(html.split(`href="#${section.id}"`).length, 2, `one link to #${section.id}`)
    assert.equal(html.split(`id="${section.id}"`).length, 2, `one section with the id ${section.id}`)
  }
})

test("a site without sections still renders", () => {
  assert.match(renderPage({ name: "n", description: "d", sections: [] }), /built from 0 sections/)
})
