/** A kind of resource that an adapter brings, for each environment: made, given to what runs, made anew, removed, found when it is lost. */
import { assert, describe, it } from "@effect/vitest"
import { Installed } from "@rdev/core/adapter/ResourceProvider"
import * as MemoryResource from "@rdev/core/memory/infra/Resource"
import { terminal } from "@rdev/core/domain/Operation"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Operations } from "@rdev/core/operations/Operations"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import * as Collector from "@rdev/core/services/Collector"
import { Projects } from "@rdev/core/services/Projects"
import * as Environments from "@rdev/core/services/projects/Environments"
import * as Variables from "@rdev/core/services/projects/Variables"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { until } from "../operations/Harness.ts"
import { boot, Oracle, world } from "./World.ts"

const brought = Layer.effect(
  Installed,
  Effect.map(MemoryResource.make("logging", "environment"), (provider) => new Map([["logging", provider]]))
)
const platform = () => Layer.fresh(Collector.layer().pipe(Layer.provideMerge(world(brought))))

const logging = Effect.flatMap(Installed, (installed) => {
  const provider = installed.get("logging")
  return provider === undefined ? Effect.die("logging is not offered") : Effect.succeed(provider)
})
const made = Effect.flatMap(logging, (provider) =>
  Effect.map(provider.list, (all) => all.map(({ externalId }) => externalId).sort())
)

