/** Pushes that landed are told, whatever became of the process that took them. */
import { assert, describe, it } from "@effect/vitest"
import { ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { ForgeEvents, type Push } from "@rdev/core/ports/infra/ForgeEvents"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Context, Effect, Exit, Layer, Queue, Redacted, Scope } from "effect"
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as GitHttp from "../src/forge/GitHttp.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import * as RecordFile from "../src/records/RecordFile.ts"
import { git, listening } from "./ClientGit.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

/** The forge's HTTP side of one process over the data folder, telling `sink`; ends with the scope. */
const serve = (dataDir: string, sink: (push: Push) => Effect.Effect<void, StoreError>) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Layer.fresh(GitHttp.layer({ dataDir })).pipe(
        Layer.provide(Layer.succeed(ForgeEvents, { pushed: sink, listen: () => Effect.void }))
      )
    )
    const { handler } = yield* Effect.provideContext(GitHttp.GitHttp, context)
    const server = createServer((request, response) => {
      if (!handler(request, response)) response.writeHead(418).end()
    })
    return yield* listening(server)
  })

const main = BranchName.make("main")

/** A repository with one commit on main, a clone of it, and the pushes that were told. */
const world = Effect.gen(function* () {
  const dataDir = yield* temporaryFolder
  const told = yield* Queue.unbounded<Push>()
  const port = yield* serve(dataDir, (push) => Effect.asVoid(Queue.offer(told, push)))
  const forge = yield* Layer.build(LocalForge.layer({ dataDir, baseUrl: () => "http://x/git" }))
  const [objects, repositories] = [Context.get(forge, GitObjects), Context.get(forge, RepositoryHost)]
  const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make("shop") }
  yield* repositories.ensure(target, {
    defaultBranch: main,
    files: [{ path: "README.md", content: "hi\n" }],
    message: "Start"
  })
  const { token } = yield* repositories.issueToken(target, "write", 600, "platform")
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "rdev-clone-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )
  const url = `http://rdev:${Redacted.value(token)}@127.0.0.1:${port}/git/shop.git`
  const cloned = yield* git(folder, "clone", "-q", url, "shop")
  assert.strictEqual(cloned.code, 0, cloned.text)
  const clone = join(folder, "shop")
  const commit = (name: string) =>
    Effect.gen(function* () {
      yield* Effect.promise(() => writeFile(join(clone, name), name))
      yield* git(clone, "add", ".")
      yield* git(clone, "commit", "-qm", name)
      return (yield* git(clone, "rev-parse", "HEAD")).text.trim()
    })
  const files = (ending: string) =>
    Effect.promise(async () => (await readdir(join(dataDir, "pushes"))).filter((name) => name.endsWith(ending)))
  const notes = files(".json")
  const locks = files(".lock")
  return { clone, commit, dataDir, objects, locks, notes, target, told }
})
const quickly = { timeout: 60_000 }

describe("a push that landed", () => {
  it.live(
    "is told with what moved: new, changed and deleted refs, and who pushed",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { clone, commit, notes, target, told } = yield* world
          const before = (yield* git(clone, "rev-parse", "HEAD")).text.trim()
          const head = yield* commit("one.txt")
          const pushed = yield* git(clone, "push", "-q", "origin", "HEAD:main", "HEAD:feature/x", "HEAD:refs/tags/v1")
          assert.strictEqual(pushed.code, 0, pushed.text)
          const first = yield* Queue.take(told)
          assert.deepStrictEqual(
            [...first.refs].sort((a, b) => (a.ref < b.ref ? -1 : 1)),
            [
              { ref: "refs/heads/feature/x", old: null, next: head },
              { ref: "refs/heads/main", old: before, next: head },
              { ref: "refs/tags/v1", old: null, next: head }
            ]
          )
          assert.deepStrictEqual(
            [first.projectId, first.pusher.id, first.sourceAddress],
            [target.projectId, "platform", "127.0.0.1"]
          )
          yield* git(clone, "push", "-q", "origin", ":feature/x")
          assert.deepStrictEqual((yield* Queue.take(told)).refs, [
            { ref: "refs/heads/feature/x", old: head, next: null }
          ])
          // The note is taken away after the telling.
          while ((yield* notes).length > 0) yield* Effect.yieldNow
        })
      ),
    quickly
  )
  it.live(
    "is told only in the parts that moved, and not at all when it was refused",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { clone, commit, objects, target, told } = yield* world
          yield* objects.commit(target, {
            branch: main,
            expectedHead: (yield* git(clone, "rev-parse", "HEAD")).text.trim(),
            changes: [{ path: "other.txt", content: "other" }],
            message: "other",
            author: { name: "B", email: "b@c" }
          })
          yield* commit("one.txt")
          yield* git(clone, "push", "-q", "origin", "HEAD:refs/notes/x")
          const partly = yield* git(clone, "push", "origin", "HEAD:main", "HEAD:feature/y")
          assert.notStrictEqual(partly.code, 0)
          assert.deepStrictEqual(
            (yield* Queue.take(told)).refs.map(({ ref }) => ref),
            ["refs/heads/feature/y"]
          )
        })
      ),
    quickly
  )
  it.live(
    "is told by the next process when its own could not, or was killed before: once, and only what stands",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { clone, commit, dataDir, locks, notes, target, told } = yield* world
          const head = yield* commit("one.txt")
          const failing = yield* Scope.make()
          const port = yield* Scope.provide(
            serve(dataDir, () =>
              Effect.fail(
                new StoreError({
                  operation: "EventLog.append",
                  reason: { _tag: "Unavailable", message: "no database" }
                })
              )
            ),
            failing
          )
          const remote = (yield* git(clone, "remote", "get-url", "origin")).text.trim()
          const pushed = yield* git(
            clone,
            "push",
            "-q",
            remote.replace(/:\d+\//, `:${port}/`),
            "HEAD:main",
            "HEAD:feature/gone"
          )
          assert.strictEqual(pushed.code, 0, pushed.text)
          while ((yield* locks).length > 0) yield* Effect.yieldNow
          yield* Scope.close(failing, Exit.void)
          assert.strictEqual((yield* notes).length, 1)
          // What it had made is gone by the time that it is told: that it was made is told all the same.
          yield* git(clone, "push", "-q", "origin", ":feature/gone")
          assert.deepStrictEqual((yield* Queue.take(told)).refs, [
            { ref: "refs/heads/feature/gone", old: head, next: null }
          ])
          while ((yield* locks).length > 0) yield* Effect.yieldNow
          const note = (id: string, ref: string, next: string) =>
            Effect.promise(() =>
              RecordFile.write(join(dataDir, "pushes", `${id}.json`), {
                id,
                projectId: target.projectId,
                repository: "shop",
                commands: [{ ref, old: null, next }],
                pusher: { id: "key_1", name: "Ada" },
                sourceAddress: null
              })
            )
          yield* note("never-landed", "refs/heads/main", "b".repeat(40))
          yield* note("never-made", "refs/heads/nowhere", head)
          yield* serve(dataDir, (push) => Effect.asVoid(Queue.offer(told, push)))
          const push = yield* Queue.take(told)
          assert.deepStrictEqual(push.refs.map(({ next, ref }) => [ref, next]).sort(), [
            ["refs/heads/feature/gone", head],
            ["refs/heads/main", head]
          ])
          while ((yield* notes).length > 0) yield* Effect.yieldNow
          assert.strictEqual(yield* Queue.size(told), 0)
        })
      ),
    quickly
  )
})
