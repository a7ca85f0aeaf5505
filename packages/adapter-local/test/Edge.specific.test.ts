import { assert, layer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Context, Effect, Layer, Option } from "effect"
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises"
import { createServer, type IncomingHttpHeaders, request as httpRequest } from "node:http"
import { connect } from "node:net"
import { join } from "node:path"
import * as Edge from "../src/edge/Edge.ts"
import * as LocalBuilder from "../src/build/LocalBuilder.ts"
import * as LocalDeployer from "../src/release/LocalDeployer.ts"
import * as LocalDns from "../src/edge/LocalDns.ts"
import * as LocalRouter from "../src/edge/LocalRouter.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import * as ReleaseConfig from "../src/build/ReleaseConfig.ts"
import * as StaticSite from "../src/release/StaticSite.ts"
import * as Commits from "./Commits.ts"
import { listening } from "./ClientGit.ts"
import { make as temporaryFolder, withFolder } from "./TemporaryFolder.ts"

class Served extends Context.Service<Served, { readonly port: number; readonly dataDir: string }>()("test/Served") {}

const platform = (dataDir: string) => {
  const parts = Layer.mergeAll(
    LocalBuilder.layer({ dataDir, unsafeHost: true }),
    LocalRouter.layer({ dataDir }),
    LocalDeployer.layer({
      dataDir,
      unsafeHost: true,
      urlOf: (host) => `http://${host}:1/`,
      healthTimeoutMillis: 20_000
    }),
    LocalDns.layer({ dataDir })
  ).pipe(Layer.provideMerge(LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" })))
  const http = Layer.effect(
    Served,
    Effect.gen(function* () {
      const edge = yield* Edge.Edge
      const server = createServer((request, response) => {
        if (!edge.handler(request, response)) response.writeHead(418).end()
      })
      server.on("upgrade", (request, socket, head) => {
        if (!edge.upgrade(request, socket, head)) socket.destroy()
      })
      return { port: yield* listening(server), dataDir }
    })
  ).pipe(Layer.provide(Edge.layer))
  return Layer.orDie(http.pipe(Layer.provideMerge(parts)))
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
const ask = (host: string, path = "/", headers: Readonly<Record<string, string>> = {}, method = "GET", body = "") =>
  Effect.flatMap(Served, ({ port }) =>
    Effect.callback<Answer>((resume) => {
      const request = httpRequest(
        { host: "127.0.0.1", port, path, method, headers: { host, ...headers }, agent: false },
        (response) => {
          const chunks: Array<Buffer> = []
          response.on("data", (chunk: Buffer) => chunks.push(chunk))
          response.on("end", () =>
            resume(
              Effect.succeed({
                status: response.statusCode ?? 0,
                headers: response.headers,
                body: Buffer.concat(chunks).toString("utf8")
              })
            )
          )
        }
      )
      request.on("error", (cause) => resume(Effect.die(cause)))
      request.end(body)
    })
  )

const main = BranchName.make("main")
let counter = 0
const project = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>, name = `edge-${counter++}`) {
  const repositories = yield* RepositoryHost
  const git = yield* GitObjects
  const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(name) }
  yield* repositories.ensure(target, {
    defaultBranch: main,
    message: "Start",
    files: Object.entries(files).map(([path, content]) => ({ path, content }))
  })
  const sha = Option.getOrThrow(yield* git.head(target, main))
  yield* Effect.flatMap(Dns, (dns) =>
    dns.ensure({ projectId: target.projectId, host: `${name}.localhost`, target: "127.0.0.1" })
  )
  return { target, sha, host: `${name}.localhost` }
})
const released = Effect.fnUntraced(function* (
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {}
) {
  const made = yield* project(files)
  const deployer = yield* Commits.releaser
  yield* deployer.deploy(made.target, { key: "first", environment: "production", sha: made.sha, env })
  return { ...made, deployer }
})
const reasonOf = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.message)

