/** What every idempotency store must do. Times are given by the caller, so the tests need no clock. */
import { assert, layer as withLayer } from "@effect/vitest"
import {
  type Begin,
  type Claiming,
  claimMillis,
  IdempotencyStore,
  keptMillis,
  type StoredAnswer
} from "@rdev/core/ports/stores/IdempotencyStore"
import { Effect, Layer } from "effect"
import * as Samples from "../Samples.ts"

const freshKey = () => ({ principal: "key_1", route: "POST /projects", key: Samples.unique("idem") })
const answer: StoredAnswer = {
  status: 202,
  contentType: "application/json",
  body: '{"ü":"\\u0000"}',
  location: "/operations/op_1"
}
const t0 = 1_750_000_000_000
const claiming = (nowMillis: number, more: Partial<Claiming> = {}): Claiming => ({
  bodyHash: "h",
  nowMillis,
  token: Samples.unique("token"),
  resumable: false,
  ...more
})
const fresh: Begin = { _tag: "Fresh" }
const effect = { operationId: "op_1" }

export const suite = (name: string, layer: Layer.Layer<IdempotencyStore, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`IdempotencyStore: ${name}`, (it) => {
    it.effect("is fresh once, then in flight, then replays until it is forgotten", () =>
      Effect.gen(function* () {
        const store = yield* IdempotencyStore
        const key = freshKey()
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0, { token: "a" })), fresh)
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0 + 1)), { _tag: "InFlight" })
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0 + 1, { bodyHash: "other" })), { _tag: "OtherBody" })
        assert.strictEqual(yield* Samples.reasonOf(store.complete(key, "b", answer)), "NotFound")
        yield* store.complete(key, "a", answer)
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0 + keptMillis - 1)), { _tag: "Replay", answer })
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0 + 2, { bodyHash: "other" })), { _tag: "OtherBody" })
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0 + keptMillis, { bodyHash: "other" })), fresh)
      })
    )

    it.effect("tells keys of other principals and routes apart", () =>
      Effect.gen(function* () {
        const store = yield* IdempotencyStore
        const key = freshKey()
        yield* store.begin(key, claiming(t0))
        assert.deepStrictEqual(yield* store.begin({ ...key, principal: "key_2" }, claiming(t0)), fresh)
        assert.deepStrictEqual(yield* store.begin({ ...key, route: "POST /keys" }, claiming(t0)), fresh)
      })
    )

    it.effect("holds a claim for as long as it is renewed", () =>
      Effect.gen(function* () {
        const store = yield* IdempotencyStore
        const key = freshKey()
        yield* store.begin(key, claiming(t0, { token: "a" }))
        yield* store.renew(key, "b", t0 + claimMillis)
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0 + claimMillis)), { _tag: "Abandoned" })
        yield* store.renew(key, "a", t0 + claimMillis)
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0 + 2 * claimMillis - 1, { resumable: true })), {
          _tag: "InFlight"
        })
        yield* store.abandon(key, "b")
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0 + claimMillis)), { _tag: "InFlight" })
        yield* store.abandon(key, "a")
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0 + claimMillis)), { _tag: "Abandoned" })
        yield* store.complete(key, "a", answer)
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0 + claimMillis)), { _tag: "Replay", answer })
      })
    )

    it.effect("lets only a resumable request take a lapsed claim over, and refuses who held it before", () =>
      Effect.gen(function* () {
        const store = yield* IdempotencyStore
        const key = freshKey()
        const lapsed = t0 + claimMillis
        yield* store.begin(key, claiming(t0, { token: "a" }))
        assert.deepStrictEqual(yield* store.begin(key, claiming(lapsed, { resumable: true, bodyHash: "other" })), {
          _tag: "OtherBody"
        })
        assert.deepStrictEqual(yield* store.begin(key, claiming(lapsed)), { _tag: "Abandoned" })
        assert.deepStrictEqual(yield* store.begin(key, claiming(lapsed, { resumable: true, token: "b" })), fresh)
        assert.strictEqual(yield* Samples.reasonOf(store.confirm(key, "a", effect)), "Conflict")
        assert.strictEqual(yield* Samples.reasonOf(store.complete(key, "a", answer)), "NotFound")
        yield* store.release(key, "a")
        yield* store.confirm(key, "b", effect)
        yield* store.confirm(key, "b", { operationId: "op_2" })
        assert.deepStrictEqual(yield* store.begin(key, claiming(lapsed + 1, { resumable: true })), {
          _tag: "Effected",
          effect,
          held: true
        })
        assert.deepStrictEqual(yield* store.begin(key, claiming(lapsed + claimMillis, { resumable: true })), {
          _tag: "Effected",
          effect,
          held: false
        })
      })
    )

    it.effect("gives a claimed key back, but not one that took effect or was answered", () =>
      Effect.gen(function* () {
        const store = yield* IdempotencyStore
        const key = freshKey()
        yield* store.begin(key, claiming(t0, { token: "a" }))
        yield* store.release(key, "a")
        yield* store.release(key, "a")
        assert.deepStrictEqual(yield* store.begin(key, claiming(t0, { token: "a" })), fresh)
        yield* store.confirm(key, "a", { operationId: null })
        yield* store.release(key, "a")
        assert.strictEqual((yield* store.begin(key, claiming(t0 + 1)))._tag, "Effected")
        yield* store.complete(key, "a", answer)
        yield* store.release(key, "a")
        assert.strictEqual((yield* store.begin(key, claiming(t0 + 1)))._tag, "Replay")
        assert.strictEqual(yield* Samples.reasonOf(store.confirm(freshKey(), "a", effect)), "Conflict")
      })
    )

    it.effect("abandons what has no answer when the only process starts anew", () =>
      Effect.gen(function* () {
        const store = yield* IdempotencyStore
        const [open, done] = [freshKey(), freshKey()]
        for (const key of [open, done]) yield* store.begin(key, claiming(t0, { token: "a" }))
        yield* store.complete(done, "a", answer)
        yield* store.abandonAll
        assert.deepStrictEqual(yield* store.begin(open, claiming(t0 + 1)), { _tag: "Abandoned" })
        assert.deepStrictEqual(yield* store.begin(done, claiming(t0 + 1)), { _tag: "Replay", answer })
        assert.deepStrictEqual(yield* store.begin(open, claiming(t0 + 1, { resumable: true })), fresh)
      })
    )

    it.effect("has exactly one winner among 50 parallel claims, each time it is free", () =>
      Effect.gen(function* () {
        const store = yield* IdempotencyStore
        const key = freshKey()
        for (const at of [t0, t0 + claimMillis]) {
          const outcomes = yield* Effect.forEach(
            Array.from({ length: 50 }),
            () => store.begin(key, claiming(at, { resumable: true })),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(outcomes.filter((outcome) => outcome._tag === "Fresh").length, 1)
          assert.strictEqual(outcomes.filter((outcome) => outcome._tag === "InFlight").length, 49)
        }
      })
    )

    it.effect("purges what is older than the time", () =>
      Effect.gen(function* () {
        const store = yield* IdempotencyStore
        const [old, young] = [freshKey(), freshKey()]
        yield* store.begin(old, claiming(1_000))
        yield* store.begin(young, claiming(t0))
        assert.isAtLeast(yield* store.purge(t0), 1)
        assert.deepStrictEqual(yield* store.begin(old, claiming(1_001)), fresh)
        assert.deepStrictEqual(yield* store.begin(young, claiming(t0)), { _tag: "InFlight" })
      })
    )
  })
}
