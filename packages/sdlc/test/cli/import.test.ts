import { cpSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { ada, claude, repository, type Repository } from "./Cli.ts"

let open: Array<Repository> = []
afterEach(() => {
  for (const repo of open) repo.remove()
  open = []
})

const withFixture = async (...formats: ReadonlyArray<string>): Promise<Repository> => {
  const repo = repository()
  open.push(repo)
  for (const format of formats) cpSync(join(new URL("../fixtures/", import.meta.url).pathname, format), repo.root, { recursive: true })
  repo.commit("theirs")
  await repo.sdlc("init")
  return repo
}

const foreign = (repo: Repository): ReadonlyMap<string, string> => new Map([...repo.files()].filter(([path]) => !/^\.sdlc\/(policy\.yaml|\.gitignore|features\/[^/]+\/(feature\.yaml|events\/|evidence\/))/.test(path)))

describe("sdlc import", () => {
  it("adopts everything and overwrites nothing", async () => {
    const repo = await withFixture("spec-kit", "openspec", "kiro", "task-master", "bmad", "legacy")
    const before = foreign(repo)
    expect((await repo.sdlc("import --list --json")).json["candidates"]).toHaveLength(12)
    const said = await repo.sdlc("import --all --json", claude)
    expect(said.code).toBe(0)
    expect(said.json["adopted"]).toHaveLength(12)
    expect(foreign(repo)).toEqual(before)
    expect((await repo.sdlc("doctor")).code).toBe(0)
    const { json } = await repo.sdlc("features --json")
    expect((json["features"] as ReadonlyArray<{ readonly phase: string }>).every((feature) => feature.phase === "draft")).toBe(true)
    expect((await repo.sdlc("import --all", claude)).out).toContain("adopted already")
  })
  it("takes approvals as submissions and ticks as claims", async () => {
    const repo = await withFixture("kiro")
    const said = await repo.sdlc("import .kiro/specs/export-report", claude)
    expect(said.out).toMatch(/submitted, since approvals elsewhere name neither a person nor a version: spec, design/)
    expect(said.out).toMatch(/claimed, to be verified: task-100, task-201/)
    const { json } = await repo.sdlc("status export-report --json")
    expect(json["documents"]).toEqual(expect.arrayContaining([expect.objectContaining({ kind: "spec", state: "submitted", path: ".kiro/specs/export-report/requirements.md" }), expect.objectContaining({ kind: "tasks", state: "draft" })]))
    expect((json["tasks"] as ReadonlyArray<{ readonly id: string; readonly status: string }>).map((task) => [task.id, task.status])).toEqual([["task-100", "claimed"], ["task-201", "claimed"], ["task-202", "todo"], ["task-203", "todo"], ["task-300", "todo"]])
    expect(await repo.sdlc("next export-report --json")).toMatchObject({ code: 20, json: { action: "approve-spec" } })
    expect((await repo.sdlc("lint export-report")).out).toMatch(/\.kiro\/specs\/export-report\/requirements\.md:\d+: warning scenario-form/)
  })
  it("notices edits in the foreign files, but not their ticks", async () => {
    const repo = await withFixture("kiro")
    await repo.sdlc("import export-report", claude)
    await repo.sdlc("approve spec export-report --as-human", ada)
    await repo.sdlc("apply export-report")
    const path = ".kiro/specs/export-report/requirements.md"
    expect(await repo.sdlc("next export-report --json")).toMatchObject({ json: { action: expect.stringMatching(/design|tasks/), phase: "specified" } })
    repo.write(path, repo.read(path).replace("create a PDF", "create a spreadsheet"))
    expect(await repo.sdlc("next export-report --json")).toMatchObject({ json: { rule: "P2", to: "draft" } })
  })
  it("writes ticks and approvals back only when render is asked to", async () => {
    const repo = await withFixture("kiro")
    await repo.sdlc("import export-report", claude)
    const before = foreign(repo)
    expect((await repo.sdlc("render --sources --check -f export-report")).code).toBe(1)
    expect(foreign(repo)).toEqual(before)
    await repo.sdlc("render --sources -f export-report")
    expect(repo.read(".kiro/specs/export-report/tasks.md")).toContain("- [ ] 1. Set up the worker")
    expect(repo.read(".kiro/specs/export-report/tasks.md")).toContain("- [x] 4. An example in a fence")
    expect(JSON.parse(repo.read(".kiro/specs/export-report/spec.json"))).toMatchObject({ approvals: { requirements: { approved: false } } })
    expect((await repo.sdlc("render --sources --check -f export-report")).code).toBe(0)
  })
  it("copies into our own documents on request, without ticks, and never over a file", async () => {
    const repo = await withFixture("spec-kit", "legacy")
    expect((await repo.sdlc("import 001-album-order --copy", claude)).code).toBe(0)
    const copied = repo.read(".sdlc/features/001-album-order/tasks.md")
    expect(copied).toContain("- [ ] task-001: Create project structure")
    expect(copied).not.toMatch(/^- \[x\] task/m)
    expect(repo.read(".sdlc/features/001-album-order/feature.yaml")).not.toContain("sources")
    expect(await repo.sdlc("import compact-cards --copy", claude)).toMatchObject({ code: 2, err: expect.stringMatching(/spec\.md exists already/) })
    expect((await repo.sdlc("import .sdlc/features", claude)).out).toMatch(/compact-cards: adopted[^]*note: The manifest says "review"/)
    expect(await repo.sdlc("status compact-cards --json")).toMatchObject({ json: { feature: { deps: ["base-cards"] } } })
  })
})