const service = `
import { createServer } from "node:http"
const server = createServer((request, response) => {
  if (request.url === "/crash") process.exit(1)
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ url: request.url, pid: process.pid, headers: request.headers, body: Buffer.concat(chunks).toString(), secret: process.env.SECRET, names: Object.keys(process.env) })))
})
server.on("upgrade", (request, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nupgrade: echo\\r\\nconnection: Upgrade\\r\\n\\r\\n")
  socket.pipe(socket)
})
server.listen(Number(process.env.PORT), process.env.HOST)
`
const serviceFiles = { "rdev.yaml": "kind: node\nstart: node server.mjs\n", "server.mjs": service }

layer(withFolder(platform), { excludeTestServices: true })("Edge", (it) => {
  it.effect("leaves other hosts to the caller and names unknown ones", () =>
    Effect.gen(function* () {
      for (const host of ["localhost", "127.0.0.1", "example.org", "evil-localhost", "hello.localhost.evil.org"])
        assert.strictEqual((yield* ask(host)).status, 418, host)
      const unknown = yield* ask("nobody.localhost:4400")
      assert.strictEqual(unknown.status, 404)
      assert.strictEqual(unknown.headers["content-type"], "application/problem+json")
      assert.include(unknown.body, "nobody.localhost")
      const page = yield* ask("nobody.localhost", "/", { accept: "text/html" })
      assert.include(page.headers["content-type"] ?? "", "text/html")
      assert.include(page.body, "nobody.localhost")
      const { host } = yield* project({ "index.html": "x" })
      assert.include((yield* ask(host)).body, "no release in production")
    })
  )

  it.effect("serves a static release: types, caching, ranges, errors", () =>
    Effect.gen(function* () {
      const { host } = yield* released({
        "public/index.html": "<h1>home</h1>",
        "public/style.css": "a{}",
        "public/docs/index.html": "docs",
        "public/about.html": "about",
        "public/404.html": "lost",
        "public/.env": "SECRET",
        "public/ü x.txt": "uni",
        "secret.txt": "outside"
      })
      const home = yield* ask(host)
      assert.deepStrictEqual(
        [home.status, home.body, home.headers["content-type"], home.headers["x-content-type-options"]],
        [200, "<h1>home</h1>", "text/html; charset=utf-8", "nosniff"]
      )
      assert.strictEqual((yield* ask(host.toUpperCase() + ":80")).status, 200)
      assert.strictEqual((yield* ask(host, "/style.css")).headers["content-type"], "text/css; charset=utf-8")
      assert.strictEqual((yield* ask(host, "/", { "if-none-match": home.headers.etag ?? "" })).status, 304)
      assert.deepInclude(yield* ask(host, "/", {}, "HEAD"), { status: 200, body: "" })
      const posted = yield* ask(host, "/", { "x-request-id": "mine" }, "POST")
      assert.deepStrictEqual(
        [posted.status, posted.headers["allow"], posted.headers["content-type"]],
        [405, "GET, HEAD", "application/problem+json"]
      )
      assert.deepInclude(JSON.parse(String(posted.body)), {
        type: "urn:rdev:problem:method-not-allowed",
        code: "method-not-allowed",
        status: 405,
        request_id: "mine"
      })
      assert.strictEqual((yield* ask(host, "/docs?a=1")).headers.location, "/docs/?a=1")
      assert.strictEqual((yield* ask(host, "/docs/")).body, "docs")
      assert.strictEqual((yield* ask(host, "/about")).body, "about")
      assert.strictEqual((yield* ask(host, `/${encodeURIComponent("ü x.txt")}`)).body, "uni")
      const part = yield* ask(host, "/", { range: "bytes=1-2" })
      assert.deepStrictEqual([part.status, part.body, part.headers["content-range"]], [206, "h1", "bytes 1-2/13"])
      assert.strictEqual((yield* ask(host, "/", { range: "bytes=99-" })).status, 416)
      for (const path of [
        "/absent",
        "/.env",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%00",
        "/%zz",
        "/a\\..\\secret.txt",
        "//evil.org/..",
        "/index.html/"
      ]) {
        assert.deepInclude(yield* ask(host, path), { status: 404, body: "lost" }, path)
      }
    })
  )

  it.effect(
    "serves a copy that only the server writes, and no release that leads out of its files",
    () =>
      Effect.gen(function* () {
        const { dataDir } = yield* Served
        const { host, target } = yield* released({
          "rdev.yaml":
            "kind: static\nbuild: mkdir dist && echo ok > dist/index.html && ln -s index.html dist/inside.html\n"
        })
        assert.strictEqual((yield* ask(host, "/inside.html")).body, "ok\n")
        const folder = join(dataDir, "releases", target.projectId, "production")
        const [id = ""] = (yield* Effect.promise(() => readdir(folder))).filter((name) => name.startsWith("rel_"))
        assert.includeMembers([...(yield* Effect.promise(() => readdir(join(folder, id))))], ["site", "release.json"])
        assert.isFalse(
          (yield* Effect.promise(() => readdir(join(folder, id)))).includes("files"),
          "what it was built from is not kept"
        )
        // Whatever gets into the copy later is not followed either.
        yield* Effect.promise(() => symlink(join(dataDir, "git"), join(folder, id, "site", "git")))
        yield* Effect.promise(() => symlink("/etc/passwd", join(folder, id, "site", "passwd")))
        for (const path of ["/passwd", "/git/token.key", "/git/"])
          assert.strictEqual((yield* ask(host, path)).status, 404, path)
        const deployer = yield* Commits.releaser
        const ways = [
          `rm -rf dist; ln -s ${dataDir} dist`,
          "rm -rf dist; ln -s /proc/self/root/etc dist",
          "mkdir -p dist; echo ok > dist/index.html; ln -s /etc/passwd dist/passwd",
          "mkdir -p dist; ln -s ../../release.json dist/index.html"
        ]
        for (const way of ways) {
          const bad = yield* project({ "rdev.yaml": `kind: static\nbuild: "${way}"\npublish: dist\nhealth: /\n` })
          assert.match(
            yield* reasonOf(
              deployer.deploy(bad.target, { key: "k", environment: "production", sha: bad.sha, env: {} })
            ),
            /publish: dist.* is a symbolic link that leads out/,
            way
          )
          assert.strictEqual((yield* ask(bad.host, "/token.key")).status, 404)
        }
      }),
    30_000
  )

  it.effect("copies only after what the build left running is dead", () =>
    Effect.gen(function* () {
      const { host } = yield* released({
        "rdev.yaml":
          "kind: static\nbuild: \"mkdir -p dist; echo before > dist/index.html; (setsid sh -c 'while :; do echo after > dist/index.html; done' &) ; sleep 0.1; echo last > dist/index.html\"\n"
      })
      const first = (yield* ask(host)).body
      // Empty when the end came between opening the file and writing to it.
      assert.include(["last\n", "after\n", ""], first)
      assert.strictEqual((yield* ask(host)).body, first)
    })
  )

  it.effect("does not connect to what a service puts in the place of its socket", () =>
    Effect.gen(function* () {
      const { dataDir } = yield* Served
      const secret = createServer((_request, response) => response.end("somebody else's socket"))
      const path = join(dataDir, "other.sock")
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => {
          secret.listen(path, () => resume(Effect.void))
        }),
        () => Effect.sync(() => secret.close())
      )
      const swapping = service.replace(
        'if (request.url === "/crash") process.exit(1)',
        `if (request.url === "/swap") {
        const fs = require("fs"), socket = process.env.HOME + "/edge.sock"
        fs.rmSync(socket, { force: true })
        fs.symlinkSync(${JSON.stringify(path)}, socket)
      }`
      )
      const { host, target, deployer } = yield* released({
        "rdev.yaml": "kind: node\nstart: node server.cjs\n",
        "server.cjs": swapping.replace(
          'import { createServer } from "node:http"',
          'const { createServer } = require("http")'
        )
      })
      assert.strictEqual((yield* ask(host)).status, 200)
      yield* ask(host, "/swap")
      const after = yield* ask(host)
      assert.strictEqual(after.status, 502)
      assert.notInclude(after.body, "somebody")
      assert.isFalse((yield* deployer.verify(target, "production")).healthy)
    }).pipe(Effect.scoped)
  )

  it.effect("passes requests and upgrades on to a service, with its environment", () =>
    Effect.gen(function* () {
      const { host } = yield* released(serviceFiles, { SECRET: "s3cret" })
      const answer = yield* ask(
        host,
        "/path?q=1",
        { "x-own": "1", connection: "keep-alive, x-drop", "x-drop": "1" },
        "POST",
        "hello"
      )
      const seen = JSON.parse(answer.body) as {
        url: string
        headers: Record<string, string>
        body: string
        secret: string
        names: ReadonlyArray<string>
      }
      assert.deepStrictEqual(
        [
          seen.url,
          seen.body,
          seen.secret,
          seen.headers["host"],
          seen.headers["x-own"],
          seen.headers["x-forwarded-host"],
          seen.headers["x-drop"]
        ],
        ["/path?q=1", "hello", "s3cret", host, "1", host, undefined]
      )
      assert.notInclude(seen.names, "RDEV_SOCKET")
      const { port } = yield* Served
      const echoed = yield* Effect.callback<string>((resume) => {
        const socket = connect(port, "127.0.0.1")
        let text = ""
        socket.on("data", (chunk: Buffer) => {
          text += chunk.toString("utf8")
          if (text.includes("\r\n\r\n") && !text.endsWith("ping")) socket.write("ping")
          if (text.endsWith("ping")) {
            socket.destroy()
            resume(Effect.succeed(text))
          }
        })
        socket.write(`GET /ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`)
      })
      assert.match(echoed, /^HTTP\/1\.1 101 /)
    })
  )

  it.effect(
    "starts a service again when it ends",
    () =>
      Effect.gen(function* () {
        const { host, target, deployer } = yield* released(serviceFiles)
        const crashed = yield* ask(host, "/crash")
        assert.strictEqual(crashed.status, 502)
        const deadline = Date.now() + 20_000
        let status = 502
        while (status !== 200 && Date.now() < deadline) status = (yield* ask(host)).status
        assert.strictEqual(status, 200)
        assert.isTrue((yield* deployer.verify(target, "production")).healthy)
      }),
    30_000
  )

  it.effect(
    "says why a release is refused",
    () =>
      Effect.gen(function* () {
        const deployer = yield* Commits.releaser
        const cases: ReadonlyArray<readonly [Readonly<Record<string, string>>, RegExp]> = [
          [{ "README.md": "x" }, /rdev\.yaml: the repository has neither/],
          [{ "rdev.yaml": "kind: rails\n" }, /rdev\.yaml: kind: expected static or node/],
          [{ "rdev.yaml": "kind: static\npublish: ../..\n" }, /rdev\.yaml: .*expected a folder of the repository/],
          [{ "rdev.yaml": "kind: node\n" }, /rdev\.yaml: .*start/],
          [{ "rdev.yaml": "kind: static\nbuild: echo no-luck && exit 3\n" }, /build: the build exited 3: .*no-luck/],
          [{ "rdev.yaml": 'kind: static\nbuild: "true"\n' }, /publish: the build made no folder dist/],
          [{ "rdev.yaml": "kind: static\nbuild: mkdir dist\n" }, /health: the release has no file for \//],
          [
            { "rdev.yaml": "kind: node\nstart: node -e \"console.log('no config');process.exit(3)\"\n" },
            /start: the service exited 3 before it answered; .*no config/
          ]
        ]
        for (const [files, expected] of cases) {
          const { target, sha } = yield* project(files)
          assert.match(
            yield* reasonOf(deployer.deploy(target, { key: "k", environment: "production", sha, env: {} })),
            expected
          )
          const { dataDir } = yield* Served
          const left = yield* Effect.promise(() =>
            readdir(join(dataDir, "releases", target.projectId, "production")).catch(() => [])
          )
          assert.deepStrictEqual(
            left.filter((name) => name.startsWith("rel_")),
            [],
            "nothing is left behind"
          )
          const artifacts = join(dataDir, "artifacts", target.projectId)
          const built = yield* Effect.promise(() => readdir(artifacts, { recursive: true }).catch(() => []))
          assert.deepStrictEqual(
            built.filter((name) => /\.pins\/./.test(name)),
            [],
            "nothing is kept for it"
          )
        }
      }),
    60_000
  )

  it.effect("keeps five releases", () =>
    Effect.gen(function* () {
      const { target, sha, deployer } = yield* released({ "index.html": "x" })
      for (let i = 0; i < 7; i++)
        yield* deployer.deploy(target, { key: `more-${i}`, environment: "production", sha, env: {} })
      const { dataDir } = yield* Served
      const names = yield* Effect.promise(() => readdir(join(dataDir, "releases", target.projectId, "production")))
      assert.strictEqual(names.filter((name) => name.startsWith("rel_")).length, 5)
    })
  )
})

