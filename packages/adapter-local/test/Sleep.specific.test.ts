/** Services that nobody asks for sleep, and the next request wakes them. Real processes; a service counts its own starts. */
import { assert, describe, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Quarantine from "@rdev/core/ports/stores/Quarantine"
import { Context, Effect, Exit, Fiber, Layer, Option, Schedule, Scope } from "effect"
import { writeFile } from "node:fs/promises"
import { createServer, request as httpRequest } from "node:http"
import { connect } from "node:net"
import { join } from "node:path"
import * as Edge from "../src/edge/Edge.ts"
import * as LocalDns from "../src/edge/LocalDns.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import * as FileLock from "../src/records/FileLock.ts"
import * as LocalBuilder from "../src/build/LocalBuilder.ts"
import * as Commits from "./Commits.ts"
import * as LocalRouter from "../src/edge/LocalRouter.ts"
import * as LocalDeployer from "../src/release/LocalDeployer.ts"
import * as Sandbox from "../src/sandbox/Sandbox.ts"
import { listening } from "./ClientGit.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

const main = BranchName.make("main")
const author = { name: "A", email: "a@b" }
const idleMillis = 400

const replica = (dataDir: string, registry: Quarantine.Registry) =>
  Edge.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        LocalBuilder.layerNoDeps({ dataDir }),
        LocalRouter.layer({ dataDir }),
        LocalDeployer.layerNoDeps({
          dataDir,
          urlOf: (host) => `http://${host}:1/`,
          idleMillis,
          healthTimeoutMillis: 20_000
        }),
        LocalDns.layer({ dataDir })
      )
    ),
    Layer.provideMerge(
      Layer.merge(
        LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }),
        Sandbox.layer({ dataDir, unsafeHost: true })
      )
    ),
    Layer.provide(Layer.succeed(Quarantine.Quarantine, registry)),
    Layer.fresh
  )
/** One process's worth: its adapters behind an HTTP server. */
const start = (dataDir: string) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const registry = Quarantine.make()
    const services = yield* Layer.buildWithScope(replica(dataDir, registry), scope)
    const edge = Context.get(services, Edge.Edge)
    const server = createServer((request, response) => {
      if (!edge.handler(request, response)) response.writeHead(418).end()
    })
    server.on("upgrade", (request, socket, head) => {
      if (!edge.upgrade(request, socket, head)) socket.destroy()
    })
    const port = yield* Scope.provide(listening(server), scope)
    return { deployer: Commits.over(services), end: Scope.close(scope, Exit.void), port, registry, services }
  })
type At = Effect.Success<ReturnType<typeof start>>

interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfter: string | undefined
}
const ask = (at: Pick<At, "port">, host: string, path = "/") =>
  Effect.callback<Answer>((resume) => {
    const request = httpRequest(
      { host: "127.0.0.1", port: at.port, path, headers: { host }, agent: false },
      (response) => {
        let body = ""
        response.on("data", (chunk) => (body += String(chunk)))
        response.on("end", () =>
          resume(
            Effect.succeed({ status: response.statusCode ?? 0, body, retryAfter: response.headers["retry-after"] })
          )
        )
      }
    )
    request.on("error", (cause) => resume(Effect.die(cause)))
    request.end()
    return Effect.sync(() => request.destroy())
  })
const eventually = <A, E>(what: string, look: Effect.Effect<A, E>, satisfied: (answer: A) => boolean) =>
  look.pipe(
    Effect.flatMap((answer) =>
      satisfied(answer) ? Effect.succeed(answer) : Effect.fail(`${what}: ${JSON.stringify(answer)}`)
    ),
    Effect.retry(Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: "30 seconds" })))
  )

/** Its first answer to a start is 503: it is healthy only a moment later. */
const program = (word: string) => `
import { createServer } from "node:http"
const begun = Date.now()
const server = createServer((request, response) => {
  if (request.url === "/health") return response.writeHead(Date.now() - begun > 50 ? 200 : 503).end()
  if (request.url === "/slow") {
    response.writeHead(200).write("begun")
    return setTimeout(() => response.end(" ended"), 1300)
  }
  response.end("${word} " + begun)
})
server.on("upgrade", (request, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nupgrade: echo\\r\\nconnection: Upgrade\\r\\n\\r\\n")
  socket.pipe(socket)
})
server.listen(Number(process.env.PORT), process.env.HOST)
`
const files = (word: string, more = "") => ({
  "rdev.yaml": `kind: node\nstart: node server.mjs\nhealth: /health\n${more}`,
  "server.mjs": program(word)
})

