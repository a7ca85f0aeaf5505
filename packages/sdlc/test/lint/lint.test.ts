import { describe, expect, it } from "vitest"
import * as Ears from "../../src/lint/Ears.ts"
import { format } from "../../src/lint/Finding.ts"
import { lint } from "../../src/lint/Lint.ts"
import * as Markdown from "../../src/lint/Markdown.ts"
import { cycle } from "../../src/lint/TaskPlan.ts"

const spec = `---
sdlc: { v: 1, kind: spec }
---
# Greeting

## Requirements

### REQ-001: Greet
When a visitor opens the page, the site shall greet the visitor by name.

#### SC-001: known visitor
- Given a visitor named Ada
- When Ada opens the page
- Then the page says "Hello Ada"

- **REQ-002**: If the name is missing, then the site shall show a neutral greeting.
  - **SC-002** Given no name, when the page opens, then it says "Hello"
`

const rules = (kind: Parameters<typeof lint>[0], text: string, upstream: string | null = null): ReadonlyArray<string> =>
  lint(kind, "x.md", text, upstream).findings.map((finding) => `${finding.line} ${finding.rule}`)

describe("EARS", () => {
  const forms: ReadonlyArray<readonly [string, string]> = [
    ["The pump shall stop.", "ubiquitous"],
    ["When the button is pressed, the pump shall stop.", "event"],
    ["While the tank is empty, the pump shall not run.", "state"],
    ["If the sensor fails, then the pump shall stop.", "unwanted"],
    ["Where a display is fitted, the pump SHALL show its speed.", "optional"],
    ["While running, when the lid opens, the pump shall stop.", "complex"],
    ["**When** `x` is set, the **system** shall answer.", "event"]
  ]
  it.each(forms)("%s is %s", (sentence, form) => {
    expect(Ears.parse(sentence)).toEqual({ _tag: "Ears", form })
  })
  const wrong: ReadonlyArray<readonly [string, string]> = [
    ["The pump stops.", "shall"],
    ["The pump shall.", "nothing follows"],
    ["When the button is pressed the pump shall stop.", "comma"],
    ["After a while, the pump shall stop.", "When, While, If or Where"],
    ["shall stop", "name the system"]
  ]
  it.each(wrong)("%s is refused", (sentence, problem) => {
    const parsed = Ears.parse(sentence)
    expect(parsed._tag === "Not" ? parsed.problem : "").toContain(problem)
  })
})

describe("spec", () => {
  it("accepts headings and list items", () => {
    const linted = lint("spec", "spec.md", spec, null)
    expect(linted.findings).toEqual([])
    expect(linted.requirements.map((requirement) => requirement.id)).toEqual(["REQ-001", "REQ-002"])
    expect(linted.scenarios.map((scenario) => [scenario.id, scenario.requirements])).toEqual([
      ["SC-001", ["REQ-001"]],
      ["SC-002", ["REQ-002"]]
    ])
  })
  it("names line and fix", () => {
    const linted = lint("spec", "f/spec.md", "# x\n\n### REQ-001\nThe site greets.\n", null)
    expect(format(linted.findings[0]!)).toMatch(/^f\/spec\.md:3: error requirement-form: REQ-001 .* Fix: write one of/)
    expect(linted.findings.map((finding) => finding.rule)).toEqual(["requirement-form", "requirement-without-scenario"])
  })
  it("finds duplicate, malformed and dangling ids", () => {
    expect(
      rules("spec", "- REQ-001 The a shall b.\n- REQ-001 The a shall c.\n- SC-1 (REQ-007) when x then y\n")
    ).toEqual([
      "2 duplicate-id",
      "3 id-form",
      "1 requirement-without-scenario",
      "2 requirement-without-scenario",
      "3 unknown-requirement"
    ])
  })
  it("does not read fences, comments or quoted code", () => {
    const text = `${spec}\n\`\`\`\n### REQ-009\n[NEEDS CLARIFICATION: a]\n\`\`\`\n<!-- [NEEDS CLARIFICATION: b]\n### REQ-010 -->\nThe marker \`[NEEDS CLARIFICATION: c]\` is quoted, \`\`[NEEDS CLARIFICATION: d]\`\` too.\n`
    const linted = lint("spec", "x", text, null)
    expect(linted.findings).toEqual([])
    expect(linted.clarifications).toEqual([])
  })
  it("lists open clarifications with their lines", () => {
    const linted = lint("spec", "x", `${spec}\n[NEEDS CLARIFICATION: which names?] and [needs clarification]\n`, null)
    expect(linted.clarifications.map((open) => open.question)).toEqual(["which names?", ""])
    expect(linted.clarifications[0]?.line).toBe(spec.split("\n").length + 1)
  })
  it("checks the front matter, inline and nested", () => {
    expect(rules("spec", spec.replace("kind: spec", "kind: tasks"))).toEqual(["2 front-matter"])
    expect(rules("design", '---\nowner: a\nsdlc:\n  v: 2\n  kind: "design"\nother: kind\n---\nText.')).toEqual([
      "3 front-matter"
    ])
    expect(rules("design", "---\nkind: whatever\n---\nText.")).toEqual([])
  })
  it("calls empty and oversized documents so", () => {
    expect(rules("spec", "---\na: 1\n---\n# Title only\n")).toEqual(["1 empty"])
    expect(rules("design", "a".repeat(1_000_001))).toEqual(["1 too-large"])
  })
})

