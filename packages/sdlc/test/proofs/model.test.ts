import { assert, describe, it } from "@effect/vitest"
import { allRules, table } from "../../src/classify/Table.ts"
import { invariants } from "./Invariants.ts"
import { line, model, states } from "./Prove.ts"

describe("T3 … T6: everything reachable, with one thing from outside at any moment", () => {
  it(
    "skips no phase, lands only safely, always gets to the end, and asks a person within 120 steps, and 60 more for another feature in its way",
    { timeout: 900_000 },
    () => {
      const reports = model(1)
      process.stdout.write(
        `${reports.map(line).join("\n")}\nsum: ${reports.reduce((sum, report) => sum + report.states, 0)} states\n`
      )
      assert.deepStrictEqual(
        reports.flatMap((report) => report.violations),
        []
      )
      const reached = new Set(reports.flatMap((report) => [...report.rules]))
      // T2 on reachable states: P3 alone is a defence against corruption that nothing legal leads to.
      assert.deepStrictEqual(
        [...allRules, ...table.guards].map((entry) => entry.id).filter((id) => !reached.has(id)),
        ["P3"]
      )
    }
  )
})

describe("S1 … S25 on states at random", () => {
  it("holds on 400,000 of them", { timeout: 600_000 }, () => {
    assert.deepStrictEqual(states(400_000, 1), [])
    process.stdout.write(`S: ${invariants.length} invariants on 400000 states\n`)
  })
})
