/** `@rdev/git`'s mirror of a repository at another host: the port's whole suite over real HTTP, and what only a mirror can meet. */
import { assert, describe, it } from "@effect/vitest"
import { suite } from "@rdev/conformance/infra/GitObjectsSuite"
import { suite as history } from "@rdev/conformance/infra/HistorySuite"
import { ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Git from "@rdev/git/Git"
import { GitError, notFound } from "@rdev/git/GitError"
import * as Objects from "@rdev/git/GitObjects"
import * as Mirror from "@rdev/git/mirror/Mirror"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { readdir, readFile, rm, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { join } from "node:path"
import * as GitHttp from "../src/forge/GitHttp.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import { listening } from "./ClientGit.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

interface Place {
  readonly mirrors: string
  /** What a request meets before the forge; true = it was answered. */
  meet: (request: IncomingMessage, response: ServerResponse) => boolean
  /** Replaces the token that the mirror has. */
  token: Redacted.Redacted | null
  /** Replaces the end of the clone URL. */
  rename: (url: string) => string
  asked: number
}
class Far extends Context.Service<
  Far,
  {
    readonly place: Place
    readonly mirror: Mirror.Mirror
    readonly forge: GitObjects["Service"]
  }
>()("test/Far") {}

/** Command lines of this machine's processes, and what their environment says where it may be read. */
const processes = (): ReadonlyArray<string> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")]
      } catch {
        // It has ended since the folder was read.
        return []
      }
    })

const reasonOf = ({ reason }: { readonly reason: GitError["reason"] }) => reason

/** The local forge, served on a port; its git is reached by a mirror alone. */
const far = (freshMillis: number) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const [dataDir, mirrors] = [yield* temporaryFolder, yield* temporaryFolder]
      const place: Place = { mirrors, meet: () => false, token: null, rename: (url) => url, asked: 0 }
      const state = { port: 0 }
      const services = yield* Layer.build(
        Layer.merge(
          GitHttp.layer({
            dataDir,
            places: { total: 24, perProject: 24, perKey: 24, waiting: 128, waitMillis: 20_000 }
          }),
          LocalForge.layer({ dataDir, baseUrl: () => `http://127.0.0.1:${state.port}/git` })
        ).pipe(Layer.provideMerge(Git.layer))
      )
      const { handler } = Context.get(services, GitHttp.GitHttp)
      const server = createServer((request, response) => {
        place.asked++
        if (!place.meet(request, response) && !handler(request, response)) response.writeHead(404).end()
      })
      state.port = yield* listening(server)
      const repositories = Context.get(services, RepositoryHost)
      const asGitError = Effect.mapError(
        (error: { readonly reason: GitError["reason"] }) => new GitError({ reason: reasonOf(error) })
      )
      const mirror = Mirror.make(Context.get(services, Git.GitProgram), {
        root: mirrors,
        freshMillis,
        remote: (target) =>
          Effect.gen(function* () {
            const found = yield* asGitError(repositories.observe(target))
            if (Option.isNone(found)) return yield* notFound(`repository ${target.name} does not exist`)
            const { token } = yield* asGitError(repositories.issueToken(target, "write", 600, "platform"))
            return {
              url: place.rename(found.value.cloneUrl),
              defaultBranch: found.value.defaultBranch,
              username: "rdev",
              token: place.token ?? token
            }
          })
      })
      const forge = Context.get(services, GitObjects)
      return Layer.mergeAll(
        Layer.succeed(RepositoryHost, {
          ...repositories,
          remove: (target) => Effect.andThen(repositories.remove(target), Effect.orDie(mirror.forget(target.projectId)))
        }),
        Layer.succeed(Far, { place, mirror, forge }),
        Objects.layer(mirror).pipe(Layer.provide(Layer.succeed(Git.GitProgram, Context.get(services, Git.GitProgram))))
      )
    })
  )

suite("a mirror over HTTP", far(60_000), { mergesLines: true, portableBundles: true })
history("a mirror over HTTP", far(60_000))

