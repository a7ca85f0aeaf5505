import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { leanPolicy, standardPolicy } from "../../src/model/Presets.ts"
import { FeatureEvent, Policy } from "../../src/Schemas.ts"
import { author, Driver, human, task } from "./Driver.ts"

const decodePolicy = Schema.decodeUnknownSync(Policy)
const decodeEvents = Schema.decodeUnknownSync(Schema.Array(FeatureEvent))

const run = (driver: Driver): Driver => {
  driver.until("none", 120)
  return driver
}

describe("a feature through its events", () => {
  it("goes from draft to released under the standard policy, one decision at a time", () => {
    const driver = run(new Driver(standardPolicy))
    assert.strictEqual(driver.next().rule, "Z3")
    assert.strictEqual(driver.state.phase, "released")
    assert.deepStrictEqual(
      driver.state.history.map((move) => move.to),
      ["specified", "planned", "ready", "implementation", "review", "audit", "qa", "merge", "released"]
    )
    assert.isBelow(driver.steps.length, 49)
    decodeEvents(driver.events)
  })

  it("needs neither design nor QA plan nor a person under the lean policy", () => {
    const driver = run(new Driver(leanPolicy))
    assert.strictEqual(driver.state.phase, "released")
    assert.isFalse(driver.steps.some((step) => step.actor === "human" || step.kind === "approve"))
    assert.isUndefined(driver.artifacts.design)
  })

  it("resolves presets by kind and by name", () => {
    assert.isFalse(
      run(new Driver(standardPolicy, { kind: "hotfix" })).steps.some(
        (step) => step.rule.startsWith("U") && step.rule !== "U8"
      )
    )
    assert.isFalse(run(new Driver(standardPolicy, { preset: "lean" })).steps.some((step) => step.actor === "human"))
  })

  it("offers the shipped policies as valid policies", () => {
    assert.deepStrictEqual(decodePolicy(JSON.parse(JSON.stringify(standardPolicy))), standardPolicy)
    assert.deepStrictEqual(decodePolicy(JSON.parse(JSON.stringify(leanPolicy))), leanPolicy)
  })

  it("names task, batch and reason", () => {
    const driver = new Driver(standardPolicy)
    const decision = driver.until("implement-task")
    assert.deepInclude(decision, {
      rule: "I4",
      taskId: "task-001",
      batch: ["task-002"],
      reason: "All blockers resolved, 2 tasks available",
      phase: "implementation",
      actor: "agent"
    })
  })

  it("regresses to draft when the spec is edited after its approval, and the plan's approvals are stale with it", () => {
    const driver = new Driver(standardPolicy)
    driver.until("review-code")
    driver.write("spec", "edited")
    const decision = driver.next()
    assert.deepInclude(decision, {
      rule: "P2",
      action: "regress",
      to: "draft",
      reason: "The draft gate no longer holds: spec=stale"
    })
    driver.step()
    assert.strictEqual(driver.next().action, "reconcile-spec")
    assert.strictEqual(driver.step().reason.startsWith("The spec changed since its approval (md1:"), true)
    driver.until("reconcile-design")
    run(driver)
    assert.strictEqual(driver.state.phase, "released")
  })

  it("loops through a rejected design and shows who refused it and why", () => {
    const driver = new Driver(standardPolicy)
    driver.until("approve-design")
    driver.verdict("design", "reject", human, "no rollback story")
    assert.deepInclude(driver.next(), {
      rule: "D5",
      action: "revise-design",
      reason: "The design was rejected by ada: no rollback story"
    })
    driver.step()
    assert.strictEqual(run(driver).state.phase, "released")
  })

  it("does red CI, failed and blocked tasks, changes, findings, failed QA and refused acceptance, and still ends", () => {
    const driver = new Driver(standardPolicy)
    driver.until("implement-task")
    driver.push("task-started", { task: "task-001" }, author)
    assert.strictEqual(driver.next().rule, "I4")
    driver.push("task-failed", { task: "task-001", reason: "tests fail" })
    assert.deepInclude(driver.next(), { rule: "I3", reason: "task-001, attempt 1 failed: tests fail" })
    driver.push("task-blocked", { task: "task-001", reason: "no key" }, author)
    driver.step()
    driver.step()
    assert.deepInclude(driver.next(), { rule: "I6", taskId: "task-001", actor: "human" })
    driver.until("run-ci")
    driver.push("ci-recorded", {
      tree: driver.observed.head?.tree ?? "",
      sha: "x",
      run: "1",
      status: "failed",
      job: "unit"
    })
    assert.deepInclude(driver.next(), { rule: "I10", reason: `unit: CI failed at ${driver.observed.head?.sha}` })
    driver.until("review-code")
    driver.push(
      "review-recorded",
      { tree: driver.observed.head?.tree ?? "", verdict: "changes", findings: [] },
      { id: "r", type: "agent" }
    )
    assert.strictEqual(driver.next().rule, "V3")
    driver.until("audit")
    driver.push(
      "audit-recorded",
      { tree: driver.observed.head?.tree ?? "", valid: true, findings: [{ id: "F1", severity: "high", title: "x" }] },
      { id: "r", type: "agent" }
    )
    assert.deepInclude(driver.next(), { rule: "U4", reason: "1 open finding of severity high or above" })
    driver.until("run-qa")
    driver.push("qa-recorded", { tree: driver.observed.head?.tree ?? "", checks: [{ id: "SC-001", status: "failed" }] })
    assert.deepInclude(driver.next(), { rule: "K3", reason: "1 QA check failed: SC-001" })
    driver.until("escalate-rework")
    run(driver)
    assert.strictEqual(driver.state.phase, "released")
  })

  it("rolls back an unhealthy release, reopens with a fix task and a new pull request, and releases again", () => {
    const driver = new Driver(standardPolicy)
    driver.until("verify-release")
    driver.push("release-unhealthy", { deploy: driver.state.release.deploy ?? "", check: "GET /" })
    assert.deepInclude(driver.next(), { rule: "C3", action: "rollback" })
    driver.until("reopen")
    driver.step()
    assert.strictEqual(driver.state.phase, "implementation")
    assert.isUndefined(driver.state.pr)
    driver.until("open-pr")
    assert.strictEqual(run(driver).state.phase, "released")
  })

  it("asks for confirmation of each agent step when autonomy is confirm, and takes it for exactly that step", () => {
    const driver = new Driver({ ...leanPolicy, autonomy: "confirm" })
    const first = driver.next()
    assert.deepInclude(first, { rule: "G4", via: "S1", action: "confirm-action" })
    driver.step()
    assert.deepInclude(driver.next(), { rule: "S1", action: "create-spec" })
    run(driver)
    assert.strictEqual(driver.state.phase, "released")
    assert.isAtLeast(driver.steps.filter((step) => step.rule === "G4").length, 6)
  })

  it("stops at the budget and goes on when a person widens it", () => {
    const driver = new Driver({ ...leanPolicy, budget: { usd: 5 } })
    driver.push("cost-recorded", { cost: { usd: 5 } })
    assert.deepInclude(driver.next(), { rule: "G3", reason: "The budget is spent: 5 USD of 5 USD" })
    driver.step()
    assert.strictEqual(driver.next().rule, "H4")
    driver.push(
      "escalation-answered",
      { escalation: driver.state.escalations[0]?.id ?? "", answer: "five more", budget: { usd: 5 } },
      human
    )
    assert.strictEqual(driver.next().rule, "S1")
  })

  it("keeps fixes outside the plan's hash", () => {
    const driver = new Driver(standardPolicy)
    driver.until("review-code")
    driver.push("fix-tasks-added", { origin: "review", tasks: [task(9)] }, author)
    assert.deepInclude(driver.next(), { rule: "P2", to: "implementation" })
    driver.step()
    assert.deepInclude(driver.next(), { rule: "I4", taskId: "task-009" })
  })
})
