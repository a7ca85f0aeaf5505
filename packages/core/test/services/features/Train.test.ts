import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { GitObjects } from "../../../src/ports/infra/GitObjects.ts"
import * as Train from "../../../src/services/features/drive/Train.ts"
import { main, release } from "./Crew.ts"

const ten = Array.from({ length: 10 }, (_, i) => `feature-${String(i + 1).padStart(2, "0")}`)

describe("ten features at once in one project", () => {
  it.effect(
    "all release without a person, each updated once, when they touch different files",
    () =>
      Effect.gen(function* () {
        const { counts, features, seconds } = yield* release(ten, { shared: false })
        assert.isNotNull(seconds, JSON.stringify(features.map((one) => [one.slug, one.phase, one.decision])))
        assert.strictEqual(counts.did.get("review-code"), 10, "no review is asked for twice")
        assert.strictEqual(counts.did.get("run-qa"), 10)
        assert.isAtMost(counts.did.get("run-ci") ?? 0, 20, "CI of the work, and once more before it lands")
      }),
    { timeout: 600_000 }
  )

  it.effect(
    "all release without a person when every one meets every other, and each solves its conflict once",
    () =>
      Effect.gen(function* () {
        const { counts, features, seconds } = yield* release(ten, { shared: true })
        assert.isNotNull(seconds, JSON.stringify(features.map((one) => [one.slug, one.phase, one.decision])))
        assert.isAtMost(counts.did.get("resolve-conflicts") ?? 0, 12, "not one round for every other that landed")
        assert.isAtMost(counts.did.get("review-code") ?? 0, 22)
        assert.strictEqual(counts.lookedAgain.length, (counts.did.get("review-code") ?? 0) - 10)
        for (const files of counts.lookedAgain) assert.deepStrictEqual(files, ["registry.txt"])
      }),
    { timeout: 600_000 }
  )

  it.effect(
    "a default branch that never stands still costs no rework",
    () =>
      Effect.gen(function* () {
        let commits = 0
        const { counts, seconds } = yield* release(ten.slice(0, 3), { shared: false }, (round, target) =>
          Effect.gen(function* () {
            if (round % 2 !== 0) return
            const git = yield* GitObjects
            const head = Option.getOrThrow(yield* git.head(target, main))
            yield* git.commit(target, {
              branch: main,
              expectedHead: head,
              changes: [{ path: "elsewhere.txt", content: String(round) }],
              message: "busy",
              author: { name: "eve", email: "eve@example.test" }
            })
            commits++
          })
        )
        assert.isNotNull(seconds)
        assert.isAbove(commits, 3)
        assert.strictEqual(counts.did.get("review-code"), 3)
        assert.strictEqual(counts.did.get("run-qa"), 3)
      }),
    { timeout: 600_000 }
  )
})

describe("the order of the train", () => {
  const car = (slug: string, at: number, more: Partial<Train.Car> = {}): Train.Car => ({
    slug,
    hotfix: false,
    createdAtMillis: at,
    phase: "merge",
    rule: "M4",
    kind: "wait",
    action: "wait-merge",
    ...more
  })
  it("lets the one on board finish, then hotfixes, then the oldest", () => {
    const old = car("old", 1)
    const young = car("young", 2)
    const hotfix = car("hotfix", 3, { hotfix: true })
    const board = car("board", 9, { rule: "M7a", kind: "do", action: "run-ci" })
    assert.deepStrictEqual(Train.ahead(old, [young]), [])
    assert.deepStrictEqual(Train.ahead(young, [old]), ["old"])
    assert.deepStrictEqual(Train.ahead(old, [hotfix, young]), ["hotfix"])
    assert.deepStrictEqual(Train.ahead(old, [board, hotfix]), ["hotfix", "board"])
    assert.deepStrictEqual(Train.ahead(board, [old, young, hotfix]), [])
  })
  it("waits for nobody who waits for a person, for a date or for another feature", () => {
    const resting: ReadonlyArray<Partial<Train.Car>> = [
      { kind: "hold", action: "approve-merge", rule: "M3" },
      { action: "wait-freeze", rule: "M5" },
      { action: "wait-dependency", rule: "M1" },
      { kind: null, action: null, rule: null }
    ]
    for (const more of resting) {
      assert.deepStrictEqual(Train.ahead(car("young", 2), [car("old", 1, more)]), [])
      assert.deepStrictEqual(Train.elders(car("young", 2), [car("old", 1, more)]), [])
    }
  })
})