const main = BranchName.make("main")
const author = { name: "Ada", email: "ada@example.org" }
const begin = Effect.gen(function* () {
  const [far, objects, repositories] = [yield* Far, yield* GitObjects, yield* RepositoryHost]
  const target: RepositoryTarget = { projectId: yield* NewId.make("proj"), name: ProjectName.make("far") }
  yield* repositories.ensure(target, {
    defaultBranch: main,
    files: [{ path: "a.txt", content: "a" }],
    message: "Start"
  })
  const head = Option.getOrThrow(yield* objects.head(target, main))
  const write = (at: GitObjects["Service"], expectedHead: string, content: string) =>
    at.commit(target, { branch: main, expectedHead, changes: [{ path: "a.txt", content }], message: "m", author })
  const reason = <A>(work: Effect.Effect<A, { readonly reason: GitError["reason"]; readonly message: string }>) =>
    Effect.map(Effect.flip(work), (error) => ({ tag: error.reason._tag, text: error.message }))
  const directory = join(far.place.mirrors, `${target.projectId}.git`)
  return { ...far, objects, target, head, write, reason, directory }
})
const here = <A, E>(test: Effect.Effect<A, E, Far | GitObjects | RepositoryHost>, freshMillis = 60_000) =>
  Effect.scoped(Effect.provide(test, far(freshMillis)))

