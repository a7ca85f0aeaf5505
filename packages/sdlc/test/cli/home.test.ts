/** Writes go only where they belong: every command that records something, in every place that is not the feature's. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ada, bob, claude, planned, project, type Repository } from "./Cli.ts"

let repo: Repository
const folders: Array<string> = []
beforeAll(async () => {
  repo = await planned()
  repo.commit("state")
  repo.git("branch", "other")
  repo.git("switch", "-q", "main")
  repo.write("main.txt", "moved on\n")
  repo.commit("main moves on")
}, 120_000)
afterAll(() => {
  repo.remove()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Command lines that write, each as somebody who may. */
const writing: ReadonlyArray<readonly [line: string, as: string]> = [
  ["apply hello", ada],
  ["apply hello --all", ada],
  ["submit design hello", claude],
  ["approve start hello --as-human", ada],
  ["reject design hello --reason no --as-human", ada],
  ["waive design hello --reason no --as-human", ada],
  ["task start task-001 hello", claude],
  ["task claim task-001 hello", claude],
  ["task done task-001 hello", ada],
  ["task fail task-001 hello --reason no", claude],
  ["task block task-001 hello --reason no", claude],
  ['task add hello --origin ci --title x --verify "true"', claude],
  [`record review hello --data '{"verdict":"approve","findings":[]}'`, bob],
  [`record audit hello --data '{"findings":[]}'`, bob],
  [`record ci hello --data '{"run":"1","status":"passed"}'`, ada],
  [`record merged hello --data '{"sha":"abc","outOfBand":true}'`, ada],
  ["thread open t-9 hello", ada],
  ["dispose F-1 accept hello --reason fine", ada],
  ["evidence attach QA-001 hello --note seen", ada],
  ["qa run hello", bob],
  ["pause hello --reason no", ada],
  ["cancel hello --reason no", ada],
  ["archive hello", ada],
  ["block hello --reason no", ada],
  ["unblock b-1 hello", ada],
  ["answer e-1 hello --answer no", ada]
]

const refusesAll = async (there: () => void, message: RegExp): Promise<void> => {
  there()
  const before = repo.files()
  const refs = repo.git("for-each-ref")
  for (const [line, as] of writing) {
    const said = await repo.sdlc(line, as)
    expect({ line, code: said.code, err: said.err }).toEqual({ line, code: 2, err: expect.stringMatching(message) })
  }
  expect(repo.files()).toEqual(before)
  expect(repo.git("for-each-ref")).toBe(refs)
}

