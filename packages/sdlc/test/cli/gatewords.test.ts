import { expect, describe, it } from "vitest"
import { gates } from "../../src/classify/Gates.ts"
import { judge, mayMerge, show } from "../../src/cli/commands/GateVerdict.ts"
import { fold } from "../../src/derive/Fold.ts"
import { factDomains, type FactName, type Facts } from "../../src/model/Facts.ts"
import { phases } from "../../src/model/Phase.ts"

const state = fold([], {}, {})
const passing: Facts = {
  ...(Object.fromEntries(Object.entries(factDomains).map(([name, values]) => [name, values[0]])) as unknown as Facts),
  spec: "approved",
  design: "approved",
  tasksDoc: "approved",
  qaPlan: "approved",
  dep: "met",
  go: "ok",
  claim: "held",
  branch: "ok",
  tNone: false,
  tVerify: false,
  tFailed: false,
  tReady: false,
  tRunning: false,
  tBlocked: false,
  pr: "open",
  ci: "green",
  agentReview: "approved",
  humanReview: "off",
  threads: false,
  audit: "present",
  findBlock: false,
  findOpen: false,
  risk: "ok",
  qa: "passed",
  evidence: true,
  uat: "ok",
  mergeGate: "ok",
  freeze: false,
  merge: "idle"
}
const eight = phases.slice(0, 8) as ReadonlyArray<keyof typeof gates>
const judged = (facts: Facts) => ({ facts, state, changed: () => null })

describe("sdlc gate in words", () => {
  it("passes with nothing to say", () => {
    expect(show(judge(judged(passing), eight, "hello"), false)).toBe("hello: pass")
  })
  const names = Object.keys(factDomains) as ReadonlyArray<FactName>
  it("says a sentence for every value of every fact that stands in the way, and raw facts when they are asked for alone", () => {
    let told = 0
    for (const name of names)
      for (const value of factDomains[name]) {
        const verdict = mayMerge(judged({ ...passing, [name]: value }), "hello")
        for (const one of verdict.missing) {
          told++
          for (const said of one.says) expect(said, `${name}=${String(value)}`).toMatch(/^[A-Z\d][^=∧∨¬]*\.$/)
          expect(one.facts.some((fact) => fact === `${name}=${String(value)}`)).toBe(true)
        }
        if (verdict.missing.length === 0) continue
        expect(show(verdict, false)).not.toContain("=")
        expect(show(verdict, true)).toContain(`${name}=${String(value)}`)
      }
    expect(told).toBeGreaterThan(60)
  })
})
