import { assert, describe, it } from "@effect/vitest"
import { classify } from "../../src/classify/Classify.ts"
import { floor, gates, gateTexts } from "../../src/classify/Gates.ts"
import { calm } from "../../src/classify/rules/Common.ts"
import { allRules, table } from "../../src/classify/Table.ts"
import { type Facts, initialFacts } from "../../src/model/Facts.ts"
import { phaseIndex, phases } from "../../src/model/Phase.ts"
import { evaluate, parse } from "./Condition.ts"
import { open } from "./Invariants.ts"
import { cover } from "./Prove.ts"
import { equivalent, explore, productSize } from "./Oracle.ts"

const result = cover()

describe("T1, T2: the table covers every combination of facts exactly once", () => {
  it("has leaves whose volumes add up to the product, and hits every rule and guard", () => {
    process.stdout.write(
      `T1: ${result.leaves} leaves, volume ${result.volume} of ${productSize}; T2: ${result.hit.size} of ${allRules.length + table.guards.length} rules and guards hit\n`
    )
    assert.strictEqual(productSize, 13311666640442621952000n)
    assert.strictEqual(result.volume, productSize)
    assert.strictEqual(result.undecided, 0)
    assert.deepStrictEqual(
      [...allRules, ...table.guards].map((entry) => entry.id).filter((id) => !result.hit.has(id)),
      []
    )
    assert.strictEqual(allRules.length + table.guards.length, 122)
  })
})

describe("the texts of the table say what its code does", () => {
  for (const rule of allRules) {
    it(`${rule.id}: ${rule.condition}`, () => {
      assert.isTrue(equivalent(rule.when, evaluate(parse(rule.condition), rule.phase)))
    })
  }

  it("holds for the guards", () => {
    for (const guard of table.guards)
      assert.isTrue(equivalent(guard.when, evaluate(parse(guard.condition), "any")), guard.id)
  })

  for (const phase of phases) {
    if (phase === "released") continue
    it(`holds for the ${phase} gate, and for the gate as the invariants spell it out`, () => {
      const { fail, pass } = gateTexts[phase]
      const passes = (facts: Facts) => gates[phase](facts) === "pass"
      assert.isTrue(equivalent(passes, evaluate(parse(pass), phase)))
      assert.isTrue(equivalent(passes, open[phase]))
      const fails = evaluate(parse(fail === "¬pass" ? "gate=pass" : fail), phase)
      assert.isTrue(
        equivalent(
          (facts) => gates[phase](facts) === "fail",
          (facts) => fails(facts) !== (fail === "¬pass")
        )
      )
    })
  }

  it("passes over the first rules only when none of them hits, and reads nothing they would not", () => {
    const trouble = table.common.slice(0, table.skips)
    assert.deepStrictEqual(trouble.map((rule) => rule.id).at(-1), "H7")
    const byRules = (facts: Facts) => !trouble.some((rule) => rule.when(facts))
    // What is queued always takes the long way: C7 looks at nearly everything.
    assert.isTrue(equivalent(calm, (facts) => facts.merge !== "queued" && byRules(facts)))
    explore(calm, (_, leaf, facts) => {
      const read = leaf.read.join()
      byRules(facts)
      if (calm(facts)) assert.strictEqual(leaf.read.join(), read)
    })
  })

  it("has the floor at the first failing gate before the stored phase", () => {
    const slow = (facts: Facts) =>
      facts.merge === "merged"
        ? undefined
        : phases
            .slice(0, 8)
            .find(
              (phase) =>
                phase !== "released" && phaseIndex[phase] < phaseIndex[facts.phase] && gates[phase](facts) === "fail"
            )
    assert.isTrue(
      equivalent(
        (facts) => floor(facts) === slow(facts),
        () => true
      )
    )
  })
})

describe("T10: what was not read cannot matter", () => {
  it("lists exactly the facts whose change could change the decision", () => {
    // The oracle decides with the unread facts undecided, so each leaf is a proof for all of its volume; here the list handed out is compared with it.
    assert.strictEqual(result.readsDiffer, 0)
  })

  it("keeps the list in the JSON of a decision", () => {
    const decision = classify({ ...({} as Facts), integrity: "corrupt" })
    assert.deepStrictEqual(JSON.parse(JSON.stringify(decision)), {
      rule: "L1",
      action: "repair-state",
      actor: "platform",
      kind: "do",
      reason: "State failed its integrity check",
      facts: [{ fact: "integrity", value: "corrupt" }]
    })
  })

  it("refuses facts outside their domains instead of inventing an answer", () => {
    assert.throws(() => classify({} as Facts), /No rule covers/)
    assert.throws(() => classify({ ...initialFacts, phase: "shipped" } as unknown as Facts), /No rule covers/)
  })
})
