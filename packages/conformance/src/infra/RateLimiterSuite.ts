/** What every keeper of rate limits must do. It reckons with Effect's clock, which these tests move. */
import { assert, describe, it } from "@effect/vitest"
import { intervalMicros, type RateKey, type RatePolicy, take } from "@rdev/core/domain/RateLimit"
import { RateLimiter } from "@rdev/core/ports/infra/RateLimiter"
import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Samples from "../Samples.ts"

const policy: RatePolicy = { name: "key", limit: 5, windowSeconds: 60 }
const fresh = (kind: RateKey["kind"] = "key"): RateKey => ({ kind, id: Samples.unique("rate") })
const takeTimes = (key: RateKey, times: number, of: RatePolicy = policy) =>
  Effect.flatMap(RateLimiter, (limiter) => Effect.forEach(Array.from({ length: times }), () => limiter.take(key, of)))
const reasonOf = (key: RateKey, cost?: number) =>
  Effect.flatMap(RateLimiter, (limiter) =>
    Effect.map(Effect.flip(limiter.take(key, policy, cost)), ({ reason }) =>
      reason._tag === "Invalid" ? reason.field : reason._tag
    )
  )
/** Numbers that look random and are the same in every run. */
const numbers = (seed: number) => () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648

export const suite = (name: string, layer: Layer.Layer<RateLimiter, unknown>): void => {
  const run = <A, E>(effect: Effect.Effect<A, E, RateLimiter>) =>
    // A clock that starts at 1970 would be before every key.
    Effect.andThen(TestClock.setTime(1_800_000_000_000), Effect.provide(effect, Layer.orDie(layer)))

  describe(`RateLimiter: ${name}`, () => {
    it.effect("lets the quota through at once, says what is left, and refuses the rest", () =>
      run(
        Effect.gen(function* () {
          const answers = yield* takeTimes(fresh(), 7)
          assert.deepStrictEqual(
            answers.map(({ allowed, remaining }) => [allowed, remaining]),
            [
              [true, 4],
              [true, 3],
              [true, 2],
              [true, 1],
              [true, 0],
              [false, 0],
              [false, 0]
            ]
          )
          assert.deepStrictEqual(
            answers.map(({ resetSeconds }) => resetSeconds),
            [12, 24, 36, 48, 60, 60, 60]
          )
          assert.deepStrictEqual(answers[6], {
            allowed: false,
            limit: 5,
            remaining: 0,
            resetSeconds: 60,
            retryAfterSeconds: 12
          })
        })
      )
    )

    it.effect("gives it back evenly, and never more than all of it", () =>
      run(
        Effect.gen(function* () {
          const key = fresh()
          yield* takeTimes(key, 5)
          yield* TestClock.adjust("11 seconds")
          assert.isFalse((yield* takeTimes(key, 1))[0]?.allowed)
          yield* TestClock.adjust("1 second")
          const [one, other] = yield* takeTimes(key, 2)
          assert.deepStrictEqual([one?.allowed, other?.allowed], [true, false])
          yield* TestClock.adjust("1 hour")
          assert.strictEqual((yield* takeTimes(key, 8)).filter(({ allowed }) => allowed).length, 5)
        })
      )
    )

    it.effect("lets who waits as long as it was told through", () =>
      run(
        Effect.gen(function* () {
          const key = fresh()
          const odd: RatePolicy = { name: "key", limit: 7, windowSeconds: 60 }
          const last = (yield* takeTimes(key, 8, odd))[7]
          assert.isFalse(last?.allowed)
          yield* TestClock.adjust((last?.retryAfterSeconds ?? 0) * 1000)
          assert.isTrue((yield* takeTimes(key, 1, odd))[0]?.allowed)
        })
      )
    )

    it.effect("keeps keys, their kinds and policies apart, however they are spelled", () =>
      run(
        Effect.gen(function* () {
          const { id } = fresh()
          const keys: ReadonlyArray<RateKey> = [
            { kind: "key", id },
            { kind: "project", id },
            { kind: "owner", id },
            { kind: "key", id: `${id} x` },
            { kind: "key", id: `key ${id}` },
            { kind: "key", id: `${id}:*` },
            { kind: "key", id: `{${id}}` },
            { kind: "key", id: `ü${id}\n` }
          ]
          for (const key of keys)
            assert.strictEqual((yield* takeTimes(key, 5)).at(-1)?.remaining, 0, JSON.stringify(key))
          for (const key of keys) assert.isFalse((yield* takeTimes(key, 1))[0]?.allowed, JSON.stringify(key))
          const other = yield* takeTimes({ kind: "key", id }, 1, { ...policy, name: "other" })
          assert.isTrue(other[0]?.allowed)
        })
      )
    )

    it.effect("takes what a request costs, and nothing when that is not there", () =>
      run(
        Effect.gen(function* () {
          const limiter = yield* RateLimiter
          const key = fresh()
          assert.strictEqual((yield* limiter.take(key, policy, 3)).remaining, 2)
          const refused = yield* limiter.take(key, policy, 3)
          assert.deepStrictEqual([refused.allowed, refused.remaining, refused.retryAfterSeconds], [false, 2, 12])
          assert.isTrue((yield* limiter.take(key, policy, 2)).allowed)
          for (const cost of [0, -1, 6, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
            assert.strictEqual(yield* reasonOf(key, cost), "cost", String(cost))
          assert.strictEqual(yield* reasonOf({ kind: "key", id: "" }), "id")
          assert.strictEqual(yield* reasonOf({ kind: "key", id: "x".repeat(201) }), "id")
        })
      )
    )

    it.effect("never lets more through because many ask at once", () =>
      run(
        Effect.gen(function* () {
          const limiter = yield* RateLimiter
          const key = fresh()
          const many: RatePolicy = { name: "key", limit: 50, windowSeconds: 3600 }
          const answers = yield* Effect.forEach(Array.from({ length: 200 }), () => limiter.take(key, many), {
            concurrency: "unbounded"
          })
          assert.strictEqual(answers.filter(({ allowed }) => allowed).length, 50)
        })
      )
    )

    it.effect("reckons as the arithmetic does, also when the policy changes", () =>
      run(
        Effect.gen(function* () {
          const limiter = yield* RateLimiter
          const next = numbers(7)
          for (let round = 0; round < 6; round++) {
            const key = fresh()
            let kept: number | null = null
            for (let step = 0; step < 30; step++) {
              const limit = [1, 3, 7, 1_000_000][Math.floor(next() * 4)] ?? 1
              const of: RatePolicy = { name: "key", limit, windowSeconds: [1, 60, 3600][Math.floor(next() * 3)] ?? 1 }
              const cost = 1 + Math.floor(next() * Math.min(limit, 4))
              const now = (yield* Clock.currentTimeMillis) * 1000
              const expected = take(of, kept, now, cost)
              assert.deepStrictEqual(yield* limiter.take(key, of, cost), expected.answer)
              kept = expected.fullAtMicros ?? kept
              yield* TestClock.adjust(Math.floor(next() * 2 * (intervalMicros(of) / 1000)))
            }
          }
        })
      )
    )
  })
}
