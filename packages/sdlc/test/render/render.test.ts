import { describe, expect, it } from "vitest"
import { allRules, table } from "../../src/classify/Table.ts"
import { all } from "../../src/cli/Help.ts"
import { commandFor, commands } from "../../src/commands/Commands.ts"
import * as Render from "../../src/render/Render.ts"

const rules = [...allRules, ...table.guards]
const agentActions = [...new Set(rules.filter((rule) => rule.actor === "agent").map((rule) => rule.action))]

describe("the fifteen agent commands", () => {
  it("are the ones of the design", () => {
    expect(commands.map((command) => command.id)).toEqual([
      "next",
      "run",
      "status",
      "import",
      "specify",
      "clarify",
      "design",
      "tasks",
      "qa-plan",
      "implement",
      "review",
      "audit",
      "qa",
      "fix",
      "ship"
    ])
  })
  it.each(agentActions)("%s is handled by exactly one", (action) => {
    expect(commands.filter((command) => command.handles.includes(action)).map((command) => command.id)).toHaveLength(1)
    expect(commandFor(action)).not.toBeNull()
  })
  it("handle no action that the table does not know, nor one of the platform", () => {
    const known = new Map(rules.map((rule) => [rule.action, rule.actor]))
    for (const action of commands.flatMap((command) => command.handles)) {
      expect(known.has(action)).toBe(true)
      // Clarifying needs a person in the conversation; everything else is an agent's own.
      expect(action.startsWith("clarify-") ? "human" : "agent").toBe(known.get(action))
    }
    for (const rule of rules.filter((one) => one.actor === "platform" || one.actor === "policy"))
      expect(commandFor(rule.action)).toBeNull()
  })
  it("never tell an agent to approve, merge or deploy by a command", () => {
    for (const command of commands) expect(command.body).not.toMatch(/`sdlc (approve|reject|waive|gate|answer|keys)\b/)
  })
  it("only use commands and flags that the tool has", () => {
    const entries = all()
    const flags = ["json", "feature", "cwd", "help"]
    for (const command of commands) {
      for (const [, line = ""] of command.body.matchAll(/`sdlc ([^`]+)`/g)) {
        const [verb = ""] = line.split(" ")
        if (!/^[a-z]/.test(verb)) continue
        const entry = entries[verb]
        expect(`${command.id}: sdlc ${verb} ${entry === undefined ? "unknown" : "known"}`).toBe(
          `${command.id}: sdlc ${verb} known`
        )
        for (const [, flag = ""] of line.matchAll(/ --([a-z-]+)/g))
          expect([...flags, ...Object.keys(entry?.spec.flags ?? {})]).toContain(flag)
      }
    }
  })
})

describe("rendered files", () => {
  it.each(Render.harnesses)("%s", async (harness) => {
    for (const file of Render.render(harness))
      await expect(file.content).toMatchFileSnapshot(
        `golden/${harness}/${file.path.replace(/^\./, "").replaceAll("/", "-")}`
      )
  })
  it("stand where the harness looks", () => {
    expect(Render.render("claude").map((file) => file.path)).toContain(".claude/skills/sdlc-implement/SKILL.md")
    expect(Render.render("opencode").map((file) => file.path)).toContain(".opencode/commands/sdlc-implement.md")
    expect(Render.render("codex").map((file) => file.path)).toContain(".agents/skills/sdlc-implement/SKILL.md")
    for (const harness of Render.harnesses) expect(Render.render(harness)).toHaveLength(15)
  })
  it("leave no placeholder behind, and pass arguments as each harness does", () => {
    for (const harness of Render.harnesses) {
      for (const file of Render.render(harness)) {
        expect(file.content).not.toContain("{{")
        expect(file.content.includes("$ARGUMENTS")).toBe(harness !== "codex" && !/sdlc-(none)/.test(file.path))
      }
    }
  })
  it("keep run and ship for people", () => {
    const user = Render.render("claude")
      .filter((file) => file.content.includes("disable-model-invocation: true"))
      .map((file) => file.path)
    expect(user).toEqual([".claude/skills/sdlc-run/SKILL.md", ".claude/skills/sdlc-ship/SKILL.md"])
  })
})

describe("the block in AGENTS.md", () => {
  it("is short", async () => {
    expect(Render.agentsBlock.split("\n").length).toBeLessThanOrEqual(15)
    await expect(`${Render.agentsBlock}\n`).toMatchFileSnapshot("golden/AGENTS.md")
  })
  it("is put in once and replaced in place", () => {
    const own = "# Ours\n\nBe kind.\n"
    const first = Render.withAgentsBlock(own) ?? ""
    expect(first).toBe(`${own}\n${Render.agentsBlock}\n`)
    expect(Render.withAgentsBlock(first)).toBe(first)
    const older = first.replace("## Life cycle", "## Something older") + "\nMore.\n"
    expect(Render.withAgentsBlock(older)).toBe(`${first}\nMore.\n`)
    expect(Render.withAgentsBlock(undefined)).toBe(`${Render.agentsBlock}\n`)
  })
  it("leaves a text with half a block alone", () => {
    expect(Render.withAgentsBlock(`${Render.begin}\nno end`)).toBeNull()
    expect(Render.withAgentsBlock(`${Render.end}\n${Render.begin}`)).toBeNull()
    expect(Render.withAgentsBlock(`${Render.begin}\n${Render.begin}\n${Render.end}`)).toBeNull()
  })
})
