/**
 * The scripted agent on the real templates, from draft to released: as processes, against the real `sdlc` command line, with git.
 * `sdlc apply` stands in for the platform here; the platform's own tests have the rest.
 */
import { ScriptedHarness } from "@rdev/adapter-agents"
import { Templates } from "@rdev/core/ports/infra/Templates"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { sdlcProgram } from "../../src/Installation.ts"
import * as TemplatesDisk from "../../src/TemplatesDisk.ts"

const folders: Array<string> = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** In one file, as workspaces get it: from the sources a test would spend most of its time in loading them. */
const program = sdlcProgram()

/** A repository of the template with one feature, and a PATH on which `sdlc` and this node stand first. */
const project = async (template: string, title: string, policy: (text: string) => string) => {
  const root = mkdtempSync(join(tmpdir(), "rdev-feature-"))
  folders.push(root)
  const bin = join(root, "bin")
  const work = join(root, "work")
  mkdirSync(bin)
  writeFileSync(join(bin, "sdlc"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`)
  chmodSync(join(bin, "sdlc"), 0o755)
  symlinkSync(process.execPath, join(bin, "node"))
  const env = {
    PATH: `${bin}:${process.env["PATH"] ?? ""}`,
    HOME: root,
    GIT_CONFIG_NOSYSTEM: "1",
    NODE_COMPILE_CACHE: join(root, "cache")
  }
  const run = (
    program: string,
    args: ReadonlyArray<string>,
    more: { readonly env?: Record<string, string>; readonly input?: string } = {}
  ) => {
    const ran = spawnSync(program, args, {
      cwd: work,
      env: { ...env, ...more.env },
      encoding: "utf8",
      maxBuffer: 67_108_864,
      input: more.input ?? ""
    })
    return { code: ran.status ?? -1, out: ran.stdout, all: `${ran.stdout}${ran.stderr}` }
  }
  const must = (program: string, ...args: ReadonlyArray<string>) => {
    const ran = run(program, args)
    if (ran.code !== 0) throw new Error(`${program} ${args.join(" ")}: ${ran.all}`)
    return ran
  }
  const files = await Effect.runPromise(
    Effect.provide(
      Templates.use((templates) =>
        templates.files(template, { project: "hello", description: 'A "small" site.', defaultBranch: "main" })
      ),
      TemplatesDisk.layer()
    )
  )
  for (const file of files) {
    mkdirSync(dirname(join(work, file.path)), { recursive: true })
    writeFileSync(
      join(work, file.path),
      file.path === ".sdlc/policy.yaml" ? policy(String(file.content)) : (file.content ?? "")
    )
  }
  must("git", "init", "-q", "-b", "main")
  must("git", "config", "user.name", "Ada")
  must("git", "config", "user.email", "ada@example.org")
  must("git", "add", "-A")
  must("git", "commit", "-q", "-m", "seed")
  must("sdlc", "new", "greeting", "--title", title)
  must("git", "add", "-A")
  must("git", "commit", "-q", "-m", "new")
  return { work, run, must }
}
type Project = Awaited<ReturnType<typeof project>>

const checks = ["node tools/lint.mjs", "node --test", "node tools/build.mjs"]
const maxSteps = 70

/** Plays until nobody but a person can go on; answers with what agents did. `human` may act when a person is asked. */
const drive = async ({ must, run, work }: Project, fault: string, human: (action: string) => boolean = () => false) => {
  const actions: Array<string> = []
  for (let step = 0; step < maxSteps; step++) {
    must("git", "add", "-A")
    run("git", ["commit", "-q", "-m", `step ${step}`])
    const { code, out } = run("sdlc", ["next", "greeting", "--json"])
    if (code === 30) return { actions, ended: "released" }
    const decision = JSON.parse(out) as { readonly action: string; readonly actor: string; readonly taskId?: string }
    if (code === 20 && human(decision.action)) continue
    if (code !== 0) return { actions, ended: decision.action }
    if (decision.actor !== "agent") {
      // As far as it goes: it stops by itself where something has to be committed first.
      run("sdlc", ["apply", "greeting", "--all", ...checks.flatMap((check) => ["--ci", check])])
      continue
    }
    actions.push(decision.taskId === undefined ? decision.action : `${decision.action} ${decision.taskId}`)
    const input = await ScriptedHarness.program(
      { action: decision.action, command: "", feature: "greeting", taskId: decision.taskId ?? null },
      fault,
      readFileSync(join(work, ScriptedHarness.featureFile("greeting")), "utf8")
    )
    const ran = run("node", ["--input-type=module", "-"], {
      input,
      env: { SDLC_PRINCIPAL: "agent:scripted", SDLC_SESSION: `step-${step}` }
    })
    if (ran.code !== 0) throw new Error(`${decision.action}: ${ran.all.split("\n").slice(-6).join("\n")}`)
  }
  return { actions, ended: "too many steps" }
}

const noDeploy = (text: string) => text.replace(/^deploy: .*$/m, "deploy: none")

describe("the scripted agent takes a feature from draft to released", () => {
  it("default: with people at the gates, an open question and a rejection", { timeout: 240_000 }, async () => {
    const made = await project("default", 'Greet every visitor & "friends" <kindly>', (text) =>
      noDeploy(text).replace(/^ {2}(spec|design): auto/gm, "  $1: human")
    )
    const asked: Array<string> = []
    const { actions, ended } = await drive(made, "unclear-spec", (action) => {
      asked.push(action)
      if (action === "clarify-spec") {
        const path = join(made.work, ".sdlc/features/greeting/spec.md")
        writeFileSync(path, readFileSync(path, "utf8").replace(/\n## Open\n.*\n/, ""))
        return true
      }
      const gate = action.replace("approve-", "")
      const first = asked.filter((one) => one === action).length === 1
      const verdict =
        gate === "design" && first
          ? ["reject", gate, "greeting", "--reason", "say more about styles"]
          : ["approve", gate, "greeting"]
      made.must("sdlc", ...verdict, "--as-human")
      return true
    })
    expect([ended, asked]).toEqual(["released", ["clarify-spec", "approve-spec", "approve-design", "approve-design"]])
    expect(actions).toEqual([
      "create-spec",
      "submit-spec",
      "create-design",
      "revise-design",
      "create-tasks",
      "create-qa-plan",
      "implement-task task-001",
      "implement-task task-002",
      "implement-task task-003",
      "review-code",
      "audit",
      "run-qa",
      "sync-specs"
    ])
    expect(readFileSync(join(made.work, ".sdlc/features/greeting/design.md"), "utf8")).toContain("## Revision 1")
    expect(readFileSync(join(made.work, ".sdlc/specs/greeting/spec.md"), "utf8")).toContain("REQ-001")
    made.must("node", "tools/build.mjs")
    const page = readFileSync(join(made.work, "dist/index.html"), "utf8")
    expect(page).toContain('<a href="#greeting">')
    expect(page).toContain("<h2>Greet every visitor &amp; &quot;friends&quot; kindly</h2>")
    expect(readFileSync(join(made.work, "dist/style.css"), "utf8")).toContain('[id="greeting"]')
  })

  it("node-api: with every mistake that a repair action makes good", { timeout: 240_000 }, async () => {
    const made = await project("node-api", "Greet clients by name", (text) =>
      noDeploy(text).replace(/^maxRework: .*$/m, "maxRework: 9")
    )
    const { actions, ended } = await drive(
      made,
      "bad-spec,failing-verify,failing-test,review-changes,audit-finding,qa-fail"
    )
    expect(ended).toBe("released")
    expect(actions).toEqual([
      "create-spec",
      "fix-spec",
      "create-design",
      "create-tasks",
      "create-qa-plan",
      "implement-task task-001",
      "retry-task task-001",
      "implement-task task-002",
      "review-code",
      "plan-fixes",
      "implement-task task-901",
      "review-code",
      "audit",
      "plan-fixes",
      "implement-task task-902",
      "review-code",
      "audit",
      "run-qa",
      "plan-fixes",
      "implement-task task-903",
      "review-code",
      "audit",
      "run-qa",
      "sync-specs"
    ])
    expect(readFileSync(join(made.work, "docs/greeting.md"), "utf8")).toMatch(/## Review[\s\S]*## Audit[\s\S]*## Qa/)
    for (const check of checks) made.must("sh", "-c", check)
  })

  it("default: two features in the same list conflict, and both stay", { timeout: 120_000 }, async () => {
    // As awkward as titles get: it stands in YAML, headings, comments, strings and pages.
    const title = '- Say "hi": it\'s #1, 50% {off}\n\tשלום \u202e\u2066 \\n */ ${x} `y` 🎉 👩‍👩‍👧‍👦👩‍👩‍👧‍👦 مرحبا'
    const made = await project("default", title, noDeploy)
    const play = async (action: string, env: Record<string, string> = {}) => {
      const file = readFileSync(join(made.work, ScriptedHarness.featureFile("greeting")), "utf8")
      const input = await ScriptedHarness.program({ action, command: "", feature: "greeting", taskId: null }, "", file)
      return made.run("node", ["--input-type=module", "-"], {
        input,
        env: { SDLC_PRINCIPAL: "agent:scripted", ...env }
      })
    }
    made.must("git", "switch", "-q", "-c", "feature/greeting")
    expect((await play("fix-ci")).code).toBe(0)
    const section = readFileSync(join(made.work, "src/sections/greeting.mjs"), "utf8")
    expect(section).toContain(
      String.raw`title: "- Say \"hi\": it's #1, 50% {off} שלום \\n * / ${"${x}"} y 🎉 👩‍👩‍👧‍👦👩‍👩‍👧‍👦 مرحبا",`
    )
    expect(section).toMatch(/^\/\/ - Say "hi": it's #1/)
    made.must("git", "add", "-A")
    made.must("git", "commit", "-q", "-m", "greeting")
    made.must("git", "switch", "-q", "main")
    const site = join(made.work, "src/site.mjs")
    writeFileSync(
      join(made.work, "src/sections/news.mjs"),
      'export default { id: "news", title: "News", label: "News", paragraphs: ["Nothing new."] }\n'
    )
    writeFileSync(
      site,
      readFileSync(site, "utf8")
        .replace("import welcome", 'import news from "./sections/news.mjs"\nimport welcome')
        .replace("    welcome\n", "    welcome,\n    news\n")
    )
    made.must("git", "add", "-A")
    made.must("git", "commit", "-q", "-m", "news")
    made.must("git", "switch", "-q", "feature/greeting")
    const ran = await play("resolve-conflicts")
    expect(ran.all).toContain("Both entries are kept")
    expect(readFileSync(site, "utf8")).toMatch(/sections: \[\n {4}welcome,\n {4}news,\n {4}greetingSection\n {2}\]/)
    expect(made.must("git", "status", "--porcelain").out).toBe("")
    for (const check of checks) made.must("sh", "-c", check)

    // A conflict it does not understand is left as it was, for somebody who does.
    writeFileSync(join(made.work, "README.md"), "ours\n")
    made.must("git", "commit", "-q", "-am", "ours")
    made.must("git", "switch", "-q", "main")
    writeFileSync(join(made.work, "README.md"), "theirs\n")
    made.must("git", "commit", "-q", "-am", "theirs")
    made.must("git", "switch", "-q", "feature/greeting")
    const refused = await play("resolve-conflicts", { RDEV_BASE: "main" })
    expect(refused.code).toBe(1)
    expect(refused.all).toContain("README.md needs a real agent or a person")
    expect(made.must("git", "status", "--porcelain").out).toBe("")
  })
})
