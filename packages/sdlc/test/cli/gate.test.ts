import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { bundle } from "../../scripts/bundle.ts"
import { ada, bob, claude, planned, type Repository } from "./Cli.ts"

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>
  readonly runs: { readonly using: string; readonly steps: ReadonlyArray<{ readonly shell: string; readonly run: string; readonly env: Readonly<Record<string, string>> }> }
}

const action = parse(readFileSync(new URL("../../action/action.yml", import.meta.url), "utf8")) as Action
const [step] = action.runs.steps

let repo: Repository
let dir = ""
let base = ""
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "sdlc-action-"))
  await bundle(join(dir, "sdlc.mjs"))
  repo = await planned()
  repo.git("add", "-A")
  await repo.sdlc("task start task-001", claude)
  repo.write("hello.mjs", "console.log('Hello ' + process.argv[2])\n")
  repo.commit("greet")
  base = repo.git("rev-parse", "main").trim()
})
afterAll(() => {
  repo.remove()
  rmSync(dir, { recursive: true, force: true })
})

const act = (env: Readonly<Record<string, string>> = {}): { readonly code: number | null; readonly out: string; readonly output: string; readonly summary: string } => {
  const [output, summary] = [join(dir, "output"), join(dir, "summary")]
  for (const file of [output, summary]) rmSync(file, { force: true })
  const result = spawnSync("bash", ["-c", step?.run ?? ""], {
    cwd: repo.root,
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", HOME: repo.root, SDLC_HEAD: repo.git("rev-parse", "HEAD").trim(), SDLC_BASE: base, SDLC_GATE_FEATURE: "", SDLC_REQUIRE: "false", SDLC_CI_PASSED: "false", SDLC_GROUP: "false", SDLC_COMMAND: `${process.execPath} ${join(dir, "sdlc.mjs")}`, SDLC_PRINCIPAL: "ci:github-actions", GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary, ...env }
  })
  return { code: result.status, out: result.stdout, output: readFileSync(output, "utf8"), summary: readFileSync(summary, "utf8") }
}

/** From the first task to an approved merge, everything committed. */
const finish = async (): Promise<void> => {
  await repo.sdlc("task claim task-001", claude)
  await repo.sdlc("apply --all")
  await repo.sdlc(`record review --data '{"verdict":"approve","findings":[]}'`, bob)
  await repo.sdlc("approve human-review --as-human", ada)
  await repo.sdlc("apply --all")
  await repo.sdlc(`record audit --data '{"findings":[]}'`, bob)
  await repo.sdlc("apply --all")
  await repo.sdlc("qa run", bob)
  await repo.sdlc("approve uat --as-human", ada)
  await repo.sdlc("apply --all")
  await repo.sdlc("approve merge --as-human", ada)
  repo.commit("records")
}

describe("the composite action", () => {
  it("uses no other action and puts no event data into its script", () => {
    expect(action.runs.using).toBe("composite")
    expect(action.runs.steps).toHaveLength(1)
    expect(JSON.stringify(action.runs.steps)).not.toContain("\"uses\"")
    expect(step?.run).not.toContain("${{")
    expect(Object.keys(step?.env ?? {}).toSorted()).toEqual(["SDLC_BASE", "SDLC_CI_PASSED", "SDLC_COMMAND", "SDLC_GATE_FEATURE", "SDLC_GROUP", "SDLC_HEAD", "SDLC_PRINCIPAL", "SDLC_REQUIRE"])
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string }
    expect(action.inputs["command"]?.default).toBe(`npx --yes @rdev/sdlc@${version}`)
  })
  it("holds back an unfinished feature, lets a finished one pass, and holds back code pushed afterwards", async () => {
    expect(act()).toMatchObject({ code: 1, output: "passage=fail\n", summary: expect.stringContaining("sdlc gate: fail"), out: expect.stringMatching(/"gate": "implementation"[^]*::error/) })
    expect(act({ SDLC_HEAD: base })).toMatchObject({ code: 0, output: "passage=pass\n" })
    expect(act({ SDLC_HEAD: base, SDLC_REQUIRE: "true" })).toMatchObject({ code: 1 })
    await finish()
    expect(act()).toMatchObject({ code: 0, output: "passage=pass\n" })
    expect(act({ SDLC_HEAD: "$(touch pwned)" })).toMatchObject({ code: 2, output: "passage=fail\n" })
    expect([...repo.files().keys()]).not.toContain("pwned")

    // A merge group: the pull request merged on top of a base that moved on.
    const head = repo.git("rev-parse", "HEAD").trim()
    repo.git("switch", "-q", "main")
    repo.write("other.txt", "x\n")
    repo.commit("somebody else")
    const moved = repo.git("rev-parse", "HEAD").trim()
    repo.git("switch", "-q", "-c", "queue")
    repo.git("merge", "-q", "--no-ff", "--no-edit", head)
    const group = repo.git("rev-parse", "HEAD").trim()
    expect(act({ SDLC_HEAD: group, SDLC_BASE: moved, SDLC_GROUP: "true" })).toMatchObject({ code: 0, output: "passage=pass\n" })
    expect(act({ SDLC_HEAD: group, SDLC_BASE: moved })).toMatchObject({ code: 1 })
    repo.git("switch", "-q", "--detach", moved)
    repo.git("merge", "-q", "--squash", head)
    repo.commit("squashed")
    expect(act({ SDLC_HEAD: repo.git("rev-parse", "HEAD").trim(), SDLC_BASE: moved, SDLC_GROUP: "true" })).toMatchObject({ code: 1, out: expect.stringContaining("is no merge commit") })

    repo.git("switch", "-q", "sdlc/hello")
    repo.write("hello.mjs", "console.log('Goodbye')\n")
    repo.commit("one more thing")
    expect(act()).toMatchObject({ code: 1, out: expect.stringContaining("agentReview=stale") })
  })
  it("holds a branch to the policy of its base, not to its own", async () => {
    repo.git("switch", "-q", "main")
    const strict = repo.git("rev-parse", "sdlc/hello").trim()
    const policy = repo.git("show", `${strict}:.sdlc/policy.yaml`)
    repo.write(".sdlc/policy.yaml", policy)
    repo.commit("policy on main")
    const main = repo.git("rev-parse", "HEAD").trim()
    repo.git("switch", "-q", "sdlc/hello")
    repo.write(".sdlc/policy.yaml", policy.replace(/: (human|agent)$/gm, ": off"))
    repo.commit("loosen everything")
    expect(act({ SDLC_BASE: main })).toMatchObject({ code: 1, output: "passage=fail\n" })
  })
})
