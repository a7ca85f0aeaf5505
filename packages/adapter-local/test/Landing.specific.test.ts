/** What people and forges do to a default branch with git itself is read right: features that came in without a trace, and merges taken back. */
import { draft } from "@rdev/core/services/features/act/PlatformActions"
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Landing from "@rdev/core/services/features/read/Landing"
import { RepositoryReader } from "@rdev/core/services/features/read/RepositoryReader"
import * as Reverts from "@rdev/core/services/features/read/Reverts"
import * as Repo from "@rdev/sdlc/repo/Repo"
import { Effect, Layer, Option } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import * as LocalForge from "../src/forge/LocalForge.ts"
import { withFolder } from "./TemporaryFolder.ts"

const main = BranchName.make("main")
const branch = BranchName.make("feature/hello")
const author = { name: "Ada", email: "ada@example.test" }
const lines = Array.from({ length: 20 }, (_, n) => `line ${n}`)
const lib = (changes: Readonly<Record<number, string>>) => `${lines.map((line, n) => changes[n] ?? line).join("\n")}\n`

let folder = ""
let counter = 0
const clones: Array<string> = []

/** A repository with a feature in its branch, and a clone in which people work. */
const make = Effect.gen(function* () {
  const repositories = yield* RepositoryHost
  const objects = yield* GitObjects
  const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`landing-${++counter}`) }
  yield* repositories.ensure(target, {
    defaultBranch: main,
    files: [
      { path: "lib.js", content: lib({}) },
      { path: "also.js", content: lib({}) },
      { path: ".sdlc/policy.yaml", content: "v: 1\ndeploy: none\n" }
    ],
    message: "template"
  })
  const dir = mkdtempSync(join(tmpdir(), "rdev-landing-"))
  clones.push(dir)
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["-C", dir, "-c", "user.name=Eve", "-c", "user.email=eve@example.test", ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", GIT_EDITOR: "true" }
    }).trim()
  git("clone", "-q", join(folder, "git", `${target.name}.git`), ".")
  const write = (path: string, content: string, message = `change ${path}`) => {
    writeFileSync(join(dir, path), content)
    git("add", "-A")
    git("commit", "-q", "-m", message)
    return git("rev-parse", "HEAD")
  }
  const started = Option.getOrThrow(yield* objects.head(target, main))
  yield* objects.ensureBranch(target, branch, started)
  const files = yield* objects.readFiles(target, started, "")
  const stamp = { actor: { id: "platform", type: "platform" } as const, random: new Uint8Array(10) }
  const { writes } = Repo.createFeature(
    files,
    { slug: "hello", title: "hello", kind: "feature" },
    { ...stamp, timeMillis: 1 }
  )
  const made = Repo.load(
    new Map([...files, ...writes.map((one) => [one.path, Buffer.from(one.content)] as const)]),
    "hello"
  )
  const event = Repo.appendEvent(made, draft("branch-provisioned", { branch, sha: started }), {
    ...stamp,
    timeMillis: 2
  })
  const planned = yield* objects.commit(target, {
    branch,
    expectedHead: started,
    changes: [...writes, { path: event.path, content: event.content }],
    message: "records",
    author
  })
  git("fetch", "-q", "origin")
  git("switch", "-q", "feature/hello")
  const greet = write("lib.js", lib({ 1: "greet" }), "greet")
  const more = write("also.js", lib({ 1: "more" }), "more")
  git("push", "-q", "origin", "feature/hello")
  git("switch", "-q", "main")
  const find = (unfinished = false) =>
    Effect.gen(function* () {
      git("push", "-q", "--force", "origin", "main", "feature/hello")
      const reader = yield* RepositoryReader
      const [mainSha, sha] = [git("rev-parse", "main"), git("rev-parse", "feature/hello")]
      const loaded = Repo.load(yield* reader.state(target, sha), "hello")
      return yield* Landing.find({ target, slug: "hello", main, mainSha, branch, sha, loaded, unfinished })
    })
  const takenBack = (merge: string) =>
    Effect.gen(function* () {
      git("push", "-q", "--force", "origin", "main")
      const taker = yield* Reverts.takenBack(target, git("rev-parse", "main"), merge)
      return taker?.sha ?? null
    })
  /** Only code comes in, as where the feature state is kept out of what is picked. */
  const withoutRecords = () => {
    git("rm", "-q", "-r", "--cached", "--ignore-unmatch", ".sdlc/features")
    git("clean", "-q", "-fd", ".sdlc")
  }
  return { git, write, find, takenBack, withoutRecords, started, planned, greet, more, dir, target }
})
type World = Effect.Success<typeof make>

