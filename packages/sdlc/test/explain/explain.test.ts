import { assert, describe, it } from "@effect/vitest"
import { classify } from "../../src/classify/Classify.ts"
import { allRules, table } from "../../src/classify/Table.ts"
import { decide } from "../../src/derive/Decide.ts"
import { derive } from "../../src/derive/Derive.ts"
import { historyGraph, rulesGraph } from "../../src/explain/Graph.ts"
import { path, pathFrom, simulate } from "../../src/explain/Path.ts"
import {
  diffPolicies,
  diffRecorded,
  diffRules,
  diffVectors,
  history,
  replayAt,
  replayFirst
} from "../../src/explain/Replay.ts"
import { ruleTableMarkdown } from "../../src/explain/RuleTable.ts"
import { actions, why, whyNot } from "../../src/explain/Why.ts"
import { initialFacts } from "../../src/model/Facts.ts"
import { leanPolicy, standardPolicy } from "../../src/model/Presets.ts"
import { Driver, human, ulid } from "../derive/Driver.ts"

const implementing = (): Driver => {
  const driver = new Driver(standardPolicy)
  driver.until("implement-task")
  return driver
}

describe("why", () => {
  it("shows rule, condition, facts with their origin, and every gate", () => {
    const driver = implementing()
    const answer = why(driver.state, driver.policy, driver.now)
    assert.strictEqual(answer.decision.rule, "I4")
    assert.deepStrictEqual(answer.conditions, [{ rule: "I4", condition: "tReady" }])
    const spec = answer.facts.find((fact) => fact.fact === "spec")
    assert.include(spec?.sources ?? [], driver.artifacts.spec?.hash ?? "")
    assert.deepStrictEqual(
      answer.facts.filter((fact) => fact.decisive).map((fact) => fact.fact),
      ["tReady"]
    )
    assert.deepStrictEqual(
      answer.gates.map((gate) => gate.passage),
      ["pass", "pass", "pass", "pass", "fail", "fail", "fail", "fail", "fail"]
    )
    assert.isUndefined(answer.floor)
  })
})

describe("why not", () => {
  it("names the first condition in the way of each rule that could give an action", () => {
    const driver = implementing()
    const now = derive(driver.state, driver.policy, driver.now)
    assert.deepStrictEqual(
      whyNot(now, "merge").map(({ because, rule, tag }) => ({ rule, tag, because })),
      [{ rule: "M9", tag: "phase", because: "the feature is in implementation, the rule belongs to merge" }]
    )
    assert.deepStrictEqual(
      whyNot(now, "retry-task").map((obstacle) => obstacle.because),
      ["tFailed is false, the rule needs tFailed"]
    )
    assert.deepStrictEqual(
      whyNot(now, "materialise-tasks").map((obstacle) => obstacle.tag),
      ["fact"]
    )
    assert.deepStrictEqual(
      whyNot({ ...now, tNone: true }, "materialise-tasks").map((obstacle) => obstacle.because),
      ["I4 comes first: All blockers resolved, tasks available"]
    )
    assert.deepStrictEqual(
      whyNot({ ...now, lease: "live" }, "implement-task").map((obstacle) => obstacle.tag),
      ["guard"]
    )
    assert.deepStrictEqual(
      whyNot(now, "implement-task").map((obstacle) => obstacle.tag),
      ["decides"]
    )
    assert.deepStrictEqual(
      whyNot(now, "run-ci").map((obstacle) => obstacle.rule),
      ["I11", "V0a", "U0a", "K0a", "M7a"]
    )
    assert.deepStrictEqual(
      whyNot(now, "escalate-retries").map((obstacle) => obstacle.because),
      ["attempts is ok, the guard needs attempts=exhausted"]
    )
    assert.deepStrictEqual(whyNot(now, "no-such-action"), [])
  })

  it("has an answer for every action in every decision", () => {
    for (const action of actions) assert.isNotEmpty(whyNot(initialFacts, action), action)
  })
})

describe("path", () => {
  it("leads from draft to released, and from the middle to the end", () => {
    const whole = pathFrom(initialFacts, standardPolicy)
    assert.strictEqual(whole[0]?.action, "create-spec")
    assert.deepInclude(whole.at(-1), { rule: "Z3", phase: "released", outcome: "done" })
    const driver = implementing()
    const rest = path(driver.state, driver.policy, driver.now)
    assert.strictEqual(rest[0]?.action, "implement-task")
    assert.strictEqual(rest.at(-1)?.rule, "Z3")
    assert.isBelow(rest.length, whole.length)
  })
})

