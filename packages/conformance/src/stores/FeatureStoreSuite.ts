/** What every store of feature index rows must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import { FeatureIndex } from "@rdev/core/domain/FeatureIndex"
import * as NewId from "@rdev/core/ids/NewId"
import { FeatureStore } from "@rdev/core/ports/stores/FeatureStore"
import { Effect, Layer, Option } from "effect"
import * as Samples from "../Samples.ts"

export const suite = (name: string, layer: Layer.Layer<FeatureStore, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`FeatureStore: ${name}`, (it) => {
    it.effect("inserts a slug once per project", () =>
      Effect.gen(function* () {
        const store = yield* FeatureStore
        const [here, there] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        const feature = yield* Samples.feature(here)
        yield* store.insert(feature)
        assert.deepStrictEqual(yield* store.get(here, feature.slug), Option.some(feature))
        assert.strictEqual(
          yield* Samples.reasonOf(store.insert(yield* Samples.feature(here, { slug: feature.slug }))),
          "AlreadyExists"
        )
        assert.isTrue(Option.isNone(yield* store.get(there, feature.slug)))
        yield* store.insert(yield* Samples.feature(there, { slug: feature.slug }))
      })
    )

    it.effect("puts a row whether it is there or not", () =>
      Effect.gen(function* () {
        const store = yield* FeatureStore
        const feature = yield* Samples.feature(yield* NewId.make("proj"))
        yield* store.put(feature)
        const later = new FeatureIndex({
          ...feature,
          phase: "review",
          live: false,
          decision: { rule: "R1", action: "a", actor: "agent", kind: "do", reason: "because" }
        })
        yield* store.put(later)
        assert.deepStrictEqual(yield* store.get(feature.projectId, feature.slug), Option.some(later))
      })
    )

    it.effect("lists a project's features in pages and finds the live ones", () =>
      Effect.gen(function* () {
        const store = yield* FeatureStore
        const [here, there] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        const mine = yield* Effect.forEach(
          Array.from({ length: 5 }, (_, i) => i),
          (i) => Samples.feature(here, { live: i % 2 === 0 })
        )
        const other = yield* Samples.feature(there)
        yield* Effect.forEach([...mine, other], (feature) => store.insert(feature))
        const page1 = yield* store.list(here, { after: null, limit: 3 })
        const page2 = yield* store.list(here, { after: page1.at(-1)?.id ?? null, limit: 3 })
        assert.deepStrictEqual([...page1, ...page2], mine)
        assert.deepStrictEqual(
          (yield* store.live(here)).map((f) => f.id),
          mine.filter((f) => f.live).map((f) => f.id)
        )
        const everywhere = (yield* store.live(null)).map((f) => f.id)
        assert.isTrue(everywhere.includes(other.id) && mine.every((f) => everywhere.includes(f.id) === f.live))
      })
    )

    it.effect("removes all of one project and none of another, twice without complaint", () =>
      Effect.gen(function* () {
        const store = yield* FeatureStore
        const [here, there] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        const kept = yield* Samples.feature(there)
        yield* store.insert(yield* Samples.feature(here))
        yield* store.insert(kept)
        yield* store.removeAll(here)
        yield* store.removeAll(here)
        assert.deepStrictEqual(yield* store.list(here, { after: null, limit: 10 }), [])
        assert.deepStrictEqual(yield* store.list(there, { after: null, limit: 10 }), [kept])
      })
    )
  })
}
