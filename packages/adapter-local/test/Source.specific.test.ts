/** A repository elsewhere as it is met over HTTP: what answers, what refuses, and where a name leads. */
import { assert, layer } from "@effect/vitest"
import { ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Git from "@rdev/git/Git"
import * as Source from "@rdev/git/Source"
import * as OutboundHttp from "@rdev/runtime-node/http/OutboundHttp"
import { Context, Effect, Layer, Option, Redacted, Result } from "effect"
import { createServer } from "node:http"
import * as GitHttp from "../src/forge/GitHttp.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import { listening } from "./ClientGit.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

const trunk = BranchName.make("trunk")
class Far extends Context.Service<Far, { readonly port: number; readonly paths: Array<string> }>()("test/Far") {}

const served = Layer.unwrap(
  Effect.gen(function* () {
    const dataDir = yield* temporaryFolder
    const places = { total: 24, perProject: 24, perKey: 24, waiting: 128, waitMillis: 20_000 }
    const http = yield* Layer.build(GitHttp.layer({ dataDir, places }).pipe(Layer.provide(Git.layer)))
    const { handler } = Context.get(http, GitHttp.GitHttp)
    const paths: Array<string> = []
    const port = yield* listening(
      createServer((request, response) => {
        paths.push(request.url ?? "")
        if ((request.url ?? "").startsWith("/moved/"))
          return response.writeHead(302, { location: `http://127.0.0.1:${port}/inward` }).end()
        if ((request.url ?? "").startsWith("/page/"))
          return response.writeHead(200, { "content-type": "text/html" }).end("<html>log in</html>")
        if (!handler(request, response)) response.writeHead(404).end()
        return response
      })
    )
    return Layer.merge(
      LocalForge.layer({ dataDir, baseUrl: `http://127.0.0.1:${port}/git` }),
      Layer.succeed(Far, { port, paths })
    )
  })
)
const http = (allow: ReadonlyArray<string>, resolve?: (host: string) => Promise<ReadonlyArray<string>>) =>
  Result.getOrThrow(
    OutboundHttp.make({ allow, setting: "RDEV_SOURCE_ALLOW", ...(resolve === undefined ? {} : { resolve }) })
  )
const sourceOf = (outbound: OutboundHttp.OutboundHttp) => Source.make(Git.make(), outbound)
const reasonOf = <A, E extends { readonly reason: unknown }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

const repository = Effect.gen(function* () {
  const host = yield* RepositoryHost
  const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`far-${Date.now().toString(36)}`) }
  const made = yield* host.ensure(target, { defaultBranch: trunk, files: [{ path: "a", content: "a" }], message: "A" })
  const { token, username } = yield* host.issueToken(target, "read", 600, "platform")
  const head = Option.getOrThrow(yield* (yield* GitObjects).head(target, trunk))
  return { url: made.cloneUrl, login: { token, username }, head }
})

layer(Layer.orDie(served), { excludeTestServices: true })("a repository elsewhere", (it) => {
  it.effect("says which branch is its own, and where it was found", () =>
    Effect.gen(function* () {
      const { head, login, url } = yield* repository
      const source = sourceOf(http(["127.0.0.1"]))
      const found = yield* source.look({ url, login, branch: null })
      assert.deepInclude(found, { url, defaultBranch: trunk, head, branches: 1, tags: 0 })
      assert.deepStrictEqual(found.addresses, ["127.0.0.1"])
      const bare = yield* source.look({ url: url.replace(/\.git$/, "/"), login, branch: trunk })
      assert.strictEqual(bare.head, head)
    })
  )

  it.effect("tells what a person can do when it is refused", () =>
    Effect.gen(function* () {
      const { login, url } = yield* repository
      const { port } = yield* Far
      const { look } = sourceOf(http(["127.0.0.1"]))
      const wrong = { username: "rdev", token: Redacted.make("no-such-token-s3cret") }
      const cases = [
        [{ url, login: null, branch: null }, "Unauthorized", /asks for a login/],
        [{ url, login: wrong, branch: null }, "Unauthorized", /refuses the token/],
        [{ url: `http://127.0.0.1:${port}/elsewhere/none.git`, login, branch: null }, "NotFound", /no git repository/],
        [
          { url: `http://127.0.0.1:${port}/page/x`, login, branch: null },
          "NotFound",
          /has no branches: .* no git repository/
        ],
        [{ url, login, branch: BranchName.make("nope") }, "Invalid", /no branch nope; there are trunk/]
      ] as const
      for (const [request, tag, message] of cases) {
        const reason = (yield* reasonOf(look(request))) as { readonly _tag: string; readonly message: string }
        assert.strictEqual(reason._tag, tag, request.url)
        assert.match(reason.message, message)
        assert.notInclude(JSON.stringify(reason), "s3cret")
      }
    })
  )

  it.effect("is not reached by an address inside, by a name that leads there, or by a redirect", () =>
    Effect.gen(function* () {
      const { port, paths } = yield* Far
      const login = null
      const branch = null
      const inward = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1"
      ]
      const before = paths.length
      for (const host of inward) {
        const reason = yield* reasonOf(
          sourceOf(http([])).look({ url: `http://${host}:${port}/git/x.git`, login, branch })
        )
        assert.deepInclude(reason, { _tag: "Invalid", field: "repository.url" }, host)
      }
      const named = http([], () => Promise.resolve(["203.0.113.7", "127.0.0.1"]))
      const reason = yield* reasonOf(sourceOf(named).look({ url: `https://git.example.org/x.git`, login, branch }))
      assert.deepInclude(reason, { _tag: "Invalid", field: "repository.url" })
      assert.strictEqual(paths.length, before, "nobody was asked")
      yield* reasonOf(
        sourceOf(http(["127.0.0.1"])).look({ url: `http://127.0.0.1:${port}/moved/x.git`, login, branch })
      )
      assert.isFalse(paths.some((path) => path.startsWith("/inward")))
    })
  )

  it.effect("is connected to at the address that was judged, whatever its name means by then", () =>
    Effect.gen(function* () {
      const { head, login, url } = yield* repository
      const named = http(["git.example.org"], () => Promise.resolve(["127.0.0.1"]))
      const far = url.replace("127.0.0.1", "git.example.org")
      const found = yield* sourceOf(named).look({ url: far, login, branch: null })
      assert.deepStrictEqual([found.head, found.addresses], [head, ["127.0.0.1"]])
      const host = yield* RepositoryHost
      const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make("pinned") }
      yield* host.ensure(target, { defaultBranch: trunk, files: null, message: "" })
      assert.strictEqual((yield* (yield* GitObjects).importHistory(target, found)).head, head)
    })
  )
})
