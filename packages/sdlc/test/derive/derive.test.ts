import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { toV0 } from "../../src/derive/CompatV0.ts"
import { derive } from "../../src/derive/Derive.ts"
import { batchOf, disjointWrites } from "../../src/derive/Work.ts"
import { canonicalJson, sha256 } from "../../src/model/Digest.ts"
import type { Facts } from "../../src/model/Facts.ts"
import type { FeatureState } from "../../src/model/FeatureState.ts"
import type { Policy } from "../../src/model/Policy.ts"
import { policyFor, policyRev, standardPolicy } from "../../src/model/Presets.ts"
import { author, ci, Driver, human, reviewer, secondHuman, task } from "./Driver.ts"

const factsOf = (driver: Driver): Facts => derive(driver.state, driver.policy, driver.now)
const treeOf = (driver: Driver): string => driver.observed.head?.tree ?? ""
const reviewing = (policy: Policy = standardPolicy): Driver => {
  const driver = new Driver(policy)
  driver.until("review-code")
  return driver
}

it("a dependency or a finding called constructor is none that every object has", () => {
  const driver = reviewing()
  const state = {
    ...driver.state,
    feature: { ...driver.state.feature, deps: ["constructor"] },
    observed: { ...driver.observed, deps: {} }
  }
  assert.strictEqual(derive(state, driver.policy, driver.now).dep, "unmet")
  driver.push(
    "audit-recorded",
    { tree: treeOf(driver), valid: true, findings: [{ id: "constructor", severity: "low", title: "x" }] },
    reviewer
  )
  assert.strictEqual(factsOf(driver).findOpen, true)
})