describe("tasks", () => {
  const good = `## task-001: Page
- covers: REQ-001
- writes: \`src/**\`, test/**
- verify: \`npm test\`
- [x] task-002: Fallback
  - Covers: REQ-002
  - Depends on: task-001
  - Writes:
    - src/a.ts
    - src/b.ts
  - Verify: \`node --test\` and \`npm run lint\`
`
  it("reads the graph", () => {
    const linted = lint("tasks", "tasks.md", good, spec)
    expect(linted.findings).toEqual([])
    expect(linted.tasks.map(({ line: _line, ...task }) => task)).toEqual([
      {
        id: "task-001",
        title: "Page",
        ticked: false,
        deps: [],
        covers: ["REQ-001"],
        writes: ["src/**", "test/**"],
        verify: ["npm test"]
      },
      {
        id: "task-002",
        title: "Fallback",
        ticked: true,
        deps: ["task-001"],
        covers: ["REQ-002"],
        writes: ["src/a.ts", "src/b.ts"],
        verify: ["node --test", "npm run lint"]
      }
    ])
  })
  it("finds cycles, dangling references and what is not covered", () => {
    expect(
      rules(
        "tasks",
        "- task-001: a\n  - depends: task-002, task-009\n  - covers: REQ-001, REQ-009\n  - verify: x\n- task-002: b\n  - deps: task-001\n  - writes: a\n",
        spec
      )
    ).toEqual([
      "1 unknown-dependency",
      "1 unknown-requirement",
      "1 writes-missing",
      "5 covers-missing",
      "5 verify-missing",
      "1 dependency-cycle",
      "1 uncovered-requirement"
    ])
  })
  it("wants at least one task", () => {
    expect(rules("tasks", "# Plan\nnothing yet\n", spec)).toEqual(["1 no-tasks"])
  })
  it("does not check references without a spec", () => {
    expect(rules("tasks", good, null)).toEqual([])
  })
  it("names the cycle and survives a chain of 50,000 tasks", () => {
    expect(
      cycle([
        { id: "a", deps: ["b"] },
        { id: "b", deps: ["c"] },
        { id: "c", deps: ["b"] }
      ])
    ).toEqual(["b", "c", "b"])
    expect(
      cycle(Array.from({ length: 50_000 }, (_, index) => ({ id: String(index), deps: [String(index + 1)] })))
    ).toBeNull()
  })
})

describe("qa plan and design", () => {
  it("wants every scenario covered by a check with a method", () => {
    expect(
      rules(
        "qa-plan",
        "- QA-001 page (SC-001)\n  - run: `npm test`\n- QA-002 manual\n  - covers: SC-002\n  - manual: look\n",
        spec
      )
    ).toEqual([])
    expect(rules("qa-plan", "- QA-001 page\n  - covers: SC-001, SC-009\n", spec)).toEqual([
      "1 unknown-scenario",
      "1 method-missing",
      "1 uncovered-scenario"
    ])
  })
  it("wants known requirements in the design", () => {
    expect(rules("design", "The page meets REQ-001 and REQ-007.", spec)).toEqual([
      "1 unknown-requirement",
      "1 requirement-not-mentioned"
    ])
  })
})

describe("scanner", () => {
  it("keeps fences open until their own mark closes", () => {
    const document = Markdown.scan("a\n````\n```\nb\n````\nc\n~~~ x\nd")
    expect(document.lines.map((line) => (line.code ? "." : line.text))).toEqual([
      "a",
      ".",
      ".",
      ".",
      ".",
      "c",
      ".",
      "."
    ])
  })
  it("is linear on hostile input", () => {
    const hostile = [
      "`".repeat(200_000),
      "- ".repeat(100_000),
      "<!--".repeat(50_000),
      "[NEEDS CLARIFICATION".repeat(20_000),
      "**".repeat(100_000) + "REQ-001",
      "REQ-001 " + ",".repeat(200_000) + " shall x"
    ]
    for (const text of hostile) {
      const linted = lint("spec", "x", text, text)
      expect(linted.findings.length).toBeGreaterThan(0)
    }
  })
})