describe("simulation", () => {
  it("plays the same feature for the same seed, and ends even with many setbacks when people answer", () => {
    const options = {
      policy: { ...standardPolicy, gates: leanPolicy.gates },
      setbacks: 0.3,
      disturbances: 0.05,
      most: 3000
    }
    assert.deepStrictEqual(simulate({ ...options, seed: 3 }), simulate({ ...options, seed: 3 }))
    const plays = Array.from({ length: 50 }, (_, seed) => simulate({ ...options, seed }))
    assert.deepStrictEqual(
      plays.filter((play) => play.end === "unfinished"),
      []
    )
    assert.isTrue(plays.some((play) => play.setbacks > 3 && play.people > 0))
    assert.isTrue(plays.some((play) => play.end === "released") && plays.some((play) => play.end === "archived"))
  })
})

describe("graphs", () => {
  it("draw every rule and every move as Mermaid", () => {
    const rules = rulesGraph()
    assert.isTrue(rules.startsWith("stateDiagram-v2\n"))
    for (const rule of allRules.filter((candidate) => candidate.phase !== "any" && candidate.kind !== "move"))
      assert.include(rules, `    ${rule.id} : `)
    const driver = implementing()
    assert.include(historyGraph(driver.state), "  ready --> implementation : 4. Y6 ")
    assert.include(historyGraph(driver.state), "class implementation now")
  })
})

describe("replay", () => {
  it("shows the feature at an event, at an instant, and nowhere before its creation", () => {
    const driver = implementing()
    const specified = driver.state.history[0]
    assert.strictEqual(replayAt(driver.events, specified?.event ?? "")?.phase, "specified")
    assert.strictEqual(replayAt(driver.events, specified?.at ?? "")?.phase, "specified")
    assert.isUndefined(replayAt(driver.events, "2020-01-01T00:00:00Z"))
    assert.isUndefined(replayAt(driver.events, "nonsense"))
    const moments = history(driver.events, driver.policy)
    assert.strictEqual(moments.length, driver.events.length)
    // In one pass it gives what folding every beginning anew gives.
    for (const [index, moment] of moments.entries()) {
      const state = replayFirst(driver.events, index + 1)
      assert.deepStrictEqual(moment.decision, decide(state, driver.policy, Date.parse(moment.at)))
    }
    assert.strictEqual(replayAt(driver.events.toReversed(), ulid(1))?.phase, "draft")
  })

  it("finds the past decisions that another policy, table or hand decided otherwise", () => {
    const driver = implementing()
    assert.deepStrictEqual(diffPolicies(driver.events, driver.policy, driver.policy), [])
    const changed = diffPolicies(driver.events, driver.policy, {
      ...driver.policy,
      gates: { ...driver.policy.gates, spec: "auto" }
    })
    assert.deepInclude(changed[0], {
      before: { rule: "S7", action: "approve-spec", actor: "policy", kind: "approve" },
      after: { rule: "S8", action: "advance", actor: "platform", kind: "move", to: "specified" }
    })
    assert.deepStrictEqual(diffRules(driver.events, driver.policy, classify, classify), [])
    assert.isNotEmpty(
      diffRules(driver.events, driver.policy, classify, (facts) => classify({ ...facts, lifecycle: "paused" }))
    )
    assert.deepStrictEqual(diffRecorded(driver.events, driver.policy), [])
    const moved = driver.push(
      "phase-moved",
      { from: "implementation", to: "review", rule: "I13", reason: "by hand" },
      human
    )
    assert.deepInclude(diffRecorded(driver.events, driver.policy)[0], {
      event: moved,
      after: { rule: "I4", action: "implement-task", actor: "agent", kind: "do" }
    })
    const vectors = {
      initial: initialFacts,
      cases: [
        {
          name: "x",
          facts: {},
          decision: { rule: "S1", action: "create-spec", actor: "agent" as const, kind: "do" as const }
        }
      ]
    }
    assert.deepStrictEqual(diffVectors(vectors, classify), [])
    assert.strictEqual(
      diffVectors({ ...vectors, initial: { ...initialFacts, spec: "draft" } }, classify)[0]?.after.rule,
      "S4"
    )
  })
})

describe("the rule table as Markdown", () => {
  it("has a row for every rule and guard", () => {
    const rows = ruleTableMarkdown().split("\n")
    for (const entry of [...allRules, ...table.guards])
      assert.isTrue(
        rows.some((row) => row.startsWith(`| ${entry.id} | `)),
        entry.id
      )
  })
})