describe("a mirror", () => {
  it.live("looks at the forge no more often than it must, and sees what moved when it is told", () =>
    here(
      Effect.gen(function* () {
        const { forge, head, mirror, objects, place, reason, target, write } = yield* begin
        const before = place.asked
        for (let i = 0; i < 5; i++) assert.deepStrictEqual(yield* objects.head(target, main), Option.some(head))
        yield* objects.listTree(target, head)
        assert.strictEqual(place.asked, before, "what was looked at a moment ago is believed")
        const theirs = yield* write(forge, head, "somebody else's")
        assert.deepStrictEqual(yield* objects.head(target, main), Option.some(head), "not told yet")
        assert.deepStrictEqual(
          yield* reason(write(objects, head, "ours")).pipe(Effect.map(({ tag }) => tag)),
          "Conflict"
        )
        assert.deepStrictEqual(
          yield* objects.head(target, main),
          Option.some(theirs),
          "a refused push is a reason to look again"
        )
        const second = yield* write(forge, theirs, "again")
        assert.strictEqual(
          yield* Effect.map(objects.listTree(target, second), (tree) => tree.length),
          1,
          "a commit that is missing is looked for"
        )
        const third = yield* write(forge, second, "and again")
        yield* mirror.invalidate(target.projectId)
        assert.deepStrictEqual(yield* objects.head(target, main), Option.some(third))
        const ours = yield* write(objects, third, "ours")
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(ours), "it is at the forge")
      })
    )
  )

  it.live("shares one look among all who ask at once", () =>
    here(
      Effect.gen(function* () {
        const { head, mirror, objects, place, target } = yield* begin
        yield* mirror.invalidate(target.projectId)
        const before = place.asked
        const all = yield* Effect.all(
          Array.from({ length: 20 }, () => objects.head(target, main)),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(new Set(all.map(Option.getOrNull)), new Set([head]))
        assert.isAtMost(place.asked - before, 3)
      })
    )
  )

  it.live(
    "tells an outage, a token that is no longer good and a repository that is gone apart, and shows no token",
    () =>
      here(
        Effect.gen(function* () {
          const { head, mirror, objects, place, reason, target, write } = yield* begin
          const look = Effect.andThen(mirror.invalidate(target.projectId), reason(objects.head(target, main)))
          const answering =
            (status: number, headers: Record<string, string> = {}, body = "") =>
            (_: IncomingMessage, response: ServerResponse) => {
              response.writeHead(status, headers).end(body)
              return true
            }
          const cases: ReadonlyArray<readonly [Place["meet"], string]> = [
            [answering(500), "Unavailable"],
            [answering(502), "Unavailable"],
            [answering(429, { "retry-after": "5" }), "RateLimited"],
            [answering(401, { "www-authenticate": "Basic" }), "Unauthorized"],
            [answering(403), "Unauthorized"],
            [answering(404), "NotFound"],
            [answering(301, { location: "http://127.0.0.1:1/elsewhere" }), "NotFound"],
            [answering(200, { "content-type": "text/html" }, "<html>a login page</html>"), "Unavailable"],
            [answering(200, { "content-type": "application/x-git-upload-pack-result" }, "0000garbage"), "Unavailable"],
            [answering(200, { "content-type": "application/x-git-upload-pack-result" }, "003d"), "Unavailable"],
            [answering(200), "Unavailable"],
            [answering(204), "Unavailable"],
            [
              (request) => {
                request.socket.destroy()
                return true
              },
              "Unavailable"
            ]
          ]
          const secret = "a-secret-of-the-forge-0123456789"
          place.token = Redacted.make(secret)
          for (const [meet, expected] of cases) {
            place.meet = meet
            const { tag, text } = yield* look
            assert.strictEqual(tag, expected, text)
            assert.notInclude(text, secret)
            assert.notInclude(text, Buffer.from(`rdev:${secret}`).toString("base64"))
          }
          place.meet = () => false
          assert.strictEqual((yield* look).tag, "Unauthorized")
          place.token = null
          yield* mirror.invalidate(target.projectId)
          assert.deepStrictEqual(yield* objects.head(target, main), Option.some(head), "and all is well again")
          // A push whose answer is lost may have happened: the next look says so.
          place.meet = (request, response) => {
            if (request.method !== "POST" || !(request.url ?? "").endsWith("receive-pack")) return false
            response.socket?.setTimeout(0)
            const end = response.end.bind(response)
            response.write = () => true
            Object.assign(response, { end: () => (response.destroy(), end()) })
            return false
          }
          const lost = yield* reason(write(objects, head, "lost answer"))
          assert.strictEqual(lost.tag, "Unavailable", lost.text)
          place.meet = () => false
          const now = Option.getOrThrow(yield* objects.head(target, main))
          assert.strictEqual(
            Buffer.from((yield* objects.readFiles(target, now, ["a.txt"])).get("a.txt") ?? []).toString(),
            "lost answer"
          )
        })
      )
  )

  it.live("keeps its token out of the folder and off every command line", () =>
    here(
      Effect.gen(function* () {
        const { directory, head, objects, place, target, write } = yield* begin
        const seen = new Set<string>()
        place.meet = () => {
          for (const line of processes()) seen.add(line)
          return false
        }
        const next = yield* write(objects, head, "seen")
        assert.deepStrictEqual(yield* objects.head(target, main), Option.some(next))
        assert.isTrue(
          [...seen].some((line) => line.includes("push")),
          "a push was seen at work"
        )
        for (const line of seen) assert.notMatch(line, /rdevgit_|Authorization|Basic /)
        for (const name of yield* Effect.promise(() => readdir(directory, { recursive: true, withFileTypes: true }))) {
          if (!name.isFile()) continue
          const content = yield* Effect.promise(() => readFile(join(name.parentPath, name.name), "latin1"))
          assert.notMatch(content, /rdevgit_|Authorization/, name.name)
        }
      })
    )
  )

  it.live("is made anew when it is damaged or gone", () =>
    here(
      Effect.gen(function* () {
        const { directory, forge, head, mirror, objects, target, write } = yield* begin
        const theirs = yield* write(forge, head, "x")
        yield* Effect.promise(async () => {
          await rm(join(directory, "refs"), { recursive: true })
          await rm(join(directory, "objects"), { recursive: true })
        })
        yield* mirror.invalidate(target.projectId)
        assert.deepStrictEqual(yield* objects.head(target, main), Option.some(theirs))
        yield* Effect.promise(() => writeFile(join(directory, "refs/heads/main"), ""))
        yield* mirror.invalidate(target.projectId)
        assert.deepStrictEqual(yield* objects.head(target, main), Option.some(theirs))
        yield* Effect.promise(() => rm(directory, { recursive: true }))
        yield* mirror.invalidate(target.projectId)
        assert.deepStrictEqual(yield* objects.head(target, main), Option.some(theirs))
        yield* mirror.forget(target.projectId)
        yield* mirror.forget(target.projectId)
        assert.deepStrictEqual(yield* objects.head(target, main), Option.some(theirs))
      })
    )
  )
})
