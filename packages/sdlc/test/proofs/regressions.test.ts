/** Ways in which this table was wrong once. Each is shown to be caught when it comes back, and absent now. */
import { assert, describe, it } from "@effect/vitest"
import { classify, compile, run } from "../../src/classify/Classify.ts"
import { table } from "../../src/classify/Table.ts"
import { type Facts, initialFacts } from "../../src/model/Facts.ts"
import type { Policy } from "../../src/model/Policy.ts"
import { violations } from "./Invariants.ts"
import { check } from "./Model.ts"
import { type Mutant, scopeMutant } from "./Mutants.ts"
import { policies } from "./Policies.ts"
import { leaving } from "./States.ts"

const circle = (mutant: Pick<Mutant, "classify">, policy: string, disturbances: number): ReadonlyArray<string> =>
  check({
    classify: mutant.classify,
    policy: policies[policy] as Policy,
    name: policy,
    disturbances,
    bounds: { longestWay: 60, longestAutonomy: 120 }
  }).violations

describe("known ways to get the table wrong", () => {
  it("1: a cancelled feature with exhausted retries escalates for ever", () => {
    const cancelled: Facts = { ...initialFacts, lifecycle: "cancelled", attempts: "exhausted", cleanup: "pending" }
    assert.strictEqual(classify(cancelled).action, "cleanup-workspace")
    assert.strictEqual(classify({ ...cancelled, cleanup: "done" }).action, "archive")
    for (const rule of ["H1", "H2"]) assert.match(circle(scopeMutant(rule), "lean", 1)[0] ?? "", /T[56] .*circle/)
  })

  it("2a: review and dispute go on for ever without a person", () => {
    const review: Facts = { ...leaving("review"), agentReview: "changes", rework: "exhausted" }
    assert.deepInclude({ ...classify(review) }, { rule: "G5", via: "V3", action: "escalate-rework" })
    const forgetful: Mutant = scopeMutant("V3")
    assert.isNotEmpty(circle(forgetful, "agents", 0))
  })

  it("2b: ejected, updated, queued again, for ever without a person", () => {
    assert.deepInclude(
      { ...classify({ ...leaving("qa"), phase: "merge", mergeGate: "ok", merge: "ejected", attempts: "exhausted" }) },
      { rule: "G2", via: "M8" }
    )
    const program = compile({ ...table, guards: table.guards.filter((guard) => guard.id !== "G2") })
    assert.isNotEmpty(circle({ classify: (facts) => run(program, facts) }, "lean", 0))
  })

  it("3: rollback and reopening follow each other for ever", () => {
    assert.deepInclude(
      { ...classify({ ...leaving("merge"), release: "rolledBack", rework: "exhausted" }) },
      { rule: "G5", via: "M10" }
    )
    assert.isNotEmpty(circle(scopeMutant("M10"), "lean", 0))
  })

  it("4: the merge queue lands a feature that has just regressed or was paused", () => {
    const queued: Facts = { ...leaving("qa"), phase: "merge", mergeGate: "ok", merge: "queued" }
    assert.strictEqual(classify(queued).action, "wait-merge")
    const changes: ReadonlyArray<Partial<Facts>> = [
      { lifecycle: "paused" },
      { spec: "stale" },
      { phase: "review" },
      { freeze: true },
      { dep: "unmet" },
      { mergeGate: "pending" },
      { blocker: "human" },
      { escalation: "open" }
    ]
    const program = compile({ ...table, calm: undefined, common: table.common.filter((rule) => rule.id !== "C7") })
    for (const change of changes) {
      const facts = { ...queued, ...change }
      assert.strictEqual(classify(facts).action, "dequeue-merge")
      const without = run(program, facts)
      assert.include(without === undefined ? ["none"] : violations(facts, without), "S20")
    }
  })
})