layer(Layer.empty, { excludeTestServices: true })("LocalDeployer restarts", (it) => {
  it.effect(
    "publishes releases of an earlier version, which served from the build's files, and leaves out those that lead out",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const [good, bad] = yield* Effect.all([
            released({ "public/index.html": "one" }),
            released({ "public/index.html": "two" })
          ]).pipe(Effect.provide(platform(dataDir)))
          for (const { target } of [good, bad]) {
            const folder = join(dataDir, "releases", target.projectId, "production")
            const [id = ""] = (yield* Effect.promise(() => readdir(folder))).filter((name) => name.startsWith("rel_"))
            yield* Effect.promise(async () => {
              const file = join(folder, id, "release.json")
              const { artifact, ...record } = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>
              assert.isObject(artifact)
              await writeFile(file, JSON.stringify(record))
              await mkdir(join(folder, id, "files"))
              await rename(join(folder, id, "site"), join(folder, id, "files", "public"))
              if (target === bad.target) await symlink("/etc/passwd", join(folder, id, "files", "public", "passwd"))
            })
          }
          // Neither artifacts nor routes.
          for (const name of ["artifacts", "routes"])
            yield* Effect.promise(() => rm(join(dataDir, name), { recursive: true }))
          yield* Effect.gen(function* () {
            assert.strictEqual((yield* ask(good.host)).body, "one")
            assert.strictEqual((yield* ask(bad.host)).status, 404)
            assert.strictEqual((yield* ask(bad.host, "/passwd")).status, 404)
          }).pipe(Effect.provide(platform(dataDir)))
        })
      ),
    60_000
  )

  it.effect(
    "brings live releases up again, services too",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const before = yield* released(serviceFiles, { SECRET: "kept" }).pipe(Effect.provide(platform(dataDir)))
          yield* Effect.gen(function* () {
            const deployer = yield* Commits.releaser
            assert.isTrue(Option.isSome(yield* deployer.observe(before.target, "production")))
            const deadline = Date.now() + 20_000
            let answer = yield* ask(before.host)
            while (answer.status !== 200 && Date.now() < deadline) answer = yield* ask(before.host)
            assert.include(answer.body, '"secret":"kept"')
            yield* deployer.remove(before.target)
            assert.strictEqual((yield* ask(before.host)).status, 404)
          }).pipe(Effect.provide(platform(dataDir)))
          assert.deepStrictEqual(yield* Effect.promise(() => readdir(join(dataDir, "run"))), [])
        })
      ),
    60_000
  )
})

