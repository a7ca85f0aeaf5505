/** What happened outside of the flow is seen: a feature in its base, however it came there, and nothing that only looks like it. */
import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { ada, at, claude, repository, type Repository, spec } from "./Cli.ts"

const folders: Array<string> = []
let template: Repository
let repo: Repository

/** A feature of three commits in its branch: greeting, test of it, records. Its task is claimed; nobody has reviewed it. */
const prepare = async (): Promise<Repository> => {
  const own = repository()
  own.write("lib.mjs", "export const one = 1\n\n\n\n\n\n\n\n\n\nexport const two = 2\n")
  own.write("README.md", "# Demo\n")
  own.commit("start")
  await own.sdlc("init")
  own.write(".sdlc/policy.yaml", "v: 1\ndeploy: none\n")
  await own.sdlc('new hello --title "Say hello" --preset lean', claude)
  own.write(".sdlc/features/hello/spec.md", spec)
  await own.sdlc("submit spec hello", claude)
  own.write(
    ".sdlc/features/hello/tasks.md",
    "## task-001: Greeting\n- covers: REQ-001\n- writes: hello.mjs\n- verify: `node hello.mjs Ada`\n"
  )
  await own.sdlc("submit tasks hello", claude)
  own.commit("planned")
  await own.sdlc("apply hello --all", ada)
  own.commit("records")
  own.write("hello.mjs", "console.log('Hello ' + process.argv[2])\n")
  own.write("lib.mjs", own.read("lib.mjs").replace("two = 2", "two = 22"))
  own.commit("greet")
  own.write("hello.test.mjs", "// greets\n")
  own.commit("test it")
  await own.sdlc("task claim task-001 hello", claude)
  own.commit("claimed")
  return own
}

beforeAll(async () => {
  template = await prepare()
}, 120_000)
afterAll(() => template.remove())
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const copy = (): Repository => {
  const root = join(realpathSync(mkdtempSync(join(tmpdir(), "sdlc-landing-"))), "repo")
  folders.push(root)
  cpSync(template.root, root, { recursive: true })
  return at(root)
}

const commits = (own: Repository): { readonly greet: string; readonly test: string } => {
  const of = (subject: string) => own.git("log", "--format=%H", `--grep=^${subject}$`, "sdlc/hello").trim()
  return { greet: of("greet"), test: of("test it") }
}

const move = (own: Repository, path = "other.txt", text = "moved on\n"): void => {
  own.write(path, text)
  own.commit("main moves on")
}

const onMain = (own: Repository): void => void own.git("switch", "-q", "main")

/** Every way in which a feature comes into its base. */
const ways: ReadonlyArray<readonly [name: string, how: string, land: (own: Repository) => void]> = [
  [
    "git merge --no-ff",
    "merge",
    (own) => (onMain(own), move(own), own.git("merge", "-q", "--no-ff", "--no-edit", "sdlc/hello"))
  ],
  [
    "a merge, with more commits on the base since",
    "merge",
    (own) => (
      onMain(own),
      own.git("merge", "-q", "--no-ff", "--no-edit", "sdlc/hello"),
      move(own),
      move(own, "lib.mjs", "export const none = 0\n")
    )
  ],
  ["git merge --ff-only", "fast-forward", (own) => (onMain(own), own.git("merge", "-q", "--ff-only", "sdlc/hello"))],
  [
    "a fast-forward, with more commits since",
    "fast-forward",
    (own) => (onMain(own), own.git("merge", "-q", "--ff-only", "sdlc/hello"), move(own))
  ],
  [
    "git merge --squash",
    "squash",
    (own) => (onMain(own), move(own), own.git("merge", "-q", "--squash", "sdlc/hello"), own.commit("Say hello (#1)"))
  ],
  [
    "a squash after which others changed the same files",
    "squash",
    (own) => (
      onMain(own),
      own.git("merge", "-q", "--squash", "sdlc/hello"),
      own.commit("Say hello (#1)"),
      move(own, "hello.mjs", "console.log('Hi')\n")
    )
  ],
  [
    "a squash onto a base that changed the same file elsewhere",
    "squash",
    (own) => (
      onMain(own),
      move(own, "lib.mjs", own.read("lib.mjs").replace("one = 1", "one = 11")),
      own.git("merge", "-q", "--squash", "sdlc/hello"),
      own.commit("Say hello (#1)")
    )
  ],
  [
    "a squash by a forge that deletes the branch",
    "squash",
    (own) => (
      onMain(own),
      move(own),
      own.git("merge", "-q", "--squash", "sdlc/hello"),
      own.commit("Say hello (#1)"),
      own.git("branch", "-q", "-D", "sdlc/hello")
    )
  ],
  [
    "a rebase-merge",
    "cherry-pick",
    (own) => (onMain(own), move(own), own.git("cherry-pick", "--allow-empty", "main~1..sdlc/hello"))
  ],
  [
    "a rebase-merge onto a base that changed the same file elsewhere",
    "cherry-pick",
    (own) => (
      onMain(own),
      move(own, "lib.mjs", own.read("lib.mjs").replace("one = 1", "one = 11")),
      own.git("cherry-pick", "--allow-empty", "main~1..sdlc/hello")
    )
  ],
  [
    "commits picked by hand, without the records",
    "cherry-pick",
    (own) => (onMain(own), move(own), own.git("cherry-pick", commits(own).greet, commits(own).test))
  ],
  [
    "a squash that names the head it was made of",
    "squash",
    (own) => (
      onMain(own),
      move(own, "hello.mjs", "// theirs\n"),
      own.write("hello.mjs", "// both\n"),
      own.git("add", "-A"),
      own.git("commit", "-q", "-m", `Say hello\n\nSdlc-Head: ${own.git("rev-parse", "sdlc/hello").trim()}`)
    )
  ]
]

