/** One project's damaged record stops neither the start nor the others, and is told with how to repair it. */
import { assert, it, layer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Ci } from "@rdev/core/ports/infra/Ci"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Quarantine from "@rdev/core/ports/stores/Quarantine"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Effect, Layer, Option, Redacted } from "effect"
import { readdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { classifyError, machineTrouble, printedTrouble } from "../src/classifyError.ts"
import * as LocalCi from "../src/ci/LocalCi.ts"
import * as LocalBuilder from "../src/build/LocalBuilder.ts"
import * as Commits from "./Commits.ts"
import * as LocalRouter from "../src/edge/LocalRouter.ts"
import * as LocalDeployer from "../src/release/LocalDeployer.ts"
import * as LocalDns from "../src/edge/LocalDns.ts"
import * as GitRepository from "../src/forge/LocalRepositories.ts"
import * as GitTokens from "../src/forge/GitTokens.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import * as LocalWorkspaceHost from "../src/workspaces/LocalWorkspaceHost.ts"
import * as Sandbox from "../src/sandbox/Sandbox.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

const platform = (dataDir: string) =>
  Layer.mergeAll(
    LocalCi.layerNoDeps({ dataDir }),
    LocalWorkspaceHost.layerNoDeps({ dataDir }),
    LocalDns.layer({ dataDir }),
    LocalBuilder.layerNoDeps({ dataDir }),
    LocalRouter.layer({ dataDir }),
    LocalDeployer.layerNoDeps({ dataDir, urlOf: (host) => `http://${host}:1/` })
  ).pipe(
    Layer.provideMerge(LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" })),
    Layer.provide(Sandbox.layer({ dataDir, unsafeHost: true })),
    Layer.orDie
  )

const main = BranchName.make("main")
const made = (name: string) =>
  Effect.gen(function* () {
    const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(name) }
    const repositories = yield* RepositoryHost
    const git = yield* GitObjects
    yield* repositories.ensure(target, {
      defaultBranch: main,
      message: "Start",
      files: [
        { path: "index.html", content: name },
        { path: ".woodpecker.yml", content: 'steps:\n  - name: a\n    commands: ["true"]\n' }
      ]
    })
    const sha = Option.getOrThrow(yield* git.head(target, main))
    yield* (yield* Commits.releaser).deploy(target, { key: "first", environment: "production", sha, env: {} })
    yield* (yield* Dns).ensure({ projectId: target.projectId, host: `${name}.localhost`, target: "127.0.0.1" })
    yield* (yield* WorkspaceHost).ensure({ projectId: target.projectId, name: "main", network: "none" })
    const ci = yield* Ci
    yield* ci.ensure(target)
    const run = yield* ci.start(target, { key: "first", sha, branch: "main", event: "push" })
    return { target, sha, run }
  })
type Made = Effect.Success<ReturnType<typeof made>>

const spoils = ["", "{", "null", "[]", '{"id":1}', "\0\0\0", '{"id":"rel_0","environment":"production"}']

layer(Layer.empty, { excludeTestServices: true })("Damaged records", (it) => {
  it.effect(
    "quarantine their project alone",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const [good, bad] = yield* Effect.all([made("good"), made("bad")]).pipe(Effect.provide(platform(dataDir)))
          const releases = join(dataDir, "releases", bad.target.projectId, "production")
          const [release = ""] = (yield* Effect.promise(() => readdir(releases))).filter((name) =>
            name.startsWith("rel_")
          )
          const records: ReadonlyArray<readonly [string, string]> = [
            [join(releases, release, "release.json"), "the live release in production"],
            [join(dataDir, "releases", bad.target.projectId, "project.json"), "the releases' mark"],
            [
              join(dataDir, "ci", bad.target.projectId, "runs", bad.run.id, "run.json"),
              `the record of run ${bad.run.id}`
            ],
            [join(dataDir, "workspaces", bad.target.projectId, "main", "workspace.json"), "workspace main"],
            [join(dataDir, "dns", "bad.localhost.json"), "the record of host name bad.localhost"],
            [join(dataDir, "git", "bad.git", "rdev", "repository.json"), "repository bad.git"]
          ]
          for (const [round, spoil] of spoils.entries()) {
            yield* Effect.promise(async () => {
              for (const [path] of records) await writeFile(path, spoil)
            })
            const registry = Quarantine.make()
            const found: Array<Quarantine.Damage> = []
            registry.listen((damage) => {
              found.push(damage)
            })
            yield* lists(good, bad, `round ${round}`).pipe(
              Effect.provide(platform(dataDir)),
              Effect.provideService(Quarantine.Quarantine, registry)
            )
            for (const [path, part] of records) {
              const damage = found.find((one) => one.part === part)
              assert.isDefined(
                damage,
                `${part} after ${JSON.stringify(spoil)}; found ${found.map((one) => one.part).join(", ")}`
              )
              assert.isAbove(damage?.repair.length ?? 0, 10)
              assert.include(damage?.message ?? "", path, "the file is named")
            }
            assert.isTrue(found.every((one) => one.owner === null || one.owner === bad.target.projectId))
            assert.isAtLeast(registry.of(bad.target.projectId).length, 4)
            assert.deepStrictEqual(registry.of(good.target.projectId), [])
          }
        })
      ),
    60_000
  )

  it.effect(
    "of pull requests and git tokens are named, left out, keep their number, and are made anew",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const registry = Quarantine.make()
          const named = (id: string) => registry.of(id).map(({ part }) => part)
          yield* Effect.gen(function* () {
            const repositories = yield* RepositoryHost
            const git = yield* GitObjects
            const { target } = yield* made("pulls")
            const { projectId } = target
            const head = Option.getOrThrow(yield* git.head(target, main))
            const pull = (branch: string) =>
              Effect.andThen(
                git.ensureBranch(target, BranchName.make(branch), head),
                repositories.ensurePullRequest(target, {
                  title: branch,
                  body: "",
                  head: BranchName.make(branch),
                  base: main
                })
              )
            const [one, two] = [yield* pull("one"), yield* pull("two")]
            const repository = yield* GitRepository.open(dataDir, target)
            const tokens = yield* GitTokens.make(dataDir)
            const { token } = yield* repositories.issueToken(target, "read", 60, "key_1")
            const folder = join(dataDir, "git", "pulls.git", "rdev")
            for (const spoil of [...spoils, '[{"id":7}]']) {
              yield* Effect.promise(() => writeFile(join(folder, "pulls", "1.json"), spoil))
              const refused = yield* Effect.flip(repositories.pullRequest(target, one.number))
              assert.include(refused.message, "1.json", spoil)
              assert.deepStrictEqual(named(projectId), ["pull request #1"], spoil)
              assert.strictEqual((yield* pull("two")).number, two.number, spoil)
            }
            // Its number is not given again.
            assert.strictEqual((yield* pull("one")).number, 3)
            yield* Effect.promise(() => rm(join(folder, "pulls", "1.json")))
            assert.strictEqual(
              (yield* Effect.flip(repositories.pullRequest(target, one.number))).reason._tag,
              "NotFound"
            )
            for (const spoil of spoils.filter((text) => text !== "[]")) {
              yield* Effect.promise(() => writeFile(join(folder, "tokens.json"), spoil))
              yield* Effect.flip(tokens.check(repository, Redacted.value(token)))
              const refused = yield* Effect.flip(repositories.issueToken(target, "read", 60, "key_1"))
              assert.include(refused.message, "tokens.json", spoil)
              assert.include(named(projectId), "git tokens of pulls", spoil)
              yield* repositories.revokeTokens(target)
              assert.notInclude(named(projectId), "git tokens of pulls", spoil)
            }
            const again = yield* repositories.issueToken(target, "read", 60, "key_1")
            assert.deepInclude(yield* tokens.check(repository, Redacted.value(again.token)), { issuer: "key_1" })
            assert.isNull(yield* tokens.check(repository, Redacted.value(token)))
          }).pipe(Effect.provide(platform(dataDir)), Effect.provideService(Quarantine.Quarantine, registry))
        })
      ),
    60_000
  )

  it.effect(
    "are repaired by deploying again, destroying and syncing",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* temporaryFolder
          const bad = yield* made("again").pipe(Effect.provide(platform(dataDir)))
          const registry = Quarantine.make()
          yield* Effect.promise(async () => {
            const releases = join(dataDir, "releases", bad.target.projectId, "production")
            const [release = ""] = (await readdir(releases)).filter((name) => name.startsWith("rel_"))
            for (const path of [
              join(releases, release, "release.json"),
              join(dataDir, "workspaces", bad.target.projectId, "main", "workspace.json"),
              join(dataDir, "dns", "again.localhost.json")
            ])
              await writeFile(path, "{")
            for (const key of await readdir(join(releases, "keys"))) await writeFile(join(releases, "keys", key), "{")
          })
          yield* Effect.gen(function* () {
            const [deployer, workspaces, dns] = [yield* Commits.releaser, yield* WorkspaceHost, yield* Dns]
            assert.isTrue(Option.isNone(yield* deployer.observe(bad.target, "production")))
            assert.isAbove(registry.of(bad.target.projectId).length, 0)
            yield* deployer.deploy(bad.target, { key: "first", environment: "production", sha: bad.sha, env: {} })
            assert.isTrue((yield* deployer.verify(bad.target, "production")).healthy)
            assert.isFalse(
              registry.of(bad.target.projectId).some((damage) => damage.part === "the live release in production")
            )
            yield* workspaces.destroy(bad.target.projectId, "main")
            yield* workspaces.ensure({ projectId: bad.target.projectId, name: "main", network: "none" })
            yield* Effect.promise(() => rm(join(dataDir, "dns", "again.localhost.json")))
            yield* dns.ensure({ projectId: bad.target.projectId, host: "again.localhost", target: "127.0.0.1" })
            assert.isTrue(Option.isSome(yield* dns.observe("again.localhost")))
          }).pipe(Effect.provide(platform(dataDir)), Effect.provideService(Quarantine.Quarantine, registry))
        })
      ),
    60_000
  )
})

