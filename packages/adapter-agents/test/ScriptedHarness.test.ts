import { assert, describe, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { lint } from "@rdev/sdlc/lint/Lint"
import { Effect, Stream } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import fc from "fast-check"
import { stringify } from "yaml"
import * as ScriptedHarness from "../src/ScriptedHarness.ts"
import * as HostProcess from "./HostProcess.ts"

const scenarios = fileURLToPath(new URL("../scripted/scenarios/", import.meta.url))
const fill = (text: string) =>
  text
    .replaceAll("{{title}}", 'Greet & greet: "all" visitors, always')
    .replaceAll("{{file}}", "greeting")
    .replaceAll("{{slug}}", "greeting")

describe("scenarios", () => {
  for (const template of readdirSync(scenarios)) {
    const read = (kind: string) => fill(readFileSync(`${scenarios}${template}/documents/${kind}.md`, "utf8"))
    for (const kind of ["spec", "design", "tasks", "qa-plan"] as const) {
      it(`${template}: ${kind}.md passes the linter without a warning`, () => {
        const linted = lint(kind, `${kind}.md`, read(kind), kind === "spec" ? null : read("spec"))
        assert.deepStrictEqual(linted.findings, [])
        assert.deepStrictEqual(linted.clarifications, [])
      })
    }
    it(`${template}: every file of a task is one that the plan says it writes`, () => {
      const { tasks } = lint("tasks", "tasks.md", read("tasks"), null)
      for (const task of tasks) {
        const folder = `${scenarios}${template}/files/${task.id}`
        for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
          if (!entry.isFile()) continue
          const path = `${entry.parentPath}/${entry.name}`.slice(folder.length + 1).replace("__file__", "greeting")
          assert.include(task.writes, path, task.id)
        }
      }
    })
  }
})

describe("the title of a feature", () => {
  const written = (title: string) =>
    stringify({ v: 1, id: "01M8PC45QG38NAV5FS1W7XP36E", slug: "a-b", title, kind: "feature" })
  it("is what YAML says, however it is written", () => {
    const forms = {
      'title: "quoted \\"and\\" escaped \\u00e9\\n"': 'quoted "and" escaped é\n',
      "title: 'it''s'": "it's",
      "title: plain # comment": "plain",
      "title: >-\n  folded\n  text": "folded text",
      "title: |\n  first\n  second": "first\nsecond\n",
      "title: plain that goes on\n  in the next line": "plain that goes on in the next line",
      '"title": quoted key': "quoted key",
      "title: 2026": "2026",
      "\ufefftitle: after a mark": "after a mark"
    }
    for (const [line, title] of Object.entries(forms))
      assert.strictEqual(ScriptedHarness.titleOf(`${line}\nv: 1\n`, "a-b"), title, line)
  })
  it("is the slug where there is none", () => {
    for (const text of [
      null,
      "",
      "v: 1\n",
      "title: [a]\n",
      "title: {}\n",
      "title:\n",
      "title: 'open\n",
      "- title: a\n",
      "\t: :\n"
    ])
      assert.strictEqual(ScriptedHarness.titleOf(text, "a-b"), "a b", String(text))
  })
  it("survives being written", () =>
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 120 }), (title) => {
        assert.strictEqual(ScriptedHarness.titleOf(written(title), "a-b"), title)
      })
    ))
})

describe("the scripted agent", () => {
  const run = Effect.fnUntraced(function* (change: {
    readonly action?: string
    readonly fault?: string
    readonly template?: string
  }) {
    const host = yield* WorkspaceHost
    const workspace = yield* host.ensure({ projectId: yield* NewId.make("proj"), name: "w", network: "none" })
    const job = {
      workspace,
      command: "x",
      action: change.action ?? "create-spec",
      feature: "greeting",
      taskId: null,
      prompt: "",
      env: { RDEV_SCRIPT_FAULT: change.fault ?? "" },
      timeoutMillis: 30_000,
      budgetUsd: null
    }
    return yield* Effect.flip(Stream.runDrain(ScriptedHarness.make(host).run(job)))
  })
  it.live("says which templates it plays when it is given another repository", () =>
    Effect.gen(function* () {
      const error = yield* run({})
      assert.strictEqual(error.reason._tag, "AgentFault")
      assert.match(
        error.message,
        /plays the templates default, node-api only, and this repository is of no template: choose a real agent/
      )
    }).pipe(Effect.provide(HostProcess.layer()))
  )
  it.live("refuses an action it does not know", () =>
    Effect.gen(function* () {
      assert.match((yield* run({ action: "write-poetry" })).message, /does not know the action "write-poetry"/)
    }).pipe(Effect.provide(HostProcess.layer({ template: "default" })))
  )
  it.live("refuses a fault it does not know, with the list", () =>
    Effect.gen(function* () {
      const error = yield* run({ fault: "explode" })
      assert.deepInclude(error.reason, { _tag: "Invalid", field: "RDEV_SCRIPT_FAULT" })
      assert.match(error.message, /"explode" is not a fault; known are bad-spec, /)
    }).pipe(Effect.provide(HostProcess.layer({ template: "default" })))
  )
  it.live("crashes with exit code 70 when told so", () =>
    Effect.gen(function* () {
      const error = yield* run({ fault: "crash" })
      assert.strictEqual(error.reason._tag, "AgentFault")
      assert.match(error.message, /exit code 70/)
    }).pipe(Effect.provide(HostProcess.layer({ template: "default" })))
  )
  it.live("a fault may be limited to one action", () =>
    Effect.gen(function* () {
      // Without the fault the action runs, and fails here for want of a repository.
      assert.notMatch((yield* run({ fault: "crash@audit" })).message, /exit code 70/)
    }).pipe(Effect.provide(HostProcess.layer({ template: "default" })))
  )
})
