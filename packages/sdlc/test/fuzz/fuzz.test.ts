import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { run } from "../../src/cli/Run.ts"
import { decide } from "../../src/derive/Decide.ts"
import { upstreamOf } from "../../src/derive/Verdicts.ts"
import type { FeatureDecision } from "../../src/model/Decision.ts"
import type { Observed } from "../../src/model/Observed.ts"
import { type Phase, phaseIndex } from "../../src/model/Phase.ts"
import * as Disk from "../../src/repo/Disk.ts"
import * as Repo from "../../src/repo/Repo.ts"
import { stateOf } from "../../src/repo/State.ts"
import { agent, append, human, put, spec, withFeature } from "../repo/Trees.ts"

const tree = "code1:aa"
const observed: Observed = { head: { sha: "aa", tree }, branch: { relation: "ok" } }
const now = 1_900_000_000_000

/** A feature that went to review, back to draft because its spec changed, and to review again. */
const intact = (): Map<string, string> => {
  const files = withFeature()
  const dir = ".sdlc/features/hello"
  let clock = 1_700_000_100_000
  const record = (draft: Repo.Draft, actor = human): void => void append(files, "hello", draft, (clock += 1000), actor)
  const evidence = Repo.evidenceFile("hello", {
    _type: "https://in-toto.io/Statement/v1",
    subject: [],
    predicateType: "x",
    predicate: {}
  })
  put(files, [evidence])
  files.set(".sdlc/policy.yaml", `${files.get(".sdlc/policy.yaml") ?? ""}presets:\n  strict:\n    reviewers: 2\n`)
  files.set(`${dir}/spec.md`, spec.replace("by name", "politely"))
  files.set(`${dir}/design.md`, "# Design\nREQ-001 in one place.\n")
  files.set(`${dir}/tasks.md`, "- task-001: Greet\n  - covers: REQ-001\n  - writes: src/**\n  - verify: `true`\n")
  files.set(`${dir}/qa-plan.md`, "- QA-001 greets\n  - covers: SC-001\n  - run: `true`\n")
  const perform = (decision: FeatureDecision): boolean => {
    const loaded = Repo.load(files, "hello")
    const state = stateOf(loaded, observed)
    const document = /^(?:submit|reconcile|approve)-(spec|design|tasks|qa-plan)$/.exec(decision.action)?.[1] as
      | "spec"
      | "design"
      | "tasks"
      | "qa-plan"
      | undefined
    if (decision.kind === "move")
      record({
        type: "phase-moved",
        data: { from: state.phase, to: decision.to as Phase, rule: decision.rule, reason: decision.reason }
      })
    else if (document !== undefined && decision.action.startsWith("approve"))
      record({ type: "verdict", data: { gate: document, subject: state.documents[document].hash, verdict: "approve" } })
    else if (document !== undefined)
      record(
        {
          type: "artifact-submitted",
          data: { kind: document, hash: state.documents[document].hash ?? "", upstream: upstreamOf(state, document) }
        },
        agent
      )
    else if (decision.action === "claim-slot") record({ type: "claim-taken", data: {} })
    else if (decision.action === "provision-workspace")
      record({ type: "branch-provisioned", data: { branch: "sdlc/hello" } })
    else if (decision.action === "materialise-tasks")
      record({
        type: "tasks-materialised",
        data: { planHash: state.documents.tasks.hash, tasks: [...(state.documents.tasks.tasks ?? [])] }
      })
    else if (decision.action === "implement-task") record({ type: "task-claimed", data: { task: "task-001" } }, agent)
    else if (decision.action === "verify-task")
      record({ type: "task-verified", data: { task: "task-001", evidence: evidence.digest } })
    else if (decision.action === "open-pr") record({ type: "pr-opened", data: { number: 1 } })
    else if (decision.action === "run-ci")
      record({ type: "ci-recorded", data: { tree, sha: "aa", run: "1", status: "passed" } })
    else return false
    return true
  }
  const settle = (): void => {
    for (let step = 0; step < 80; step++) {
      const loaded = Repo.load(files, "hello")
      if (!perform(decide(stateOf(loaded, observed), loaded.policy, now))) return
    }
  }
  settle()
  files.set(`${dir}/spec.md`, spec)
  settle()
  return files
}

const base = intact()
const paths = [...base.keys()].toSorted()

/** The phase a reader is told: where it is, or where it has to go back to. */
const told = (files: Repo.Files): number => {
  const loaded = Repo.load(files, "hello")
  const state = stateOf(loaded, observed)
  const decision = decide(state, loaded.policy, now)
  if (loaded.integrity === "corrupt") expect(decision.rule).toBe("L1")
  const to =
    decision.action === "regress" && decision.to !== undefined && decision.to !== "archived" ? decision.to : state.phase
  return Math.min(phaseIndex[to], phaseIndex[state.phase])
}

type Damage = (files: Map<string, string | Uint8Array>) => void

const path = fc.constantFrom(...paths)
const bytes = (content: string | Uint8Array): Uint8Array =>
  typeof content === "string" ? Buffer.from(content) : content
