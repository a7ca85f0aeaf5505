// Writes dist/: index.html from src/site.mjs, style.css from src/style.css followed by the sections' own style sheets.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { renderPage } from "../src/page.mjs"
import { site } from "../src/site.mjs"

const root = new URL("../", import.meta.url)
const out = new URL("dist/", root)
const sections = new URL("src/sections/", root)

const styles = readdirSync(sections).filter((name) => name.endsWith(".css")).sort()
const css = [new URL("src/style.css", root), ...styles.map((name) => new URL(name, sections))].map((file) => readFileSync(file, "utf8"))

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const files = { "index.html": renderPage(site), "style.css": css.join("\n") }
for (const [name, text] of Object.entries(files)) {
  writeFileSync(new URL(name, out), text)
  console.log(`dist/${name} ${Buffer.byteLength(text)} bytes`)
}
