import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ada, bob, claude, planned, project, type Repository, spec } from "./Cli.ts"

const dir = ".sdlc/features/hello"

describe("words about a draft", () => {
  let repo: Repository
  beforeAll(async () => {
    repo = await project()
    repo.write(`${dir}/spec.md`, spec)
    await repo.sdlc("submit spec", claude)
  })
  afterAll(() => repo.remove())

  it("next says what to type, and how to see what is approved", async () => {
    const { json, out } = await repo.sdlc("next")
    expect(json).toEqual({})
    expect(out).toContain("look: sdlc show spec hello")
    expect(out).toContain("type: sdlc approve spec hello --as-human")
    expect((await repo.sdlc("next --json")).json["hand"]).toMatchObject({ look: "sdlc show spec hello" })
  })
  it("show prints the document with its standing, and shortens its digest", async () => {
    const { out } = await repo.sdlc("show spec hello")
    expect(out).toMatch(
      /^spec of hello: submitted, last submitted by claude on \d{4}-\d\d-\d\d\n {2}\.sdlc\/features\/hello\/spec\.md \(md1:[0-9a-f]{10}\)\n/
    )
    expect(out).toContain("### REQ-001: Greet")
    expect((await repo.sdlc("show spek")).err).toContain("did you mean spec?")
    expect((await repo.sdlc("show design")).err).toContain("does not exist")
  })
  it("why speaks in sentences and folds the values away", async () => {
    const { out } = await repo.sdlc("why")
    expect(out).toContain("because:\n  - The spec was submitted by claude on ")
    expect(out).not.toMatch(/[0-9a-f]{16}|spec=|facts, and where/)
    const facts = (await repo.sdlc("why --facts")).out
    expect(facts).toContain("facts, and where they come from")
    expect(facts).toMatch(/rule S7: /)
    expect((await repo.sdlc("why --json")).json).toMatchObject({
      because: [expect.stringContaining("submitted by claude")],
      facts: expect.anything(),
      conditions: expect.anything()
    })
  })
  it("why-not names the gates that stand between", async () => {
    const { out } = await repo.sdlc("why-not implement-task")
    expect(out).toContain("Between here and there stand the gates draft, specified, planned and ready:")
    expect(out).toContain("  draft: The spec was submitted by claude")
    expect((await repo.sdlc("why-not implement-task --json")).json["gates"]).toHaveLength(4)
  })
  const gates: ReadonlyArray<readonly [string, string]> = [
    ["requirements", "did you mean spec?"],
    ["Spec", "did you mean spec?"],
    ["plan", "did you mean tasks?"],
    ["acceptance", "did you mean uat?"],
    ["qa_plan", "did you mean qa-plan?"],
    ["human_review", "did you mean human-review?"],
    ["code-reviev", "did you mean human-review?"],
    ["marge", "did you mean merge?"],
    ["agent-review", "sdlc record review"],
    ["audit", "sdlc record audit"],
    ["xyzzy", "use one of these."]
  ]
  it.each(gates)("answers the wrong gate %s with %s", async (word, fix) => {
    const said = await repo.sdlc(`approve ${word} --as-human`, ada)
    expect(said.code).toBe(2)
    expect(said.err).toContain(fix)
  })
  it("help record lists the fields of each event", async () => {
    const { out } = await repo.sdlc("help record")
    expect(out).toMatch(/ci-recorded +\(ci\) +tree, .*sha, run, status: passed\|failed\|infra, job\?, url\?/)
    expect(out).toMatch(/pr-opened +\(pr\) +number, url\?/)
    expect(out).not.toMatch(/^ *phase-moved/m)
    expect((await repo.sdlc("help record --json")).json["events"]).toMatchObject({
      merged: { required: ["sha", "outOfBand"] }
    })
  })
  it("sim tells a story", async () => {
    const { out } = await repo.sdlc("sim --set spec=approved")
    expect(out).toMatch(/^If spec were approved, /)
    expect(out).toMatch(/\n {2}specified: /)
    expect((await repo.sdlc("sim --json")).json["steps"]).not.toEqual([])
    expect((await repo.sdlc("sim --plays 5")).out).toContain("Of 5 plays")
  })
})

