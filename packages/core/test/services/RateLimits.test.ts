import { assert, describe, it } from "@effect/vitest"
import { intervalMicros, type RatePolicy, take } from "@rdev/core/domain/RateLimit"
import * as MemoryRateLimiter from "@rdev/core/memory/infra/RateLimiter"
import { type RateLimiter, RateLimiterError } from "@rdev/core/ports/infra/RateLimiter"
import * as RateLimits from "@rdev/core/services/RateLimits"
import { Effect, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"

const policies = fc.record({
  name: fc.constant("key"),
  limit: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10_000_000 })),
  windowSeconds: fc.integer({ min: 1, max: 86_400 })
})
const start = 1_800_000_000_000_000

describe("arithmetic of rate limits", () => {
  it("never lets more through than the quota and what came back, in any span", () => {
    fc.assert(
      fc.property(
        policies.map((policy): RatePolicy => ({ ...policy, limit: 1 + (policy.limit % 20) })),
        fc.array(fc.tuple(fc.double({ min: 0, max: 2, noNaN: true }), fc.integer({ min: 1, max: 3 })), {
          maxLength: 80
        }),
        (policy, steps) => {
          const interval = intervalMicros(policy)
          const passed: Array<{ at: number; cost: number }> = []
          let [now, kept]: [number, number | null] = [start, null]
          for (const [wait, wanted] of steps) {
            now += Math.floor(wait * interval)
            const cost = Math.min(wanted, policy.limit)
            const { answer, fullAtMicros } = take(policy, kept, now, cost)
            kept = fullAtMicros ?? kept
            if (answer.allowed) passed.push({ at: now, cost })
            assert.isTrue(answer.remaining >= 0 && answer.remaining <= policy.limit)
          }
          for (const [i, first] of passed.entries()) {
            let sum = 0
            for (const { at, cost } of passed.slice(i)) {
              sum += cost
              assert.isAtMost(sum, policy.limit + Math.floor((at - first.at) / interval))
            }
          }
        }
      )
    )
  })

  it("lets who waits as long as it was told through, and as much through as it said was left", () => {
    fc.assert(
      fc.property(policies, fc.integer({ min: 0, max: 200_000_000_000 }), fc.nat(), (policy, ahead, n) => {
        const cost = 1 + (n % policy.limit)
        const { answer, fullAtMicros } = take(policy, start + ahead, start, cost)
        if (answer.allowed) {
          assert.strictEqual(answer.retryAfterSeconds, 0)
        } else {
          assert.isAbove(answer.retryAfterSeconds, 0)
          const stands = fullAtMicros ?? start + ahead
          assert.isTrue(take(policy, stands, start + answer.retryAfterSeconds * 1_000_000, cost).answer.allowed)
          if (answer.remaining > 0)
            assert.isTrue(take(policy, start + ahead, start, Math.min(answer.remaining, policy.limit)).answer.allowed)
        }
        const whole = take(policy, fullAtMicros ?? start + ahead, start + answer.resetSeconds * 1_000_000, policy.limit)
        assert.isTrue(whole.answer.allowed)
      })
    )
  })

  it("keeps whole numbers that a double holds exactly", () => {
    fc.assert(
      fc.property(policies, (policy) => {
        const { fullAtMicros } = take(policy, null, start, policy.limit)
        assert.isTrue(Number.isSafeInteger(fullAtMicros))
      })
    )
  })
})

describe("memory of rate limits", () => {
  it.effect("is bounded, and forgets first what is whole again", () =>
    Effect.gen(function* () {
      const limiter = MemoryRateLimiter.make(100)
      const policy: RatePolicy = { name: "key", limit: 2, windowSeconds: 60 }
      for (let i = 0; i < 1_000; i++) yield* limiter.take({ kind: "key", id: `k${i}` }, policy)
      assert.strictEqual(limiter.size(), 100)
      yield* TestClock.adjust("2 minutes")
      for (let i = 0; i < 60; i++) yield* limiter.take({ kind: "key", id: "one" }, policy)
      assert.isAtMost(limiter.size(), 2)
    })
  )
})

const quiet = (said: Array<string>) => Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])
const key = { kind: "key", id: "key_1" } as const
const policy: RatePolicy = { name: "key", limit: 1, windowSeconds: 60 }

describe("a keeper of limits that fails", () => {
  it.effect("lets everything through, says so once, is left alone for a moment, and is asked again", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      let asked = 0
      let down = true
      const memory = MemoryRateLimiter.make()
      const limiter: RateLimiter["Service"] = {
        take: (...args) =>
          Effect.suspend(() => {
            asked++
            return down
              ? Effect.fail(
                  new RateLimiterError({
                    operation: "RateLimiter.take",
                    reason: { _tag: "Unavailable", message: "it cannot be reached" }
                  })
                )
              : memory.take(...args)
          })
      }
      yield* Effect.gen(function* () {
        const limits = RateLimits.make(limiter)
        for (let i = 0; i < 50; i++) assert.isNull(yield* limits.take(key, policy))
        assert.strictEqual(asked, 1)
        yield* TestClock.adjust(RateLimits.pauseMillis)
        assert.isNull(yield* limits.take(key, policy))
        assert.strictEqual(asked, 2)
        down = false
        yield* TestClock.adjust(RateLimits.pauseMillis)
        assert.isTrue((yield* limits.take(key, policy))?.allowed)
        assert.isFalse((yield* limits.take(key, policy))?.allowed)
      }).pipe(Effect.provide(quiet(said)))
      assert.strictEqual(said.length, 2)
      assert.include(said[0], "it cannot be reached")
      assert.include(said[1], "checked again")
    })
  )

  it.effect("is waited for no longer than it may take, also when it never answers", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const limits = RateLimits.make({ take: () => Effect.never })
      const waiting = yield* Effect.forkChild(limits.take(key, policy).pipe(Effect.provide(quiet(said))))
      yield* TestClock.adjust(RateLimits.patienceMillis)
      assert.isNull(yield* Fiber.join(waiting))
      assert.strictEqual(said.length, 1)
    })
  )
})
