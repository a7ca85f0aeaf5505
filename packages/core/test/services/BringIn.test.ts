/** Projects that begin with a history of their own: copied from elsewhere, or pushed by its owner. */
import { assert, describe, it } from "@effect/vitest"
import { ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName, ForgeError } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { checked, RepositorySource, type SourceRequest } from "@rdev/core/ports/infra/RepositorySource"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import * as PolicyAuthority from "@rdev/core/services/policy/PolicyAuthority"
import { RepositoryReader } from "@rdev/core/services/features/read/RepositoryReader"
import { PlatformKey } from "@rdev/core/services/features/act/PlatformKey"
import { type NewProject, Projects } from "@rdev/core/services/Projects"
import * as Variables from "@rdev/core/services/projects/Variables"
import { standardPolicy } from "@rdev/sdlc/model/Presets"
import { Effect, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { until } from "../operations/Harness.ts"
import { boot, Oracle, world } from "./World.ts"

const trunk = BranchName.make("trunk")
const author = { name: "Ada", email: "ada@example.org" }
const url = "memory://forge/elsewhere.git"

interface Asked {
  readonly requests: Array<SourceRequest>
}
/** The forge in memory as a host elsewhere, which answers for one URL. */
const sources = (asked: Asked) =>
  Layer.succeed(RepositorySource, {
    look: (request) =>
      Effect.suspend(() => {
        asked.requests.push(request)
        if (request.url !== url)
          return Effect.fail(
            new ForgeError({
              operation: "RepositorySource.look",
              reason: { _tag: "NotFound", message: `there is no git repository at ${request.url}` }
            })
          )
        return Effect.succeed({
          url,
          login: request.login,
          addresses: ["203.0.113.1"],
          defaultBranch: trunk,
          head: "0".repeat(40),
          branches: 1,
          tags: 0
        })
      })
  })

/** A repository that nobody's project here has, with a policy of its own that asks for less than any. */
const elsewhere = Effect.gen(function* () {
  const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make("elsewhere") }
  yield* (yield* RepositoryHost).ensure(target, {
    defaultBranch: trunk,
    message: "First",
    files: [
      { path: "package.json", content: JSON.stringify({ scripts: { test: "node --test", start: "node a.js" } }) },
      { path: "a.js", content: "1\n" },
      { path: "AGENTS.md", content: "# Mine\n" },
      { path: ".sdlc/policy.yaml", content: "gates:\n  merge: off\n  human-review: off\n" }
    ]
  })
  const git = yield* GitObjects
  return Option.getOrThrow(yield* git.head(target, trunk))
})

const begun = (request: NewProject) =>
  Effect.gen(function* () {
    const { operation, project } = yield* (yield* Projects).create(request)
    const process = yield* boot(new Oracle())
    yield* until(operation.id, "completed")
    yield* process.kill
    return yield* (yield* Projects).get(project.id)
  })
const reasonOf = (request: NewProject) =>
  Effect.gen(function* () {
    const failure = yield* Effect.flip((yield* Projects).create(request))
    return { message: failure.message, projects: (yield* (yield* Projects).list({ after: null, limit: 10 })).length }
  })

const inWorld = <A, E, R>(test: (asked: Asked) => Effect.Effect<A, E, R>) => {
  const asked: Asked = { requests: [] }
  const layer = Layer.merge(world(), sources(asked)).pipe(Layer.provideMerge(sources(asked)))
  return test(asked).pipe(Effect.provide(layer)) as Effect.Effect<A, E>
}

