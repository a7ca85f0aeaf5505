/** What every idempotency store must do. Times are given by the caller, so the tests need no clock. */
import { assert, layer as withLayer } from "@effect/vitest"
import { claimMillis, IdempotencyStore, keptMillis, type StoredAnswer } from "@rdev/core/ports/IdempotencyStore"
import { Effect, Layer } from "effect"
import * as Samples from "./Samples.ts"

const freshKey = () => ({ principal: "key_1", route: "POST /projects", key: Samples.unique("idem") })
const answer: StoredAnswer = { status: 202, contentType: "application/json", body: "{\"ü\":\"\\u0000\"}", location: "/operations/op_1" }
const t0 = 1_750_000_000_000

export const suite = (name: string, layer: Layer.Layer<IdempotencyStore, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`IdempotencyStore: ${name}`, (it) => {
    it.effect("is fresh once, then in flight, then replays", () => Effect.gen(function*() {
      const store = yield* IdempotencyStore
      const key = freshKey()
      assert.deepStrictEqual(yield* store.begin(key, "h", t0), { _tag: "Fresh" })
      assert.deepStrictEqual(yield* store.begin(key, "h", t0 + 1), { _tag: "InFlight" })
      assert.deepStrictEqual(yield* store.begin(key, "other", t0 + 1), { _tag: "OtherBody" })
      yield* store.complete(key, answer)
      assert.deepStrictEqual(yield* store.begin(key, "h", t0 + keptMillis - 1), { _tag: "Replay", answer })
      assert.deepStrictEqual(yield* store.begin(key, "other", t0 + 2), { _tag: "OtherBody" })
    }))

    it.effect("tells keys of other principals and routes apart", () => Effect.gen(function*() {
      const store = yield* IdempotencyStore
      const key = freshKey()
      yield* store.begin(key, "h", t0)
      assert.deepStrictEqual(yield* store.begin({ ...key, principal: "key_2" }, "h", t0), { _tag: "Fresh" })
      assert.deepStrictEqual(yield* store.begin({ ...key, route: "POST /keys" }, "h", t0), { _tag: "Fresh" })
    }))

    it.effect("frees a claim without an answer, and an old answer", () => Effect.gen(function*() {
      const store = yield* IdempotencyStore
      const key = freshKey()
      yield* store.begin(key, "h", t0)
      assert.deepStrictEqual(yield* store.begin(key, "h2", t0 + claimMillis - 1), { _tag: "OtherBody" })
      assert.deepStrictEqual(yield* store.begin(key, "h2", t0 + claimMillis), { _tag: "Fresh" })
      yield* store.complete(key, answer)
      assert.deepStrictEqual(yield* store.begin(key, "h3", t0 + claimMillis + keptMillis), { _tag: "Fresh" })
      assert.deepStrictEqual(yield* store.begin(key, "h3", t0 + claimMillis + keptMillis + 1), { _tag: "InFlight" })
    }))

    it.effect("gives a claimed key back, but not an answered one", () => Effect.gen(function*() {
      const store = yield* IdempotencyStore
      const key = freshKey()
      yield* store.begin(key, "h", t0)
      yield* store.release(key)
      yield* store.release(key)
      assert.deepStrictEqual(yield* store.begin(key, "h", t0), { _tag: "Fresh" })
      yield* store.complete(key, answer)
      yield* store.release(key)
      assert.strictEqual((yield* store.begin(key, "h", t0 + 1))._tag, "Replay")
      assert.strictEqual(yield* Samples.reasonOf(store.complete(freshKey(), answer)), "NotFound")
    }))

    it.effect("has exactly one winner among 50 parallel claims, each time it is free", () => Effect.gen(function*() {
      const store = yield* IdempotencyStore
      const key = freshKey()
      for (const at of [t0, t0 + claimMillis]) {
        const outcomes = yield* Effect.forEach(Array.from({ length: 50 }), () => store.begin(key, "h", at), { concurrency: "unbounded" })
        assert.strictEqual(outcomes.filter((outcome) => outcome._tag === "Fresh").length, 1)
        assert.strictEqual(outcomes.filter((outcome) => outcome._tag === "InFlight").length, 49)
      }
    }))

    it.effect("purges what is older than the time", () => Effect.gen(function*() {
      const store = yield* IdempotencyStore
      const [old, young] = [freshKey(), freshKey()]
      yield* store.begin(old, "h", 1_000)
      yield* store.begin(young, "h", t0)
      assert.isAtLeast(yield* store.purge(t0), 1)
      assert.deepStrictEqual(yield* store.begin(old, "h", 1_001), { _tag: "Fresh" })
      assert.deepStrictEqual(yield* store.begin(young, "h", t0), { _tag: "InFlight" })
    }))
  })
}
