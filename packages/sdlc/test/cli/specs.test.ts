import { afterEach, describe, expect, it } from "vitest"
import { ada, claude, project, type Repository } from "./Cli.ts"

let open: Array<Repository> = []
afterEach(() => {
  for (const repo of open) repo.remove()
  open = []
})

const livingPath = ".sdlc/specs/greeting/spec.md"
const living =
  "# Greeting\n### Requirement: Greet a visitor\nThe page shall greet.\n### Requirement: Say goodbye\nThe page shall part.\n"
const requirement = (id: number, name: string): string =>
  `### REQ-00${id}: ${name}\nWhen a user comes, the page shall greet them.\n#### SC-00${id}: ${name}\n- When a user comes\n- Then it greets\n`
const specOf = (slug: string): string => `.sdlc/features/${slug}/spec.md`

/** A project with living specs and two features, `hello` and `other`. */
const begin = async (): Promise<Repository> => {
  const repo = await project()
  open.push(repo)
  repo.write(livingPath, living)
  await repo.sdlc("new other", claude)
  repo.commit("features")
  return repo
}

const findings = async (repo: Repository, words = ""): Promise<ReadonlyArray<string>> =>
  ((await repo.sdlc(`lint ${words} --json`)).json["findings"] as ReadonlyArray<Record<string, unknown>>).map(
    ({ file, line, rule }) => `${String(file)}:${String(line)} ${String(rule)}`
  )

describe("specs that live", () => {
  it("are not changed where they have nothing: refused at submission, with file, line, header and the nearest one", async () => {
    const repo = await begin()
    repo.write(specOf("hello"), `# A\n## MODIFIED Requirements\n${requirement(1, "Greet a visiter")}`)
    const before = repo.files()
    const refused = await repo.sdlc("submit spec hello", claude)
    expect(refused.code).toBe(1)
    expect(refused.err).toContain(
      `.sdlc/features/hello/spec.md:3: error unknown-living-requirement: MODIFIED "Greet a visiter", but ${livingPath} has no such requirement. Fix: did you mean "Greet a visitor" (${livingPath}:2)?`
    )
    expect(repo.files()).toEqual(before)
    expect(await findings(repo, "hello")).toEqual([`${specOf("hello")}:3 unknown-living-requirement`])
    expect(await findings(repo, specOf("hello"))).toEqual([`${specOf("hello")}:3 unknown-living-requirement`])
    repo.write(
      specOf("hello"),
      `# A\r\n## MODIFIED Requirements\r\n${requirement(1, "GREET  a visitor").replaceAll("\n", "\r\n")}`
    )
    expect((await repo.sdlc("submit spec hello", claude)).out).toContain("submitted the spec")
  })

  it("tell both of two open features that they touch the same, wherever each of them is", async () => {
    const repo = await begin()
    repo.write(specOf("hello"), `# A\n## MODIFIED Requirements\n${requirement(1, "Greet a visitor")}`)
    repo.write(specOf("other"), `# B\n## REMOVED Requirements: greeting\n- REQ-004: greet a visitor\n`)
    expect(await findings(repo)).toEqual([`${specOf("hello")}:3 overlap`, `${specOf("other")}:3 overlap`])
    expect((await repo.sdlc("submit spec hello", claude)).out).toContain(
      "other removes it too (.sdlc/features/other/spec.md:3)"
    )
    expect((await repo.sdlc("status other")).out).toContain("hello modifies it too")
    expect((await repo.sdlc("why other --json")).json["overlaps"]).toMatchObject([
      {
        requirement: "greet a visitor",
        spec: livingPath,
        count: 1,
        with: [{ feature: "hello", operation: "modified" }]
      }
    ])
    repo.commit("both")
    repo.git("checkout", "-q", "-b", "sdlc/third")
    await repo.sdlc("new third", claude)
    repo.write(specOf("third"), `# C\n## RENAMED Requirements\n- FROM: Greet a visitor\n- TO: Greet everybody\n`)
    repo.commit("third")
    expect((await repo.sdlc("status third")).out).toContain("hello modifies it too")
    repo.git("checkout", "-q", "main")
    const status = (await repo.sdlc("status hello")).out
    expect(status).toContain("other removes it too")
    expect(status).toContain("third renames it too (sdlc/third:.sdlc/features/third/spec.md:3)")
    await repo.sdlc('cancel other --reason "not now" --as-human', ada)
    await repo.sdlc('cancel other --reason "not now"', ada)
    expect((await repo.sdlc("status hello")).out).not.toContain("other removes")
  })

  it("describe what a spec without sections describes too", async () => {
    const repo = await begin()
    repo.write(specOf("hello"), `# A\n${requirement(1, "Greet a visitor")}`)
    repo.write(specOf("other"), `# B\n${requirement(1, "Greet a visitor")}${requirement(2, "New")}`)
    expect(await findings(repo)).toEqual([`${specOf("hello")}:2 overlap`, `${specOf("other")}:2 overlap`])
  })

  it("have what a feature says before its sync is recorded, and before it is archived", async () => {
    const repo = await begin()
    await repo.sdlc("new kit", claude)
    repo.write(
      specOf("kit"),
      `# A\n## REMOVED Requirements\n### Requirement: Say goodbye\n## ADDED Requirements: greeting\n${requirement(1, "Wave")}`
    )
    repo.commit("kit")
    const sha = repo.git("rev-parse", "HEAD").trim()
    expect((await repo.sdlc(`record merged kit --data '{"sha":"${sha}","outOfBand":true}'`, ada)).err).toBe("")
    const record = `record sync-recorded kit --data '{"specs":["greeting"]}'`
    const refused = await repo.sdlc(record, claude)
    expect(refused.code).toBe(1)
    expect(refused.err).toMatch(
      /2 of its changes are not there .*spec\.md:3: error living-spec-not-folded: REMOVED "Say goodbye", but it is still there/
    )
    repo.write(livingPath, living.replace(/### Requirement: Say goodbye[^]*/, "### Requirement: Wave\n"))
    expect((await repo.sdlc(record, claude)).code).not.toBe(1)
    // A header that never was there is no change that happened.
    repo.write(specOf("kit"), "# A\n## REMOVED Requirements\n### Requirement: Never there\n")
    expect((await repo.sdlc(record, claude)).err).toContain('unknown-living-requirement: REMOVED "Never there"')
  })

  it("are those of an OpenSpec change, beside it, in every spelling", async () => {
    const repo = await begin()
    const change = "apps/web/openspec/changes/louder"
    repo.write("apps/web/openspec/specs/greeting/spec.md", "# G\n### Requirement: Greet loudly\nX.\n")
    repo.write(`${change}/proposal.md`, "# Louder\n## Why\nIt is quiet.\n")
    repo.write(
      `${change}/specs/greeting/spec.md`,
      `## Modified Requirements\n\n### Requirement: Greet loudely\nWhen a user comes, the page SHALL greet.\n\n#### Scenario: one\n- **WHEN** a user comes\n- **THEN** it greets\n\n## REMOVED Requirements\n\n### Requirement: greet  LOUDLY\n`
    )
    expect((await repo.sdlc("import --all", claude)).err).toBe("")
    const file = `${change}/specs/greeting/spec.md`
    expect(await findings(repo, "louder")).toEqual([`${file}:3 unknown-living-requirement`])
    repo.write(file, repo.read(file).replace("loudely", "loudly"))
    expect(await findings(repo, "louder")).toEqual([`${file}:12 delta-conflict`])
  })
})
