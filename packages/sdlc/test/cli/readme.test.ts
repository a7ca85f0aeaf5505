import { spawnSync } from "node:child_process"
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bundle } from "../../scripts/bundle.ts"
import { readme } from "../../scripts/readme.ts"

const file = fileURLToPath(new URL("../../README.md", import.meta.url))
const text = readFileSync(file, "utf8")

let dir = ""
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "sdlc-readme-"))
  await bundle(join(dir, "sdlc.mjs"))
  writeFileSync(join(dir, "sdlc"), `#!/bin/sh\nexec "${process.execPath}" "${join(dir, "sdlc.mjs")}" "$@"\n`)
  chmodSync(join(dir, "sdlc"), 0o755)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe("README.md", () => {
  it("has the rule table and the commands of the code (npm run readme -w packages/sdlc)", () => {
    expect(text).toBe(readme())
    expect(text.split("\n").filter((line) => /^\| [A-Z]\d+[ab]? \|/.test(line)).length).toBeGreaterThan(100)
  })
  it("has a tour that runs from draft to released", () => {
    const tour = /<!-- tour:begin -->\n```bash\n([^]*?)```/.exec(text)?.[1] ?? ""
    const home = mkdtempSync(join(dir, "tour-"))
    const result = spawnSync("bash", ["--norc", "-ec", tour], {
      cwd: home,
      encoding: "utf8",
      env: {
        PATH: `${dir}:${process.env["PATH"] ?? ""}`,
        HOME: home,
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_AUTHOR_NAME: "Ada",
        GIT_AUTHOR_EMAIL: "ada@example.org",
        GIT_COMMITTER_NAME: "Ada",
        GIT_COMMITTER_EMAIL: "ada@example.org",
        EMAIL: "ada@example.org",
        SDLC_PRINCIPAL: "human:ada"
      }
    })
    expect(result.stderr).not.toContain("sdlc:")
    expect(result.status).toBe(0)
    expect(result.stdout.trim().split("\n").slice(-2)).toEqual([
      "hello [released] none (the platform)",
      expect.stringContaining("Released")
    ])
  })
  it("has an example that says what its comments say, without Effect", () => {
    const example = /```ts\n([^]*?)```/.exec(text)?.[1] ?? ""
    // Inside the package, so that it resolves itself by its own name.
    const path = join(fileURLToPath(new URL(".", import.meta.url)), `.readme-${process.pid}.mts`)
    writeFileSync(path, example)
    try {
      const result = spawnSync(process.execPath, ["--conditions=@rdev/source", path], { encoding: "utf8" })
      expect(result.stderr).toBe("")
      expect(result.stdout).toBe("advance\n2 create-spec\nabsent draft\n")
    } finally {
      rmSync(path)
    }
  })
})
