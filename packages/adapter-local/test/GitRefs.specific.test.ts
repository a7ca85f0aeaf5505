/** What lies in a bare repository besides objects and branches changes nothing of what the server reads, and a killed writer stops nobody. */
import { assert, layer } from "@effect/vitest"
import { Examined } from "@rdev/core/domain/Examined"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { BranchName, type RepositoryTarget, type Sha } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Context, Effect, Layer, Option } from "effect"
import { execFileSync, spawn } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import * as GitGuard from "@rdev/git/GitGuard"
import * as GitLocks from "@rdev/git/GitLocks"
import * as LocalForge from "../src/forge/LocalForge.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

class Place extends Context.Service<Place, { readonly dataDir: string }>()("test/GitRefsPlace") {}
const platform = Layer.unwrap(
  Effect.map(temporaryFolder, (dataDir) =>
    Layer.merge(Layer.succeed(Place, { dataDir }), LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }))
  )
)

const main = BranchName.make("main")
const topic = BranchName.make("feature/topic")
const author = { name: "Ada", email: "ada@example.org" }
const env = {
  PATH: process.env["PATH"] ?? "",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@b",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@b",
  GIT_CONFIG_GLOBAL: "/dev/null"
}

const begin = Effect.gen(function* () {
  const repositories = yield* RepositoryHost
  const objects = yield* GitObjects
  const { dataDir } = yield* Place
  const target: RepositoryTarget = {
    projectId: yield* NewId.make("proj"),
    name: ProjectName.make(`refs-${Math.random().toString(36).slice(2, 10)}`)
  }
  yield* repositories.ensure(target, {
    defaultBranch: main,
    files: [{ path: "policy", content: "strict\n" }],
    message: "Start"
  })
  const head = Option.getOrThrow(yield* objects.head(target, main))
  const directory = join(dataDir, "git", `${target.name}.git`)
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["--git-dir", directory, ...args], {
      encoding: "utf8",
      env,
      stdio: ["ignore", "pipe", "pipe"]
    }).trim()
  const write = (branch: BranchName, expectedHead: Sha, path: string, content: string) =>
    objects.commit(target, { branch, expectedHead, changes: [{ path, content }], message: `Change ${path}`, author })
  /** As if the server had just been started, or a second had passed. */
  const lookAgain = Effect.sync(() => GitGuard.forget(directory))
  return { repositories, objects, target, head, directory, git, write, lookAgain }
})
const put = (directory: string, path: string, content: string) => {
  mkdirSync(dirname(join(directory, path)), { recursive: true })
  writeFileSync(join(directory, path), content)
}
const reasonOf = <A>(
  effect: Effect.Effect<A, { readonly reason: { readonly _tag: string }; readonly message: string }>
) => Effect.map(Effect.flip(effect), (error) => `${error.reason._tag}: ${error.message}`)
const text = (files: ReadonlyMap<string, Uint8Array>, path: string) =>
  Buffer.from(files.get(path) ?? []).toString("utf8")

