/** Two processes' worth of adapters over one data folder: each knows at once what the other did, and neither undoes it. */
import { assert, describe, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Ci } from "@rdev/core/ports/infra/Ci"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Context, Effect, Exit, Fiber, Layer, Option, Redacted, Schedule, Scope, Stream } from "effect"
import { join } from "node:path"
import * as CiRecords from "../src/ci/CiRecords.ts"
import * as FileLock from "../src/records/FileLock.ts"
import * as GitTokens from "../src/forge/GitTokens.ts"
import * as LocalCi from "../src/ci/LocalCi.ts"
import * as LocalBuilder from "../src/build/LocalBuilder.ts"
import * as Commits from "./Commits.ts"
import * as LocalRouter from "../src/edge/LocalRouter.ts"
import * as LocalDeployer from "../src/release/LocalDeployer.ts"
import * as LocalDns from "../src/edge/LocalDns.ts"
import * as LocalRepositories from "../src/forge/LocalRepositories.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import * as Sandbox from "../src/sandbox/Sandbox.ts"
import * as ServiceProbe from "../src/release/ServiceProbe.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

const main = BranchName.make("main")
const author = { name: "A", email: "a@b" }
const replica = (dataDir: string) =>
  Layer.mergeAll(
    LocalCi.layerNoDeps({ dataDir }),
    LocalBuilder.layerNoDeps({ dataDir }),
    LocalRouter.layer({ dataDir }),
    LocalDeployer.layerNoDeps({ dataDir, urlOf: (host) => `http://${host}:1/` }),
    LocalDns.layer({ dataDir })
  ).pipe(
    Layer.provideMerge(
      Layer.merge(
        LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }),
        Sandbox.layer({ dataDir, unsafeHost: true })
      )
    ),
    Layer.fresh
  )
const start = (dataDir: string) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    return { services: yield* Layer.buildWithScope(replica(dataDir), scope), end: Scope.close(scope, Exit.void) }
  })
const eventually = <A, E>(what: string, look: Effect.Effect<A, E>, satisfied: (answer: A) => boolean) =>
  look.pipe(
    Effect.flatMap((answer) =>
      satisfied(answer) ? Effect.succeed(answer) : Effect.fail(`${what}: ${JSON.stringify(answer)}`)
    ),
    Effect.retry(Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: "20 seconds" })))
  )
type Forge = Context.Context<GitObjects | RepositoryHost>
const project = (services: Forge, name: string, files: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const [git, repositories] = [Context.get(services, GitObjects), Context.get(services, RepositoryHost)]
    const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(name) }
    yield* repositories.ensure(target, {
      defaultBranch: main,
      message: "Start",
      files: Object.entries(files).map(([path, content]) => ({ path, content }))
    })
    return { target, sha: Option.getOrThrow(yield* git.head(target, main)) }
  })
const service = (answer: number) =>
  `import { createServer } from "node:http"\ncreateServer((request, response) => response.writeHead(request.url === "/health" ? 200 : ${answer}).end(String(process.pid))).listen(Number(process.env.PORT), process.env.HOST)\n`

