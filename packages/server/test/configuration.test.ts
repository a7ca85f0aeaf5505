import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { text } from "../src/installation/ConfigurationPage.ts"
import * as Variables from "../src/installation/Variables.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const page = () => readFileSync(join(root, "docs", "configuration.md"), "utf8")
const sources = readdirSync(join(root, "packages")).flatMap((name) => {
  const folder = join(root, "packages", name, "src")
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith("installation/Variables.ts"))
    .map((file) => readFileSync(join(folder, file), "utf8"))
})
/** Whole names: `RDEV_E_${i}` is none. */
const used = new Set(sources.flatMap((source) => source.match(/\bRDEV_[A-Z]+(?:_[A-Z]+)*\b(?!_)/g) ?? []))

describe("docs/configuration.md", () => {
  it("is the current one: run `npm run configuration` after a change of keys or variables", async () => {
    assert.strictEqual(await text(), page())
  })
  it("names every variable that is read, and no other", () => {
    const inner = new Set(Variables.inner)
    const documented = new Set((page().match(/`(RDEV_[A-Z_]+)`/g) ?? []).map((name) => name.slice(1, -1)))
    assert.deepStrictEqual([...used].filter((name) => !documented.has(name) && !inner.has(name)).sort(), [])
    assert.deepStrictEqual([...documented].filter((name) => !used.has(name)).sort(), [])
  })
})