layer(Layer.orDie(platform), { excludeTestServices: true })("The server's git", (it) => {
  it.effect("reads a commit as what its id says, whatever replaces, grafts or cuts it off", () =>
    Effect.gen(function* () {
      const { directory, git, head, objects, target, write } = yield* begin
      const second = yield* write(main, head, "a.txt", "a\n")
      const blob = execFileSync("git", ["--git-dir", directory, "hash-object", "-w", "--stdin"], {
        encoding: "utf8",
        env,
        input: "gates off\n"
      }).trim()
      const tree = execFileSync("git", ["--git-dir", directory, "mktree"], {
        encoding: "utf8",
        env,
        input: `100644 blob ${blob}\tpolicy\n`
      }).trim()
      const evil = git("commit-tree", "-m", "evil", tree)
      const [firstTree, firstBlob] = [git("rev-parse", `${head}^{tree}`), git("rev-parse", `${head}:policy`)]
      for (const [from, to] of [
        [second, evil],
        [firstTree, tree],
        [firstBlob, blob]
      ] as const)
        git("update-ref", `refs/replace/${from}`, to)
      git("update-ref", "refs/tags/main", evil)
      git("update-ref", "refs/heads/evil", evil)
      git("update-ref", `refs/heads/${second}`, evil)
      assert.strictEqual(git("show", `${second}:policy`), "gates off", "an ordinary git is taken in")
      put(directory, "info/grafts", `${second} ${evil}\n`)
      put(directory, "shallow", `${second}\n`)
      put(directory, "info/attributes", "* merge=ours text eol=crlf filter=x\n")
      put(directory, "hooks/reference-transaction", "#!/bin/sh\nexit 1\n")
      chmodSync(join(directory, "hooks/reference-transaction"), 0o755)
      const later = yield* Layer.build(
        Layer.fresh(LocalForge.layer({ dataDir: (yield* Place).dataDir, baseUrl: "http://x" }))
      ).pipe(Effect.map((context) => Context.get(context, GitObjects)))
      for (const one of [objects, later]) {
        assert.strictEqual(text(yield* one.readFiles(target, second, ""), "policy"), "strict\n")
        assert.strictEqual(text(yield* one.readFiles(target, head, ""), "policy"), "strict\n")
        assert.deepStrictEqual(
          (yield* one.listTree(target, second)).map((entry) => entry.path),
          ["a.txt", "policy"]
        )
        assert.deepStrictEqual(yield* one.head(target, main), Option.some(second))
      }
      yield* later.ensureBranch(target, topic, head)
      assert.deepStrictEqual(yield* later.compare(target, main, topic), {
        ahead: 0,
        behind: 1,
        conflicts: [],
        mergeBase: head
      })
      assert.strictEqual(yield* later.updateBranch(target, topic, main), second)
      const whole = yield* later.exportBundle(target, topic, null)
      const folder = join(directory, "..", "out")
      writeFileSync(`${folder}.bundle`, whole)
      execFileSync("git", ["clone", "-q", "-b", topic, `${folder}.bundle`, folder], { env, stdio: "ignore" })
      assert.strictEqual(readFileSync(join(folder, "policy"), "utf8"), "strict\n")
      assert.strictEqual(
        execFileSync("git", ["-C", folder, "for-each-ref", "--format=%(refname)"], { encoding: "utf8", env }).trim(),
        "refs/heads/feature/topic\nrefs/remotes/origin/feature/topic"
      )
      assert.strictEqual(
        execFileSync("git", ["-C", folder, "rev-list", "--count", "HEAD"], { encoding: "utf8", env }).trim(),
        "2",
        "the whole history"
      )
    })
  )

  it.effect("writes its settings anew when they are damaged or somebody else's, and borrows nothing", () =>
    Effect.gen(function* () {
      const { directory, objects, git, head, lookAgain, target, write } = yield* begin
      const canary = join(directory, "canary")
      const config = join(directory, "config")
      const good = readFileSync(config, "utf8")
      let at = head
      const damages: ReadonlyArray<readonly [string, () => void]> = [
        ["settings missing", () => rmSync(config)],
        ["settings emptied", () => writeFileSync(config, "")],
        ["settings cut off", () => writeFileSync(config, good.slice(0, 9))],
        [
          "settings a folder",
          () => {
            rmSync(config)
            mkdirSync(config)
          }
        ],
        [
          "settings a link",
          () => {
            rmSync(config)
            symlinkSync("/dev/zero", config)
          }
        ],
        [
          "settings of another",
          () =>
            writeFileSync(
              config,
              `${good}[include]\n\tpath = /dev/zero\n[core]\n\tworktree = /tmp\n\tfsmonitor = touch ${canary}\n\talternateRefsCommand = touch ${canary}\n[extensions]\n\tworktreeConfig = true\n\tobjectFormat = sha256\n`
            )
        ],
        ["HEAD missing", () => rmSync(join(directory, "HEAD"))],
        ["HEAD emptied", () => writeFileSync(join(directory, "HEAD"), "")],
        ["HEAD elsewhere", () => writeFileSync(join(directory, "HEAD"), "ref: refs/rdev/x\n")],
        [
          "HEAD a folder",
          () => {
            rmSync(join(directory, "HEAD"))
            mkdirSync(join(directory, "HEAD"))
          }
        ]
      ]
      for (const [what, damage] of damages) {
        damage()
        yield* lookAgain
        at = yield* write(main, at, "a.txt", what)
        assert.strictEqual(readFileSync(config, "utf8"), good, what)
        assert.strictEqual(git("symbolic-ref", "HEAD"), "refs/heads/main", what)
      }
      assert.isFalse(existsSync(canary))
      for (const [path, content] of [
        ["objects/info/alternates", "/elsewhere/objects\n"],
        ["commondir", "../other\n"]
      ] as const) {
        put(directory, path, content)
        yield* lookAgain
        assert.match(yield* reasonOf(objects.head(target, main)), new RegExp(`^Foreign: .*${path}`))
        unlinkSync(join(directory, path))
        assert.deepStrictEqual(yield* objects.head(target, main), Option.some(at))
      }
      writeFileSync(join(directory, "refs/heads/main"), "")
      assert.match(yield* reasonOf(objects.head(target, main)), /refs\/heads\/main is damaged/)
    })
  )

  it.effect("takes a bundle of one whole commit, and of anything else not one object", () =>
    Effect.gen(function* () {
      const { directory, repositories, objects, git, head, target, write } = yield* begin
      const second = yield* write(main, head, "a.txt", "a\n")
      git("tag", "-a", "-m", "t", "v1", second)
      git("update-ref", "refs/replace/x", second)
      git("update-ref", "refs/heads/tree", git("commit-tree", "-m", "x", `${second}^{tree}`))
      const folder = yield* temporaryFolder
      const other = (...args: ReadonlyArray<string>) =>
        execFileSync("git", ["-C", folder, ...args], {
          encoding: "utf8",
          env,
          stdio: ["ignore", "pipe", "pipe"]
        }).trim()
      execFileSync("git", ["clone", "-q", directory, folder], { env, stdio: "ignore" })
      writeFileSync(join(folder, "b.txt"), "b")
      other("add", "-A")
      other("commit", "-qm", "b")
      const made = other("rev-parse", "HEAD")
      other("tag", "-a", "-m", "t", "v2")
      other("update-ref", "refs/x/tree", "HEAD^{tree}")
      execFileSync("git", ["clone", "-q", "--depth=1", `file://${directory}`, join(folder, "shallow")], {
        env,
        stdio: "ignore"
      })
      execFileSync("git", ["-C", join(folder, "shallow"), "commit", "-q", "--allow-empty", "-m", "on a cut history"], {
        env,
        stdio: "ignore"
      })
      const bundle = (name: string, ...args: ReadonlyArray<string>) => {
        other("bundle", "create", "-q", name, ...args)
        return readFileSync(join(folder, name))
      }
      const good = bundle("good", "HEAD", `^${second}`)
      const packAt = good.indexOf("\n\n") + 2
      const withHeader = (header: string) => Buffer.concat([Buffer.from(header), good.subarray(packAt)])
      const stored = () => readdirSync(join(directory, "objects"), { recursive: true }).map(String).sort()
      const before = stored()
      const bad: ReadonlyArray<readonly [string, Uint8Array]> = [
        ["a tag", bundle("tag", "v2", `^${second}`)],
        ["a tree", withHeader(`# v2 git bundle\n-${second}\n${other("rev-parse", "HEAD^{tree}")} refs/heads/x\n\n`)],
        ["two commits", withHeader(`# v2 git bundle\n-${second}\n${made} refs/heads/x\n${second} refs/heads/y\n\n`)],
        ["a commit that is not in it", withHeader(`# v2 git bundle\n-${second}\n${"a".repeat(40)} refs/heads/x\n\n`)],
        ["a name for a commit", withHeader(`# v2 git bundle\n-${second}\nrefs/heads/main refs/heads/x\n\n`)],
        [
          "another hash",
          withHeader(`# v3 git bundle\n@object-format=sha256\n-${second}\n${made}${"0".repeat(24)} refs/heads/x\n\n`)
        ],
        ["long ids", withHeader(`# v2 git bundle\n-${second}\n${made}${"0".repeat(24)} refs/heads/x\n\n`)],
        ["a filter", withHeader(`# v3 git bundle\n@filter=blob:none\n-${second}\n${made} refs/heads/x\n\n`)],
        ["no base", withHeader(`# v2 git bundle\n-${"b".repeat(40)}\n${made} refs/heads/x\n\n`)],
        ["half of it", good.subarray(0, good.byteLength - 30)],
        [
          "a cut history",
          (() => {
            execFileSync("git", ["-C", join(folder, "shallow"), "bundle", "create", "-q", "../cut", "HEAD"], {
              env,
              stdio: "ignore"
            })
            const cut = readFileSync(join(folder, "cut"))
            // A shallow repository leaves its boundary out of the header.
            return Buffer.concat([
              Buffer.from(
                `# v2 git bundle\n${execFileSync("git", ["-C", join(folder, "shallow"), "rev-parse", "HEAD"], { encoding: "utf8", env }).trim()} refs/heads/x\n\n`
              ),
              cut.subarray(cut.indexOf("\n\n") + 2)
            ])
          })()
        ]
      ]
      const fresh: RepositoryTarget = {
        projectId: yield* NewId.make("proj"),
        name: ProjectName.make(`${target.name}-b`)
      }
      yield* repositories.ensure(fresh, {
        defaultBranch: main,
        files: [{ path: "unrelated", content: "u" }],
        message: "Start"
      })
      for (const [what, bytes] of bad) {
        const into = what === "a cut history" ? fresh : target
        const answer = yield* Effect.exit(objects.importBundle(into, bytes))
        assert.strictEqual(answer._tag, "Failure", what)
        assert.deepStrictEqual(stored(), before, what)
      }
      assert.strictEqual(yield* objects.importBundle(target, good), made)
      assert.strictEqual(yield* objects.importBundle(target, good), made, "twice is once")
      assert.notInclude(readdirSync(join(directory, "objects")).join(), "tmp_")
      assert.deepStrictEqual(
        (yield* objects.branches(target)).map((one) => one.name),
        ["main", "tree"]
      )
    })
  )

  it.effect(
    "moves branches past locks that a killed process left, and past no others",
    () =>
      Effect.gen(function* () {
        const { directory, objects, head, lookAgain, target, write } = yield* begin
        yield* objects.ensureBranch(target, topic, head)
        const locks = [
          "refs/heads/main.lock",
          "HEAD.lock",
          "packed-refs.lock",
          "config.lock",
          "refs/heads/feature/topic.lock",
          "refs/heads/new.lock",
          "objects/info/commit-graph.lock",
          "gc.pid.lock"
        ]
        const lock = (path: string, ageSeconds: number) => {
          put(directory, path, "")
          utimesSync(join(directory, path), Date.now() / 1000 - ageSeconds, Date.now() / 1000 - ageSeconds)
        }
        for (const path of locks) lock(path, 60)
        yield* lookAgain
        let at = yield* write(main, head, "a.txt", "after a restart")
        for (const path of locks) assert.isFalse(existsSync(join(directory, path)), path)
        // While the server runs, the command that meets one removes it; before it is old enough it waits.
        lock("refs/heads/main.lock", 60)
        lock("HEAD.lock", 9.5)
        at = yield* write(main, at, "a.txt", "on need")
        const prepared = yield* objects
          .prepareHandover(target, head, { work: at, base: head, upstream: null, message: "m", author })
          .pipe(Effect.flip)
        assert.strictEqual(prepared.reason._tag, "Invalid")
        lock("refs/heads/feature/topic.lock", 60)
        lock("packed-refs.lock", 60)
        yield* objects.advanceBranch(target, topic, yield* Examined.examine({ head, to: at }, () => Effect.succeed([])))
        lock("refs/heads/feature/topic.lock", 60)
        yield* objects.deleteBranch(target, topic)
        assert.isTrue(Option.isNone(yield* objects.head(target, topic)))
        // One that a process has open is not stale, however old it is.
        const path = join(directory, "refs/heads/main.lock")
        const holder = spawn("sh", ["-c", 'exec 7>>"$1"; echo held; exec sleep 60', "holder", path], {
          stdio: ["ignore", "pipe", "ignore"]
        })
        yield* Effect.callback<void>((resume) => {
          holder.stdout.once("data", () => resume(Effect.void))
        })
        utimesSync(path, 1, 1)
        assert.strictEqual(yield* GitLocks.clear(directory), 0)
        assert.isTrue(existsSync(path))
        yield* Effect.callback<void>((resume) => {
          holder.once("exit", () => resume(Effect.void))
          holder.kill("SIGKILL")
        })
        assert.strictEqual(yield* GitLocks.clear(directory), 1)
        lock("refs/heads/main.lock", 1)
        assert.strictEqual(yield* GitLocks.clear(directory), 0, "a young one is left alone")
      }),
    60_000
  )
})
