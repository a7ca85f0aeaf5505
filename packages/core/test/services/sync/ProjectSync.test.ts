/** What happens to a project whose infrastructure is changed by others, and what 500 to which nothing happens cost. */
import { assert, describe, it } from "@effect/vitest"
import type { Condition } from "@rdev/core/domain/Condition"
import { ofProject } from "@rdev/core/domain/Event"
import type { OperationId } from "@rdev/core/domain/Ids"
import { Project, ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import * as Definition from "@rdev/core/operations/Definition"
import * as Step from "@rdev/core/operations/Step"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { TenantCache } from "@rdev/core/ports/infra/TenantCache"
import { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { EnvironmentStore } from "@rdev/core/ports/stores/EnvironmentStore"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { OperationStore } from "@rdev/core/ports/stores/OperationStore"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { Projects } from "@rdev/core/services/Projects"
import * as Environments from "@rdev/core/services/projects/Environments"
import { syncKind } from "@rdev/core/services/projects/ProjectOperations"
import { SyncInput } from "@rdev/core/services/projects/ProvisionInput"
import * as Cells from "@rdev/core/services/resources/Cells"
import * as ProjectSync from "@rdev/core/services/sync/ProjectSync"
import { Clock, Context, DateTime, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { until } from "../../operations/Harness.ts"
import { boot, Oracle, world } from "../World.ts"

const platform = () => Layer.fresh(ProjectSync.layer.pipe(Layer.provideMerge(world())))
const brief = (conditions: ReadonlyArray<Condition> | undefined) =>
  (conditions ?? []).map(({ reason, status, type }) => `${type} ${status} ${reason}`)
const conditionsOf = (id: string) => Effect.map(projectOf(id), ({ conditions }) => conditions)
const projectOf = (id: string) => Effect.flatMap(Projects, (projects) => projects.get(id))
const page = Effect.flatMap(ProjectSync.ProjectSync, (sync) => sync.page(20))
const period = TestClock.adjust(2 * ProjectSync.everyMillis)

/** Runs an operation to its end; between operations nothing runs that would wake up every second of an hour. */
const ran = Effect.fnUntraced(function* (operation: string | null) {
  const process = yield* boot(new Oracle())
  yield* until(operation as OperationId, "completed")
  yield* process.kill
})
/** A project that is ready and was looked at. */
const started = Effect.gen(function* () {
  const { operation, project } = yield* (yield* Projects).create({ name: "shop" })
  yield* ran(operation.id)
  assert.strictEqual(yield* page, 1)
  return { id: project.id, target: { projectId: project.id, name: project.name } }
})
const whole = [
  "Ready true AllPresent",
  "Components true Read",
  "repository true Present",
  "ci true Present",
  "database true Present",
  "cache true Present"
]

describe("project.sync, from time to time", () => {
  it.effect("sees that all is there, says so of the project and of each environment, and writes nothing again", () =>
    Effect.gen(function* () {
      const { id } = yield* started
      const project = yield* projectOf(id)
      assert.deepStrictEqual(brief(project.conditions), whole)
      assert.deepStrictEqual([project.generation, project.observedGeneration], [1, 1])
      const environments = yield* Environments.of(id)
      assert.deepStrictEqual(
        environments.map(({ conditions, name }) => [name, ...brief(conditions)]),
        [
          [
            "production",
            "Ready true AllPresent",
            "DomainReady true Present",
            "dns true Present",
            "tls true Present",
            "deployment true Present"
          ],
          ["staging", "Ready true AllPresent", "DomainReady true Present", "dns true Present", "tls true Present"]
        ]
      )
      assert.strictEqual(yield* page, 0, "it is not due again at once")
      yield* period
      const { events: before } = yield* (yield* EventLog).read(ofProject(id), 0, 1_000)
      assert.strictEqual(yield* page, 1)
      assert.deepStrictEqual(yield* projectOf(id), project)
      assert.deepStrictEqual(yield* Environments.of(id), environments)
      assert.strictEqual((yield* (yield* EventLog).read(ofProject(id), 0, 1_000)).events.length, before.length)
    }).pipe(Effect.provide(platform()))
  )

  it.effect("makes a record again that somebody deleted, and tells of both as events", () =>
    Effect.gen(function* () {
      const { id } = yield* started
      const dns = yield* Dns
      yield* dns.remove(id, "staging.shop.localhost")
      yield* period
      yield* page
      const repairing = yield* projectOf(id)
      assert.strictEqual(repairing.status, "provisioning")
      const [, staging] = yield* Environments.of(id)
      const lost = staging?.conditions.find(({ type }) => type === "dns")
      assert.deepInclude(lost, { status: "false", reason: "Repairing" })
      assert.include(lost?.message, repairing.operationId ?? "?")
      assert.strictEqual(staging?.conditions.find(({ type }) => type === "DomainReady")?.status, "false")
      yield* ran(repairing.operationId)
      assert.isTrue((yield* dns.list).some(({ host }) => host === "staging.shop.localhost"))
      yield* TestClock.adjust(ProjectSync.soonMillis)
      assert.strictEqual(yield* page, 1)
      assert.deepStrictEqual(brief(yield* conditionsOf(id)), whole)
      const { events } = yield* (yield* EventLog).read(ofProject(id), 0, 1_000)
      const told = events.filter(
        ({ data, type }) => type === "condition.changed" && data["type"] === "dns" && data["environment"] === "staging"
      )
      assert.deepStrictEqual(
        told.map(({ data }) => [data["status"], data["reason"]]),
        [
          ["false", "Repairing"],
          ["true", "Present"]
        ]
      )
    }).pipe(Effect.provide(platform()))
  )

  it.effect("asks a person about a database that is gone, and makes an empty one when told so", () =>
    Effect.gen(function* () {
      const { id, target } = yield* started
      const database = yield* TenantDatabase
      yield* database.remove(target)
      yield* period
      yield* page
      const asking = yield* projectOf(id)
      assert.strictEqual(asking.status, "ready", "nothing is started")
      const lost = asking.conditions?.find(({ type }) => type === "database")
      assert.deepInclude(lost, { status: "false", reason: "Lost" })
      assert.include(lost?.message, "rdev projects sync shop --make database")
      assert.strictEqual(asking.conditions?.[0]?.status, "false")
      assert.deepStrictEqual(yield* database.list, [])
      // What has nothing to do with it is repaired meanwhile.
      yield* (yield* Dns).remove(id, "shop.localhost")
      yield* period
      yield* page
      const other = yield* projectOf(id)
      yield* ran(other.operationId)
      assert.isTrue((yield* (yield* Dns).list).some(({ host }) => host === "shop.localhost"))
      assert.deepStrictEqual(yield* database.list, [])
      const sync = yield* ProjectSync.ProjectSync
      const nothing = yield* sync.now(yield* projectOf(id), { make: ["cache"] })
      assert.isNull(nothing.operationId)
      const made = yield* sync.now(yield* projectOf(id), { make: ["database"] })
      assert.isNotNull(made.operationId)
      assert.strictEqual(
        (yield* Effect.flip(sync.now(made.project, { make: [] }))).reason._tag,
        "Conflict",
        "not twice at once"
      )
      yield* ran(made.operationId)
      assert.strictEqual((yield* database.list).length, 1)
      yield* TestClock.adjust(ProjectSync.soonMillis)
      yield* page
      assert.deepStrictEqual(brief(yield* conditionsOf(id)), whole)
    }).pipe(Effect.provide(platform()))
  )

  it.effect(
    "does not know what a repository needs whose rdev.yaml is wrong, and counts a new wish as a generation",
    () =>
      Effect.gen(function* () {
        const { id, target } = yield* started
        const git = yield* GitObjects
        const main = BranchName.make("main")
        const write = (text: string) =>
          Effect.gen(function* () {
            const head = yield* git.head(target, main)
            yield* git.commit(target, {
              branch: main,
              expectedHead: head._tag === "Some" ? head.value : null,
              changes: [{ path: "rdev.yaml", content: text }],
              message: "x",
              author: { name: "t", email: "t@example.org" }
            })
            yield* period
            yield* page
            return yield* projectOf(id)
          })
        const wrong = yield* write("components: [{ name: A, kind: static }]")
        assert.deepInclude(wrong.conditions?.[1], { type: "Components", status: "false", reason: "Invalid" })
        assert.include(wrong.conditions?.[1]?.message, "components[0].name")
        const narrow = yield* write("components: [{ name: web, kind: static, needs: [database] }]")
        assert.deepInclude(narrow.conditions?.[1], { type: "Components", status: "true" })
        assert.isFalse(narrow.conditions?.some(({ type }) => type === "cache"))
        assert.isAbove(narrow.generation ?? 0, 1)
        // Without its repository nobody knows what it needs: nothing new is made, such as the cache that its template would have.
        yield* (yield* TenantCache).remove(target)
        yield* (yield* ProjectStore).update(
          Project.make({
            ...narrow,
            resources: narrow.resources.filter(({ kind }) => kind !== "cache"),
            revision: narrow.revision + 1
          })
        )
        yield* (yield* RepositoryHost).remove(target)
        yield* period
        yield* page
        const blind = yield* projectOf(id)
        assert.deepInclude(blind.conditions?.[1], { type: "Components", status: "false", reason: "Unreadable" })
        assert.strictEqual(blind.status, "ready")
        assert.isTrue((yield* (yield* TenantCache).observe(target))._tag === "None")
        assert.strictEqual(narrow.observedGeneration, narrow.generation)
      }).pipe(Effect.provide(platform()))
  )

  it.effect("leaves a failed project and one that is being changed alone", () =>
    Effect.gen(function* () {
      const { operation, project } = yield* (yield* Projects).create({ name: "shop" })
      assert.strictEqual(yield* page, 0, "it is being provisioned")
      yield* ran(operation.id)
      const store = yield* ProjectStore
      const ready = yield* projectOf(project.id)
      yield* store.update(Project.make({ ...ready, status: "failed", revision: ready.revision + 1 }))
      yield* (yield* Dns).remove(project.id, "shop.localhost")
      assert.strictEqual(yield* page, 1)
      const failed = yield* projectOf(project.id)
      assert.deepStrictEqual([failed.status, failed.operationId], ["failed", operation.id])
      assert.strictEqual(failed.conditions?.[0]?.status, "false")
    }).pipe(Effect.provide(platform()))
  )
})

/** A sync whose every resource is there. */
const present = Definition.make({
  kind: syncKind,
  version: 2,
  input: SyncInput,
  onFailure: "continue",
  steps: (input) =>
    Cells.of(input).map((cell) =>
      Step.make<null>({
        key: cell.key,
        title: cell.key,
        dependsOn: cell.dependsOn,
        intent: "create",
        output: Schema.Null,
        observe: () =>
          Effect.succeed({ _tag: "Present", known: true, drift: null, detail: "it is there", output: null }),
        do: () => Effect.die("nothing is to be done")
      })
    )
})

/** Counts what is asked of a store. */
const counted = <I, S extends object>(tag: Context.Key<I, S>, counts: Map<string, number>): Layer.Layer<I, never, I> =>
  Layer.effect(
    tag,
    Effect.gen(function* () {
      const store: S = Context.get(yield* Effect.context<I>(), tag)
      return new Proxy<S>(store, {
        get: (target, name) => {
          const verb: unknown = Reflect.get(target, name)
          return typeof verb !== "function"
            ? verb
            : (...args: ReadonlyArray<unknown>) =>
                Effect.suspend(() => {
                  counts.set(String(name), (counts.get(String(name)) ?? 0) + 1)
                  return Reflect.apply(
                    verb as (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown>,
                    target,
                    args
                  )
                })
        }
      })
    })
  )

describe("500 projects to which nothing happens", () => {
  it.effect("cost three store queries for twenty of them, and no write but when each is due", () => {
    const counts = new Map<string, number>()
    const stores = Layer.mergeAll(
      counted(ProjectStore, counts),
      counted(EnvironmentStore, counts),
      counted(EventLog, counts),
      counted(OperationStore, counts)
    )
    const idle = ProjectSync.layer.pipe(
      Layer.provide(Layer.merge(stores, Definition.layer([present]))),
      Layer.provideMerge(world())
    )
    return Effect.gen(function* () {
      const store = yield* ProjectStore
      const at = DateTime.makeUnsafe(0)
      const ids = yield* Effect.forEach(Array.from({ length: 500 }), () => NewId.make("proj"))
      for (const [i, id] of ids.entries()) {
        const name = ProjectName.make(`p${i}`)
        yield* store.insert(
          Project.make({
            id,
            name,
            template: "default",
            status: "ready",
            description: "",
            agent: "scripted",
            defaultBranch: "main",
            workDir: "/workspace",
            cloneUrl: null,
            resources: [],
            operationId: null,
            createdAt: at,
            updatedAt: at,
            revision: 1
          })
        )
        for (const environment of yield* Environments.make(id, name))
          yield* (yield* EnvironmentStore).insert(environment)
      }
      const rounds = Effect.gen(function* () {
        let seen = 0
        for (let found = yield* page; found > 0; found = yield* page) seen += found
        return seen
      })
      assert.strictEqual(yield* rounds, 500)
      const before = yield* store.list({ after: null, limit: 1_000, only: null })
      assert.isTrue(before.every(({ observedGeneration }) => observedGeneration === 1))
      counts.clear()
      yield* period
      const start = yield* Clock.currentTimeMillis
      assert.strictEqual(yield* rounds, 500)
      assert.deepStrictEqual(
        Object.fromEntries([...counts].sort()),
        { ofProjects: 25, schedule: 25, takeDue: 26 },
        "store queries of one period"
      )
      assert.deepStrictEqual(yield* store.list({ after: null, limit: 1_000, only: null }), before)
      // They are not due together the next time.
      const due = yield* store.takeDue({
        nowMillis: start + ProjectSync.everyMillis,
        untilMillis: start + 2 * ProjectSync.everyMillis,
        limit: 500
      })
      assert.isAbove(due.length, 100)
      assert.isBelow(due.length, 400)
    }).pipe(Effect.provide(Layer.fresh(idle)))
  })
})
