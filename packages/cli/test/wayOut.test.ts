/** What `rdev next` tells a person to type, and what `rdev tree run` says that it will take down. */
import { assert, describe, it } from "@effect/vitest"
import { wayOut } from "../src/commands/FeatureLines.ts"
import { endOf } from "../src/commands/Trees.ts"
import { rows } from "../src/Printing.ts"
import { Screen } from "../src/Screen.ts"
import { visible } from "../src/TerminalText.ts"

describe("what to type next", () => {
  const at = { project: "shop", feature: "health" }
  const cases: ReadonlyArray<readonly [action: string, actor: string, command: RegExp | null]> = [
    ["approve-spec", "human", /^rdev approve shop health$/],
    ["approve-review", "human", /^rdev approve shop health$/],
    ["approve-merge", "human", /^rdev approve shop health$/],
    ["accept-risk", "human", /^rdev approve shop health$/],
    ["confirm-action", "human", /^rdev approve shop health$/],
    ["await-escalation", "human", /^rdev answer shop health "<answer>"$/],
    ["unblock-task", "human", /^rdev unblock shop health task-003$/],
    ["await-resume", "human", /^rdev features resume shop health$/],
    ["approve-spec", "agent", /^rdev run shop health --follow$/],
    ["implement-task", "agent", /^rdev run shop health --follow$/],
    ["await-ci", "platform", /^rdev run shop health --follow$/],
    // Nothing that one command does.
    ["replan", "human", null],
    ["none", "platform", null]
  ]
  for (const [action, actor, command] of cases) {
    it(`${action}, for the ${actor}`, () => {
      const said = wayOut(at, { action, actor, task_id: "task-003" })
      if (command === null) assert.isNull(said)
      else assert.match(said ?? "", command)
    })
  }
})

describe("what a tree takes down at its end", () => {
  const tree = {
    teardown: [
      { id: "delete", title: "Delete the project" },
      { id: "tidy", title: null }
    ],
    vars: [{ name: "project_name" }, { name: "keep" }]
  }
  it("is said, with the way to keep it", () =>
    assert.strictEqual(
      endOf(tree, { project_name: "acme" }),
      "At its end it will: delete the project, tidy. With --var keep=true it leaves everything in place."
    ))
  it("is not said where it is kept, or where there is nothing", () => {
    assert.isNull(endOf(tree, { keep: "true" }))
    assert.isNull(endOf({ teardown: [], vars: [] }, {}))
  })
  it("promises no way to keep it that the tree does not have", () =>
    assert.strictEqual(endOf({ ...tree, vars: [] }, { keep: "true" }), "At its end it will: delete the project, tidy."))
})

describe("a list", () => {
  it("gives every item one line, whatever people wrote", () => {
    const screen = new Screen(process.stdout)
    const shown = rows([["TITLE", (row) => String(row["title"])]], "none")([{ title: "a\n\tb\u202e\u2028c" }], screen)
    assert.strictEqual(visible(shown[1]?.trim() ?? ""), "a b<U+202E> c")
  })
})
