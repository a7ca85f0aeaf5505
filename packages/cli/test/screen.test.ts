import { assert, describe, it } from "@effect/vitest"
import { Progress } from "../src/Progress.ts"
import { duration, Screen, table } from "../src/Screen.ts"

const terminal = (isTTY: boolean) => {
  const writes: Array<string> = []
  return {
    writes,
    output: {
      isTTY,
      columns: 60,
      write: (text: string) => {
        writes.push(text)
      }
    }
  }
}

describe("the screen", () => {
  it("writes plain lines without a terminal, whatever the changing line says", () => {
    const { output, writes } = terminal(false)
    const screen = new Screen(output, {})
    screen.live(() => "working")
    screen.line("one")
    screen.live(null)
    assert.deepStrictEqual(writes, ["one\n"])
    assert.strictEqual(screen.style.bold("x"), "x")
  })

  it("keeps the changing line below on a terminal, each change in one write, never wider than the screen", () => {
    const { output, writes } = terminal(true)
    const screen = new Screen(output, {})
    screen.live(() => "x".repeat(200))
    screen.line("one")
    screen.live(null)
    assert.isTrue(writes[0]?.startsWith("\r\u001b[2K"))
    assert.include(writes[1], "\r\u001b[2Kone\n")
    assert.notInclude(writes[1], "x".repeat(58))
    assert.strictEqual(writes.at(-1), "\r\u001b[2K")
  })

  it("has no colours when asked", () => {
    assert.strictEqual(new Screen(terminal(true).output, { NO_COLOR: "1" }).style.red("x"), "x")
    assert.isFalse(new Screen(terminal(true).output, { TERM: "dumb" }).isLive)
  })

  it("writes durations and tables", () => {
    assert.deepStrictEqual([0, 340, 4_100, 65_000].map(duration), ["0 ms", "340 ms", "4.1 s", "1 min 05 s"])
    assert.deepStrictEqual(
      table([
        ["a", "bb"],
        ["ccc", "d"]
      ]),
      ["a    bb", "ccc  d"]
    )
  })
})

describe("progress", () => {
  const run = (events: ReadonlyArray<Record<string, unknown> & { readonly type: string; readonly at: number }>) => {
    const { output, writes } = terminal(false)
    const progress = new Progress(new Screen(output, {}))
    events.forEach(({ at, ...event }, i) =>
      progress.take({ seq: i + 1, time: new Date(1_000_000 + at).toISOString(), ...event })
    )
    return { progress, text: writes.join("") }
  }
  const decided = (at: number, phase: string, action: string, actor: string, kind = "do", reason = "because") => ({
    type: "feature.decided",
    at,
    phase,
    action,
    actor,
    kind,
    reason,
    rule: "X",
    plan_task: null
  })

  it("shows steps, phases, who works and what is said, and adds the times up", () => {
    const { progress, text } = run([
      {
        type: "operation.planned",
        at: 0,
        steps: [
          { key: "repo", title: "Create the git repository" },
          { key: "tls", title: "Obtain the certificates" }
        ]
      },
      { type: "step.started", at: 0, key: "repo" },
      { type: "step.completed", at: 400, key: "repo", duration_ms: 400 },
      { type: "step.skipped", at: 410, key: "tls", reason: "plain HTTP" },
      decided(1_000, "draft", "create-spec", "agent"),
      { type: "agent.started", at: 1_000, agent: "scripted" },
      { type: "agent.message", at: 1_500, text: "Writing \u001b[31mspec\u001b[0m" },
      { type: "agent.ended", at: 3_000, ok: true, summary: "done" },
      { type: "feature.moved", at: 3_100, from: "draft", to: "implementation" },
      decided(3_100, "implementation", "run-ci", "platform"),
      { type: "ci.ended", at: 5_100, status: "red", reason: "test failed" },
      { type: "feature.moved", at: 5_200, from: "merge", to: "released" }
    ])
    for (const part of [
      "✓ Create the git repository",
      "400 ms",
      "– Obtain the certificates",
      "plain HTTP",
      "  draft\n",
      "│ Writing spec\n",
      "✓ create-spec",
      "2.0 s",
      "✗ run-ci",
      "test failed",
      "  released\n"
    ])
      assert.include(text, part)
    assert.isTrue(progress.released)
    const times = progress.times()
    assert.deepStrictEqual(
      [times.agentMillis, times.pipelineMillis, times.agentRuns, times.totalMillis],
      [2_000, 2_000, 1, 5_200]
    )
    assert.deepStrictEqual(
      [...times.phases],
      [
        ["draft", 2_100],
        ["implementation", 2_100]
      ]
    )
  })

  it("says when a person is asked", () => {
    const { progress, text } = run([decided(0, "draft", "approve-spec", "human", "approve", "spec awaits approval")])
    assert.deepStrictEqual(progress.waits, { action: "approve-spec", reason: "spec awaits approval" })
    assert.include(text, "spec awaits approval")
  })
})
