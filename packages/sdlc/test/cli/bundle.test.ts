import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bundle } from "../../scripts/bundle.ts"
import { planned, type Repository } from "./Cli.ts"

let dir = ""
let file = ""
let repo: Repository
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "sdlc-bundle-"))
  await bundle(join(dir, "main.js"))
  mkdirSync(join(dir, "alone"))
  file = join(dir, "alone", "sdlc.mjs")
  copyFileSync(join(dir, "main.js"), file)
  repo = await planned()
})
afterAll(() => {
  repo.remove()
  rmSync(dir, { recursive: true, force: true })
})

const sdlc = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  input = ""
): { readonly code: number | null; readonly out: string; readonly err: string } => {
  const result = spawnSync(process.execPath, [file, ...args], {
    cwd: repo.root,
    encoding: "utf8",
    input,
    env: { PATH: process.env["PATH"] ?? "", ...env }
  })
  return { code: result.status, out: result.stdout, err: result.stderr }
}

describe("the bundled command, copied away from its package", () => {
  it("runs the hot commands, the others, and refuses as the sources do", () => {
    expect(sdlc(["next", "--json"])).toMatchObject({
      code: 0,
      out: expect.stringContaining('"action": "implement-task"'),
      err: ""
    })
    expect(sdlc(["features"])).toMatchObject({ code: 0, out: expect.stringContaining("implementation") })
    expect(sdlc(["why"])).toMatchObject({ code: 0, out: expect.stringContaining("because:") })
    expect(sdlc(["why", "--facts"])).toMatchObject({ code: 0, out: expect.stringContaining("rule I4") })
    expect(sdlc(["next", "--help"])).toMatchObject({ code: 0, out: expect.stringContaining("--compat") })
    expect(sdlc(["version"]).out).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(sdlc(["nexd"])).toMatchObject({ code: 2, out: "", err: expect.stringContaining("did you mean next") })
    expect(sdlc(["next", "--hed"])).toMatchObject({ code: 2, err: expect.stringContaining("--head") })
    expect(sdlc(["submit", "spec"], { SDLC_PRINCIPAL: "agent:claude" })).toMatchObject({
      code: 0,
      out: expect.stringContaining("submitted already")
    })
  })
  it("falls back to the whole program when a file needs all of YAML", () => {
    const policy = repo.read(".sdlc/policy.yaml")
    repo.write(".sdlc/policy.yaml", policy.replace("gates: #", "gates: &g #").replace("deploy: none", "deploy: 'none'"))
    expect(sdlc(["next", "--json"])).toMatchObject({
      code: 0,
      out: expect.stringContaining('"action": "implement-task"')
    })
    expect(sdlc(["features"]).out).toContain("implementation")
    repo.write(".sdlc/policy.yaml", `${policy}\nwip: [`)
    expect(sdlc(["next"])).toMatchObject({ code: 3, out: expect.stringContaining("not YAML") })
    repo.write(".sdlc/policy.yaml", policy)
  })
  it("serves MCP over its standard streams", () => {
    const lines = [
      { jsonrpc: "2.0", id: 1, method: "initialize", params: {} },
      { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "sdlc_next", arguments: {} } }
    ]
    const { code, out } = sdlc(["mcp"], {}, lines.map((line) => JSON.stringify(line)).join("\n"))
    const answers = out
      .trim()
      .split("\n")
      .map(
        (line) => JSON.parse(line) as { readonly id: number; readonly result: { readonly structuredContent?: unknown } }
      )
    expect(code).toBe(0)
    expect(answers.map((answer) => answer.id)).toEqual([1, 2])
    expect(answers[1]?.result.structuredContent).toMatchObject({ action: "implement-task" })
  })
})