let counter = 0
const project = (at: At, content: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const git = Context.get(at.services, GitObjects)
    const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`sleep-${counter++}`) }
    const host = `${target.name}.localhost`
    yield* Context.get(at.services, RepositoryHost).ensure(target, {
      defaultBranch: main,
      message: "Start",
      files: Object.entries(content).map(([path, text]) => ({ path, content: text }))
    })
    const sha = Option.getOrThrow(yield* git.head(target, main))
    yield* Context.get(at.services, Dns).ensure({ projectId: target.projectId, host, target: "127.0.0.1" })
    const deploy = (key: string, commit = sha, on = at) =>
      on.deployer.deploy(target, { key, environment: "production", sha: commit, env: {} })
    const commit = (path: string, text: string) =>
      Effect.gen(function* () {
        const head = Option.getOrThrow(yield* git.head(target, main))
        return yield* git.commit(target, {
          branch: main,
          expectedHead: head,
          changes: [{ path, content: text }],
          message: "next",
          author
        })
      })
    return { commit, deploy, host, sha, target }
  })
const isHeld = (dataDir: string, projectId: string, id: string) =>
  Effect.sync(() => FileLock.isHeld(join(dataDir, "releases", projectId, "production", id, "service.lock")))
const asleep = (at: At, dataDir: string, projectId: string, id: string) =>
  Effect.andThen(
    eventually("the service sleeps", isHeld(dataDir, projectId, id), (held) => !held),
    eventually(
      "verify says so",
      at.deployer.verify({ projectId: projectId as never, name: ProjectName.make("x") }, "production"),
      ({ checks }) => checks.at(-1)?.detail === "asleep"
    )
  )