describe("results hold for one code tree", () => {
  it("CI", () => {
    const driver = new Driver(standardPolicy)
    const record = (status: "passed" | "failed" | "infra") =>
      driver.push("ci-recorded", { tree: treeOf(driver), sha: "s", run: "1", status }, ci)
    assert.strictEqual(factsOf(driver).ci, "none")
    driver.push("ci-started", { tree: treeOf(driver), sha: "s", run: "1" })
    assert.strictEqual(factsOf(driver).ci, "running")
    for (const [status, fact] of [
      ["failed", "red"],
      ["infra", "infra"],
      ["passed", "green"]
    ] as const) {
      record(status)
      assert.strictEqual(factsOf(driver).ci, fact)
    }
    driver.code()
    assert.strictEqual(factsOf(driver).ci, "none")
    driver.observed = { ...driver.observed, ci: { tree: treeOf(driver), status: "passed" } }
    assert.strictEqual(factsOf(driver).ci, "green")
    driver.observed = { ...driver.observed, ci: { tree: "git:other", status: "failed" } }
    assert.strictEqual(factsOf(driver).ci, "none")
  })

  it("agent review, and who may give it", () => {
    const driver = reviewing()
    assert.strictEqual(factsOf(driver).agentReview, "none")
    driver.push("review-recorded", { tree: treeOf(driver), verdict: "approve", findings: [] }, author)
    assert.strictEqual(factsOf(driver).agentReview, "none")
    driver.push("review-started", { tree: treeOf(driver) }, reviewer)
    assert.strictEqual(factsOf(driver).agentReview, "running")
    driver.push("review-recorded", { tree: treeOf(driver), verdict: "changes", findings: [] }, reviewer)
    assert.strictEqual(factsOf(driver).agentReview, "changes")
    driver.push("review-recorded", { tree: treeOf(driver), verdict: "approve", findings: [] }, reviewer)
    assert.strictEqual(factsOf(driver).agentReview, "approved")
    driver.code()
    assert.strictEqual(factsOf(driver).agentReview, "stale")
  })

  it("human review: enough distinct people, the last word of each, none of the coders", () => {
    const driver = reviewing({ ...standardPolicy, reviewers: 2 })
    driver.verdict("human-review")
    driver.verdict("human-review")
    assert.strictEqual(factsOf(driver).humanReview, "pending")
    driver.verdict("human-review", "reject", secondHuman)
    assert.strictEqual(factsOf(driver).humanReview, "changes")
    driver.verdict("human-review", "approve", secondHuman)
    assert.strictEqual(factsOf(driver).humanReview, "approved")
    driver.code()
    assert.strictEqual(factsOf(driver).humanReview, "stale")
    driver.push("task-started", { task: "task-001" }, human)
    const own = reviewing()
    own.push("task-failed", { task: "task-001", reason: "again" })
    own.push("task-started", { task: "task-001" }, human)
    own.verdict("human-review")
    assert.strictEqual(factsOf(own).humanReview, "pending")
  })

  it("audit: severities, dispositions and accepted risk", () => {
    const driver = reviewing()
    const audit = (severity: "high" | "low") =>
      driver.push(
        "audit-recorded",
        { tree: treeOf(driver), valid: true, findings: [{ id: "F1", severity, title: "x" }] },
        reviewer
      )
    const dispose = (disposition: "fix" | "track" | "accept", by = author) =>
      driver.push("finding-disposed", { finding: "F1", disposition, reason: "r" }, by)
    assert.strictEqual(factsOf(driver).audit, "absent")
    driver.push("audit-recorded", { tree: treeOf(driver), valid: false, findings: [] }, reviewer)
    assert.strictEqual(factsOf(driver).audit, "invalid")
    audit("low")
    assert.deepInclude(factsOf(driver), { audit: "present", findBlock: false, findOpen: true, risk: "ok" })
    dispose("track")
    assert.deepInclude(factsOf(driver), { findBlock: false, findOpen: false, risk: "ok" })
    audit("high")
    assert.deepInclude(factsOf(driver), { findBlock: true, findOpen: false })
    dispose("accept")
    assert.deepInclude(factsOf(driver), { findBlock: false, risk: "pending" })
    driver.verdict("risk")
    assert.strictEqual(factsOf(driver).risk, "ok")
    driver.push(
      "audit-recorded",
      { tree: treeOf(driver), valid: true, findings: [{ id: "F1", severity: "critical", title: "worse" }] },
      reviewer
    )
    assert.strictEqual(factsOf(driver).risk, "pending")
    dispose("accept", human)
    assert.strictEqual(factsOf(driver).risk, "ok")
    driver.code()
    assert.deepInclude(factsOf(driver), { audit: "stale", findBlock: false })
  })

  it("QA: demanded checks, failures, evidence at hand", () => {
    const driver = reviewing()
    const record = (
      ...checks: ReadonlyArray<{
        readonly id: string
        readonly status: "passed" | "failed" | "not-run"
        readonly evidence?: string
      }>
    ) => driver.push("qa-recorded", { tree: treeOf(driver), checks }, reviewer)
    record()
    assert.deepInclude(factsOf(driver), { qa: "incomplete", evidence: false })
    record({ id: "other", status: "passed" })
    assert.strictEqual(factsOf(driver).qa, "incomplete")
    record({ id: "SC-001", status: "failed" })
    assert.strictEqual(factsOf(driver).qa, "failed")
    record({ id: "SC-001", status: "passed" })
    assert.deepInclude(factsOf(driver), { qa: "passed", evidence: false })
    driver.push("evidence-attached", { tree: treeOf(driver), check: "SC-001", evidence: "sha256:cc" })
    assert.deepInclude(factsOf(driver), { qa: "passed", evidence: true })
    driver.observed = { ...driver.observed, evidence: ["sha256:aa"] }
    assert.strictEqual(factsOf(driver).evidence, false)
  })

  it("acceptance and merge approvals", () => {
    const driver = reviewing()
    driver.verdict("uat")
    driver.verdict("merge")
    assert.deepInclude(factsOf(driver), { uat: "ok", mergeGate: "ok" })
    driver.verdict("merge", "reject")
    assert.strictEqual(factsOf(driver).mergeGate, "rejected")
    driver.code()
    assert.deepInclude(factsOf(driver), { uat: "pending", mergeGate: "pending" })
  })
})