describe("a write goes to the branch of its feature, or nowhere", () => {
  it("is refused on another branch that holds the feature's files", { timeout: 120_000 }, () =>
    refusesAll(
      () => repo.git("switch", "-q", "other"),
      /other is checked out, but hello goes on in its own branch: sdlc\/hello\.[^]*git switch sdlc\/hello/
    )
  )

  it("is refused on a detached head", { timeout: 120_000 }, () =>
    refusesAll(() => repo.git("switch", "-q", "--detach", "sdlc/hello"), /HEAD is detached/)
  )

  it("is refused in the midst of a rebase, which is named together with its branch", async () => {
    repo.git("switch", "-q", "sdlc/hello")
    repo.git("branch", "-q", "-f", "rebased", "sdlc/hello")
    repo.git("switch", "-q", "rebased")
    repo.write("main.txt", "otherwise\n")
    repo.commit("conflicts")
    expect(() => repo.git("rebase", "-q", "main")).toThrow()
    expect(await repo.sdlc("pause hello --reason no", ada)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/A rebase of rebased is in progress[^]*git rebase --abort/)
    })
    repo.git("rebase", "--abort")
  })

  it("is refused where the branch is only known to git, not to the files at hand", async () => {
    repo.git("switch", "-q", "main")
    repo.git(
      "checkout",
      "-q",
      "sdlc/hello",
      "--",
      ".sdlc/policy.yaml",
      ".sdlc/features/hello/feature.yaml",
      ".sdlc/features/hello/spec.md"
    )
    const created =
      repo
        .git("ls-tree", "-r", "--name-only", "sdlc/hello", "--", ".sdlc/features/hello/events")
        .split("\n")
        .find((path) => path.includes("feature-created")) ?? ""
    repo.git("checkout", "-q", "sdlc/hello", "--", created)
    expect(await repo.sdlc("submit spec hello", claude)).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /main is checked out, but hello goes on in a branch of its own since sdlc\/hello was provisioned/
      )
    })
    repo.git("reset", "-q", "--hard")
  })

  it("says in which work tree the branch is checked out, and works there", async () => {
    repo.git("switch", "-q", "other")
    const folder = join(realpathSync(mkdtempSync(join(tmpdir(), "sdlc-tree-"))), "tree")
    folders.push(folder)
    repo.git("worktree", "add", "-q", folder, "sdlc/hello")
    expect(await repo.sdlc("pause hello --reason no", ada)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`it is checked out in ${folder}`)
    })
    expect(await repo.sdlc(`pause hello --reason later -C ${folder} --json`, ada)).toMatchObject({
      code: 0,
      json: { writtenOn: "sdlc/hello" }
    })
    expect(await repo.sdlc(`resume hello -C ${folder}`, ada)).toMatchObject({
      code: 0,
      out: expect.stringContaining("written on sdlc/hello")
    })
    repo.git("worktree", "remove", "--force", folder)
  })

  it("takes another branch at its word, when it is named and checked out", async () => {
    repo.git("switch", "-q", "other")
    expect(await repo.sdlc("thread open t-1 hello --branch main", ada)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/main is not checked out, other is/)
    })
    expect(await repo.sdlc("thread open t-1 hello --branch other", ada)).toMatchObject({
      code: 0,
      out: expect.stringContaining("written on other")
    })
    repo.git("clean", "-qfd")
    // Steps that move branches move the feature's own and no other, whatever was named.
    repo.git("switch", "-q", "main")
    expect(await repo.sdlc("new side --branch sdlc/hello", claude)).toMatchObject({ code: 2 })
  })

  it("keeps a new feature off the branch of another", async () => {
    repo.git("switch", "-q", "sdlc/hello")
    expect(await repo.sdlc("new side", claude)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/sdlc\/hello is the branch of hello; side would land together with it/)
    })
  })
})

describe("a branch starts from what it is merged into", () => {
  it("is refused from anywhere else, unless that is named as the base", { timeout: 60_000 }, async () => {
    const own = await project()
    folders.push(own.root)
    own.commit("feature")
    own.git("switch", "-q", "-c", "topic")
    own.write(
      ".sdlc/policy.yaml",
      "v: 1\ndeploy: none\ngates: { spec: auto, design: 'off', tasks: auto, qa-plan: 'off', start: auto }\n"
    )
    own.write(
      ".sdlc/features/hello/spec.md",
      "# x\n### REQ-001: Greet\nThe tool shall greet.\n#### SC-001: a\n- When it runs\n- Then it greets\n"
    )
    own.write(".sdlc/features/hello/tasks.md", "## task-001: x\n- covers: REQ-001\n- verify: `true`\n")
    await own.sdlc("submit spec", claude)
    await own.sdlc("apply --all", ada)
    await own.sdlc("submit tasks", claude)
    const said = await own.sdlc("apply --all", ada)
    expect(said).toMatchObject({
      code: 2,
      out: expect.stringMatching(
        /claim-slot\nstopped after \d+ steps: provision-workspace: topic is checked out, and hello is to be merged into main\./
      )
    })
    expect(own.git("branch", "--list", "sdlc/*")).toBe("")
    expect((await own.sdlc("apply --all --base topic", ada)).out).toContain("I7 materialise-tasks")
    expect(own.git("symbolic-ref", "--short", "HEAD").trim()).toBe("sdlc/hello")
  })
})
