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
  for (const format of formats)
    cpSync(join(new URL("../fixtures/", import.meta.url).pathname, format), repo.root, { recursive: true })
  repo.commit("theirs")
  await repo.sdlc("init")
  return repo
}

const foreign = (repo: Repository): ReadonlyMap<string, string> =>
  new Map(
    [...repo.files()].filter(
      ([path]) => !/^\.sdlc\/(policy\.yaml|\.gitignore|features\/[^/]+\/(feature\.yaml|events\/|evidence\/))/.test(path)
    )
  )

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
    expect(
      (json["features"] as ReadonlyArray<{ readonly feature: string; readonly phase: string }>).filter(
        (feature) => feature.phase !== "draft"
      )
    ).toMatchObject([{ feature: "base-cards", phase: "released" }])
    expect((await repo.sdlc("import --all", claude)).out).toContain("adopted already")
  })
  it("takes approvals as submissions and ticks as claims", async () => {
    const repo = await withFixture("kiro")
    const said = await repo.sdlc("import .kiro/specs/export-report", claude)
    expect(said.out).toMatch(/submitted, since approvals elsewhere name neither a person nor a version: spec, design/)
    expect(said.out).toMatch(/claimed, to be verified: task-100, task-201/)
    const { json } = await repo.sdlc("status export-report --json")
    expect(json["documents"]).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          kind: "spec",
          state: "submitted",
          path: ".kiro/specs/export-report/requirements.md"
        }),
        expect.objectContaining({ kind: "tasks", state: "draft" })
      ])
    )
    expect(
      (json["tasks"] as ReadonlyArray<{ readonly id: string; readonly status: string }>).map((task) => [
        task.id,
        task.status
      ])
    ).toEqual([
      ["task-100", "claimed"],
      ["task-201", "claimed"],
      ["task-202", "todo"],
      ["task-203", "todo"],
      ["task-300", "todo"]
    ])
    expect(await repo.sdlc("next export-report --json")).toMatchObject({ code: 20, json: { action: "approve-spec" } })
    expect((await repo.sdlc("lint export-report")).out).toMatch(
      /\.kiro\/specs\/export-report\/requirements\.md:\d+: warning scenario-form/
    )
  })
  it("notices edits in the foreign files, but not their ticks", async () => {
    const repo = await withFixture("kiro")
    await repo.sdlc("import export-report", claude)
    await repo.sdlc("approve spec export-report --as-human", ada)
    await repo.sdlc("apply export-report")
    const path = ".kiro/specs/export-report/requirements.md"
    expect(await repo.sdlc("next export-report --json")).toMatchObject({
      json: { action: expect.stringMatching(/design|tasks/), phase: "specified" }
    })
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
    expect(JSON.parse(repo.read(".kiro/specs/export-report/spec.json"))).toMatchObject({
      approvals: { requirements: { approved: false } }
    })
    expect((await repo.sdlc("render --sources --check -f export-report")).code).toBe(0)
  })
  it("copies into our own documents on request, without ticks, and never over a file", async () => {
    const repo = await withFixture("spec-kit", "legacy")
    expect((await repo.sdlc("import 001-album-order --copy", claude)).code).toBe(0)
    const copied = repo.read(".sdlc/features/001-album-order/tasks.md")
    expect(copied).toContain("- [ ] task-001: Create project structure")
    expect(copied).not.toMatch(/^- \[x\] task/m)
    expect(repo.read(".sdlc/features/001-album-order/feature.yaml")).not.toContain("sources")
    expect(await repo.sdlc("import compact-cards --copy", claude)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/spec\.md exists already/)
    })
    expect((await repo.sdlc("import .sdlc/features", claude)).out).toMatch(
      /compact-cards: adopted[^]*note: The manifest says "review"/
    )
    expect(await repo.sdlc("status compact-cards --json")).toMatchObject({
      json: { feature: { deps: ["base-cards"] } }
    })
  })
  it("counts what it read, adopted and left out, with the reason", async () => {
    const repo = await withFixture("task-master")
    expect((await repo.sdlc("import --all", claude)).out).toMatch(
      /read 2, adopted 2, left out 1\n  left out: \.taskmaster\/tasks\/tasks\.json#master: task 3: it is cancelled/
    )
    repo.write(".taskmaster/tasks/tasks.json", "not a plan")
    const said = await repo.sdlc("import --all", claude)
    expect(said.out).not.toContain("Everything is adopted")
    expect(said.out).toContain("left out: .taskmaster/tasks/tasks.json: it is not JSON")
  })
  it("says that there is nothing where there is nothing", async () => {
    const repo = repository()
    open.push(repo)
    await repo.sdlc("init")
    expect((await repo.sdlc("import --all", claude)).out).toBe(
      "Nothing to adopt was found.\nread 0, adopted 0, left out 0\n"
    )
  })
})

