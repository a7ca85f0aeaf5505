import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { ofProject } from "@rdev/core/domain/Event"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Operations } from "@rdev/core/operations/Operations"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { Ci } from "@rdev/core/ports/infra/Ci"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as TenantCache from "@rdev/core/ports/infra/TenantCache"
import * as TenantDatabase from "@rdev/core/ports/infra/TenantDatabase"
import * as Tls from "@rdev/core/ports/infra/Tls"
import { Projects } from "@rdev/core/services/Projects"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import * as Environments from "@rdev/core/services/projects/Environments"
import { until } from "../operations/Harness.ts"
import { boot, Oracle, world } from "./World.ts"

const bare = Layer.mergeAll(
  Tls.layerUnsupported("this installation serves plain HTTP on loopback"),
  TenantDatabase.layerUnsupported("no database server is configured: set RDEV_TENANT_DATABASE_URL"),
  TenantCache.layerUnsupported("no cache server is configured: set RDEV_TENANT_CACHE_URL")
)
const provisioned = (name: string) =>
  Effect.gen(function* () {
    const { operation, project } = yield* (yield* Projects).create({ name })
    yield* until(operation.id, "completed")
    return project.id
  })

describe("Projects", () => {
  it.effect("creates a project with everything it needs", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const { operation, project } = yield* projects.create({ name: "hello", description: "A site" })
      assert.deepStrictEqual([project.status, project.operationId], ["provisioning", operation.id])
      const process = yield* boot(new Oracle())
      yield* until(operation.id, "completed")
      yield* process.kill
      const ready = yield* projects.get("hello")
      assert.strictEqual(ready.status, "ready")
      assert.deepStrictEqual(
        ready.resources.map((resource) => [resource.kind, resource.status]),
        [
          ["repository", "ready"],
          ["ci", "ready"],
          ["database", "ready"],
          ["cache", "ready"]
        ]
      )
      const [production, staging] = yield* Environments.of(ready.id)
      assert.deepStrictEqual(
        [production, staging].map((one) => [
          one?.name,
          one?.kind,
          one?.hosts,
          one?.bindings.map(({ externalId, kind, status }) => [kind, status, kind === "deployment" ? null : externalId])
        ]),
        [
          [
            "production",
            "production",
            ["hello.localhost"],
            [
              ["dns", "ready", "hello.localhost"],
              ["tls", "ready", "hello.localhost"],
              ["deployment", "ready", null]
            ]
          ],
          [
            "staging",
            "staging",
            ["staging.hello.localhost"],
            [
              ["dns", "ready", "staging.hello.localhost"],
              ["tls", "ready", "staging.hello.localhost"]
            ]
          ]
        ]
      )
      assert.match(production?.release?.id ?? "", /^rel_/)
      assert.strictEqual(staging?.release, null)
      assert.isTrue(ready.cloneUrl?.endsWith("hello.git") ?? false)
      const credential = Option.getOrThrow(yield* (yield* CredentialStore).get(ready.id, "DATABASE_URL"))
      assert.match(Redacted.value(credential), /^memory:/)
      const { events } = yield* (yield* EventLog).read(ofProject(ready.id), 0, 1_000)
      assert.isFalse(JSON.stringify(events).includes(Redacted.value(credential)), "a secret is in the event log")
      assert.strictEqual(events.filter((event) => event.type === "step.completed").length, 9)
      assert.isTrue(events.every((event) => event.subject.operationId === operation.id))
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("says plainly what this installation cannot provide, and is ready without it", () =>
    Effect.gen(function* () {
      const { operation } = yield* (yield* Projects).create({ name: "hello" })
      const process = yield* boot(new Oracle())
      yield* until(operation.id, "completed")
      yield* process.kill
      const project = yield* (yield* Projects).get("hello")
      assert.strictEqual(project.status, "ready")
      const all = [...project.resources, ...(yield* Environments.of(project.id)).flatMap(({ bindings }) => bindings)]
      assert.deepStrictEqual(
        all.filter((one) => one.status === "unavailable").map((one) => [one.kind, one.detail]),
        [
          ["database", "no database server is configured: set RDEV_TENANT_DATABASE_URL"],
          ["cache", "no cache server is configured: set RDEV_TENANT_CACHE_URL"],
          ["tls", "this installation serves plain HTTP on loopback"],
          ["tls", "this installation serves plain HTTP on loopback"]
        ]
      )
      const plan = yield* (yield* Projects).plan({ name: "other" })
      assert.deepStrictEqual(
        plan.steps.filter((step) => step.change === "no-op").map((step) => step.key),
        ["tls.production", "tls.staging", "database", "cache"]
      )
    }).pipe(Effect.provide(Layer.fresh(world(bare))))
  )

  it.effect("refuses what is wrong, naming the field and the fix, and changes nothing", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const why = (request: Parameters<typeof projects.create>[0]) =>
        Effect.map(Effect.flip(projects.create(request)), (error) => error.message)
      assert.include(yield* why({ name: "Not A Name" }), "name: ")
      assert.include(yield* why({ name: "hello", template: "nope" }), `there is no template "nope"; there are default`)
      assert.include(yield* why({ name: "hello", agent: "No!" }), "agent: ")
      assert.include(yield* why({ name: "hello", description: "x".repeat(3_000) }), "description: ")
      yield* projects.create({ name: "hello" })
      const taken = yield* Effect.flip(projects.create({ name: "hello" }))
      assert.isTrue(taken._tag === "ProjectError" && taken.reason._tag === "AlreadyExists")
      assert.strictEqual((yield* projects.list({ after: null, limit: 10 })).length, 1)
      assert.strictEqual((yield* (yield* Operations).list({ limit: 10 })).length, 1)
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("plans without changing anything; a foreign name is a conflict", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const plan = yield* projects.plan({ name: "hello" })
      assert.deepStrictEqual(
        plan.steps.map((step) => step.change),
        Array.from({ length: 9 }, () => "create")
      )
      const other = yield* NewId.make("proj")
      yield* (yield* RepositoryHost).ensure(
        { projectId: other, name: ProjectName.make("hello") },
        { defaultBranch: BranchName.make("main"), files: [], message: "theirs" }
      )
      const blocked = yield* projects.plan({ name: "hello" })
      assert.strictEqual(blocked.steps.find((step) => step.key === "repository")?.change, "conflict")
      assert.include(
        (yield* Effect.flip(projects.create({ name: "hello", planDigest: plan.digest }))).message,
        "repository"
      )
      assert.strictEqual((yield* projects.list({ after: null, limit: 10 })).length, 0)
      const good = yield* projects.plan({ name: "other" })
      const { operation } = yield* projects.create({ name: "other", planDigest: good.digest })
      const process = yield* boot(new Oracle())
      yield* until(operation.id, "completed")
      yield* process.kill
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("the digest of a plan is good for what was asked for, not for something else", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const { digest } = yield* projects.plan({ name: "hello", description: "one" })
      assert.include(
        (yield* Effect.flip(projects.create({ name: "hello", description: "two", planDigest: digest }))).message,
        "plan again"
      )
      yield* projects.create({ name: "hello", description: "one", planDigest: digest })
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("syncs what is missing, keeps what is there, and is refused meanwhile", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const process = yield* boot(new Oracle())
      const id = yield* provisioned("hello")
      const first = yield* projects.planSync("hello")
      assert.deepStrictEqual(
        first.steps.filter((step) => step.change !== "no-op").map((step) => step.key),
        []
      )
      const environments = yield* Environments.of(id)
      const host = environments[0]?.hosts[0] ?? ""
      yield* (yield* Dns).remove(id, host)
      const plan = yield* projects.planSync("hello")
      assert.strictEqual(plan.steps.find((step) => step.key === "dns.production")?.change, "create")
      assert.include((yield* Effect.flip(projects.sync("hello", first.digest))).message, "plan again")
      const { operation, project } = yield* projects.sync("hello", plan.digest)
      assert.strictEqual(project.status, "provisioning")
      assert.include((yield* Effect.flip(projects.sync("hello"))).message, operation.id)
      assert.include((yield* Effect.flip(projects.delete("hello"))).message, operation.id)
      yield* until(operation.id, "completed")
      yield* process.kill
      const after = yield* projects.get("hello")
      assert.strictEqual(after.status, "ready")
      assert.deepStrictEqual(
        (yield* Environments.of(id)).map(({ release }) => release),
        environments.map(({ release }) => release),
        "the release stays"
      )
      assert.isTrue(Option.isSome(yield* (yield* Dns).observe(host)))
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("a sync that fails does the other steps, takes nothing back and can be retried", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const operations = yield* Operations
      let broken = false
      const process = yield* boot(new Oracle(), {
        fault: ({ port, verb }) =>
          broken && port === "Ci" && verb === "ensure"
            ? { when: "before", reason: { _tag: "Invalid", field: "pipeline", message: "no" } }
            : null
      })
      const id = yield* provisioned("hello")
      broken = true
      yield* (yield* Dns).remove(id, "hello.localhost")
      yield* (yield* Ci).remove({ projectId: id, name: ProjectName.make("hello") })
      const { operation } = yield* projects.sync("hello")
      const ended = yield* until(operation.id, "failed")
      assert.include(ended.error?.message ?? "", "ci: ")
      const failed = yield* projects.get("hello")
      assert.strictEqual(failed.status, "ready", "as usable as before")
      assert.deepStrictEqual(
        failed.resources.filter((one) => one.status !== "ready").map((one) => one.kind),
        ["ci"]
      )
      assert.isTrue(
        Option.isSome(yield* (yield* RepositoryHost).observe({ projectId: id, name: ProjectName.make("hello") }))
      )
      broken = false
      yield* operations.retry(operation.id)
      yield* until(operation.id, "completed")
      assert.isTrue((yield* projects.get("hello")).resources.every((one) => one.status === "ready"))
      yield* process.kill
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("a foreign repository fails the provisioning, which takes the rest back and leaves theirs", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const other = { projectId: yield* NewId.make("proj"), name: ProjectName.make("hello") }
      yield* (yield* RepositoryHost).ensure(other, {
        defaultBranch: BranchName.make("main"),
        files: [],
        message: "theirs"
      })
      const { operation } = yield* projects.create({ name: "hello" })
      const process = yield* boot(new Oracle())
      yield* until(operation.id, "failed")
      yield* process.kill
      assert.isTrue(Option.isSome(yield* (yield* RepositoryHost).observe(other)))
      assert.strictEqual((yield* (yield* Dns).list).length, 0)
      const failed = yield* projects.get("hello")
      assert.strictEqual(failed.status, "failed")
      assert.strictEqual(failed.resources.find((one) => one.kind === "repository")?.status, "failed")
      const [production] = yield* Environments.of(failed.id)
      assert.strictEqual(production?.bindings.find((one) => one.kind === "dns")?.status, "deleted")
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("gives the name of an undone project away, but not while something of it is left", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const operations = yield* Operations
      const first = yield* projects.create({ name: "hello" })
      let stuck = true
      const process = yield* boot(new Oracle(), {
        fault: ({ port, verb }) =>
          port === "Deployer" && verb === "deploy" && stuck
            ? { when: "before", reason: { _tag: "Invalid", field: "build", message: "no" } }
            : port === "RepositoryHost" && verb === "remove" && stuck
              ? { when: "before", reason: { _tag: "Unauthorized", message: "the token is revoked" } }
              : null
      })
      yield* until(first.operation.id, "compensation_failed")
      const refused = yield* Effect.flip(projects.create({ name: "hello" }))
      assert.include(refused.message, `retry its operation ${first.operation.id}`)
      stuck = false
      yield* operations.retry(first.operation.id)
      yield* until(first.operation.id, "failed")
      const second = yield* projects.create({ name: "hello" })
      assert.notStrictEqual(second.project.id, first.project.id)
      yield* until(second.operation.id, "completed")
      assert.strictEqual((yield* projects.get("hello")).id, second.project.id)
      // The name is another project's now: the failed one cannot be brought back.
      assert.include((yield* Effect.flip(operations.retry(first.operation.id))).message, "is deleted")
      yield* process.kill
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("provisions again when a failed provisioning is retried", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      let broken = true
      const first = yield* projects.create({ name: "hello" })
      const process = yield* boot(new Oracle(), {
        fault: ({ port, verb }) =>
          broken && port === "Ci" && verb === "ensure"
            ? { when: "before", reason: { _tag: "Invalid", field: "pipeline", message: "no" } }
            : null
      })
      yield* until(first.operation.id, "failed")
      broken = false
      const again = yield* (yield* Operations).retry(first.operation.id)
      yield* until(again.id, "completed")
      yield* process.kill
      const project = yield* projects.get("hello")
      assert.deepStrictEqual([project.status, project.id, project.operationId], ["ready", first.project.id, again.id])
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("refuses a name that could be read as another place's host name, and keeps nothing of it", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      for (const name of ["a--b", "xn--hello", "feature--hello"])
        for (const attempt of [Effect.asVoid(projects.create({ name })), Effect.asVoid(projects.plan({ name }))]) {
          const error = yield* Effect.flip(attempt)
          assert.deepInclude("reason" in error ? error.reason : {}, { _tag: "Invalid", field: "name" })
          assert.include(error.message, "--")
        }
      assert.deepStrictEqual(yield* projects.list({ after: null, limit: 10 }), [])
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("deletes everything it made, and the name is free", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const process = yield* boot(new Oracle())
      const id = yield* provisioned("hello")
      yield* (yield* WorkspaceHost).ensure({ projectId: id, name: "main", network: "none" })
      const plan = yield* projects.planDelete("hello")
      assert.strictEqual(plan.steps.find((step) => step.key === "repository")?.change, "delete")
      const { operation, project } = yield* projects.delete("hello")
      assert.strictEqual(project.status, "deleting")
      assert.strictEqual((yield* projects.delete("hello")).operation.id, operation.id)
      yield* until(operation.id, "completed")
      assert.strictEqual((yield* (yield* RepositoryHost).list).length, 0)
      assert.strictEqual((yield* (yield* Dns).list).length, 0)
      assert.strictEqual((yield* (yield* WorkspaceHost).list).length, 0)
      assert.strictEqual((yield* (yield* CredentialStore).list(id)).length, 0)
      const gone = yield* Effect.flip(projects.get("hello"))
      assert.isTrue(gone._tag === "ProjectError" && gone.reason._tag === "NotFound")
      yield* provisioned("hello")
      yield* process.kill
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("goes on deleting past failures, and a retry finishes the rest", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      let broken = false
      const process = yield* boot(new Oracle(), {
        fault: ({ port, verb }) =>
          broken && verb === "remove" && (port === "Dns" || port === "TenantDatabase")
            ? { when: "before", reason: { _tag: "Unauthorized", message: `${port} is closed` } }
            : null
      })
      yield* provisioned("hello")
      broken = true
      const { operation } = yield* projects.delete("hello")
      const failed = yield* until(operation.id, "failed")
      assert.include(failed.error?.message ?? "", "and 2 more failed steps")
      assert.strictEqual((yield* (yield* RepositoryHost).list).length, 0)
      const project = yield* projects.get("hello")
      assert.deepStrictEqual(
        [project.status, ...project.resources.filter((one) => one.status === "failed").map((one) => one.kind)],
        ["failed", "database"]
      )
      for (const { bindings } of yield* Environments.of(project.id))
        assert.strictEqual(bindings.find(({ kind }) => kind === "dns")?.status, "failed")
      broken = false
      yield* (yield* Operations).retry(operation.id)
      yield* until(operation.id, "completed")
      assert.strictEqual((yield* (yield* Dns).list).length, 0)
      yield* process.kill
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("is cancelled while it is provisioned: nothing is left", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const operations = yield* Operations
      const { operation } = yield* projects.create({ name: "hello" })
      assert.include((yield* Effect.flip(projects.delete("hello"))).message, `cancel operation ${operation.id} first`)
      let cancelled = false
      const process = yield* boot(new Oracle(), {
        fault: (call) =>
          call.port === "TenantDatabase" && call.verb === "ensure" && !cancelled
            ? { when: "after", reason: { _tag: "Unavailable", message: "connection lost" } }
            : null
      })
      yield* TestClock.adjust("200 millis")
      yield* operations.cancel(operation.id)
      cancelled = true
      yield* until(operation.id, "cancelled")
      yield* process.kill
      assert.strictEqual((yield* projects.get("hello")).status, "failed")
      assert.strictEqual((yield* (yield* RepositoryHost).list).length, 0)
      assert.strictEqual((yield* (yield* TenantDatabase.TenantDatabase).list).length, 0)
    }).pipe(Effect.provide(Layer.fresh(world())))
  )
})
