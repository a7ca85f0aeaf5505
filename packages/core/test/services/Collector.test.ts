import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Dns, DnsError } from "@rdev/core/ports/infra/Dns"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import * as Collector from "@rdev/core/services/Collector"
import { Projects } from "@rdev/core/services/Projects"
import { until } from "../operations/Harness.ts"
import { boot, Oracle, world } from "./World.ts"

/** Resources of a project that nobody has a record of. */
const orphans = (label: string) =>
  Effect.gen(function* () {
    const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(label) }
    yield* (yield* RepositoryHost).ensure(target, { defaultBranch: BranchName.make("main"), files: [], message: "x" })
    yield* (yield* Dns).ensure({ projectId: target.projectId, host: `${label}.localhost`, target: "127.0.0.1" })
    yield* (yield* TenantDatabase).ensure(target)
    yield* (yield* WorkspaceHost).ensure({ projectId: target.projectId, name: "main", network: "none" })
    return target
  })
const sweep = Effect.flatMap(Collector.Collector, (collector) => collector.sweep)
const platform = (options: Collector.CollectorOptions = {}) =>
  Layer.fresh(Collector.layer(options).pipe(Layer.provideMerge(world())))

describe("Collector", () => {
  it.effect("deletes what two sweeps an hour apart saw without a record, and nothing of a project", () =>
    Effect.gen(function* () {
      const { operation } = yield* (yield* Projects).create({ name: "alive" })
      const process = yield* boot(new Oracle())
      yield* until(operation.id, "completed")
      yield* process.kill
      yield* TestClock.adjust("3 hours")
      const target = yield* orphans("lost")
      assert.deepStrictEqual((yield* sweep).deleted, [])
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual((yield* sweep).suspected.length, 4)
      yield* TestClock.adjust("1 minute")
      const last = yield* sweep
      assert.deepStrictEqual(last.deleted.map((orphan) => orphan.kind).sort(), [
        "database",
        "record",
        "repository",
        "workspace"
      ])
      assert.isTrue(Option.isNone(yield* (yield* RepositoryHost).observe(target)))
      assert.strictEqual((yield* (yield* RepositoryHost).list).length, 1)
      assert.strictEqual((yield* (yield* Dns).list).length, 2)
      assert.deepStrictEqual(yield* sweep, { deleted: [], suspected: [], errors: [] })
    }).pipe(Effect.provide(platform()))
  )

  it.effect("deletes no more than the cap in one sweep", () =>
    Effect.gen(function* () {
      yield* orphans("one")
      yield* orphans("two")
      yield* sweep
      yield* TestClock.adjust("1 hour")
      const first = yield* sweep
      assert.deepStrictEqual([first.deleted.length, first.suspected.length], [3, 5])
      assert.strictEqual((yield* sweep).deleted.length, 3)
      assert.strictEqual((yield* sweep).deleted.length, 2)
    }).pipe(Effect.provide(platform({ cap: 3 })))
  )

  it.effect("never takes a failed listing for an empty one, and begins the window anew after it", () =>
    Effect.gen(function* () {
      const dns = yield* Dns
      let down = false
      const flaky = Dns.of({
        ...dns,
        list: Effect.suspend(() =>
          down
            ? Effect.fail(new DnsError({ operation: "Dns.list", reason: { _tag: "Unavailable", message: "503" } }))
            : dns.list
        )
      })
      yield* Effect.gen(function* () {
        yield* orphans("lost")
        yield* sweep
        yield* TestClock.adjust("1 hour")
        down = true
        const partial = yield* sweep
        assert.strictEqual(partial.errors.length, 1)
        assert.isFalse(partial.deleted.some((orphan) => orphan.kind === "record"))
        down = false
        assert.deepStrictEqual((yield* sweep).deleted, [])
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(
          (yield* sweep).deleted.map((orphan) => orphan.kind),
          ["record"]
        )
      }).pipe(Effect.provide(Layer.fresh(Collector.layer())), Effect.provideService(Dns, flaky))
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("deletes nothing while the records cannot be read", () =>
    Effect.gen(function* () {
      const projects = yield* ProjectStore
      let down = false
      const flaky = ProjectStore.of({
        ...projects,
        byId: (id) =>
          down
            ? Effect.fail(
                new StoreError({ operation: "ProjectStore.byId", reason: { _tag: "Unavailable", message: "down" } })
              )
            : projects.byId(id)
      })
      yield* Effect.gen(function* () {
        yield* orphans("lost")
        yield* sweep
        yield* TestClock.adjust("1 hour")
        down = true
        assert.strictEqual((yield* Effect.flip(sweep)).reason._tag, "Unavailable")
        assert.strictEqual((yield* (yield* RepositoryHost).list).length, 1)
      }).pipe(Effect.provide(Layer.fresh(Collector.layer())), Effect.provideService(ProjectStore, flaky))
    }).pipe(Effect.provide(Layer.fresh(world())))
  )

  it.effect("spares what a project takes up in between", () =>
    Effect.gen(function* () {
      const target = yield* orphans("late")
      yield* sweep
      yield* TestClock.adjust("1 hour")
      const { project } = yield* (yield* Projects).create({ name: "elsewhere" })
      yield* (yield* ProjectStore).insert({ ...project, id: target.projectId, name: target.name })
      assert.deepStrictEqual((yield* sweep).deleted, [])
      assert.isTrue(Option.isSome(yield* (yield* RepositoryHost).observe(target)))
    }).pipe(Effect.provide(platform()))
  )
})
