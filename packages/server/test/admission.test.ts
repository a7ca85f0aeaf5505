import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { blocked, type Limits, next, type Seat } from "@rdev/core/services/Places"
import { Admission } from "../src/Admission.ts"

const limits: Limits = { total: 6, perProject: 3, perKey: 4, waiting: 8, waitMillis: 1_000 }
const seats = fc.array(fc.record({ project: fc.constantFrom("a", "b", "c"), key: fc.constantFrom("k", "l") }), {
  maxLength: 8
})

describe("who may run", () => {
  it("is bounded by project, key and installation, and nothing else", () => {
    fc.assert(
      fc.property(
        seats,
        fc.record({ project: fc.constantFrom("a", "b", "c"), key: fc.constantFrom("k", "l") }),
        (running, seat) => {
          const free =
            running.filter((one) => one.project === seat.project).length < limits.perProject &&
            running.filter((one) => one.key === seat.key).length < limits.perKey &&
            running.length < limits.total
          assert.strictEqual(blocked(seat, running, limits) === null, free)
        }
      )
    )
  })

  it("gives the next place to one that fits, of the project that runs least", () => {
    fc.assert(
      fc.property(seats, seats, (waiting, running) => {
        const chosen = next(waiting, running, limits)
        const fitting = waiting.filter((one) => blocked(one, running, limits) === null)
        const runs = (seat: Seat) => running.filter((one) => one.project === seat.project).length
        if (chosen === null) return assert.strictEqual(fitting.length, 0)
        assert.include(fitting, chosen)
        for (const other of fitting) assert.isAtLeast(runs(other), runs(chosen))
        assert.strictEqual(
          fitting.find((one) => runs(one) === runs(chosen)),
          chosen,
          "the oldest of them"
        )
      })
    )
  })
})

/** Answers with what gives the place back. */
const hold = (admission: Admission, seat: Seat, told: Array<string> = []) =>
  admission.within(
    seat,
    (why) =>
      Effect.sync(() => {
        told.push(why)
      }),
    (leave) => Effect.succeed({ leave })
  )

describe("admission", () => {
  it.effect("lets nobody take all places, says for what one waits, and hands a place on", () =>
    Effect.gen(function* () {
      const admission = new Admission(limits)
      const told: Array<string> = []
      const leaves = yield* Effect.forEach([1, 2, 3], () => hold(admission, { project: "a", key: "k" }))
      const fourth = yield* Effect.forkChild(hold(admission, { project: "a", key: "k" }, told), {
        startImmediately: true
      })
      assert.match(told[0] ?? "", /3 commands of this project/)
      yield* hold(admission, { project: "b", key: "l" })
      assert.isUndefined(fourth.pollUnsafe())
      yield* leaves[0]?.leave ?? Effect.void
      yield* leaves[0]?.leave ?? Effect.void
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(fourth)))
    })
  )

  it.effect("refuses after a time and when too many wait, with what to do", () =>
    Effect.gen(function* () {
      const admission = new Admission(limits)
      yield* Effect.forEach([1, 2, 3], () => hold(admission, { project: "a", key: "k" }))
      const waiting = yield* Effect.forEach([1, 2], () =>
        Effect.forkChild(Effect.flip(hold(admission, { project: "a", key: "k" })), { startImmediately: true })
      )
      const tooMany = yield* Effect.flip(hold(admission, { project: "a", key: "k" }))
      assert.deepInclude(tooMany.reason, { _tag: "RateLimited" })
      assert.include(tooMany.message, "2 requests of this project")
      yield* TestClock.adjust("1 second")
      for (const one of waiting) assert.include((yield* Fiber.join(one)).message, "waited 1 s")
    })
  )

  it.effect("gives a place back when the work fails or nobody waits any more", () =>
    Effect.gen(function* () {
      const admission = new Admission({ ...limits, total: 2, perProject: 2 })
      const { leave } = yield* hold(admission, { project: "a", key: "k" })
      const gone = yield* Effect.forkChild(hold(admission, { project: "a", key: "k" }), { startImmediately: true })
      yield* Fiber.interrupt(gone)
      yield* Effect.exit(
        admission.within(
          { project: "b", key: "l" },
          () => Effect.void,
          () => Effect.fail("no")
        )
      )
      yield* Effect.exit(
        admission.within(
          { project: "b", key: "l" },
          () => Effect.void,
          () => Effect.die("no")
        )
      )
      yield* leave
      yield* hold(admission, { project: "b", key: "l" })
      yield* hold(admission, { project: "a", key: "k" })
    })
  )

  it.effect("leaves a place to others, whatever is configured", () =>
    Effect.gen(function* () {
      const admission = new Admission({ ...limits, total: 3, perProject: 100, perKey: 100 })
      yield* Effect.forEach([1, 2], () => hold(admission, { project: "a", key: "k" }))
      const third = yield* Effect.forkChild(hold(admission, { project: "a", key: "k" }), { startImmediately: true })
      assert.isUndefined(third.pollUnsafe())
      yield* hold(admission, { project: "b", key: "l" })
    })
  )
})