const damage: fc.Arbitrary<Damage> = fc.oneof(
  path.map(
    (one): Damage =>
      (files) =>
        void files.delete(one)
  ),
  fc.tuple(path, fc.nat(), fc.nat(255)).map(([one, at, value]): Damage => (files) => {
    const content = Uint8Array.from(bytes(files.get(one) ?? ""))
    if (content.length > 0) content[at % content.length] = value
    files.set(one, content)
  }),
  fc.tuple(path, fc.nat()).map(([one, at]): Damage => (files) => {
    const content = bytes(files.get(one) ?? "")
    files.set(one, content.slice(0, at % (content.length + 1)))
  }),
  fc.tuple(path, fc.nat(), fc.nat(40)).map(([one, at, length]): Damage => (files) => {
    const content = Buffer.from(bytes(files.get(one) ?? "")).toString("latin1")
    const from = at % (content.length + 1)
    files.set(one, Buffer.from(content.slice(0, from) + content.slice(from + length), "latin1"))
  }),
  fc.tuple(path, path).map(([one, other]): Damage => (files) => {
    const [a, b] = [files.get(one), files.get(other)]
    if (a !== undefined && b !== undefined) files.set(one, b).set(other, a)
  }),
  fc.tuple(path, path).map(
    ([one, other]): Damage =>
      (files) =>
        void files.set(`${other}x`, files.get(one) ?? "")
  ),
  fc
    .tuple(
      path,
      fc.oneof(
        fc.string(),
        fc.uint8Array(),
        fc.json(),
        fc.constant("[".repeat(50_000)),
        fc.constant('{"a":'.repeat(20_000)),
        fc.constant("a: &a [*a]\nb: *a")
      )
    )
    .map(
      ([one, content]): Damage =>
        (files) =>
          void files.set(one, content)
    ),
  fc.tuple(fc.constantFrom("events/", "evidence/", "", "events/sub/"), fc.string({ minLength: 1 }), fc.string()).map(
    ([dir, name, content]): Damage =>
      (files) =>
        void files.set(`.sdlc/features/hello/${dir}${name}`, content)
  ),
  fc.tuple(path, fc.string({ minLength: 1, maxLength: 8 }), fc.string({ maxLength: 8 })).map(
    ([one, from, to]): Damage =>
      (files) =>
        void files.set(
          one,
          Buffer.from(bytes(files.get(one) ?? ""))
            .toString("utf8")
            .replaceAll(from, to)
        )
  )
)

describe("a tree damaged at random", () => {
  it("starts from a feature in review with a regression behind it", () => {
    const state = stateOf(Repo.load(base, "hello"), observed)
    expect([state.phase, state.history.filter((move) => move.to === "draft").length]).toEqual(["review", 1])
  })
  it("never crashes and is never told to be further than it was", () => {
    const before = told(base)
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 5 }), (all) => {
        const files = new Map<string, string | Uint8Array>(base)
        for (const one of all) one(files)
        expect(told(files)).toBeLessThanOrEqual(before)
      }),
      { numRuns: 800 }
    )
  })
  it("is never told to be further at any earlier time either", () => {
    const events = paths.filter((one) => one.includes("/events/"))
    fc.assert(
      fc.property(fc.nat(events.length - 1), fc.array(damage, { minLength: 1, maxLength: 3 }), (count, all) => {
        const early = new Map<string, string | Uint8Array>(base)
        for (const one of events.slice(count + 1)) early.delete(one)
        const before = told(early)
        for (const one of all) one(early)
        for (const one of events.slice(count + 1)) early.delete(one)
        expect(told(early)).toBeLessThanOrEqual(before)
      }),
      { numRuns: 500 }
    )
  })
  it("of nothing but noise loads to a corrupt draft", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom(...paths)), fc.oneof(fc.string(), fc.uint8Array())),
        fc.oneof(fc.constant("hello"), fc.string()),
        (noise, slug) => {
          const files = new Map(Object.entries(noise))
          const loaded = Repo.load(files, slug)
          expect(loaded.integrity).toBe("corrupt")
          expect(stateOf(loaded).phase).toBe("draft")
          expect(Array.isArray(Repo.listFeatures(files))).toBe(true)
        }
      ),
      { numRuns: 500 }
    )
  })
})

describe("a folder of odd things", () => {
  it("is read and refused without a crash or a hang", async () => {
    const root = mkdtempSync(join(tmpdir(), "sdlc-odd-"))
    Disk.write(
      root,
      [...base].map(([one, content]) => ({ path: one, content }))
    )
    const dir = join(root, ".sdlc/features/hello")
    rmSync(join(dir, "spec.md"))
    mkdirSync(join(dir, "spec.md"))
    symlinkSync(dir, join(dir, "events/loop"))
    symlinkSync("nowhere", join(dir, "events/dangling.json"))
    const outside = join(mkdtempSync(join(tmpdir(), "sdlc-outside-")), "secret.md")
    writeFileSync(outside, "[NEEDS CLARIFICATION: hunter2]\n")
    symlinkSync(outside, join(dir, "evidence/secret"))
    symlinkSync(outside, join(dir, "review.md"))
    symlinkSync(join(dir, "self"), join(dir, "self"))
    writeFileSync(join(dir, "design.md"), Buffer.alloc(3_000_000, 0x41))
    const lines: ReadonlyArray<ReadonlyArray<string>> = [
      ["next"],
      ["status"],
      ["features"],
      ["doctor"],
      ["lint"],
      ["import", "--list"]
    ]
    for (const argv of lines) {
      let said = ""
      const code = await run(argv, { PATH: process.env["PATH"], SDLC_PRINCIPAL: "human:ada" }, root, {
        out: (text) => void (said += text),
        err: (text) => void (said += text)
      })
      expect([0, 1, 3]).toContain(code)
      expect(said.length).toBeGreaterThan(0)
      expect(said).not.toContain("hunter2")
    }
    rmSync(root, { recursive: true, force: true })
  })
})