afterAll(() => {
  for (const dir of clones) rmSync(dir, { recursive: true, force: true })
})

let made: World | null = null
/** Everything as it was before anybody did anything: one repository serves all tests, as making it takes longest. */
const world = Effect.gen(function* () {
  made ??= yield* make
  const { git, more, started } = made
  git("switch", "-q", "-f", "main")
  git("reset", "-q", "--hard", started)
  git("branch", "-q", "-f", "feature/hello", more)
  const extra = git("for-each-ref", "--format=%(refname:short)", "refs/heads/undo", "refs/heads/again")
  if (extra !== "") git("branch", "-q", "-D", ...extra.split("\n"))
  return made
})

const drift = ({ write }: World) => {
  write("lib.js", lib({ 10: "others" }), "others 1")
  write("also.js", lib({ 12: "others" }), "others 2")
}
const squash = (own: World) => {
  own.git("merge", "-q", "--squash", "feature/hello")
  own.withoutRecords()
  own.git("commit", "-q", "-m", "Say hello (#1)")
}
const pick = ({ git, greet, more }: World, ...flags: ReadonlyArray<string>) => git("cherry-pick", ...flags, greet, more)

/** Every way in which a feature comes into a default branch that moved on in the same files, without records or a trailer. */
const ways: ReadonlyArray<readonly [string, "squash" | "cherry-pick", (own: World) => void]> = [
  ["a squash", "squash", (own) => (drift(own), squash(own))],
  [
    "a squash, with others' work in the same files before and after",
    "squash",
    (own) => {
      drift(own)
      squash(own)
      own.write("lib.js", lib({ 1: "greet", 10: "others", 18: "later" }), "later")
      own.write("also.js", lib({ 1: "more", 12: "others", 18: "later" }), "later")
    }
  ],
  ["commits that were picked", "cherry-pick", (own) => (drift(own), pick(own))],
  [
    "commits that were picked the other way round, others' work between them",
    "cherry-pick",
    (own) => {
      drift(own)
      own.git("cherry-pick", own.more)
      own.write("lib.js", lib({ 10: "others", 17: "between" }), "between")
      own.git("cherry-pick", own.greet)
    }
  ],
  [
    "a rebase that was moved forward to",
    "cherry-pick",
    (own) => {
      drift(own)
      own.git("switch", "-q", "-c", "again", own.greet)
      own.git("cherry-pick", own.more)
      own.git("rebase", "-q", "--onto", "main", own.planned)
      own.git("switch", "-q", "main")
      own.git("merge", "-q", "--ff-only", "again")
    }
  ],
  [
    "a squash, and one file was renamed by others",
    "squash",
    (own) => {
      own.git("mv", "lib.js", "core.js")
      own.git("commit", "-q", "-m", "rename")
      own.write("also.js", lib({ 12: "others" }), "others")
      squash(own)
    }
  ]
]

/** What looks like a landing and is none. */
const others: ReadonlyArray<readonly [string, (own: World) => void]> = [
  ["others work in the same files", drift],
  ["a part was picked", (own) => (drift(own), own.git("cherry-pick", own.greet))],
  [
    "a part was picked, and others changed the rest",
    (own) => {
      own.git("cherry-pick", own.greet)
      own.write("also.js", lib({ 2: "near it" }), "near")
    }
  ],
  [
    "others changed the same line to something else",
    (own) => {
      own.write("lib.js", lib({ 1: "different" }), "different")
      own.write("also.js", lib({ 1: "different" }), "different")
    }
  ]
]