describe("a service that nobody asks for", () => {
  it.live(
    "sleeps and is healthy; however many ask, it is started once, and all are answered",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const at = yield* start(dataDir)
          const { deploy, host, target } = yield* project(at, files("one"))
          const release = yield* deploy("1")
          const before = yield* ask(at, host)
          assert.match(before.body, /^one \d+$/)
          yield* asleep(at, dataDir, target.projectId, release.id)
          const health = yield* at.deployer.verify(target, "production")
          assert.deepInclude(health, { healthy: true })
          assert.deepStrictEqual(health.checks.at(-1), { name: "GET /health", ok: true, detail: "asleep" })
          const answers = yield* Effect.all(
            Array.from({ length: 40 }, () => ask(at, host)),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual([...new Set(answers.map(({ status }) => status))], [200])
          assert.strictEqual(new Set(answers.map(({ body }) => body)).size, 1, "one process answered all")
          assert.notStrictEqual(answers[0]?.body, before.body)
          // Who gives up while it is woken takes nothing from the others.
          yield* asleep(at, dataDir, target.projectId, release.id)
          yield* Effect.race(ask(at, host), Effect.sleep(20))
          assert.strictEqual((yield* ask(at, host)).status, 200)
        })
      ),
    60_000
  )

  it.live(
    "is used as long as a response or another protocol lasts",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const at = yield* start(dataDir)
          const { deploy, host, target } = yield* project(at, files("long"))
          const release = yield* deploy("1")
          assert.strictEqual((yield* ask(at, host, "/slow")).body, "begun ended")
          yield* asleep(at, dataDir, target.projectId, release.id)
          // A connection that changes its protocol wakes it, too.
          const { heard, socket } = yield* Effect.callback<{ heard: () => string; socket: ReturnType<typeof connect> }>(
            (resume) => {
              let text = ""
              const one = connect(at.port, "127.0.0.1", () =>
                one.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n`)
              )
              one.on("data", (chunk) => {
                text += String(chunk)
                if (text.includes("\r\n\r\n")) resume(Effect.succeed({ heard: () => text, socket: one }))
              })
            }
          )
          assert.include(heard(), "101 Switching Protocols")
          yield* Effect.sleep(idleMillis * 3)
          assert.isTrue(yield* isHeld(dataDir, target.projectId, release.id), "open connections keep it awake")
          socket.write("ping")
          yield* eventually("the echo", Effect.sync(heard), (text) => text.endsWith("ping"))
          socket.destroy()
          yield* asleep(at, dataDir, target.projectId, release.id)
        })
      ),
    60_000
  )

  it.live(
    "is deployed, rolled back and removed while it sleeps or is woken",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const at = yield* start(dataDir)
          const { commit, deploy, host, target } = yield* project(at, files("one"))
          const one = yield* deploy("1")
          const next = yield* commit("server.mjs", program("two"))
          yield* asleep(at, dataDir, target.projectId, one.id)
          // Asked for while the next one is deployed: answered by one or the other.
          const [two, ...during] = yield* Effect.all(
            [deploy("2", next), ...Array.from({ length: 10 }, (_, i) => Effect.delay(ask(at, host), i * 60))],
            { concurrency: "unbounded" }
          )
          for (const answer of during) assert.strictEqual((answer as Answer).status, 200)
          assert.match((yield* ask(at, host)).body, /^two /)
          yield* eventually("the first is gone", isHeld(dataDir, target.projectId, one.id), (held) => !held)
          yield* asleep(at, dataDir, target.projectId, two.id)
          const back = yield* at.deployer.rollback(target, "production")
          assert.strictEqual(back.id, one.id)
          assert.match((yield* ask(at, host)).body, /^one /)
          yield* asleep(at, dataDir, target.projectId, one.id)
          const waking = yield* Effect.forkChild(ask(at, host), { startImmediately: true })
          yield* Effect.sleep(30)
          yield* at.deployer.remove(target)
          assert.include([200, 404, 502, 503], (yield* Fiber.join(waking)).status)
          assert.strictEqual((yield* ask(at, host)).status, 404)
          yield* eventually(
            "nothing is left of it",
            Effect.sync(() =>
              FileLock.isHeld(join(dataDir, "releases", target.projectId, "production", one.id, "service.lock"))
            ),
            (held) => !held
          )
        })
      ),
    90_000
  )

  it.live(
    "stays up where its rdev.yaml says never",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const at = yield* start(dataDir)
          const { deploy, host, target } = yield* project(at, files("up", "idle: never\n"))
          const release = yield* deploy("1")
          const before = (yield* ask(at, host)).body
          yield* Effect.sleep(idleMillis * 3)
          assert.isTrue(yield* isHeld(dataDir, target.projectId, release.id))
          assert.strictEqual((yield* ask(at, host)).body, before)
          // Another process does not wait for a request to take it over.
          yield* at.end
          const other = yield* start(dataDir)
          yield* eventually("it is taken over", isHeld(dataDir, target.projectId, release.id), (held) => held)
          assert.deepInclude(yield* eventually("it answers", ask(other, host), ({ status }) => status === 200), {
            status: 200
          })
        })
      ),
    60_000
  )
})

describe("a service that cannot be woken", () => {
  it.live(
    "answers 503 and when to come again, says why at the project, and wakes once it can",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const at = yield* start(dataDir)
          const licensed = `
if (process.env.LICENCE !== "yes") { console.error("the licence has run out"); process.exit(3) }
${program("brief")}`
          const { host, sha, target } = yield* project(at, { ...files("x"), "server.mjs": licensed })
          const deploy = (key: string) =>
            at.deployer.deploy(target, { key, environment: "production", sha, env: { LICENCE: "yes" } })
          const release = yield* deploy("1")
          yield* asleep(at, dataDir, target.projectId, release.id)
          const environment = join(dataDir, "releases", target.projectId, "production", release.id, "env.json")
          yield* Effect.promise(() => writeFile(environment, "{}"))
          const answers = yield* Effect.all(
            Array.from({ length: 5 }, () => ask(at, host)),
            { concurrency: "unbounded" }
          )
          for (const { body, retryAfter, status } of answers) {
            assert.strictEqual(status, 503)
            assert.isAtLeast(Number(retryAfter), 1)
            assert.isAtMost(Number(retryAfter), 30)
            assert.notInclude(body, "licence", "visitors do not see its output")
          }
          const [told] = at.registry.of(target.projectId)
          assert.deepInclude(told, { owner: target.projectId, part: "the sleeping service in production" })
          assert.include(told?.message, "the licence has run out")
          assert.isFalse(yield* isHeld(dataDir, target.projectId, release.id), "nothing is left running")
          const health = yield* at.deployer.verify(target, "production")
          assert.isFalse(health.healthy)
          assert.include(health.checks.at(-1)?.detail, "it could not be woken: start: the service exited 3")
          // Another process knows, and does not try it at once.
          const other = yield* start(dataDir)
          assert.strictEqual((yield* ask(other, host)).status, 503)
          assert.deepStrictEqual(other.registry.of(target.projectId), [])
          // A release that starts mends it.
          yield* deploy("2")
          assert.strictEqual((yield* ask(at, host)).status, 200)
          assert.deepStrictEqual(at.registry.of(target.projectId), [])
        })
      ),
    90_000
  )
})

describe("several processes on one data folder", () => {
  it.live(
    "whichever is asked wakes it, once; uses by way of the other keep it awake; a restart starts nothing",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const [a, b] = [yield* start(dataDir), yield* start(dataDir)]
          const { deploy, host, target } = yield* project(a, files("shared"))
          const release = yield* deploy("1")
          yield* asleep(b, dataDir, target.projectId, release.id)
          const answers = yield* Effect.all(
            Array.from({ length: 20 }, (_, i) => ask(i % 2 === 0 ? a : b, host)),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual([...new Set(answers.map(({ status }) => status))], [200])
          assert.strictEqual(new Set(answers.map(({ body }) => body)).size, 1, "one process of the service")
          yield* asleep(a, dataDir, target.projectId, release.id)
          // Woken by b; a's requests alone keep it awake.
          const woken = (yield* ask(b, host)).body
          for (let i = 0; i < 8; i++) {
            yield* Effect.sleep(150)
            assert.strictEqual((yield* ask(a, host)).body, woken)
          }
          assert.strictEqual((yield* ask(a, host, "/slow")).body, "begun ended", "a long response is not cut off")
          yield* asleep(a, dataDir, target.projectId, release.id)
          yield* a.end
          yield* b.end
          const later = yield* start(dataDir)
          yield* Effect.sleep(1_500)
          assert.isFalse(yield* isHeld(dataDir, target.projectId, release.id), "a start wakes nothing")
          assert.isTrue((yield* later.deployer.verify(target, "production")).healthy)
          assert.match((yield* ask(later, host)).body, /^shared /)
        })
      ),
    90_000
  )
})