describe("tasks", () => {
  const working = (): Driver => {
    const driver = new Driver(standardPolicy)
    driver.until("implement-task")
    return driver
  }
  const t = (driver: Driver) => {
    const { tBlocked, tFailed, tNone, tReady, tRunning, tVerify } = factsOf(driver)
    return Object.entries({ tNone, tVerify, tFailed, tReady, tRunning, tBlocked })
      .filter(([, value]) => value)
      .map(([name]) => name)
  }

  it("are done only with evidence, and never by the word of an agent", () => {
    const driver = working()
    driver.push("task-claimed", { task: "task-001" }, author)
    assert.deepStrictEqual(t(driver), ["tVerify", "tReady"])
    driver.push("task-verified", { task: "task-001", evidence: "sha256:aa" }, author)
    assert.deepStrictEqual(t(driver), ["tVerify", "tReady"])
    driver.push("task-verified", { task: "task-001", evidence: "sha256:aa" }, ci)
    assert.deepStrictEqual(t(driver), ["tReady"])
    driver.observed = { ...driver.observed, evidence: [] }
    assert.deepStrictEqual(t(driver), ["tVerify", "tReady"])
  })

  it("that wait for what never comes are blocked, not finished", () => {
    const driver = working()
    driver.push("tasks-materialised", { planHash: driver.artifacts.tasks?.hash ?? null, tasks: [task(1, [9])] })
    assert.deepStrictEqual(t(driver), ["tBlocked"])
  })

  it("are needed again when the plan changes, while fixes stay", () => {
    const driver = working()
    driver.push("fix-tasks-added", { origin: "ci", tasks: [task(7)] })
    driver.write("tasks", "other")
    assert.deepStrictEqual(t(driver), ["tNone", "tReady"])
    driver.push("tasks-materialised", { planHash: "md1:other", tasks: [task(7), task(8)] })
    assert.deepStrictEqual(
      driver.state.tasks.map(({ id, origin }) => [id, origin]),
      [
        ["task-007", "plan"],
        ["task-008", "plan"],
        ["task-009", "ci"]
      ]
    )
  })

  it("keep their status when the plan is materialised again with the same definition", () => {
    const driver = working()
    driver.push("task-started", { task: "task-001" }, author)
    driver.push("tasks-materialised", {
      planHash: driver.artifacts.tasks?.hash ?? null,
      tasks: [task(1), task(2, [], ["docs/**"])]
    })
    assert.deepStrictEqual(
      driver.state.tasks.map(({ id, status }) => [id, status]),
      [
        ["task-001", "running"],
        ["task-002", "todo"]
      ]
    )
  })

  it("run side by side only when their writes are disjoint", () => {
    const as = (...writes: ReadonlyArray<string>) => ({
      ...task(1),
      writes,
      origin: "plan" as const,
      status: "todo" as const,
      failures: 0,
      event: ""
    })
    for (const [a, b, apart] of [
      ["src/a/**", "src/b/**", true],
      ["src/**", "src/b/**", false],
      ["src/a.ts", "src/a.ts", false],
      ["src/a.ts", "src/a.tsx", true],
      ["src/a", "src/a/b.ts", false],
      ["*.md", "docs/x", false],
      ["src/a*.ts", "src/b*.ts", true],
      ["src/{a,b}.ts", "src/c.ts", false]
    ] as const) {
      assert.strictEqual(disjointWrites(as(a), as(b)), apart, `${a} ${b}`)
      assert.strictEqual(disjointWrites(as(b), as(a)), apart, `${b} ${a}`)
    }
    assert.isFalse(disjointWrites(as(), as("x")))
    const many = [1, 2, 3, 4].map((n) => ({ ...as(n === 3 ? "src/1/x" : `src/${n}/**`), id: `task-00${n}` }))
    assert.deepStrictEqual(
      batchOf(many).map(({ id }) => id),
      ["task-002", "task-004"]
    )
  })
})

