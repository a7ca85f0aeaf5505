/** The whole machine behind one server: repository, pipeline, release, host name, clone. */
import { assert, layer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Ci } from "@rdev/core/ports/infra/Ci"
import * as Commits from "./Commits.ts"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Effect, Layer, Option, Redacted, Stream } from "effect"
import { createServer, request as httpRequest, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { Edge, GitHttp, LocalPlatform } from "../src/index.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

const main = BranchName.make("main")
const files = {
  "rdev.yaml": "kind: static\nbuild: node build.mjs\npublish: dist\n",
  ".woodpecker.yml": "steps:\n  - name: test\n    image: node:24-alpine\n    commands:\n      - node --test\n",
  "build.mjs":
    "import { mkdirSync, writeFileSync } from 'node:fs'\nmkdirSync('dist', { recursive: true })\nwriteFileSync('dist/index.html', '<h1>hello</h1>')\n",
  "build.test.mjs":
    "import { test } from 'node:test'\nimport assert from 'node:assert'\ntest('adds', () => assert.equal(1 + 1, 2))\n"
}

const listen = (server: Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )

layer(Layer.empty, { excludeTestServices: true })("LocalPlatform", (it) => {
  it.effect(
    "takes a project from its repository to its preview",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const server = createServer()
          const port = yield* listen(server)
          yield* Effect.gen(function* () {
            const [edge, http] = [yield* Edge.Edge, yield* GitHttp.GitHttp]
            server.on("request", (request, response) => {
              if (!edge.handler(request, response) && !http.handler(request, response)) response.writeHead(404).end()
            })
            const [repositories, git, ci, deployer, dns, host] = [
              yield* RepositoryHost,
              yield* GitObjects,
              yield* Ci,
              yield* Commits.releaser,
              yield* Dns,
              yield* WorkspaceHost
            ]
            const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make("hello") }
            const repository = yield* repositories.ensure(target, {
              defaultBranch: main,
              message: "Start",
              files: Object.entries(files).map(([path, content]) => ({ path, content }))
            })
            const sha = Option.getOrThrow(yield* git.head(target, main))
            yield* ci.ensure(target)
            const run = yield* ci.start(target, { key: "first", sha, branch: "main", event: "push" })
            const log = yield* Stream.runCollect(ci.follow(target, run.id))
            assert.deepInclude(yield* ci.get(target, run.id), { status: "green", reason: null }, JSON.stringify(log))
            const release = yield* deployer.deploy(target, { key: "first", environment: "production", sha, env: {} })
            assert.strictEqual(release.url, `http://hello.localhost:${port}/`)
            yield* dns.ensure({ projectId: target.projectId, host: dns.hostFor(target.name), target: "127.0.0.1" })
            const page = yield* Effect.callback<string>((resume) => {
              httpRequest(
                { host: "127.0.0.1", port, headers: { host: `hello.localhost:${port}` }, agent: false },
                (response) => {
                  let text = ""
                  response
                    .on("data", (chunk: Buffer) => {
                      text += chunk.toString("utf8")
                    })
                    .on("end", () => resume(Effect.succeed(text)))
                }
              ).end()
            })
            assert.strictEqual(page, "<h1>hello</h1>")
            const { token } = yield* repositories.issueToken(target, "read", 60, "platform")
            const workspace = yield* host.ensure({ projectId: target.projectId, name: "main", network: "internet" })
            const clone = yield* host.start(workspace, {
              argv: [
                "git",
                "clone",
                "-q",
                "--",
                repository.cloneUrl.replace("//", `//rdev:${Redacted.value(token)}@`),
                "hello"
              ]
            })
            yield* Stream.runDrain(clone.output)
            assert.strictEqual((yield* clone.exit).code, 0)
            assert.strictEqual(
              Buffer.from(yield* host.readFile(workspace, "hello/build.mjs")).toString(),
              files["build.mjs"]
            )
          }).pipe(
            Effect.scoped,
            Effect.provide(
              LocalPlatform.layer({ dataDir, unsafeHost: true, origin: () => ({ host: "127.0.0.1", port }) })
            )
          )
        })
      ),
    60_000
  )
})
