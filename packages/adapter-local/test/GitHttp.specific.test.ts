import { assert, layer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { BranchName, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer, request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as GitHttp from "../src/forge/GitHttp.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import { git, listening } from "./ClientGit.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

class Served extends Context.Service<Served, { readonly port: number; readonly dataDir: string }>()("test/Served") {}

const served = Layer.unwrap(
  Effect.gen(function* () {
    const dataDir = yield* temporaryFolder
    const state = { port: 0 }
    const http = Layer.effect(
      Served,
      Effect.gen(function* () {
        const { handler } = yield* GitHttp.GitHttp
        const server = createServer((request, response) => {
          if (!handler(request, response)) response.writeHead(418).end()
        })
        state.port = yield* listening(server)
        return { port: state.port, dataDir }
      })
    ).pipe(Layer.provide(GitHttp.layer({ dataDir, maxPushBytes: 2_000_000 })))
    return Layer.merge(
      Layer.orDie(http),
      Layer.orDie(LocalForge.layer({ dataDir, baseUrl: () => `http://127.0.0.1:${state.port}/git` }))
    )
  })
)

const main = BranchName.make("main")
let counter = 0
const fresh = Effect.gen(function* () {
  const repositories = yield* RepositoryHost
  const objects = yield* GitObjects
  const { port, dataDir } = yield* Served
  counter += 1
  const target: RepositoryTarget = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`http-${counter}`) }
  const repository = yield* repositories.ensure(target, {
    defaultBranch: main,
    files: [{ path: "README.md", content: "hi\n" }],
    message: "Start"
  })
  const url = (token: Redacted.Redacted) =>
    repository.cloneUrl.replace("http://", `http://rdev:${Redacted.value(token)}@`)
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "rdev-clone-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )
  const issue = (access: "read" | "write") =>
    Effect.map(repositories.issueToken(target, access, 60, "platform"), ({ token }) => token)
  return { repositories, objects, target, port, dataDir, url, folder, issue }
})