describe("time", () => {
  it("enters through freezes and leases alone", () => {
    const policy: Policy = {
      ...standardPolicy,
      freeze: [{ from: "2026-03-01T00:00:00Z", until: "2026-03-02T00:00:00Z" }]
    }
    const driver = new Driver(policy)
    driver.observed = { ...driver.observed, lease: { holder: "w", until: "2026-03-01T12:00:00Z" } }
    const at = (instant: string) => {
      const { freeze, lease } = derive(driver.state, policy, Date.parse(instant))
      return [freeze, lease]
    }
    assert.deepStrictEqual(at("2026-02-28T23:59:59Z"), [false, "live"])
    assert.deepStrictEqual(at("2026-03-01T00:00:00Z"), [true, "live"])
    assert.deepStrictEqual(at("2026-03-01T12:00:00Z"), [true, "none"])
    assert.deepStrictEqual(at("2026-03-02T00:00:00Z"), [false, "none"])
  })
})

describe("bounds", () => {
  const failing = (happen: (driver: Driver) => void): Pick<Facts, "attempts" | "rework"> => {
    const driver = new Driver({ ...standardPolicy, maxAttempts: 2, maxRework: 2 })
    driver.until("implement-task")
    happen(driver)
    const { attempts, rework } = factsOf(driver)
    return { attempts, rework }
  }
  const red = (driver: Driver) =>
    driver.push("ci-recorded", { tree: treeOf(driver), sha: "s", run: "1", status: "failed" }, ci)

  it("count each thing by itself, so that a large plan does not use up its tries", () => {
    assert.strictEqual(
      failing(
        (d) => (
          d.push("task-failed", { task: "task-001", reason: "" }),
          d.push("task-failed", { task: "task-002", reason: "" }),
          red(d)
        )
      ).attempts,
      "ok"
    )
    assert.strictEqual(failing((d) => (red(d), red(d))).attempts, "exhausted")
    assert.strictEqual(
      failing((d) => (d.push("merge-ejected", { reason: "" }), d.push("merge-ejected", { reason: "" }))).attempts,
      "exhausted"
    )
    assert.strictEqual(
      failing(
        (d) => (
          d.push("attempt-recorded", { rule: "I4", outcome: "failed", subject: "task-001" }),
          d.push("attempt-recorded", { rule: "I4", outcome: "failed", subject: "task-002" })
        )
      ).attempts,
      "ok"
    )
    assert.strictEqual(
      failing(
        (d) => (
          d.push("attempt-recorded", { rule: "S2", outcome: "failed" }),
          d.push("attempt-recorded", { rule: "S2", outcome: "failed" })
        )
      ).attempts,
      "exhausted"
    )
  })

  it("start anew with a person's answer, not with an agent's", () => {
    const asked = (d: Driver) => (
      red(d),
      red(d),
      d.push("escalation-opened", { escalation: "e", question: "q", rule: "G2" })
    )
    assert.strictEqual(
      failing((d) => (asked(d), d.push("escalation-answered", { escalation: "e", answer: "a" }, author))).attempts,
      "exhausted"
    )
    assert.strictEqual(
      failing((d) => (asked(d), d.push("escalation-answered", { escalation: "e", answer: "a" }, human))).attempts,
      "ok"
    )
  })

  it("count a round of fixes once, disputes and threads opened again too", () => {
    const fix = (d: Driver, n: number) => d.push("fix-tasks-added", { origin: "review", tasks: [task(n)] })
    const back = (d: Driver) =>
      d.push("phase-moved", { from: d.state.phase, to: "implementation", rule: "P2", reason: "" })
    const forth = (d: Driver) =>
      d.push("phase-moved", { from: "implementation", to: "review", rule: "I13", reason: "" })
    assert.strictEqual(failing((d) => (forth(d), fix(d, 50), back(d))).rework, "ok")
    assert.strictEqual(failing((d) => (forth(d), fix(d, 50), back(d), forth(d), back(d))).rework, "exhausted")
    assert.strictEqual(
      failing((d) => {
        for (let i = 0; i < 3; i++)
          d.push("review-recorded", { tree: treeOf(d), verdict: "changes", findings: [] }, reviewer)
      }).rework,
      "exhausted"
    )
    assert.strictEqual(
      failing((d) => {
        for (let i = 0; i < 3; i++) {
          d.push("thread-opened", { thread: "t" })
          d.push("thread-resolved", { thread: "t" })
        }
      }).rework,
      "exhausted"
    )
  })
})