describe("a kind that an adapter brings", () => {
  it.effect("is provisioned for each environment; its outputs are the variables of that one alone", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const process = yield* boot(new Oracle())
      const { operation, project } = yield* projects.create({ name: "hello" })
      yield* until(operation.id, "completed")
      assert.deepStrictEqual(yield* made, ["hello-production", "hello-staging"])
      const environments = yield* Environments.of(project.id)
      for (const environment of environments) {
        const binding = environment.bindings.find(({ kind }) => kind === "logging")
        assert.deepStrictEqual([binding?.status, binding?.externalId], ["ready", `hello-${environment.name}`])
        assert.includeMembers(
          [...(yield* Variables.namesOf(environment))],
          ["DATABASE_URL", "LOGGING_NAME", "LOGGING_URL"]
        )
      }
      const of = (name: string) => Variables.ofEnvironment(project.id, name)
      const [production, staging] = [yield* of("production"), yield* of("staging")]
      assert.strictEqual(production["LOGGING_NAME"], "hello-production")
      assert.strictEqual(staging["LOGGING_NAME"], "hello-staging")
      assert.strictEqual(production["DATABASE_URL"], staging["DATABASE_URL"])
      assert.notInclude(JSON.stringify(yield* Variables.ofWorkspaces(project.id)), production["LOGGING_URL"] ?? "")
      const shown = yield* Variables.shown(project.id)
      assert.notInclude(JSON.stringify(shown), (production["LOGGING_URL"] ?? "").split("@")[0] ?? "")

      // A lost credential: its provider makes a new one.
      const [first] = environments
      yield* (yield* CredentialStore).remove(first?.id ?? project.id, "LOGGING_URL")
      const plan = yield* projects.planSync("hello")
      assert.strictEqual(plan.steps.find(({ key }) => key === "logging.production")?.change, "update")
      const sync = yield* projects.sync("hello")
      yield* until(sync.operation.id, "completed")
      const rotated = yield* of("production")
      assert.notStrictEqual(rotated["LOGGING_URL"], production["LOGGING_URL"])
      assert.strictEqual((yield* of("staging"))["LOGGING_URL"], staging["LOGGING_URL"])

      const end = yield* projects.delete("hello")
      yield* until(end.operation.id, "completed")
      assert.deepStrictEqual(yield* made, [])
      for (const { id } of environments) assert.deepStrictEqual(yield* (yield* CredentialStore).list(id), [])
      yield* process.kill
    }).pipe(Effect.provide(platform()))
  )

  it.effect("is made once and removed wholly, whatever call to its provider the process dies at", () =>
    Effect.gen(function* () {
      const touched = new Set<number>()
      const play = (dieAt: number | null, oracle: Oracle) =>
        Effect.gen(function* () {
          const projects = yield* Projects
          const operations = yield* Operations
          const note = ({ port }: { readonly port: string }, number: number) => {
            // Before the call, when it arrives, when it is answered, and when that is written down.
            if (port === "logging") for (const by of [-1, 0, 1, 2, 3]) touched.add(number + by)
            return null
          }
          let process = yield* boot(oracle, dieAt === null ? { fault: note } : { dieAt })
          for (const begin of [() => projects.create({ name: "hello" }), () => projects.delete("hello")]) {
            const { operation } = yield* begin()
            for (let i = 0; i < 4_000; i++) {
              if (process.isDead()) {
                yield* process.kill
                process = yield* boot(oracle)
              }
              if (terminal.has((yield* operations.get(operation.id)).status)) break
              yield* TestClock.adjust("100 millis")
            }
            const ended = yield* operations.get(operation.id)
            assert.strictEqual(ended.status, "completed", JSON.stringify(ended.error))
            if (operation.kind === "project.provision")
              assert.deepStrictEqual(yield* made, ["hello-production", "hello-staging"])
          }
          yield* process.kill
          assert.deepStrictEqual(yield* made, [], "nothing is left")
          const created = oracle.created("logging")
          assert.strictEqual(new Set(created).size, created.length, created.join(", "))
        }).pipe(Effect.provide(platform()))
      yield* play(null, new Oracle())
      const points = [...touched]
      assert.isAbove(points.length, 20)
      for (const dieAt of points) yield* play(dieAt, new Oracle())
    })
  )

  it.effect("is found by the collector when nobody has a record of it, and of an environment that is gone", () =>
    Effect.gen(function* () {
      const provider = yield* logging
      const process = yield* boot(new Oracle())
      const { operation, project } = yield* (yield* Projects).create({ name: "alive" })
      yield* until(operation.id, "completed")
      yield* process.kill
      const lost = yield* NewId.make("proj")
      const wish = {
        key: "k",
        template: "",
        description: "",
        defaultBranch: "main",
        commit: null,
        keep: true,
        variables: {}
      }
      const owner = (id: typeof lost, name: string, environment: string) => ({
        project: { id, name: ProjectName.make(name) },
        environment: { name: environment, kind: "preview" as const },
        hosts: [],
        address: ""
      })
      yield* provider.ensure({ ...owner(lost, "lost", "staging"), id: yield* NewId.make("env") }, wish)
      yield* provider.ensure({ ...owner(project.id, "alive", "feature-1"), id: yield* NewId.make("env") }, wish)
      const { sweep } = yield* Collector.Collector
      yield* sweep
      yield* TestClock.adjust("2 hours")
      assert.deepStrictEqual((yield* sweep).deleted.map(({ externalId }) => externalId).sort(), [
        "alive-feature-1",
        "lost-staging"
      ])
      assert.deepStrictEqual(yield* made, ["alive-production", "alive-staging"])
    }).pipe(Effect.provide(platform()))
  )

  it.effect("that is offered no more is said to be out of reach when its project is deleted", () =>
    Effect.gen(function* () {
      const projects = yield* Projects
      const first = yield* boot(new Oracle())
      const { operation, project } = yield* projects.create({ name: "hello" })
      yield* until(operation.id, "completed")
      yield* first.kill
      yield* Effect.provideService(
        Effect.gen(function* () {
          const second = yield* boot(new Oracle())
          const plan = yield* projects.planDelete("hello")
          assert.include(
            plan.steps.map(({ key }) => key),
            "logging.staging"
          )
          const end = yield* projects.delete("hello")
          const rows = Effect.flatMap(Operations, (service) => service.steps(end.operation.id))
          yield* until(end.operation.id, "completed")
          const step = (yield* rows).find(({ key }) => key === "logging.staging")
          assert.strictEqual(step?.status, "skipped")
          assert.include(step?.changeReason ?? "", "put it back into platform.yaml as resources.logging")
          yield* second.kill
        }),
        Installed,
        new Map()
      )
      assert.deepStrictEqual(yield* made, ["hello-production", "hello-staging"], "nobody touched them")
      assert.isString(project.id)
    }).pipe(Effect.provide(platform()))
  )
})