layer(Layer.empty)("StaticSite and ReleaseConfig", (it) => {
  it.effect("parses ranges", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(StaticSite.parseRange("bytes=0-", 10), { start: 0, end: 9 })
      assert.deepStrictEqual(StaticSite.parseRange("bytes=-3", 10), { start: 7, end: 9 })
      assert.deepStrictEqual(StaticSite.parseRange("bytes=2-100", 10), { start: 2, end: 9 })
      assert.strictEqual(StaticSite.parseRange("bytes=5-2", 10), "unsatisfiable")
      for (const odd of ["bytes=-", "items=1-2", "bytes=1-2,4-5", undefined])
        assert.isNull(StaticSite.parseRange(odd, 10))
    })
  )

  it.effect("reads host headers", () =>
    Effect.sync(() => {
      assert.strictEqual(Edge.hostOf("Hello.LOCALHOST.:80"), "hello.localhost")
      for (const bad of [undefined, "", "a b", "a@b", "a/b", "[::1]:80"]) assert.isNull(Edge.hostOf(bad))
    })
  )

  it.effect("guesses what to serve", () =>
    Effect.sync(() => {
      assert.strictEqual(ReleaseConfig.guess(["public/index.html", "index.html"])?.kind, "static")
      assert.deepInclude(ReleaseConfig.guess(["index.html"]), { publish: "." })
      assert.isNull(ReleaseConfig.guess(["src/index.html"]))
    })
  )
})