/** What is asked of all projects goes on, and of the good one everything. */
const lists = (good: Made, bad: Made, when: string) =>
  Effect.gen(function* () {
    const [deployer, ci, dns, repositories, workspaces] = [
      yield* Commits.releaser,
      yield* Ci,
      yield* Dns,
      yield* RepositoryHost,
      yield* WorkspaceHost
    ]
    const ids = (found: ReadonlyArray<{ readonly projectId: string }>) => found.map((one) => one.projectId)
    for (const found of [yield* deployer.list, yield* dns.list, yield* repositories.list, yield* workspaces.list]) {
      assert.deepStrictEqual(ids(found), [good.target.projectId], when)
    }
    assert.isTrue((yield* deployer.verify(good.target, "production")).healthy, when)
    assert.isFalse((yield* deployer.verify(bad.target, "production")).healthy, when)
    assert.strictEqual((yield* ci.get(good.target, good.run.id)).id, good.run.id)
  })

it("a full disk is called a full disk, whatever was being tried", () => {
  const errno = (code: string, syscall = "open") =>
    Object.assign(new Error(`${code}: it went wrong, ${syscall} '/x'`), { code, syscall })
  for (const code of ["ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN"])
    assert.deepStrictEqual(machineTrouble(errno(code)), classifyError(errno(code)), code)
  assert.strictEqual(machineTrouble(errno("EACCES", "mkdir"))?._tag, "Unauthorized")
  // Another isolation may do without.
  for (const [code, syscall] of [
    ["EPERM", "chown"],
    ["EACCES", "spawn bwrap"],
    ["ENOENT", "open"]
  ] as const)
    assert.isNull(machineTrouble(errno(code, syscall)), `${code} ${syscall}`)
  assert.isNull(machineTrouble("text"))
  assert.strictEqual(
    printedTrouble("sh: 1: echo: echo: I/O error: No space left on device\n")?._tag,
    "ResourceExhausted"
  )
  assert.strictEqual(printedTrouble("sh: 1: cannot create written: Read-only file system")?._tag, "Unsupported")
  assert.isNull(printedTrouble("unshare: Operation not permitted"))
})
