import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as fc from "fast-check"
import { OperationStep } from "@rdev/core/domain/Operation"
import { OperationId } from "@rdev/core/domain/Ids"
import * as Plan from "@rdev/core/operations/Plan"
import * as Step from "@rdev/core/operations/Step"

const step = (key: string, dependsOn: ReadonlyArray<string> = [], always = false): Step.Step =>
  Step.make({
    key,
    title: key,
    dependsOn,
    always,
    intent: "create",
    output: Schema.Null,
    do: () => Effect.succeed(Step.done(null)),
    undo: () => Effect.void
  })
const row = (key: string, status: OperationStep["status"], fields: Partial<OperationStep> = {}) =>
  OperationStep.make({
    operationId: OperationId.make("op_01M7YP0CCNX2JT19Z8BA1NC69R"),
    key,
    phase: "do",
    title: key,
    change: "create",
    changeReason: "",
    dependsOn: [],
    status,
    attempt: 0,
    tries: 0,
    output: null,
    error: null,
    wait: null,
    epoch: 1,
    startedAtMillis: null,
    endedAtMillis: null,
    ...fields
  })
const standing = (
  steps: ReadonlyArray<Step.Step>,
  statuses: Readonly<Record<string, OperationStep["status"] | OperationStep>>,
  nowMillis = 0
): Plan.SagaState => ({
  steps,
  rows: new Map(Object.entries(statuses).map(([key, one]) => [key, typeof one === "string" ? row(key, one) : one])),
  running: new Set(),
  answered: new Set(),
  nowMillis
})
const keys = (next: Plan.Next) => next.ready.map((one) => one.key)

/** Random graphs without circles: each step depends on some of those before it. */
const graphs = fc
  .array(fc.array(fc.nat(20), { maxLength: 4 }), { minLength: 1, maxLength: 12 })
  .map((lists) =>
    lists.map((before, i) => step(`s${i}`, [...new Set(before.filter((n) => n < i).map((n) => `s${n}`))]))
  )

describe("Plan", () => {
  it("orders steps after what they depend on, and refuses what has no order", () => {
    assert.deepStrictEqual(
      Plan.ordered([step("c", ["b"]), step("b", ["a"]), step("a")]).map((one) => one.key),
      ["a", "b", "c"]
    )
    assert.throws(() => Plan.ordered([step("a"), step("a")]), "used twice")
    assert.throws(() => Plan.ordered([step("a", ["b"]), step("b", ["a"])]), "a → b → a")
    assert.throws(() => Plan.ordered([step("a", ["z"])]), '"z", which does not exist')
  })

  it("decides what to do about what was seen", () => {
    const present = { _tag: "Present", output: null, known: false, drift: null, detail: "there" } as const
    const table: ReadonlyArray<readonly ["create" | "delete" | "run", Step.Observed<null> | null, string]> = [
      ["create", null, "create"],
      ["create", { _tag: "Absent" }, "create"],
      ["create", present, "adopt"],
      ["create", { ...present, known: true }, "no-op"],
      ["create", { ...present, drift: "size" }, "update"],
      ["create", { _tag: "Foreign", detail: "theirs" }, "conflict"],
      ["delete", null, "delete"],
      ["delete", { _tag: "Absent" }, "no-op"],
      ["delete", present, "delete"],
      ["delete", { _tag: "Foreign", detail: "theirs" }, "no-op"],
      ["run", null, "run"],
      ["run", { _tag: "Absent" }, "run"],
      ["run", present, "no-op"]
    ]
    for (const [intent, seen, change] of table)
      assert.strictEqual(
        Plan.decide({ intent, title: "x" }, seen).change,
        change,
        `${intent} ${seen?._tag ?? "unseen"}`
      )
  })

  it("begins nothing after a stop but what always runs, and that last", () => {
    const steps = [step("a"), step("b", ["a"]), step("last", [], true)]
    assert.deepStrictEqual(
      keys(
        Plan.forwards(standing(steps, { a: "planned", b: "planned", last: "planned" }), {
          stopped: false,
          lenient: false
        })
      ),
      ["a"]
    )
    assert.deepStrictEqual(
      keys(
        Plan.forwards(standing(steps, { a: "done", b: "done", last: "planned" }), { stopped: false, lenient: false })
      ),
      ["last"]
    )
    assert.deepStrictEqual(
      keys(
        Plan.forwards(standing(steps, { a: "failed", b: "planned", last: "planned" }), {
          stopped: true,
          lenient: false
        })
      ),
      ["last"]
    )
    assert.deepStrictEqual(
      keys(
        Plan.forwards(standing(steps, { a: "failed", b: "planned", last: "planned" }), {
          stopped: false,
          lenient: true
        })
      ),
      ["b"]
    )
    assert.isTrue(
      Plan.forwards(standing(steps, { a: "failed", b: "planned", last: "done" }), { stopped: true, lenient: false })
        .settled
    )
  })

  it("waits until the earliest due time, and no longer", () => {
    const waiting = (key: string, untilMillis: number | null) =>
      row(key, "waiting", { wait: { kind: "timer", untilMillis, reason: "", question: null } })
    const steps = [step("a"), step("b"), step("c")]
    const at = (now: number) =>
      Plan.forwards(standing(steps, { a: waiting("a", 50), b: waiting("b", 20), c: waiting("c", null) }, now), {
        stopped: false,
        lenient: false
      })
    assert.deepStrictEqual([keys(at(0)), at(0).dueMillis, at(0).settled], [[], 20, false])
    assert.deepStrictEqual([keys(at(20)), at(20).dueMillis], [["b"], 50])
  })

  it("runs every step of any graph once, never before its dependencies, and undoes in the other order", () => {
    fc.assert(
      fc.property(graphs, (steps) => {
        const statuses: Record<string, OperationStep["status"]> = Object.fromEntries(
          steps.map((one) => [one.key, "planned" as const])
        )
        const done: Array<string> = []
        for (
          let next = Plan.forwards(standing(steps, statuses), { stopped: false, lenient: false });
          !next.settled;
          next = Plan.forwards(standing(steps, statuses), { stopped: false, lenient: false })
        ) {
          assert.isAbove(next.ready.length, 0, "it goes on")
          for (const one of next.ready) {
            assert.isTrue(one.dependsOn.every((key) => statuses[key] === "done"))
            done.push(one.key)
          }
          for (const one of next.ready) statuses[one.key] = "done"
        }
        assert.strictEqual(new Set(done).size, steps.length)
        const undo: Record<string, OperationStep["status"]> = Object.fromEntries(
          steps.map((one) => [one.key, "planned" as const])
        )
        for (
          let next = Plan.backwards(standing(steps, undo));
          !next.settled;
          next = Plan.backwards(standing(steps, undo))
        ) {
          assert.isAbove(next.ready.length, 0, "it goes back")
          for (const one of next.ready)
            assert.isTrue(steps.every((other) => !other.dependsOn.includes(one.key) || undo[other.key] === "done"))
          for (const one of next.ready) undo[one.key] = "done"
        }
      })
    )
  })
})
