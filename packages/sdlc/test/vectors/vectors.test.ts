import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { allRules, table, tableRev } from "../../src/classify/Table.ts"
import { factDomains } from "../../src/model/Facts.ts"
import { caseOf, factsOf, type VectorFile } from "./Vectors.ts"

const file = JSON.parse(readFileSync(new URL("../../vectors/classify.json", import.meta.url), "utf8")) as VectorFile

describe("golden vectors", () => {
  it("are for this table", () => {
    assert.strictEqual(file.table, tableRev(), "the table changed: run `npm run vectors -w @rdev/sdlc` and review the difference")
    assert.deepStrictEqual(file.domains, JSON.parse(JSON.stringify(factDomains)))
  })

  it("hold, one by one", () => {
    for (const one of file.cases) assert.deepStrictEqual(caseOf(one.name, factsOf(file, one)), one, one.name)
  })

  it("have at least one case per rule and per guard", () => {
    const shown = new Set(file.cases.map((one) => one.decision.rule))
    assert.deepStrictEqual([...allRules, ...table.guards].map((entry) => entry.id).filter((id) => !shown.has(id)), [])
  })
})
