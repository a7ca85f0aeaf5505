import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Renewal from "@rdev/core/queue/Renewal"

const day = 86_400_000
const term = fc
  .record({ seed: fc.string(), fromMillis: fc.integer({ min: 0, max: 4e12 }), days: fc.integer({ min: 1, max: 400 }) })
  .map(({ days, fromMillis, seed }): Renewal.Term => ({ seed, fromMillis, untilMillis: fromMillis + days * day }))

describe("Renewal", () => {
  it("is due between 61 and 67 hundredths of the lifetime, always at the same moment", () => {
    fc.assert(
      fc.property(term, (one) => {
        const share = (Renewal.dueAt(one) - one.fromMillis) / (one.untilMillis - one.fromMillis)
        assert.isAtLeast(share, 0.61)
        assert.isAtMost(share, 0.67)
        assert.strictEqual(Renewal.dueAt({ ...one }), Renewal.dueAt(one))
      })
    )
  })
  it("spreads what began together", () => {
    const all = Array.from({ length: 200 }, (_, i) =>
      Renewal.dueAt({ seed: `serial-${i}`, fromMillis: 0, untilMillis: 90 * day })
    )
    assert.isAbove(Math.max(...all) - Math.min(...all), 3 * day)
  })
  it("tries again after three quarters of an hour at the earliest, within a day, and oftener before the end", () => {
    fc.assert(
      fc.property(
        term,
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 1.2, noNaN: true }),
        (one, n, share) => {
          const now = Math.round(one.fromMillis + share * (one.untilMillis - one.fromMillis))
          const wait = Renewal.retryAt(n, now, one) - now
          assert.isAtLeast(wait, 45 * 60_000 - 1)
          assert.isAtMost(wait, day)
          assert.isAtMost(wait, Math.max(3_600_000, (one.untilMillis - now) / 8) + 1)
        }
      )
    )
  })
  it("waits longer after more failures, up to a day", () => {
    const one = { seed: "", fromMillis: 0, untilMillis: 90 * day }
    const waits = [1, 2, 3, 4, 5, 6].map((n) => Renewal.retryAt(n, 60 * day, one) - 60 * day)
    for (const [i, wait] of waits.entries()) if (i > 0 && i < 5) assert.isAbove(wait, (waits[i - 1] ?? 0) * 1.2)
  })
})