layer(served, { excludeTestServices: true })("GitHttp", (it) => {
  it.effect(
    "clones, pushes and fetches with every protocol version",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { objects, target, url, folder, issue } = yield* fresh
          const token = yield* issue("write")
          for (const version of ["0", "1", "2"]) {
            const clone = `clone${version}`
            const cloned = yield* git(
              folder,
              "-c",
              `protocol.version=${version}`,
              "clone",
              "-q",
              "--",
              url(token),
              clone
            )
            assert.deepStrictEqual(cloned, { code: 0, text: "" })
            yield* Effect.promise(() => writeFile(join(folder, clone, `v${version}.txt`), version))
            yield* git(join(folder, clone), "add", "-A")
            yield* git(join(folder, clone), "commit", "-q", "-m", version)
            const pushed = yield* git(
              join(folder, clone),
              "-c",
              `protocol.version=${version}`,
              "push",
              "-q",
              "origin",
              "HEAD:main"
            )
            assert.deepStrictEqual(pushed, { code: 0, text: "" })
          }
          const head = Option.getOrThrow(yield* objects.head(target, main))
          assert.deepStrictEqual(
            [...(yield* objects.readFiles(target, head, "")).keys()],
            ["README.md", "v0.txt", "v1.txt", "v2.txt"]
          )
          const sha = yield* objects.commit(target, {
            branch: main,
            expectedHead: head,
            changes: [{ path: "server.txt", content: "s" }],
            message: "s",
            author: { name: "a", email: "b" }
          })
          yield* git(join(folder, "clone2"), "pull", "-q")
          assert.strictEqual((yield* git(join(folder, "clone2"), "rev-parse", "HEAD")).text.trim(), sha)
        })
      ),
    60_000
  )

  it.effect("takes a read token for reading only, and no other repository's", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url, folder, issue } = yield* fresh
        const other = yield* fresh
        const [read, foreign] = [yield* issue("read"), yield* other.issue("write")]
        assert.strictEqual((yield* git(folder, "clone", "-q", "--", url(read), "clone")).code, 0)
        yield* git(join(folder, "clone"), "commit", "-q", "--allow-empty", "-m", "x")
        const refused = yield* git(join(folder, "clone"), "push", "-q", "origin", "HEAD:main")
        assert.notStrictEqual(refused.code, 0)
        assert.include(refused.text, "403")
        assert.include((yield* git(folder, "clone", "-q", "--", url(foreign), "other")).text, "Authentication failed")
      })
    )
  )

  it.effect(
    "answers 401 without a live token, for missing repositories too",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { repositories, target, port, issue } = yield* fresh
          const token = Redacted.value(yield* issue("read"))
          const ask = (name: string, password: string | null, user = "rdev") =>
            Effect.promise(() =>
              fetch(
                `http://127.0.0.1:${port}/git/${name}.git/info/refs?service=git-upload-pack`,
                password === null
                  ? {}
                  : { headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` } }
              )
            ).pipe(Effect.map((r) => r.status))
          assert.strictEqual(yield* ask(target.name, token), 200)
          assert.strictEqual(yield* ask(target.name, null), 401)
          assert.strictEqual(yield* ask(target.name, token, "root"), 401)
          assert.strictEqual(yield* ask(target.name, `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`), 401)
          assert.strictEqual(yield* ask("no-such-project", token), 401)
          yield* repositories.revokeTokens(target)
          assert.strictEqual(yield* ask(target.name, token), 401)
          const short = yield* repositories.issueToken(target, "read", 1, "platform")
          const deadline = Date.now() + 10_000
          let status = 200
          while (status === 200 && Date.now() < deadline) status = yield* ask(target.name, Redacted.value(short.token))
          assert.strictEqual(status, 401, "it expires")
        })
      ),
    30_000
  )

  it.effect("stores no usable token", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { target, dataDir, issue } = yield* fresh
        const token = Redacted.value(yield* issue("write"))
        const stored = yield* Effect.promise(() =>
          readFile(join(dataDir, "git", `${target.name}.git`, "rdev", "tokens.json"), "utf8")
        )
        assert.notInclude(stored, token)
        // `rdevgit_<id>_<secret>`; the secret may contain underscores itself.
        const secret = /^rdevgit_[0-9A-Z]{26}_([\w-]{43})$/.exec(token)?.[1]
        assert.isDefined(secret)
        assert.notInclude(stored, secret ?? token)
      })
    )
  )

  it.effect("serves git's own paths only, without the dumb protocol", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { target, port, issue } = yield* fresh
        const authorization = `Basic ${Buffer.from(`rdev:${Redacted.value(yield* issue("write"))}`).toString("base64")}`
        const ask = (path: string, init: RequestInit = {}) =>
          Effect.promise(() =>
            fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers: { authorization, ...init.headers } })
          ).pipe(Effect.map((r) => r.status))
        assert.strictEqual(yield* ask("/elsewhere"), 418)
        for (const path of [
          `/git/${target.name}.git/HEAD`,
          `/git/${target.name}.git/config`,
          `/git/${target.name}.git/rdev/tokens.json`,
          `/git/..%2f..%2fetc/passwd`,
          `/git/${target.name}.git/info/refs`,
          `/git/${target.name}.git/info/refs?service=git-upload-archive`
        ]) {
          assert.strictEqual(yield* ask(path), 404, path)
        }
        assert.strictEqual(yield* ask(`/git/${target.name}.git/git-upload-pack`), 405)
        assert.strictEqual(yield* ask(`/git/${target.name}.git/git-upload-pack`, { method: "POST", body: "0000" }), 415)
      })
    )
  )

  it.effect(
    "takes compressed requests and refuses endless ones",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { target, port, url, folder, issue } = yield* fresh
          const token = yield* issue("write")
          const post = (body: Uint8Array<ArrayBuffer>) =>
            Effect.tryPromise(() =>
              fetch(`http://127.0.0.1:${port}/git/${target.name}.git/git-upload-pack`, {
                method: "POST",
                body,
                headers: {
                  authorization: `Basic ${Buffer.from(`rdev:${Redacted.value(token)}`).toString("base64")}`,
                  "content-type": "application/x-git-upload-pack-request",
                  "content-encoding": "gzip",
                  "git-protocol": "version=2"
                }
              }).then(async (response) => ({ status: response.status, body: await response.text() }))
            )
          const listed = yield* post(new Uint8Array(gzipSync("0014command=ls-refs\n00010009peel\n0000")))
          assert.include(listed.body, "refs/heads/main")
          const bomb = yield* Effect.exit(post(new Uint8Array(gzipSync(Buffer.alloc(64 * 1024 * 1024)))))
          assert.isTrue(bomb._tag === "Failure" || !bomb.value.body.includes("refs/heads"), "it is cut off")
          yield* git(folder, "clone", "-q", "--", url(token), "clone")
          yield* Effect.promise(() => writeFile(join(folder, "clone", "big"), randomBytes(3_000_000)))
          yield* git(join(folder, "clone"), "add", "-A")
          yield* git(join(folder, "clone"), "commit", "-q", "-m", "big")
          assert.notStrictEqual((yield* git(join(folder, "clone"), "push", "-q", "origin", "HEAD:main")).code, 0)
        })
      ),
    30_000
  )

  it.effect("hides and protects rdev's own refs, and refuses hostile trees", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { objects, target, url, folder, issue } = yield* fresh
        const token = yield* issue("write")
        yield* git(folder, "clone", "-q", "--", url(token), "clone")
        const clone = join(folder, "clone")
        assert.notStrictEqual((yield* git(clone, "push", "-q", "origin", "HEAD:refs/rdev/incoming/x")).code, 0)
        const bundle = yield* objects.exportBundle(target, main, null)
        yield* objects.importBundle(target, bundle)
        assert.notInclude((yield* git(clone, "ls-remote", "origin")).text, "refs/rdev")
        // A tree with a ".git" folder: written by plumbing, as no porcelain would.
        const blob = (yield* git(clone, "hash-object", "-w", "README.md")).text.trim()
        const script = `printf '100644 blob ${blob}\\tconfig\\n' | git mktree | xargs -I T printf '040000 tree T\\t.git\\n' | git mktree | xargs -I T git commit-tree T -m bad | xargs -I C git update-ref refs/heads/bad C`
        yield* Effect.callback<void>((resume) => {
          execFile(
            "sh",
            ["-c", script],
            {
              cwd: clone,
              env: {
                ...process.env,
                GIT_AUTHOR_NAME: "A",
                GIT_AUTHOR_EMAIL: "a@b",
                GIT_COMMITTER_NAME: "A",
                GIT_COMMITTER_EMAIL: "a@b"
              }
            },
            () => resume(Effect.void)
          )
        })
        const hostile = yield* git(clone, "push", "-q", "origin", "bad")
        assert.notStrictEqual(hostile.code, 0)
        assert.include(hostile.text, "hasDotgit")
      })
    )
  )

  it.effect("takes a push as a whole or not at all: one bad name and nothing lands", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url, folder, issue } = yield* fresh
        yield* git(folder, "clone", "-q", "--", url(yield* issue("write")), "clone")
        const clone = join(folder, "clone")
        const pushed = yield* git(
          clone,
          "push",
          "origin",
          "HEAD:refs/heads/topic",
          "HEAD:refs/heads/-x",
          "HEAD:refs/tags/--output=x",
          "HEAD:refs/heads/a-b"
        )
        assert.notStrictEqual(pushed.code, 0)
        assert.include(pushed.text, "may start with a dash")
        const listed = (yield* git(clone, "ls-remote", "origin")).text
        for (const name of ["refs/heads/topic", "refs/heads/a-b", "/-"]) assert.notInclude(listed, name)
        assert.deepStrictEqual(
          yield* git(clone, "push", "-q", "origin", "HEAD:refs/heads/topic", "HEAD:refs/heads/a-b"),
          { code: 0, text: "" }
        )
      })
    )
  )

  it.effect(
    "shares its places out: a project that holds all of its own keeps no other from cloning, and its next request waits",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const [greedy, other] = [yield* fresh, yield* fresh]
          const token = yield* greedy.issue("write")
          const authorization = `Basic ${Buffer.from(`rdev:${Redacted.value(token)}`).toString("base64")}`
          /** A push that has begun and goes on for ever. */
          const stalled = () => {
            const sent = request({
              host: "127.0.0.1",
              port: greedy.port,
              method: "POST",
              path: `/git/${greedy.target.name}.git/git-receive-pack`,
              headers: { authorization, "content-type": "application/x-git-receive-pack-request" }
            })
            const answered = new Promise<number>((resolve) => {
              sent.on("response", (response) => {
                response.resume()
                resolve(response.statusCode ?? 0)
              })
              sent.on("error", () => resolve(-1))
            })
            sent.write("0011shallow 1234")
            return { sent, answered }
          }
          const places = Array.from({ length: 40 }, stalled)
          // At most a quarter of those that wait may be one project's: the last ones are told so at once.
          yield* Effect.promise(async () => {
            const refused = await Promise.race(places.map(({ answered }) => answered))
            assert.strictEqual(refused, 429)
          })
          const cloned = yield* git(other.folder, "clone", "-q", "--", other.url(yield* other.issue("read")), "clone")
          assert.deepStrictEqual(cloned, { code: 0, text: "" })
          for (const { sent } of places) sent.destroy()
          yield* Effect.promise(() => Promise.all(places.map(({ answered }) => answered)))
          const again = yield* git(greedy.folder, "clone", "-q", "--", greedy.url(token), "clone")
          assert.deepStrictEqual(again, { code: 0, text: "" })
        })
      ),
    60_000
  )
})
