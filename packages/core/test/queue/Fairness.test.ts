import { assert, describe, it } from "@effect/vitest"
import * as Fairness from "@rdev/core/queue/Fairness"

/** Serves one at a time from endless backlogs and counts. */
const serve = (weights: Readonly<Record<string, number>>, turns: number, from = Fairness.start) => {
  const counts: Record<string, number> = {}
  let clock = from
  for (let i = 0; i < turns; i++) {
    const lanes = Object.entries(weights).map(([owner, weight]) => ({ owner, weight, tasks: [owner, owner] }))
    const step = Fairness.select(lanes, 1, clock)
    clock = step.clock
    for (const project of step.chosen) counts[project] = (counts[project] ?? 0) + 1
  }
  return { counts, clock }
}

describe("Fairness", () => {
  it("shares by weight also when tasks are taken one by one", () => {
    assert.deepStrictEqual(serve({ a: 1, b: 2, c: 5 }, 800).counts, { a: 100, b: 200, c: 500 })
  })
  it("shares a batch by weight and fills it from whoever has work", () => {
    const lanes = [
      { owner: "a", weight: 1, tasks: Array<string>(100).fill("a") },
      { owner: "b", weight: 3, tasks: Array<string>(100).fill("b") }
    ]
    const { chosen } = Fairness.select(lanes, 40, Fairness.start)
    assert.strictEqual(chosen.filter((x) => x === "a").length, 10)
    assert.strictEqual(
      Fairness.select([lanes[0] as (typeof lanes)[0], { owner: "b", weight: 3, tasks: ["b"] }], 40, Fairness.start)
        .chosen.length,
      40
    )
  })
  it("gives no credit for idleness and no debt for use of idle workers", () => {
    const { clock } = serve({ a: 1, b: 1 }, 100)
    const later = serve({ a: 1, b: 1, c: 1 }, 30, clock)
    assert.deepStrictEqual(later.counts, { a: 10, b: 10, c: 10 })
    const alone = serve({ a: 1 }, 1_000)
    assert.deepStrictEqual(serve({ a: 1, b: 1 }, 10, alone.clock).counts, { a: 5, b: 5 })
  })
  it("charges nobody for a batch in which there was room for more", () => {
    const lanes = [
      { owner: "a", weight: 1, tasks: ["a", "a", "a"] },
      { owner: "b", weight: 1, tasks: ["b"] }
    ]
    assert.deepStrictEqual(Fairness.select(lanes, 5, Fairness.start), {
      chosen: ["a", "b", "a", "a"],
      clock: Fairness.start
    })
    assert.notDeepEqual(Fairness.select(lanes, 4, Fairness.start).clock, Fairness.start)
  })
  it("forgets projects the clock has passed", () => {
    const { clock } = serve({ a: 1, b: 1, c: 1 }, 30)
    assert.isAtMost(serve({ x: 1, y: 1 }, 30, clock).clock.finish.size, 2)
  })
})