withLayer(
  Layer.orDie(
    withFolder((dataDir) => {
      folder = dataDir
      return RepositoryReader.layer.pipe(
        Layer.provideMerge(LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }))
      )
    })
  ),
  { excludeTestServices: true }
)("a default branch that people work on with git", (it) => {
  for (const [name, how, land] of ways)
    it.effect(`has the feature after ${name}`, () =>
      Effect.gen(function* () {
        const own = yield* world
        assert.isNull(yield* own.find())
        land(own)
        const found = yield* own.find()
        assert.isNotNull(found)
        assert.strictEqual(found.how, how)
        assert.isUndefined(found.reverted)
        const parent = own.git("rev-parse", `${found.sha}^`)
        const brought = own.git("diff", "--name-only", parent, found.sha)
        assert.match(brought, /lib\.js|also\.js|core\.js/)
        // A new head with nothing but another record has landed no less.
        own.git("switch", "-q", "feature/hello")
        own.write(".sdlc/features/hello/idea.md", "# hello\n", "note")
        own.git("switch", "-q", "main")
        assert.strictEqual((yield* own.find())?.sha, found.sha)
      })
    )

  for (const [name, change] of others)
    it.effect(`has not the feature when ${name}`, () =>
      Effect.gen(function* () {
        const own = yield* world
        change(own)
        assert.isNull(yield* own.find())
      })
    )

  it.effect("needs something that ties equal work to a feature whose tasks are open", () =>
    Effect.gen(function* () {
      const own = yield* world
      drift(own)
      squash(own)
      assert.isNull(yield* own.find(true))
      yield* world
      drift(own)
      pick(own, "-x")
      assert.strictEqual((yield* own.find(true))?.how, "cherry-pick")
    })
  )

  it.effect("is no place to land for a branch that only took in what others did", () =>
    Effect.gen(function* () {
      const own = yield* world
      own.git("switch", "-q", "feature/hello")
      own.git("reset", "-q", "--hard", own.planned)
      own.git("switch", "-q", "main")
      drift(own)
      own.git("switch", "-q", "feature/hello")
      own.git("merge", "-q", "--no-edit", "main")
      own.git("switch", "-q", "main")
      assert.isNull(yield* own.find())
    })
  )

  const merged = Effect.map(world, (own) => {
    drift(own)
    own.git("merge", "-q", "--no-ff", "--no-edit", "feature/hello")
    return { own, merge: own.git("rev-parse", "HEAD") }
  })

  it.effect("took a merge back by git revert, by a branch with the revert in it, and by a squash of one", () =>
    Effect.gen(function* () {
      const direct = yield* merged
      assert.isNull(yield* direct.own.takenBack(direct.merge))
      direct.own.git("revert", "--no-edit", "-m", "1", direct.merge)
      const reverting = direct.own.git("rev-parse", "HEAD")
      direct.own.write("other.txt", "goes on\n")
      assert.strictEqual(yield* direct.own.takenBack(direct.merge), reverting)
      direct.own.git("revert", "--no-edit", reverting)
      assert.isNull(yield* direct.own.takenBack(direct.merge), "what was taken back was brought again")

      for (const how of ["--no-ff", "--squash"]) {
        const { merge, own } = yield* merged
        own.git("switch", "-q", "-c", "undo")
        own.git("revert", "--no-edit", "-m", "1", merge)
        own.write("other.txt", "and more\n")
        own.git("switch", "-q", "main")
        own.write("another.txt", "meanwhile\n")
        own.git("merge", "-q", how, "--no-edit", "undo")
        if (how === "--squash") own.git("commit", "-q", "--no-edit")
        assert.strictEqual(yield* own.takenBack(merge), own.git("rev-parse", "HEAD"), how)
      }
    })
  )

  it.effect("took a squash back although the files are others by now", () =>
    Effect.gen(function* () {
      const own = yield* world
      squash(own)
      const sha = own.git("rev-parse", "HEAD")
      own.write("lib.js", readFileSync(join(own.dir, "lib.js"), "utf8").replace("line 15", "later"), "later")
      own.git("revert", "--no-edit", sha)
      const reverting = own.git("rev-parse", "HEAD")
      assert.strictEqual(yield* own.takenBack(sha), reverting)
      assert.strictEqual((yield* own.find())?.reverted, reverting)
    })
  )

  it.effect(
    "did not take a merge back by code that went, by words alone, or by what the repository does not have",
    () =>
      Effect.gen(function* () {
        const { merge, own } = yield* merged
        own.write("lib.js", lib({ 10: "others" }), "A later feature removes the greeting")
        own.write("also.js", lib({ 12: "others" }), "and the rest")
        own.write("notes.md", "a note\n", `Notes\n\nThis reverts commit ${merge}.`)
        own.git("revert", "--no-edit", own.git("rev-parse", "HEAD"))
        assert.isNull(yield* own.takenBack(merge))
        assert.isNull(yield* own.takenBack("0".repeat(40)))
        assert.isNull(yield* own.takenBack("not-a-commit"))
      })
  )
})
