/** What every store of environments must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Environment } from "@rdev/core/domain/Environment"
import * as NewId from "@rdev/core/ids/NewId"
import { EnvironmentStore } from "@rdev/core/ports/stores/EnvironmentStore"
import { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import { Effect, Layer, Option } from "effect"
import * as Samples from "../Samples.ts"

const next = (environment: Environment, fields: Partial<Environment> = {}) =>
  Environment.make({ ...environment, ...fields, revision: environment.revision + 1 })

export const suite = (name: string, layer: Layer.Layer<EnvironmentStore | UnitOfWork, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`EnvironmentStore: ${name}`, (it) => {
    it.effect("gives back what was inserted, and has a name once for each project", () =>
      Effect.gen(function* () {
        const store = yield* EnvironmentStore
        const [here, there] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        const environment = yield* Samples.environment(here)
        assert.isTrue(Option.isNone(yield* store.byId(environment.id)))
        yield* store.insert(environment)
        assert.deepStrictEqual(yield* store.byId(environment.id), Option.some(environment))
        const twin = yield* Samples.environment(here)
        assert.strictEqual(yield* Samples.reasonOf(store.insert(twin)), "AlreadyExists")
        assert.strictEqual(yield* Samples.reasonOf(store.insert(environment)), "AlreadyExists")
        yield* store.insert(yield* Samples.environment(there))
      })
    )

    it.effect("updates revision by revision", () =>
      Effect.gen(function* () {
        const store = yield* EnvironmentStore
        const environment = yield* Samples.environment(yield* NewId.make("proj"))
        assert.strictEqual(yield* Samples.reasonOf(store.update(next(environment))), "NotFound")
        yield* store.insert(environment)
        const second = next(environment, {
          release: { id: "rel_1", sha: "0".repeat(40), url: "http://hello/", atMillis: 7 }
        })
        yield* store.update(second)
        assert.deepStrictEqual(yield* store.byId(environment.id), Option.some(second))
        assert.strictEqual(yield* Samples.reasonOf(store.update(second)), "Conflict")
        assert.strictEqual(yield* Samples.reasonOf(store.update(next(next(second)))), "Conflict")
        assert.deepStrictEqual(yield* store.byId(environment.id), Option.some(second))
      })
    )

    it.effect("lists those of several projects and of no other, by id", () =>
      Effect.gen(function* () {
        const store = yield* EnvironmentStore
        const [one, two, other] = [yield* NewId.make("proj"), yield* NewId.make("proj"), yield* NewId.make("proj")]
        const mine = [
          yield* Samples.environment(one, { name: "staging", kind: "staging" }),
          yield* Samples.environment(two),
          yield* Samples.environment(one)
        ]
        for (const environment of [...mine].reverse()) yield* store.insert(environment)
        yield* store.insert(yield* Samples.environment(other))
        assert.deepStrictEqual(yield* store.ofProjects([one, two]), mine)
        assert.deepStrictEqual(yield* store.ofProjects([]), [])
        assert.deepStrictEqual(yield* store.ofProjects([yield* NewId.make("proj")]), [])
      })
    )

    it.effect("removes one, and all of a project, twice without complaint; the name is free again", () =>
      Effect.gen(function* () {
        const store = yield* EnvironmentStore
        const [here, there] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        const [preview, production, kept] = [
          yield* Samples.environment(here, { name: "feature-1", kind: "preview" }),
          yield* Samples.environment(here),
          yield* Samples.environment(there)
        ]
        for (const environment of [preview, production, kept]) yield* store.insert(environment)
        yield* store.remove(preview.id)
        yield* store.remove(preview.id)
        assert.deepStrictEqual(yield* store.ofProjects([here]), [production])
        yield* store.insert(yield* Samples.environment(here, { name: "feature-1", kind: "preview" }))
        yield* store.removeAll(here)
        yield* store.removeAll(here)
        assert.deepStrictEqual(yield* store.ofProjects([here, there]), [kept])
      })
    )

    it.effect("takes part in transactions", () =>
      Effect.gen(function* () {
        const store = yield* EnvironmentStore
        const environment = yield* Samples.environment(yield* NewId.make("proj"))
        const failed = yield* Effect.flip(
          (yield* UnitOfWork).transact(Effect.andThen(store.insert(environment), Effect.fail("changed my mind")))
        )
        assert.strictEqual(failed, "changed my mind")
        assert.isTrue(Option.isNone(yield* store.byId(environment.id)))
      })
    )
  })
}