/** What only looks like it. */
const others: ReadonlyArray<readonly [name: string, happen: (own: Repository) => void]> = [
  ["a base that moved on elsewhere", (own) => (onMain(own), move(own))],
  ["one of its commits picked", (own) => (onMain(own), move(own), own.git("cherry-pick", commits(own).greet))],
  [
    "a base that has the same content from somebody else for one of its files",
    (own) => (onMain(own), move(own, "hello.test.mjs", "// greets\n"))
  ],
  [
    "a merge of its plan, before any code",
    (own) => (onMain(own), move(own), own.git("merge", "-q", "--no-ff", "--no-edit", `${commits(own).greet}~1`))
  ]
]

const merged = (own: Repository): string | undefined =>
  [...own.files().keys()].find((path) => path.endsWith("-merged.json"))

describe("a feature that came into its base outside of the flow", () => {
  for (const [name, how, land] of ways) {
    it(`${name}: P1, with the violation on record`, { timeout: 60_000 }, async () => {
      repo = copy()
      land(repo)
      const records = repo.git("ls-tree", "-r", "--name-only", "main").includes("branch-provisioned")
      if (!records) repo.git("switch", "-q", "sdlc/hello")
      expect(await repo.sdlc("next hello --json", ada)).toMatchObject({ json: { rule: "P1", action: "advance" } })
      const said = await repo.sdlc("apply hello --all", ada)
      expect(said).toMatchObject({ code: 0, out: expect.stringContaining(`(${how}); put on record`) })
      expect(JSON.parse(repo.read(merged(repo) ?? ""))).toMatchObject({ data: { outOfBand: true } })
      expect((await repo.sdlc("next hello --json", ada)).json).toMatchObject({ phase: "released" })
    })
  }

  for (const [name, happen] of others) {
    it(`is not seen in ${name}`, { timeout: 60_000 }, async () => {
      repo = copy()
      happen(repo)
      repo.git("switch", "-q", "sdlc/hello")
      expect((await repo.sdlc("next hello --json", ada)).json).toMatchObject({ phase: "implementation", rule: "I2" })
    })
  }

  it(
    "is seen on what was fetched, and asks for the pull before anything is recorded",
    { timeout: 60_000 },
    async () => {
      repo = copy()
      const forge = `${repo.root}-forge`
      folders.push(forge)
      repo.git("clone", "-q", "--bare", repo.root, forge)
      repo.git("remote", "add", "origin", forge)
      onMain(repo)
      repo.git("merge", "-q", "--no-ff", "--no-edit", "sdlc/hello")
      repo.git("push", "-q", "origin", "main")
      repo.git("reset", "-q", "--hard", "HEAD~1")
      repo.git("fetch", "-q", "origin")
      repo.git("switch", "-q", "sdlc/hello")
      expect((await repo.sdlc("next hello --json", ada)).json).toMatchObject({ rule: "P1" })
      expect(await repo.sdlc("apply hello", ada)).toMatchObject({
        code: 2,
        err: expect.stringMatching(/sdlc\/hello is checked out, but hello is merged[^]*git switch main/)
      })
      onMain(repo)
      repo.git("checkout", "-q", "sdlc/hello", "--", ".sdlc")
      expect(await repo.sdlc("apply hello", ada)).toMatchObject({
        code: 2,
        err: expect.stringMatching(/main here does not have [0-9a-f]{10} yet[^]*git pull/)
      })
    }
  )

  it("starts over when the merge was taken back", { timeout: 60_000 }, async () => {
    repo = copy()
    onMain(repo)
    repo.git("merge", "-q", "--no-ff", "--no-edit", "sdlc/hello")
    repo.git("revert", "--no-edit", "-m", "1", "HEAD")
    // The revert took the records along; they are in the branch still.
    repo.git("switch", "-q", "sdlc/hello")
    const said = await repo.sdlc("apply hello --all", ada)
    expect(said.out).toMatch(/taken back by [0-9a-f]{10}; put on record/)
    expect(said.out).toContain("M10 reopen")
    expect((await repo.sdlc("next hello --json", ada)).json).toMatchObject({ phase: "implementation" })
  })
})