describe("a project that begins with a history", () => {
  it.effect("has all of it, a pull request that sets rdev up, and no release", () =>
    inWorld(() =>
      Effect.gen(function* () {
        const head = yield* elsewhere
        const git = yield* GitObjects
        const project = yield* begun({ name: "shop", repository: { url } })
        const target = { projectId: project.id, name: project.name }
        assert.deepStrictEqual(
          [project.status, project.defaultBranch, project.template, project.source?.url],
          ["ready", "trunk", "", url]
        )
        assert.deepStrictEqual(yield* git.head(target, trunk), Option.some(head))
        const pull = yield* (yield* RepositoryHost).pullRequest(target, project.setup?.pullRequest ?? 0)
        assert.deepStrictEqual([pull.title, pull.base, pull.state], ["Set up rdev", "trunk", "open"])
        const files = yield* git.readFiles(target, pull.headSha, "")
        const text = (path: string) => Buffer.from(files.get(path) ?? []).toString("utf8")
        assert.match(text("AGENTS.md"), /^# Mine\n\n<!-- sdlc:begin -->/)
        assert.match(text("rdev.yaml"), /kind: node\nstart: npm start\n/)
        assert.match(text(".woodpecker.yml"), /npm test/)
        assert.strictEqual(
          text(".sdlc/policy.yaml"),
          "gates:\n  merge: off\n  human-review: off\n",
          "what is there stays"
        )
        assert.strictEqual(text("a.js"), "1\n")
        assert.isFalse(project.resources.some(({ kind }) => kind === "deployment"))
      })
    )
  )

  it.effect("is held to the standard policy, and takes a laxer one of its own for a proposal", () =>
    inWorld(() =>
      Effect.gen(function* () {
        const head = yield* elsewhere
        const project = yield* begun({ name: "shop", repository: { url } })
        const target = { projectId: project.id, name: project.name }
        const found = yield* PolicyAuthority.standing(project.id, target, head).pipe(
          Effect.provide(RepositoryReader.layer),
          Effect.provideService(PlatformKey, null)
        )
        assert.deepStrictEqual(found.policy.gates, standardPolicy.gates)
        assert.isNotNull(found.proposal)
      })
    )
  )

  it.effect("keeps its token from everything that runs, and forgets it when the history is there", () =>
    inWorld((asked) =>
      Effect.gen(function* () {
        yield* elsewhere
        const { operation, project } = yield* (yield* Projects).create({
          name: "shop",
          repository: { url, token: Redacted.make("s3cret-of-elsewhere") }
        })
        const store = yield* CredentialStore
        assert.lengthOf(yield* store.list(project.id), 1)
        assert.deepStrictEqual(yield* Variables.ofWorkspaces(project.id), {})
        assert.deepStrictEqual(yield* Variables.shown(project.id), [])
        assert.notInclude(JSON.stringify(operation), "s3cret")
        const process = yield* boot(new Oracle())
        yield* until(operation.id, "completed")
        yield* process.kill
        assert.isFalse((yield* store.list(project.id)).some(({ name }) => name.startsWith(".")))
        assert.deepStrictEqual(
          asked.requests.map(({ login }) => (login === null ? null : Redacted.value(login.token))),
          ["s3cret-of-elsewhere", "s3cret-of-elsewhere"]
        )
      })
    )
  )

  it.effect("is refused before anything is made, with the field that is wrong", () =>
    inWorld(() =>
      Effect.gen(function* () {
        const cases: ReadonlyArray<readonly [NewProject["repository"], RegExp]> = [
          [{ url: "https://git.example.org/gone.git" }, /^repository\.url: there is no git repository at/],
          [{ url: null, branch: "a b" }, /^repository\.branch: "a b" is not a branch name/],
          [{ url: null, token: Redacted.make("x") }, /^repository\.token: .*needs no token/]
        ]
        for (const [repository, expected] of cases) {
          const { message, projects } = yield* reasonOf({
            name: "shop",
            ...(repository === undefined ? {} : { repository })
          })
          assert.match(message, expected)
          assert.strictEqual(projects, 0)
        }
        const both = yield* reasonOf({ name: "shop", template: "default", repository: { url } })
        assert.match(both.message, /^template: .*not with both/)
      })
    )
  )

  it.effect("waits for its owner's push, and goes on with what was pushed", () =>
    inWorld(() =>
      Effect.gen(function* () {
        const git = yield* GitObjects
        const { operation, project } = yield* (yield* Projects).create({
          name: "shop",
          repository: { url: null, branch: "trunk" }
        })
        const process = yield* boot(new Oracle())
        yield* until(operation.id, "waiting")
        const target = { projectId: project.id, name: project.name }
        assert.deepStrictEqual(yield* git.branches(target), [])
        const pushed = yield* git.commit(target, {
          branch: trunk,
          expectedHead: null,
          changes: [{ path: "index.html", content: "<p>hi" }],
          message: "Mine",
          author
        })
        yield* until(operation.id, "completed")
        yield* process.kill
        assert.deepStrictEqual(yield* git.head(target, trunk), Option.some(pushed))
        const ready = yield* (yield* Projects).get("shop")
        assert.deepStrictEqual([ready.status, ready.setup?.pullRequest], ["ready", 1])
      })
    )
  )

  it.effect("gives up after an hour without a push, and leaves nothing", () =>
    inWorld(() =>
      Effect.gen(function* () {
        const { operation } = yield* (yield* Projects).create({ name: "shop", repository: { url: null } })
        const process = yield* boot(new Oracle())
        yield* until(operation.id, "waiting")
        yield* TestClock.adjust("61 minutes")
        yield* until(operation.id, "failed")
        yield* process.kill
        assert.deepStrictEqual(yield* (yield* RepositoryHost).list, [])
        assert.strictEqual((yield* (yield* Projects).get("shop")).status, "failed")
      })
    )
  )

  it.effect("is synced without another start from a template", () =>
    inWorld(() =>
      Effect.gen(function* () {
        yield* elsewhere
        const project = yield* begun({ name: "shop", repository: { url } })
        const plan = yield* (yield* Projects).planSync("shop")
        const { change } = plan.steps.find(({ key }) => key === "repository") ?? {}
        assert.strictEqual(change, "no-op")
        assert.isFalse(plan.steps.some(({ key }) => key === "setup"))
        assert.strictEqual(project.status, "ready")
      })
    )
  )
})

describe("the form of a source", () => {
  it.effect("is an http or https URL with a path, and a branch", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [string, string | null]> = [
        ["", null],
        ["shop", null],
        ["git@github.com:a/b.git", null],
        ["ssh://git@github.com/a/b", null],
        ["file:///etc", null],
        ["ext::sh -c id", null],
        ["--upload-pack=id", null],
        ["https://github.com", null],
        ["https://github.com/", null],
        ["https://u:p@github.com/a/b", null],
        ["https://u@github.com/a/b", null],
        ["https://github.com/a/b?x=1", null],
        ["https://github.com/a/b#x", null],
        ["https://github.com/a b", null],
        ["https://github.com/a/b", "-x"],
        ["https://github.com/a/b", "a..b"],
        ["https://github.com/a/b", ""]
      ]
      for (const [one, branch] of wrong) {
        const failure = yield* Effect.flip(checked({ url: one, branch: branch as BranchName | null }))
        assert.deepInclude(failure.reason, {
          _tag: "Invalid",
          field: branch === null ? "repository.url" : "repository.branch"
        })
      }
      for (const one of ["https://github.com/a/b", "http://git.internal:3000/a/b.git"])
        assert.strictEqual((yield* checked({ url: one, branch: null })).href, one)
    })
  )
})