describe("cases from other repositories", () => {
  const adopted = async (name: string) => {
    const repo = await withFixture(`cases/${name}`)
    const said = await repo.sdlc("import --all", claude)
    expect(said.code).toBe(0)
    expect((await repo.sdlc("lint")).out).toContain("0 errors")
    return { repo, said }
  }
  const tasksOf = async (repo: Repository, slug: string) =>
    (
      (await repo.sdlc(`status ${slug} --json`)).json["tasks"] as ReadonlyArray<{
        readonly id: string
        readonly status: string
      }>
    ).map(({ id, status }) => `${id} ${status}`)
  it("BMAD: sub-headings do not end the tasks, tracked stories without a file are listed", async () => {
    const { repo, said } = await adopted("bmad-subheadings")
    expect(await tasksOf(repo, "1-1-greet-visitors")).toEqual(["task-001 claimed", "task-002 claimed", "task-003 todo"])
    expect(said.out).toContain("has open tasks; it starts at draft")
    const path = "_bmad-output/implementation-artifacts/sprint-status.yaml"
    repo.write(path, `${repo.read(path)}  1-2-say-goodbye: backlog\n`)
    expect((await repo.sdlc("import --list")).out).toContain(
      `cannot be adopted: story 1-2-say-goodbye: ${path} tracks it as "backlog", and it has no file yet`
    )
  })
  it("legacy: finished work is finished, waivers are proposals, prose checks are checks", async () => {
    const { repo, said } = await adopted("legacy-qa-plan")
    expect(said.out).toContain('as released: the manifest says "archived"; imported, unverified')
    expect(said.out).toContain('sdlc waive design say-hello --reason "The manifest says that it is waived."')
    expect(said.out).toContain("spec, tasks, qa-plan")
    expect(await repo.sdlc("next say-hello --json")).toMatchObject({
      code: 30,
      json: { rule: "Z3", phase: "released" }
    })
    expect((await repo.sdlc("status say-hello --json")).json["tasks"]).toEqual([])
  })
  it("legacy: an approval without its file is named", async () => {
    const repo = await withFixture("cases/legacy-qa-plan")
    repo.git("rm", "-q", ".sdlc/features/say-hello/qa_plan.md")
    expect((await repo.sdlc("import --all", claude)).out).toContain(
      "left out: .sdlc/features/say-hello: approval of qa-plan: its file .sdlc/features/say-hello/qa-plan.md is not there"
    )
  })
  it("a feature is imported as finished once, at its beginning, and not by an unsigned event where signatures are asked for", async () => {
    const { repo } = await adopted("legacy-qa-plan")
    const events = [...repo.files().keys()].filter((path) => path.endsWith("-feature-imported.json"))
    expect(events).toHaveLength(1)
    repo.write(
      ".sdlc/policy.yaml",
      "keyring:\n  - id: platform\n    ed25519: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\n"
    )
    expect(await repo.sdlc("next say-hello --json")).toMatchObject({ json: { phase: "draft" } })
  })
  it("Task Master: text ids become aliases", async () => {
    const { repo } = await adopted("taskmaster-string-ids")
    expect(await tasksOf(repo, "taskmaster")).toEqual(["task-1000 claimed", "task-1001 todo"])
    expect((await repo.sdlc("import --all", claude)).out).toContain("Everything is adopted already.")
  })
  it("Kiro: a whole requirement stands for its criteria", async () => {
    const { repo } = await adopted("kiro-whole-requirement")
    expect((await repo.sdlc("lint greeting")).out).not.toMatch(/covers-missing|uncovered-requirement/)
  })
  it("spec-kit in Spanish: the story, its scenario and its task are found", async () => {
    const { repo } = await adopted("speckit-other-language")
    const { out } = await repo.sdlc("lint 001-saludo")
    expect(out).not.toContain("unknown-requirement")
    expect(out).not.toMatch(/REQ-901 has no scenario|No task covers REQ-901|task-002 covers no/)
  })
  it("a repository of several projects: found from the root and from inside, names kept apart", async () => {
    const { repo } = await adopted("monorepo-speckit")
    expect((await repo.sdlc("import --list -C apps/web")).out).toMatch(
      /001-login +spec-kit +adopted +apps\/web\/specs\/001-login/
    )
    repo.write("apps/api/specs/001-login/spec.md", repo.read("apps/web/specs/001-login/spec.md"))
    repo.write("apps/api/specs/002-logout/spec.md", repo.read("apps/web/specs/001-login/spec.md"))
    expect((await repo.sdlc("import specs/002-logout -C apps/api", claude)).out).toContain(
      "002-logout: adopted from apps/api/specs/002-logout"
    )
    expect((await repo.sdlc("import --all", claude)).out).toContain(
      "api-001-login: adopted from apps/api/specs/001-login"
    )
  })
})
