import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { allRules, table, tableRev } from "../../src/classify/Table.ts"
import { factDomains } from "../../src/model/Facts.ts"
import { FeatureEvent, Observed, Policy } from "../../src/Schemas.ts"
import { checkpointOf, type FeatureFile } from "./Features.ts"
import { caseOf, factsOf, type VectorFile } from "./Vectors.ts"

const file = JSON.parse(readFileSync(new URL("../../vectors/classify.json", import.meta.url), "utf8")) as VectorFile

describe("golden vectors", () => {
  it("are for this table", () => {
    assert.strictEqual(
      file.table,
      tableRev(),
      "the table changed: run `npm run vectors -w @rdev/sdlc` and review the difference"
    )
    assert.deepStrictEqual(file.domains, JSON.parse(JSON.stringify(factDomains)))
  })

  it("hold, one by one", () => {
    for (const one of file.cases) assert.deepStrictEqual(caseOf(one.name, factsOf(file, one)), one, one.name)
  })

  it("have at least one case per rule and per guard", () => {
    const shown = new Set(file.cases.map((one) => one.decision.rule))
    assert.deepStrictEqual(
      [...allRules, ...table.guards].map((entry) => entry.id).filter((id) => !shown.has(id)),
      []
    )
  })
})

describe("golden features", () => {
  const { stories } = JSON.parse(
    readFileSync(new URL("../../vectors/features.json", import.meta.url), "utf8")
  ) as FeatureFile
  for (const { checkpoints, events, name, policy } of stories) {
    it(`hold: ${name}`, () => {
      assert.isTrue(Schema.is(Schema.Array(FeatureEvent))(events) && Schema.is(Policy)(policy))
      assert.isNotEmpty(checkpoints)
      for (const checkpoint of checkpoints) {
        const { documents, events: count, now, observed } = checkpoint
        assert.isTrue(Schema.is(Observed)(observed))
        assert.deepStrictEqual(
          JSON.parse(JSON.stringify(checkpointOf(policy, events.slice(0, count), documents, observed, now))),
          checkpoint
        )
      }
    })
  }
})