describe("the stored phase", () => {
  it("moves only out of itself, one forward at most", () => {
    const driver = new Driver(standardPolicy)
    const move = (from: FeatureState["phase"], to: FeatureState["phase"]) => {
      driver.push("phase-moved", { from, to, rule: "X", reason: "" })
      return driver.state.phase
    }
    assert.strictEqual(move("draft", "planned"), "draft")
    assert.strictEqual(move("specified", "planned"), "draft")
    assert.strictEqual(move("draft", "specified"), "specified")
    assert.strictEqual(move("draft", "specified"), "specified")
    assert.strictEqual(move("specified", "draft"), "draft")
  })
})

describe("a pull request of a rolled-back round", () => {
  it("does not count as merged again", () => {
    const driver = new Driver(standardPolicy)
    driver.until("verify-release")
    const number = driver.state.pr?.number ?? 0
    driver.observed = { ...driver.observed, pr: { number, state: "merged" } }
    driver.push("release-unhealthy", { deploy: driver.state.release.deploy ?? "", check: "/" })
    driver.until("reopen")
    driver.step()
    assert.deepInclude(factsOf(driver), {
      phase: "implementation",
      merge: "idle",
      pr: "none",
      release: "none",
      rework: "ok"
    })
  })
})

describe("policy", () => {
  it("is laid over by kind, then by name, and has a digest", () => {
    const own = policyFor(standardPolicy, { kind: "hotfix", preset: "lean" })
    assert.deepInclude(own.gates, { spec: "auto", "human-review": "off", "agent-review": "agent" })
    assert.deepStrictEqual(
      policyFor(standardPolicy, { kind: "feature", preset: "no such" }),
      policyFor(standardPolicy, { kind: "feature" })
    )
    assert.match(policyRev(standardPolicy), /^policy:[0-9a-f]{64}$/)
    assert.notStrictEqual(policyRev(standardPolicy), policyRev({ ...standardPolicy, wip: 9 }))
  })
})

describe("digests", () => {
  it("are SHA-256", () => {
    for (const text of ["", "abc", "ü", "x".repeat(55), "x".repeat(56), "x".repeat(64), "é".repeat(1000)]) {
      assert.strictEqual(sha256(text), createHash("sha256").update(text).digest("hex"))
    }
  })
  it("are of data, not of the order of keys", () => {
    assert.strictEqual(canonicalJson({ b: [1, { d: undefined, c: null }], a: "x" }), '{"a":"x","b":[1,{"c":null}]}')
  })
})

describe("the older JSON", () => {
  it("keeps its members", () => {
    const driver = new Driver(standardPolicy)
    assert.deepStrictEqual(toV0(driver.next(), driver.state), {
      feature: "demo",
      current_phase: "draft",
      rule_matched: "S1",
      action: "create-spec",
      message: "No spec yet",
      next_command: "sdlc run demo",
      output_path: ".sdlc/features/demo/spec.md",
      transition_to: null,
      task_id: null
    })
    driver.until("implement-task")
    assert.deepInclude(toV0(driver.next(), driver.state), {
      task_id: "task-001",
      output_path: null,
      current_phase: "implementation"
    })
  })
})
