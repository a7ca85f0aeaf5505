/** What is rendered is run for real, by `sh`, as a runner would: what the log then says is what the reader must make of it. */
import { assert, describe, it } from "@effect/vitest"
import { ProjectId, RunId } from "@rdev/core/domain/Ids"
import type { CiEvent } from "@rdev/core/ports/infra/Ci"
import * as fc from "fast-check"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse as parseYaml } from "yaml"
import * as RunName from "../../src/actions/RunName.ts"
import * as Workflow from "../../src/actions/Workflow.ts"
import { WorkflowLog } from "../../src/actions/WorkflowLog.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"

const id = RunId.make("run_01HZZZZZZZZZZZZZZZZZZZZZZZ")
const setting: Workflow.Setting = { runsOn: "ubuntu-latest", stepSeconds: 20, lastStart: 4e9, project: "shop" }
const hostile = 'it\'s "$HOME" `id` $(id) ${{ github.token }} \\n ünïcode'

interface Job {
  readonly steps: ReadonlyArray<{
    readonly name: string
    readonly if?: string
    readonly run: string
    readonly env?: Record<string, string>
  }>
}
const jobOf = (text: string): Job & { readonly "runs-on": string; readonly "timeout-minutes": number } =>
  (parseYaml(text) as { readonly jobs: { readonly pipeline: never } }).jobs.pipeline

/** Runs every step of the job as a runner does (`sh -e`), on a repository of these files; answers with the log it would keep. */
const runner = (pipeline: string, run: Partial<RunName.Named> = {}, change: Partial<Workflow.Setting> = {}) => {
  const root = mkdtempSync(join(tmpdir(), "rdev-workflow-"))
  try {
    const [origin, workspace] = [join(root, "a", "b.git"), join(root, "work")]
    mkdirSync(origin, { recursive: true })
    mkdirSync(workspace)
    const git = (...args: ReadonlyArray<string>) =>
      execFileSync("git", [...args], {
        cwd: origin,
        encoding: "utf8",
        env: {
          PATH: process.env["PATH"],
          HOME: root,
          GIT_AUTHOR_NAME: "a",
          GIT_AUTHOR_EMAIL: "a@b",
          GIT_COMMITTER_NAME: "a",
          GIT_COMMITTER_EMAIL: "a@b"
        }
      }).trim()
    git("init", "-q", ".")
    mkdirSync(join(origin, "sub dir"))
    writeFileSync(join(origin, "sub dir", "file.txt"), "content\n")
    git("add", "-A")
    git("commit", "-q", "-m", "x")
    const sha = git("rev-parse", "HEAD")
    const named: RunName.Named = { id, sha, event: "pull_request", branch: "feature/x", ...run }
    const parsed = Pipeline.parse(pipeline, ".woodpecker.yml")
    const text = Workflow.render(parsed, named, { ...setting, ...change })
    assert.strictEqual(text, Workflow.render(parsed, named, { ...setting, ...change }), "the same again")
    let [log, failed] = ["", false]
    const codes: Array<number | null> = []
    for (const step of jobOf(text).steps) {
      if (failed && step.if === undefined) continue
      assert.notMatch(step.run, /\$\{\{/, "nothing in a script is an expression of the server's")
      const ended = spawnSync("sh", ["-e", "-c", step.run], {
        cwd: workspace,
        encoding: "utf8",
        env: {
          PATH: process.env["PATH"],
          HOME: root,
          GITHUB_WORKSPACE: workspace,
          ACTIONS_RUNTIME_TOKEN: "runner-secret",
          ...(step.env === undefined
            ? {}
            : { FETCH_TOKEN: "t", FETCH_SERVER: `file://${root}/`, FETCH_REPOSITORY: "a/b" })
        }
      })
      codes.push(ended.status)
      failed ||= ended.status !== 0
      log += ended.stdout + ended.stderr
    }
    const reader = new WorkflowLog(
      parsed.steps.map(({ name }) => name),
      RunName.nonceOf(id)
    )
    const stamped = log
      .split("\n")
      .slice(0, -1)
      .map((line) => `2026-01-01T00:00:00.5Z ${line}\n`)
      .join("")
    const events = [...reader.push(Buffer.from(stamped)), ...reader.end()]
    return { events, summary: reader.summary, failed, codes, stamped, names: parsed.steps.map(({ name }) => name) }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
const lines = (events: ReadonlyArray<CiEvent>) =>
  events.flatMap((event) => (event._tag === "Output" ? [event.line] : []))
const states = ({ summary, names }: ReturnType<typeof runner>) =>
  names.map((name, index) => [name, summary.steps.get(index)?.status, summary.steps.get(index)?.exitCode])

describe("a rendered workflow", () => {
  it("fetches the commit and runs each step with its variables, folder and text as they are written", () => {
    const ran = runner(
      [
        "steps:",
        "  - name: one",
        `    environment: { GREETING: ${JSON.stringify(hostile)} }`,
        `    commands: [ 'printf "%s\\n" "$GREETING" "$CI $CI_STEP_NAME $CI_COMMIT_BRANCH $CI_PIPELINE_EVENT"', "printf partial" ]`,
        "  - name: two",
        "    directory: sub dir",
        `    commands: [ "cat file.txt", "pwd", "echo [$ACTIONS_RUNTIME_TOKEN] '\${{ secrets.X }}'", "cat" ]`,
        ""
      ].join("\n")
    )
    assert.deepStrictEqual(states(ran), [
      ["one", "success", 0],
      ["two", "success", 0]
    ])
    assert.isFalse(ran.failed)
    const said = lines(ran.events)
    assert.include(said, hostile)
    assert.include(said, "true one feature/x pull_request")
    assert.include(said, "partial", "a line without an end is not lost")
    assert.include(said, "content")
    assert.include(said, "[] ${{ secrets.X }}", "neither the runner's token nor an expression")
    assert.strictEqual(ran.summary.start, "ready")
  })

  it("stops at the first command that fails, skips what follows, and runs what waits for a failure", () => {
    const ran = runner(
      "steps:\n  - {name: flaky, commands: [ 'exit 9' ], failure: ignore}\n  - {name: tag, commands: [ 'exit 1' ], when: {event: tag}}\n  - {name: bad, commands: [ 'echo 1 failed', 'false', 'echo never' ]}\n  - {name: after, commands: [ 'true' ]}\n  - {name: cleanup, commands: [ 'echo cleaned' ], when: {status: [failure]}}\n  - {name: both, commands: [ 'true' ], when: {status: [success, failure]}}\n"
    )
    assert.deepStrictEqual(states(ran), [
      ["flaky", "failure", 9],
      ["tag", "skipped", null],
      ["bad", "failure", 1],
      ["after", "skipped", null],
      ["cleanup", "success", 0],
      ["both", "success", 0]
    ])
    assert.isTrue(ran.failed)
    assert.include(lines(ran.events), "cleaned")
    assert.notInclude(lines(ran.events), "never")
    assert.deepStrictEqual(ran.codes, [0, 0, 0, 1, 0, 0, 0])
  })

  it("ends a step that takes too long, and says so", () => {
    const ran = runner("steps:\n  - {name: wait, commands: [ 'sleep 60' ]}\n", {}, { stepSeconds: 1 })
    assert.deepStrictEqual(states(ran), [["wait", "failure", null]])
    assert.strictEqual(ran.summary.steps.get(0)?.slow, true)
  })

  it("runs nothing when a runner comes too late, or the commit cannot be fetched", () => {
    const late = runner("steps:\n  - {name: a, commands: [ 'true' ]}\n", {}, { lastStart: 1 })
    assert.strictEqual(late.summary.start, "late")
    assert.isTrue(late.failed)
    assert.deepStrictEqual(states(late), [["a", undefined, undefined]])
    const gone = runner("steps:\n  - {name: a, commands: [ 'true' ]}\n", { sha: "0".repeat(40) })
    assert.strictEqual(gone.summary.start, "none")
    assert.isTrue(gone.failed)
    assert.isNotEmpty(gone.summary.aside)
  })

  it("says why a pipeline cannot be run, whatever it says", () => {
    const why = `.woodpecker.yml:3: step "${hostile}"`
    const [step] = jobOf(
      Workflow.renderBroken(why, { id, sha: "a".repeat(40), event: "push", branch: "main" }, setting)
    ).steps
    const { status, stdout } = spawnSync("sh", ["-e", "-c", step?.run ?? ""], { encoding: "utf8" })
    assert.strictEqual(status, 1)
    const reader = new WorkflowLog([], RunName.nonceOf(id))
    reader.push(Buffer.from(stdout))
    assert.deepInclude(reader.summary, { start: "broken", broken: why })
  })

  it("is read the same wherever its log is divided, and a step that prints our lines changes no other", () => {
    const forged = `##rdev ${RunName.nonceOf(id)}`
    const ran = runner(
      `steps:\n  - {name: a, commands: [ "echo '${forged} end 1 0'; echo '${forged} broken eA=='; echo '##rdev 0000 end 0 1'; exit 3" ]}\n  - {name: b, commands: [ 'true' ]}\n`
    )
    assert.deepStrictEqual(states(ran), [
      ["a", "failure", 3],
      ["b", "skipped", null]
    ])
    assert.isNull(ran.summary.broken)
    const bytes = Buffer.from(ran.stamped)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const reader = new WorkflowLog(ran.names, RunName.nonceOf(id))
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length]
        const events = at.slice(1).flatMap((to, index) => reader.push(bytes.subarray(at[index] ?? 0, to)))
        assert.deepStrictEqual([...events, ...reader.end()], ran.events)
      }),
      { numRuns: 50 }
    )
  })
})

