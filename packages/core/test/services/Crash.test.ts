import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { terminal } from "@rdev/core/domain/Operation"
import { Operations } from "@rdev/core/operations/Operations"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { Builder } from "@rdev/core/ports/infra/Builder"
import { Deployer } from "@rdev/core/ports/infra/Deployer"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { Router } from "@rdev/core/ports/infra/Router"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { Projects } from "@rdev/core/services/Projects"
import { boot, type Options, Oracle, world } from "./World.ts"

/** What the providers themselves say is there. */
const inventory = Effect.gen(function* () {
  const repositories = yield* (yield* RepositoryHost).list
  const records = yield* (yield* Dns).list
  const databases = yield* (yield* TenantDatabase).list
  const deployments = yield* (yield* Deployer).list
  const artifacts = yield* (yield* Builder).list
  const routes = yield* (yield* Router).list
  return {
    repositories: repositories.length,
    records: records.length,
    databases: databases.length,
    deployments: deployments.length,
    artifacts: artifacts.length,
    routes: routes.length
  }
})
const nothing = { repositories: 0, records: 0, databases: 0, deployments: 0, artifacts: 0, routes: 0 }
const everything = { repositories: 1, records: 2, databases: 1, deployments: 1, artifacts: 1, routes: 1 }

/** Creates a project; the first process dies as told, then others finish. */
const play = (options: Options, oracle = new Oracle()) =>
  Effect.gen(function* () {
    const projects = yield* Projects
    const operations = yield* Operations
    const { operation, project } = yield* projects.create({ name: "hello", template: "default" })
    let process = yield* boot(oracle, options)
    const count = () => process.life.count
    let generations = 1
    let last = 0
    for (let i = 0; i < 4_000; i++) {
      const now = yield* operations.get(operation.id)
      if (process.isDead()) {
        last = count()
        yield* process.kill
        process = yield* boot(oracle, options.fault === undefined ? {} : { fault: options.fault })
        generations += 1
        continue
      }
      if (terminal.has(now.status)) break
      yield* TestClock.adjust("100 millis")
    }
    last = Math.max(last, count())
    yield* process.kill
    return {
      operation: yield* operations.get(operation.id),
      project: yield* projects.get(project.id),
      generations,
      points: last,
      oracle
    }
  })

const assertOnce = (oracle: Oracle) => {
  for (const port of ["RepositoryHost", "Dns", "Tls", "TenantDatabase", "TenantCache", "Deployer"]) {
    const created = oracle.created(port)
    assert.strictEqual(
      new Set(created.map((name) => name.split("=")[0])).size,
      created.length,
      `${port} made something twice: ${created.join(", ")}`
    )
  }
}

describe("crash-point", () => {
  it.effect("provisions, whatever call the process dies at, and makes nothing twice", () =>
    Effect.gen(function* () {
      const { operation, points } = yield* play({}).pipe(Effect.provide(Layer.fresh(world())))
      assert.strictEqual(operation.status, "completed")
      assert.isAbove(points, 60)
      let died = 0
      for (let dieAt = 1; dieAt <= points; dieAt++) {
        const oracle = new Oracle()
        yield* Effect.gen(function* () {
          const { generations, operation, project } = yield* play({ dieAt }, oracle)
          assert.strictEqual(operation.status, "completed", `died at ${dieAt}: ${operation.error?.message ?? ""}`)
          assert.strictEqual(project.status, "ready")
          died += generations - 1
          assert.deepStrictEqual(yield* inventory, everything, `died at ${dieAt}`)
          assert.isTrue(
            Option.isSome(yield* (yield* CredentialStore).get(project.id, "DATABASE_URL")),
            `died at ${dieAt}: the credential is lost`
          )
          assertOnce(oracle)
        }).pipe(Effect.provide(Layer.fresh(world())))
      }
      // At the very end the operation may be over before the last calls are made.
      assert.isAbove(died, points - 8)
      console.log(`crash-point: ${points} points, ${died} deaths, 0 orphans, 0 doubles`)
    })
  )

  it.effect("undoes everything, whatever call the process dies at", () =>
    Effect.gen(function* () {
      const fault: NonNullable<Options["fault"]> = (call) =>
        call.port === "Deployer" && call.verb === "deploy"
          ? { when: "after", reason: { _tag: "Invalid", field: "health", message: "it answers 500" } }
          : null
      const { operation, points } = yield* play({ fault }).pipe(Effect.provide(Layer.fresh(world())))
      assert.strictEqual(operation.status, "failed")
      for (let dieAt = 1; dieAt <= points; dieAt++) {
        const oracle = new Oracle()
        yield* Effect.gen(function* () {
          const { operation, project } = yield* play({ dieAt, fault }, oracle)
          assert.isTrue(
            operation.status === "failed" || operation.status === "completed",
            `died at ${dieAt}: ${operation.status}`
          )
          // Died between the effect and its answer: the look at the world then finds it done.
          if (operation.status === "completed") return assert.deepStrictEqual(yield* inventory, everything)
          assert.strictEqual(project.status, "failed")
          assert.deepStrictEqual(yield* inventory, nothing, `died at ${dieAt}`)
          assert.strictEqual((yield* (yield* CredentialStore).list(project.id)).length, 0)
          assertOnce(oracle)
        }).pipe(Effect.provide(Layer.fresh(world())))
      }
    })
  )
})
