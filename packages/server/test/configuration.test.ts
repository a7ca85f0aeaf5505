import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { text } from "../src/installation/ConfigurationPage.ts"
import * as Variables from "../src/installation/Variables.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const page = () => readFileSync(join(root, "docs", "configuration.md"), "utf8")
const files = readdirSync(join(root, "packages")).flatMap((name) => {
  const folder = join(root, "packages", name, "src")
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith("installation/Variables.ts"))
    .map((file) => ({ path: `${name}/src/${file}`, text: readFileSync(join(folder, file), "utf8") }))
})
const sources = files.map(({ text }) => text)
/** Whole names: `RDEV_E_${i}` is none. */
const used = new Set(sources.flatMap((source) => source.match(/\bRDEV_[A-Z]+(?:_[A-Z]+)*\b(?!_)/g) ?? []))

/** How a variable is read: of the process or of what was given, and as a key of an adapter. */
const reads =
  /(?:\bConfig\.\w+\(|\b(?:env|variables)\[|\b(?:read|secret|variable)(?:<[^>()]*>)?\()\s*"(RDEV_[A-Z]+(?:_[A-Z]+)*)"/g
/** Where a variable is looked at besides, and what for. */
const readAgain: Readonly<Record<string, string>> = {
  "RDEV_DATABASE_URL cli/src/Up.ts": "the embedded engine is loaded while the rest of a start goes on",
  "RDEV_DATABASE_URL server/src/ServerConfig.ts": "what is no URL is told with the other faults of the environment",
  "RDEV_DATA_DIR cli/src/Connection.ts": "a command looks there for the server and its key",
  "RDEV_SCRIPT_FAULT adapter-agents/src/ScriptedHarness.ts": "of one job, for its tests",
  "RDEV_TENANT_DATABASE_URL server/src/installation/Choice.ts": "whether projects have databases where no file says it"
}

/** Begin the names of variables that requests name, so that no code does. */
const families: ReadonlySet<string> = new Set(["RDEV_SOURCE_TOKEN"])

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
  it("has each variable read in one place", () => {
    const places = new Map<string, Array<string>>()
    for (const { path, text } of files)
      for (const [, name = ""] of text.matchAll(reads)) places.set(name, [...(places.get(name) ?? []), path])
    // A form of reading that is not known here would find nothing.
    assert.deepStrictEqual(
      [...used].filter((name) => !places.has(name) && !Variables.inner.includes(name) && !families.has(name)),
      []
    )
    const again = [...places].flatMap(([name, found]) =>
      found.filter((path) => found.length > 1 && readAgain[`${name} ${path}`] === undefined).slice(1)
    )
    assert.deepStrictEqual(again, [])
    const known = [...places].flatMap(([name, found]) => found.map((path) => `${name} ${path}`))
    assert.deepStrictEqual(
      Object.keys(readAgain).filter((one) => !known.includes(one)),
      []
    )
  })
})
