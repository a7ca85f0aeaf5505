import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { site } from "../src/site.mjs"

// Builds a copy, so that a test run never touches dist/ of the checkout.
test("the build writes the page and its style sheet", () => {
  const copy = mkdtempSync(join(tmpdir(), "site-"))
  try {
    for (const part of ["src", "tools"]) cpSync(new URL(`../${part}`, import.meta.url), join(copy, part), { recursive: true })
    execFileSync(process.execPath, ["tools/build.mjs"], { cwd: copy })
    const html = readFileSync(join(copy, "dist/index.html"), "utf8")
    for (const section of site.sections) assert.ok(html.includes(`id="${section.id}"`), section.id)
    assert.match(readFileSync(join(copy, "dist/style.css"), "utf8"), /\.card/)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
})
