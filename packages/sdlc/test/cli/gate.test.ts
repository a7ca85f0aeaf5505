import { spawnSync } from "node:child_process"
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { bundle } from "../../scripts/bundle.ts"
import { ada, bob, claude, planned, project, type Repository, spec } from "./Cli.ts"

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>
  readonly runs: {
    readonly using: string
    readonly steps: ReadonlyArray<{
      readonly shell: string
      readonly run: string
      readonly env: Readonly<Record<string, string>>
    }>
  }
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

const act = (
  env: Readonly<Record<string, string>> = {}
): { readonly code: number | null; readonly out: string; readonly output: string; readonly summary: string } => {
  const [output, summary] = [join(dir, "output"), join(dir, "summary")]
  for (const file of [output, summary]) rmSync(file, { force: true })
  const result = spawnSync("bash", ["-c", step?.run ?? ""], {
    cwd: repo.root,
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: repo.root,
      SDLC_HEAD: repo.git("rev-parse", "HEAD").trim(),
      SDLC_BASE: base,
      SDLC_GATE_FEATURE: "",
      SDLC_REQUIRE: "false",
      SDLC_CI_PASSED: "false",
      SDLC_GROUP: "false",
      SDLC_COMMAND: `${process.execPath} ${join(dir, "sdlc.mjs")}`,
      SDLC_PRINCIPAL: "ci:github-actions",
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
      ...env
    }
  })
  return {
    code: result.status,
    out: result.stdout,
    output: readFileSync(output, "utf8"),
    summary: readFileSync(summary, "utf8")
  }
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
    expect(JSON.stringify(action.runs.steps)).not.toContain('"uses"')
    expect(step?.run).not.toContain("${{")
    expect(Object.keys(step?.env ?? {}).toSorted()).toEqual([
      "SDLC_BASE",
      "SDLC_CI_PASSED",
      "SDLC_COMMAND",
      "SDLC_GATE_FEATURE",
      "SDLC_GROUP",
      "SDLC_HEAD",
      "SDLC_PRINCIPAL",
      "SDLC_REQUIRE"
    ])
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      readonly version: string
    }
    expect(action.inputs["command"]?.default).toBe(`npx --yes @rdev/sdlc@${version}`)
  })
  it("holds back an unfinished feature, lets a finished one pass, and holds back code pushed afterwards", async () => {
    expect(act()).toMatchObject({
      code: 1,
      output: "passage=fail\n",
      summary: expect.stringContaining("sdlc gate: fail"),
      out: expect.stringMatching(/"gate": "implementation"[^]*::error/)
    })
    expect(act({ SDLC_HEAD: base })).toMatchObject({ code: 0, output: "passage=pass\n" })
    expect(act({ SDLC_HEAD: base, SDLC_REQUIRE: "true" })).toMatchObject({ code: 1 })
    await finish()
    expect(act()).toMatchObject({ code: 0, output: "passage=pass\n" })
    expect(act({ SDLC_HEAD: "$(touch pwned)" })).toMatchObject({
      code: 2,
      output: "passage=error\n",
      out: expect.stringMatching(/::error title=sdlc gate was called wrongly::[^]*No gate was judged/)
    })
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
    expect(act({ SDLC_HEAD: group, SDLC_BASE: moved, SDLC_GROUP: "true" })).toMatchObject({
      code: 0,
      output: "passage=pass\n"
    })
    expect(act({ SDLC_HEAD: group, SDLC_BASE: moved })).toMatchObject({ code: 10, output: "passage=pend\n" })
    repo.git("switch", "-q", "--detach", moved)
    repo.git("merge", "-q", "--squash", head)
    repo.commit("squashed")
    expect(
      act({ SDLC_HEAD: repo.git("rev-parse", "HEAD").trim(), SDLC_BASE: moved, SDLC_GROUP: "true" })
    ).toMatchObject({ code: 0, output: "passage=pass\n" })
    repo.write("hello.mjs", "console.log('Good night')\n")
    repo.commit("slipped in behind the squash")
    expect(
      act({ SDLC_HEAD: repo.git("rev-parse", "HEAD").trim(), SDLC_BASE: moved, SDLC_GROUP: "true" })
    ).toMatchObject({ code: 1 })

    repo.git("switch", "-q", "sdlc/hello")
    repo.write("hello.mjs", "console.log('Goodbye')\n")
    repo.commit("one more thing")
    expect(act()).toMatchObject({ code: 1, out: expect.stringContaining("agentReview=stale") })
  })
  const broken: ReadonlyArray<readonly [string, string]> = [
    ["cannot be started", "/nonexistent/sdlc"],
    ["is not to be had", "sh -c 'echo npm error 404 >&2; exit 1' sh"],
    ["says nothing", "true"],
    [
      "dies of a defect",
      'sh -c \'printf "{\\n  \\"error\\": {\\n    \\"message\\": \\"boom\\"\\n  }\\n}\\n"; exit 70\' sh'
    ],
    ["is killed", "sh -c 'kill -9 $$' sh"]
  ]
  it.each(broken)("tells a tool that %s from a failed gate", (_what, command) => {
    const script = join(dir, "broken.sh")
    writeFileSync(script, `#!/bin/bash\nexec ${command}\n`)
    chmodSync(script, 0o755)
    const said = act({ SDLC_COMMAND: script })
    expect(said).toMatchObject({
      code: 70,
      output: "passage=error\n",
      out: expect.stringMatching(/::error title=sdlc itself failed::[^]*says nothing about the change/)
    })
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

describe("the history of a feature", () => {
  const folder = ".sdlc/features/hello"
  let own: Repository
  const events = (type: string): string => [...own.files().keys()].find((path) => path.endsWith(`-${type}.json`)) ?? ""
  const branch = (name: string): void => void (own.git("switch", "-q", "main"), own.git("switch", "-q", "-c", name))
  const gate = () => own.sdlc("gate merge --head HEAD --base main")
  beforeAll(async () => {
    own = await project()
    own.write(`${folder}/spec.md`, spec)
    await own.sdlc("submit spec", claude)
    await own.sdlc('reject spec --as-human --reason "not yet"', ada)
    own.write("code.js", "1\n")
    own.commit("base")
  })
  afterAll(() => own.remove())

  it("may not lose a rejection on a branch", async () => {
    branch("drops")
    rmSync(join(own.root, events("verdict")))
    own.commit("drop it")
    expect(await gate()).toMatchObject({
      code: 3,
      out: expect.stringMatching(/verdict\.json: it was removed since main/)
    })
  })
  it("may not change one either, but may print it another way", async () => {
    branch("reprints")
    const path = events("verdict")
    own.write(path, JSON.stringify(JSON.parse(own.read(path))))
    own.commit("one line")
    expect(await gate()).toMatchObject({ code: 1 })
    own.write(path, own.read(path).replace('"reject"', '"approve"'))
    own.commit("approve it")
    expect(await gate()).toMatchObject({
      code: 3,
      out: expect.stringMatching(/verdict\.json: it was changed since main/)
    })
  })
  it("may not hide one behind a link", async () => {
    branch("links")
    const path = events("verdict")
    rmSync(join(own.root, path))
    symlinkSync("elsewhere.json", join(own.root, path))
    own.commit("link")
    expect(await gate()).toMatchObject({ code: 3, out: expect.stringMatching(/verdict\.json: it is a link/) })
  })
  it("may not go under another name", async () => {
    branch("renames")
    own.git("mv", folder, ".sdlc/features/other")
    own.commit("rename")
    expect(await gate()).toMatchObject({ code: 3, out: expect.stringContaining("hello: corrupt") })
  })
  it("may be mended where it was corrupt", async () => {
    branch("mends")
    const path = events("verdict")
    const good = own.read(path)
    own.write(path, "{")
    own.commit("break it")
    own.git("branch", "-q", "broken")
    own.write(path, good)
    own.commit("mend it")
    expect(await own.sdlc("gate merge --head HEAD --base broken")).toMatchObject({
      code: 1,
      out: expect.stringContaining("draft fail")
    })
  })
  it("may move to the archive at its end, without code", async () => {
    branch("archives")
    await own.sdlc('cancel hello --reason "not needed"', ada)
    await own.sdlc("apply hello --all", ada)
    expect((await own.sdlc("archive hello", ada)).code).toBe(0)
    own.commit("archive")
    expect(await gate()).toMatchObject({ code: 0, out: expect.stringContaining("hello: pass") })
    own.write("code.js", "2\n")
    own.commit("and some code")
    expect(await gate()).toMatchObject({
      code: 1,
      out: expect.stringMatching(/merge fail: The feature is archived, by ada: not needed\./)
    })
  })
})