describe("words about code", () => {
  let repo: Repository
  beforeAll(async () => {
    repo = await planned()
    await repo.sdlc("task start task-001", claude)
    repo.write("hello.mjs", "console.log('Hello ' + process.argv[2])\n")
    repo.commit("greet")
    await repo.sdlc("task claim task-001", claude)
    await repo.sdlc("apply --all")
    await repo.sdlc(`record review --data '{"verdict":"approve","findings":[]}'`, bob)
  })
  afterAll(() => repo.remove())

  it("names what changed since a review, and who changed it", async () => {
    expect((await repo.sdlc("why")).out).toContain("Nobody has approved the code.")
    expect((await repo.sdlc("next")).out).toContain("look: sdlc show code hello")
    expect((await repo.sdlc("show code")).out).toContain("+console.log('Hello ' + process.argv[2])")
    repo.write("hello.mjs", "console.log('Hello again ' + process.argv[2])\n")
    repo.commit("again")
    repo.write("other.mjs", "export {}\n")
    repo.commit("other")
    await repo.sdlc(`record ci --data '{"run":"7","status":"passed"}'`, "ci:runner")
    const { out } = await repo.sdlc("why")
    expect(out).toContain("The review by bob is of an older version: ")
    expect(out).toContain("hello.mjs and other.mjs were changed since (2 commits by Ada)")
  })
})

describe("archived features", () => {
  it("can be looked at and not changed", async () => {
    const repo = await project()
    repo.write(`${dir}/spec.md`, spec)
    await repo.sdlc('cancel hello --reason "no need"', ada)
    await repo.sdlc("apply --all", ada)
    const at = repo.git("status", "--porcelain")
    expect(at).not.toBe("")
    if (!repo.read(".sdlc/policy.yaml").includes("v: 1")) throw new Error("policy")
    const archived = [...repo.files().keys()].some((path) => path.startsWith(".sdlc/archive/"))
    if (!archived) expect((await repo.sdlc("archive hello", ada)).code).toBe(0)
    for (const line of [
      "status hello",
      "why hello",
      "replay hello",
      "show spec hello",
      "explain hello",
      "graph hello",
      "why-not merge hello"
    ]) {
      const said = await repo.sdlc(line)
      expect(said.err, line).toBe("")
      expect(said.out, line).not.toBe("")
    }
    expect((await repo.sdlc("status hello")).out).toContain("archived")
    expect((await repo.sdlc("show spec hello")).out).toContain("REQ-001")
    expect(await repo.sdlc('pause hello --reason "x"', ada)).toMatchObject({
      code: 2,
      err: expect.stringContaining("archived")
    })
    expect((await repo.sdlc("why helo")).err).toContain("did you mean hello?")
    repo.remove()
  })
})

describe("doctor", () => {
  it("takes CRLF and other spellings of the ignored cache", async () => {
    const repo = await project()
    for (const text of ["cache/\r\n", "# ours\r\n/cache\r\n", "cache", "x\ncache/  \n"]) {
      repo.write(".sdlc/.gitignore", text)
      expect((await repo.sdlc("doctor")).out, JSON.stringify(text)).toContain("cache: ignored by git")
    }
    repo.write(".sdlc/.gitignore", "cached/\n")
    expect((await repo.sdlc("doctor")).out).toContain("does not ignore cache/")
    repo.remove()
  })
  it("says of a renamed folder how to put it right", async () => {
    const repo = await project()
    repo.git("add", "-A")
    repo.git("mv", dir, ".sdlc/features/greeting")
    const renamed = (await repo.sdlc("doctor")).out
    expect(renamed).toContain('slug: "hello" is not the name of its folder')
    expect(renamed).toContain("git mv .sdlc/features/greeting .sdlc/features/hello")
    expect(renamed).not.toContain("restore the file from git")
    repo.git("mv", ".sdlc/features/greeting", ".sdlc/features/Hello_World")
    const odd = (await repo.sdlc("doctor")).out
    expect(odd).toContain("Hello_World")
    expect(odd).toContain("git mv .sdlc/features/Hello_World .sdlc/features/hello")
    repo.remove()
  })
})