describe("the name of a run", () => {
  const projectId = ProjectId.make("proj_01HZZZZZZZZZZZZZZZZZZZZZZZ")
  it("is the same branch for a key at any time, another for another key or project, and is read from its title", () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 300 }),
        fc.integer({ min: 0, max: 4e12 }),
        fc.integer({ min: 0, max: 4e12 }),
        (key, a, b) => {
          const [one, two] = [RunName.idOf(projectId, key, a), RunName.idOf(projectId, key, b)]
          assert.isTrue(RunId.make(one) === one)
          assert.strictEqual(RunName.branchOf(one), RunName.branchOf(two))
          assert.strictEqual(RunName.beganMillis(one), a)
          assert.notStrictEqual(RunName.branchOf(RunName.idOf(projectId, `${key}.`, a)), RunName.branchOf(one))
          const named = { id: one, sha: "b".repeat(40), event: "push", branch: "feature/x" }
          assert.deepStrictEqual(RunName.parse(`${RunName.titleOf(named)}\n\nmore`), named)
          assert.deepStrictEqual(
            RunName.parse(RunName.titleOf({ ...named, branch: "x".repeat(250) }).slice(0, 255))?.id,
            one
          )
        }
      ),
      { numRuns: 100 }
    )
  })
  it("is nothing else", () => {
    for (const text of ["", "CI", "CI run_x of y for z on w", "Merge CI run_01HZZZZZZZZZZZZZZZZZZZZZZZ of main"])
      assert.isNull(RunName.parse(text))
  })
})
