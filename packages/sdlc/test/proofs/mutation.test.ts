import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { factsOf, type VectorFile } from "../vectors/Vectors.ts"
import { gate, type Killer } from "./Gate.ts"

const file = JSON.parse(readFileSync(new URL("../../vectors/classify.json", import.meta.url), "utf8")) as VectorFile

describe("T7: every mutant of the table is noticed", () => {
  it("by the invariants or the vectors, or is proven equal", { timeout: 240_000 }, () => {
    const verdicts = gate(
      file.cases.map((one) => factsOf(file, one)),
      false
    )
    const count = (operator: string, killer: Killer) =>
      verdicts.filter((verdict) => verdict.mutant.operator === operator && verdict.killer === killer).length
    for (const operator of ["deletion", "swap", "negation", "scope"]) {
      process.stdout.write(
        `${operator}: ${count(operator, "invariants")} by invariants, ${count(operator, "vectors")} by vectors, ` +
          `${count(operator, "disjoint")} of disjoint rules (equal), ${count(operator, "equal")} proven equal over all facts, ${count(operator, "nobody")} unnoticed\n`
      )
    }
    assert.deepStrictEqual(
      verdicts.filter((verdict) => verdict.killer === "nobody").map((verdict) => verdict.mutant.name),
      []
    )
    // Order swaps alone may be equal to the table; a deletion or negation that changes nothing would mean a superfluous rule or clause.
    assert.deepStrictEqual(
      verdicts.filter(
        (verdict) => verdict.mutant.operator !== "swap" && ["disjoint", "equal"].includes(verdict.killer)
      ),
      []
    )
  })
})