describe("two processes on one data folder", () => {
  it.live("host names: what one makes or removes the other knows; of two who want one, one gets it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        const [a, b] = [LocalDns.make({ dataDir }), LocalDns.make({ dataDir })]
        const record = { projectId: yield* NewId.make("proj"), host: "one.localhost", target: "127.0.0.1" }
        yield* Context.get(a, Dns).ensure(record)
        assert.deepStrictEqual(
          yield* Effect.promise(() => Context.get(b, LocalDns.HostRoutes).find(record.host)),
          record
        )
        yield* Context.get(b, Dns).remove(record.projectId, record.host)
        assert.isNull(yield* Effect.promise(() => Context.get(a, LocalDns.HostRoutes).find(record.host)))
        assert.isNull(yield* Effect.promise(() => Context.get(a, LocalDns.HostRoutes).find("../../etc.localhost")))
        for (let round = 0; round < 5; round++) {
          const wanted = `both-${round}.localhost`
          const ends = yield* Effect.all(
            [a, b].map((one) =>
              Effect.flatMap(NewId.make("proj"), (projectId) =>
                Effect.exit(Context.get(one, Dns).ensure({ projectId, host: wanted, target: "127.0.0.1" }))
              )
            ),
            { concurrency: 2 }
          )
          assert.strictEqual(ends.filter(Exit.isSuccess).length, 1)
        }
      })
    )
  )

  it.live(
    "pull requests get numbers of their own, and no token is lost",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const forges = (yield* Effect.all([start(dataDir), start(dataDir)])).map(({ services }) => services)
          const [first] = forges
          if (first === undefined) return assert.fail("no forge")
          const { sha, target } = yield* project(first, "shared", { "a.txt": "a" })
          const heads = Array.from({ length: 6 }, (_, i) => BranchName.make(`work-${i}`))
          for (const head of heads) yield* Context.get(first, GitObjects).ensureBranch(target, head, sha)
          const pulls = yield* Effect.all(
            heads.flatMap((head, i) =>
              forges.map((forge) =>
                Effect.map(
                  Context.get(forge, RepositoryHost).ensurePullRequest(target, {
                    title: `T${i}`,
                    body: "",
                    head,
                    base: main
                  }),
                  ({ number }) => [head, number] as const
                )
              )
            ),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(new Set(pulls.map(([, number]) => number)).size, heads.length)
          assert.strictEqual(
            new Set(pulls.map(([head, number]) => `${head} ${number}`)).size,
            heads.length,
            "both were told the same number for a branch"
          )
          const tokens = yield* Effect.all(
            Array.from({ length: 8 }, (_, i) =>
              Context.get(forges[i % 2] ?? first, RepositoryHost).issueToken(target, "read", 60, `key_${i}`)
            ),
            { concurrency: "unbounded" }
          )
          const check = yield* GitTokens.make(dataDir)
          const repository = yield* LocalRepositories.open(dataDir, target)
          for (const { token } of tokens)
            assert.deepInclude(yield* check.check(repository, Redacted.value(token)), {
              access: "read"
            })
        })
      ),
    60_000
  )

  it.live(
    "a pipeline run is followed and cancelled from the other; a start beside it leaves it alone; one whose process is gone is lost",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const [a, b] = [yield* start(dataDir), yield* start(dataDir)]
          const { sha, target } = yield* project(a.services, "runs", {
            ".woodpecker.yml": 'steps:\n  - name: wait\n    commands: [ "echo begun", "sleep 600" ]\n'
          })
          const [ci, other] = [Context.get(a.services, Ci), Context.get(b.services, Ci)]
          yield* ci.ensure(target)
          const request = { key: "k", sha, branch: "main", event: "push" } as const
          const { id } = yield* ci.start(target, request)
          assert.strictEqual(
            (yield* other.start(target, request)).id,
            id,
            "asked for again elsewhere, it is the same run"
          )
          yield* Stream.runDrain(
            other
              .follow(target, id)
              .pipe(Stream.takeUntil((event) => event._tag === "Output" && event.line === "begun"))
          )
          const late = yield* start(dataDir)
          assert.strictEqual((yield* Context.get(late.services, Ci).get(target, id)).status, "running")
          const followed = yield* Effect.forkChild(Stream.runLast(other.follow(target, id)))
          yield* other.cancel(target, id)
          assert.strictEqual((yield* ci.get(target, id)).status, "cancelled")
          const last = yield* Fiber.join(followed)
          assert.deepInclude(last._tag === "Some" && last.value._tag === "Ended" ? last.value.run : {}, {
            id,
            status: "cancelled"
          })
          const stray = {
            ...(yield* Effect.promise(() => CiRecords.read(dataDir, target.projectId, id))),
            id: yield* NewId.make("run"),
            status: "running"
          } as CiRecords.RunRecord
          yield* Effect.promise(() => CiRecords.write(dataDir, target.projectId, stray))
          assert.deepInclude(yield* other.get(target, stray.id), { status: "infra" })
        })
      ),
    60_000
  )

  it.live(
    "a service has one process, is reached from both, follows a release of either and survives the end of either",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const [a, b] = [yield* start(dataDir), yield* start(dataDir)]
          const git = Context.get(a.services, GitObjects)
          const { sha, target } = yield* project(a.services, "service", {
            "rdev.yaml": "kind: node\nstart: node server.mjs\nhealth: /health\n",
            "server.mjs": service(201)
          })
          const next = yield* git.commit(target, {
            branch: main,
            expectedHead: sha,
            changes: [{ path: "server.mjs", content: service(202) }],
            message: "2",
            author
          })
          const answers = (at: typeof a) =>
            Effect.gen(function* () {
              const live = yield* Effect.promise(() =>
                Context.get(at.services, LocalDeployer.LiveReleases).find(target.projectId, "production")
              )
              if (live?.kind !== "node") return null
              const reached = yield* Effect.promise(() => live.reach())
              if (reached.kind !== "open") return null
              return yield* Effect.ensuring(ServiceProbe.probe(reached.connect, "/"), Effect.sync(reached.done))
            })
          const one = yield* Commits.over(a.services).deploy(target, {
            key: "1",
            environment: "production",
            sha,
            env: {}
          })
          for (const at of [a, b]) assert.strictEqual(yield* answers(at), 201)
          assert.deepInclude(yield* Commits.over(b.services).verify(target, "production"), { healthy: true })
          assert.deepStrictEqual(
            Option.map(yield* Commits.over(b.services).observe(target, "production"), ({ id }) => id),
            Option.some(one.id)
          )

          const two = yield* Commits.over(b.services).deploy(target, {
            key: "2",
            environment: "production",
            sha: next,
            env: {}
          })
          for (const at of [a, b]) assert.strictEqual(yield* answers(at), 202)
          const lock = (id: string) =>
            Effect.sync(() =>
              FileLock.isHeld(join(dataDir, "releases", target.projectId, "production", id, "service.lock"))
            )
          yield* eventually("the superseded service ends in the other process", lock(one.id), (held) => !held)
          assert.isTrue(yield* lock(two.id))

          yield* b.end
          yield* eventually("the service is taken over", answers(a), (status) => status === 202)
          yield* Commits.over(a.services).remove(target)
          assert.isNull(
            yield* Effect.promise(() =>
              Context.get(a.services, LocalDeployer.LiveReleases).find(target.projectId, "production")
            )
          )
        })
      ),
    90_000
  )
})
