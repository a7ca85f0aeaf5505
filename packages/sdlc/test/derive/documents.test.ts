import { assert, describe, it } from "@effect/vitest"
import { documentState } from "../../src/derive/Documents.ts"
import type { DocumentState } from "../../src/model/Facts.ts"
import type { Policy } from "../../src/model/Policy.ts"
import { standardPolicy } from "../../src/model/Presets.ts"
import type { Principal } from "../../src/model/Principal.ts"
import { author, ci, Driver, human, platform, reviewer, secondHuman } from "./Driver.ts"

const gates = (over: Partial<Policy["gates"]>, more: Partial<Policy> = {}): Policy => ({
  ...standardPolicy,
  ...more,
  gates: { ...standardPolicy.gates, ...over }
})

const agentGate = gates({ spec: "agent" })

/** Each case: what happened, under which policy, and the state of the spec that follows. */
const cases: ReadonlyArray<
  readonly [name: string, expected: DocumentState, happened: (driver: Driver) => void, policy?: Policy]
> = [
  ["nothing there", "absent", () => undefined],
  ["lint errors", "invalid", (d) => d.write("spec", "a", { lint: [{ rule: "r", severity: "error", message: "m" }] })],
  ["only warnings", "draft", (d) => d.write("spec", "a", { lint: [{ rule: "r", severity: "warning", message: "m" }] })],
  ["open questions", "unclear", (d) => d.write("spec", "a", { openQuestions: 2 })],
  ["written", "draft", (d) => d.write("spec", "a")],
  ["submitted", "submitted", (d) => (d.write("spec", "a"), d.submit("spec"))],
  ["approved by a person", "approved", (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec"))],
  [
    "approved by an agent where a person is asked",
    "submitted",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec", "approve", reviewer))
  ],
  [
    "approved by an agent where agents may",
    "approved",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec", "approve", reviewer)),
    agentGate
  ],
  [
    "approved by its author's session",
    "submitted",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec", "approve", author)),
    agentGate
  ],
  [
    "approved by its author without separation of duties",
    "approved",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec", "approve", author)),
    { ...agentGate, separationOfDuties: false }
  ],
  [
    "approved by CI",
    "submitted",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec", "approve", ci)),
    agentGate
  ],
  [
    "approved by the platform",
    "submitted",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec", "approve", platform)),
    agentGate
  ],
  ["approved though nobody knows its author", "draft", (d) => (d.write("spec", "a"), d.verdict("spec"))],
  [
    "approved, its author known from the file",
    "approved",
    (d) => (d.write("spec", "a", { author }), d.verdict("spec"))
  ],
  [
    "edited after approval",
    "stale",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec"), d.write("spec", "b"))
  ],
  [
    "edited and submitted again",
    "submitted",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec"), d.write("spec", "b"), d.submit("spec"))
  ],
  [
    "edited and changed back",
    "approved",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec"), d.write("spec", "b"), d.write("spec", "a"))
  ],
  [
    "edited into something invalid",
    "invalid",
    (d) => (
      d.write("spec", "a"),
      d.submit("spec"),
      d.verdict("spec"),
      d.write("spec", "a", { lint: [{ rule: "r", severity: "error", message: "m" }] })
    )
  ],
  ["rejected", "rejected", (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec", "reject", human, "no"))],
  [
    "rejected, then approved by the same person",
    "approved",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec", "reject", human, "no"), d.verdict("spec"))
  ],
  [
    "approved by a person, rejected by an agent",
    "approved",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec"), d.verdict("spec", "reject", reviewer)),
    agentGate
  ],
  [
    "rejected by a person, approved by an agent",
    "rejected",
    (d) => (
      d.write("spec", "a"),
      d.submit("spec"),
      d.verdict("spec", "reject"),
      d.verdict("spec", "approve", reviewer)
    ),
    agentGate
  ],
  [
    "rejected, then written anew",
    "draft",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec", "reject"), d.write("spec", "b"))
  ],
  ["waived with a reason while absent", "waived", (d) => d.verdict("spec", "waive", human, "trivial")],
  ["waived without a reason", "absent", (d) => d.verdict("spec", "waive", human)],
  ["waived with an empty reason", "absent", (d) => d.verdict("spec", "waive", human, "  ")],
  ["waived by an agent", "absent", (d) => d.verdict("spec", "waive", reviewer, "trivial")],
  [
    "waived by an agent where agents may",
    "waived",
    (d) => d.verdict("spec", "waive", reviewer, "trivial"),
    { ...standardPolicy, waive: "agent" }
  ],
  [
    "waived where nobody may",
    "absent",
    (d) => d.verdict("spec", "waive", human, "trivial"),
    { ...standardPolicy, waive: "off" }
  ],
  [
    "waived while absent, then written",
    "draft",
    (d) => (d.verdict("spec", "waive", human, "trivial"), d.write("spec", "a"))
  ],
  [
    "waived as it is, with lint errors",
    "waived",
    (d) => (
      d.write("spec", "a", { lint: [{ rule: "r", severity: "error", message: "m" }] }),
      d.verdict("spec", "waive", human, "legacy")
    )
  ],
  [
    "waived, then approved, with lint errors",
    "waived",
    (d) => (
      d.write("spec", "a", { lint: [{ rule: "r", severity: "error", message: "m" }] }),
      d.submit("spec"),
      d.verdict("spec", "waive", human, "legacy"),
      d.verdict("spec", "approve", secondHuman)
    )
  ],
  [
    "waived, then rejected",
    "rejected",
    (d) => (
      d.write("spec", "a"),
      d.submit("spec"),
      d.verdict("spec", "waive", human, "legacy"),
      d.verdict("spec", "reject", secondHuman, "no")
    )
  ],
  [
    "waived, then changed",
    "draft",
    (d) => (d.write("spec", "a"), d.verdict("spec", "waive", human, "legacy"), d.write("spec", "b"))
  ],
  ["gate auto, written", "draft", (d) => d.write("spec", "a"), gates({ spec: "auto" })],
  ["gate auto, submitted", "approved", (d) => (d.write("spec", "a"), d.submit("spec")), gates({ spec: "auto" })],
  [
    "gate auto, submitted, changed",
    "stale",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.write("spec", "b")),
    gates({ spec: "auto" })
  ],
  [
    "gate auto, rejected by a person all the same",
    "rejected",
    (d) => (d.write("spec", "a"), d.submit("spec"), d.verdict("spec", "reject", human, "no")),
    gates({ spec: "auto" })
  ],
  ["gate off, absent", "waived", () => undefined, gates({ spec: "off" })]
]

describe("the state of a document", () => {
  for (const [name, expected, happened, policy] of cases) {
    it(`${name}: ${expected}`, () => {
      const driver = new Driver(policy ?? standardPolicy)
      happened(driver)
      assert.strictEqual(documentState(driver.state, driver.policy, "spec"), expected)
    })
  }
})

describe("a document that rests on another", () => {
  const approved = (by: Principal = secondHuman): Driver => {
    const driver = new Driver(standardPolicy)
    for (const kind of ["spec", "design"] as const) {
      driver.write(kind, "a")
      driver.submit(kind)
      driver.verdict(kind, "approve", by)
    }
    return driver
  }

  it("is stale when the other changes, and approved again when it changes back", () => {
    const driver = approved()
    assert.strictEqual(documentState(driver.state, driver.policy, "design"), "approved")
    driver.write("spec", "b")
    assert.strictEqual(documentState(driver.state, driver.policy, "design"), "stale")
    driver.write("spec", "a")
    assert.strictEqual(documentState(driver.state, driver.policy, "design"), "approved")
  })

  it("counts an approval on the upstream of its submission when the verdict names none", () => {
    const driver = approved()
    driver.write("design", "b")
    driver.submit("design")
    driver.push("verdict", { gate: "design", subject: "md1:b", verdict: "approve" }, human)
    assert.strictEqual(documentState(driver.state, driver.policy, "design"), "approved")
    driver.write("spec", "b")
    assert.strictEqual(documentState(driver.state, driver.policy, "design"), "stale")
  })

  it("loses a waiver for an absent document when what it rested on changes", () => {
    const driver = new Driver(standardPolicy)
    driver.write("spec", "a")
    driver.verdict("design", "waive", human, "no design needed")
    assert.strictEqual(documentState(driver.state, driver.policy, "design"), "waived")
    driver.write("spec", "b")
    assert.strictEqual(documentState(driver.state, driver.policy, "design"), "absent")
  })
})
