import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Candidate, type Files, type Format, formats, textOf } from "../../src/importers/Foreign.ts"
import { fileOf, find, importers } from "../../src/importers/Importers.ts"
import * as WriteBack from "../../src/importers/WriteBack.ts"
import { lint, type Linted } from "../../src/lint/Lint.ts"
import type { ArtifactKind } from "../../src/model/Artifact.ts"
import { md1 } from "../../src/repo/Digest.ts"
import * as Documents from "../../src/repo/Documents.ts"
import * as Repo from "../../src/repo/Repo.ts"
import { project, put, stamp } from "../repo/Trees.ts"

const fixtures = new URL("../fixtures/", import.meta.url).pathname

const tree = (format: Format): Map<string, string> => {
  const root = join(fixtures, format)
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(root, path), readFileSync(path, "utf8")])
  )
}

const one = (format: Format, slug: string): { readonly files: Map<string, string>; readonly candidate: Candidate } => {
  const files = tree(format)
  const candidate = find(files).find((found) => found.slug === slug)
  if (candidate === undefined)
    throw new RangeError(
      `${slug}: ${find(files)
        .map((found) => found.slug)
        .join(", ")}`
    )
  return { files, candidate }
}

const sourcesOf = (files: Files, candidate: Candidate, kind: ArtifactKind) =>
  (candidate.sources[kind] ?? []).map((path) => ({ path, text: files.get(fileOf(path)) ?? "" }))

const translated = (
  files: Files,
  candidate: Candidate,
  kind: ArtifactKind
): ReturnType<(typeof importers)[Format]["translate"]> =>
  importers[candidate.format].translate(kind, sourcesOf(files, candidate, kind), sourcesOf(files, candidate, "spec"))

const linted = (files: Files, candidate: Candidate, kind: ArtifactKind): Linted =>
  lint(
    kind,
    kind,
    textOf(translated(files, candidate, kind)),
    kind === "spec" ? null : textOf(translated(files, candidate, "spec"))
  )

const tasksOf = (format: Format, slug: string): ReadonlyArray<readonly [string, boolean, string, string]> => {
  const { candidate, files } = one(format, slug)
  return linted(files, candidate, "tasks").tasks.map((task) => [
    task.id,
    task.ticked,
    task.deps.join(" "),
    task.covers.join(" ")
  ])
}

describe("what is found", () => {
  const expected: ReadonlyArray<readonly [Format, ReadonlyArray<string>]> = [
    ["spec-kit", ["001-album-order"]],
    ["openspec", ["add-two-factor", "bump-deps"]],
    ["kiro", ["export-report", "plain-kiro"]],
    ["task-master", ["feature-search", "taskmaster"]],
    ["bmad", ["1-1-plant-list", "1-2-add-plant", "2-1-water-log"]],
    ["legacy", ["base-cards", "compact-cards"]]
  ]
  it.each(expected)("%s", (format, slugs) => {
    expect(find(tree(format)).map((candidate) => [candidate.format, candidate.slug])).toEqual(
      slugs.map((slug) => [format, slug])
    )
  })
  it("everything at once in one repository", () => {
    const all = new Map(formats.flatMap((format) => [...tree(format)]))
    expect(find(all)).toHaveLength(12)
  })
})

describe("spec-kit", () => {
  const { candidate, files } = one("spec-kit", "001-album-order")
  it("keeps requirement numbers, turns stories into requirements, numbers scenarios", () => {
    const spec = linted(files, candidate, "spec")
    expect(spec.requirements.map((requirement) => requirement.id)).toEqual([
      "REQ-901",
      "REQ-902",
      "REQ-001",
      "REQ-002",
      "REQ-003"
    ])
    expect(spec.scenarios.map((scenario) => [scenario.id, ...scenario.requirements])).toEqual([
      ["SC-001", "REQ-901"],
      ["SC-002", "REQ-901"],
      ["SC-003", "REQ-902"]
    ])
    expect(spec.clarifications.map((open) => open.question)).toEqual(["per device or per account?"])
    expect(candidate.approved).toEqual([])
    expect(candidate.sources.design).toEqual(["specs/001-album-order/plan.md", "specs/001-album-order/research.md"])
  })
  it("reads order, stories and paths; fences and unknown marks are not done", () => {
    expect(tasksOf("spec-kit", "001-album-order")).toEqual([
      ["task-001", true, "", ""],
      ["task-002", true, "task-001", ""],
      ["task-003", true, "task-002", ""],
      ["task-004", false, "task-003", ""],
      ["task-005", false, "task-003", ""],
      ["task-006", false, "task-004 task-005", "REQ-901"],
      ["task-007", false, "task-006", "REQ-901"],
      ["task-008", false, "task-004 task-005", "REQ-902"],
      ["task-009", false, "task-007 task-008", ""]
    ])
    expect(linted(files, candidate, "tasks").tasks.find((task) => task.id === "task-003")?.writes).toEqual([
      "db/migrations/001_order.sql"
    ])
  })
  it("keeps true line numbers", () => {
    const source = files.get("specs/001-album-order/tasks.md")?.split("\n") ?? []
    for (const line of translated(files, candidate, "tasks").lines) {
      const id = /^- \[.\] task-(\d{3})/.exec(line.text)?.[1]
      if (id !== undefined) expect(source[line.line - 1]).toContain(`T${id}`)
    }
  })
})

describe("OpenSpec", () => {
  it("numbers live requirements, leaves removed ones as prose, proposes a waiver for skip_specs", () => {
    const { candidate, files } = one("openspec", "add-two-factor")
    const spec = linted(files, candidate, "spec")
    expect(spec.requirements.map((requirement) => requirement.id)).toEqual(["REQ-001", "REQ-002"])
    expect(spec.scenarios).toHaveLength(3)
    expect(spec.findings.filter((finding) => finding.severity === "error")).toEqual([])
    expect(one("openspec", "bump-deps").candidate.waivers).toEqual([
      { kind: "spec", reason: expect.stringMatching(/skip_specs/) }
    ])
    expect(tasksOf("openspec", "add-two-factor")).toEqual([
      ["task-101", true, "", ""],
      ["task-102", true, "task-101", ""],
      ["task-201", false, "task-102", ""],
      ["task-202", false, "task-201", ""]
    ])
  })
})

describe("Kiro and cc-sdd", () => {
  it("reads criteria, covers, dependencies, boundaries, approvals", () => {
    const { candidate, files } = one("kiro", "export-report")
    const spec = linted(files, candidate, "spec")
    expect(spec.requirements.map((requirement) => requirement.id)).toEqual(["REQ-101", "REQ-102", "REQ-103", "REQ-201"])
    expect([...new Set(spec.findings.map((finding) => finding.rule))]).toEqual(["scenario-form"])
    expect(candidate.approved).toEqual(["spec", "design"])
    expect(tasksOf("kiro", "export-report")).toEqual([
      ["task-100", true, "", "REQ-101"],
      ["task-201", true, "task-100", "REQ-101 REQ-201"],
      ["task-202", false, "task-100", "REQ-102"],
      ["task-203", false, "task-201 task-202", "REQ-102"],
      ["task-300", false, "task-203 task-201 task-202", "REQ-103"]
    ])
    expect(linted(files, candidate, "tasks").tasks[0]?.writes).toEqual(["src/worker/"])
    expect(
      linted(files, candidate, "tasks")
        .findings.filter((finding) => finding.severity === "error")
        .map((finding) => finding.rule)
    ).toEqual(Array.from({ length: 5 }, () => "verify-missing"))
  })
})

describe("Task Master", () => {
  it("makes a feature per tag, leaves cancelled tasks out, counts only done as ticked", () => {
    expect(tasksOf("task-master", "taskmaster")).toEqual([
      ["task-100", true, "", ""],
      ["task-200", false, "task-100 task-201 task-202", ""],
      ["task-201", true, "task-100", ""],
      ["task-202", false, "task-100 task-201", ""],
      ["task-400", false, "task-200", ""]
    ])
    expect(tasksOf("task-master", "feature-search")).toEqual([["task-100", false, "", ""]])
    expect(one("task-master", "taskmaster").candidate.leftOut).toEqual([
      { what: ".taskmaster/tasks/tasks.json#master: task 3", why: "it is cancelled" }
    ])
  })
  it("has a digest that status does not change", () => {
    const { candidate, files } = one("task-master", "taskmaster")
    const before = md1(translated(files, candidate, "tasks").content)
    const path = ".taskmaster/tasks/tasks.json"
    files.set(path, (files.get(path) ?? "").replace('"pending"', '"done"'))
    expect(md1(translated(files, candidate, "tasks").content)).toBe(before)
    files.set(path, (files.get(path) ?? "").replace("Pay by card", "Pay by cheque"))
    expect(md1(translated(files, candidate, "tasks").content)).not.toBe(before)
  })
})

describe("BMAD", () => {
  it("reads criteria and tasks of the story alone", () => {
    const { candidate, files } = one("bmad", "1-1-plant-list")
    expect(linted(files, candidate, "spec").requirements.map((requirement) => requirement.id)).toEqual([
      "REQ-001",
      "REQ-002"
    ])
    expect(tasksOf("bmad", "1-1-plant-list")).toEqual([
      ["task-001", true, "", "REQ-001"],
      ["task-002", false, "task-001", "REQ-002"]
    ])
    expect(candidate.approved).toEqual(["spec", "tasks"])
    expect(candidate.notes[0]).toMatch(/starts at draft/)
    expect(one("bmad", "2-1-water-log").candidate.approved).toEqual([])
  })
  it("has digests that work notes do not change", () => {
    const { candidate, files } = one("bmad", "1-1-plant-list")
    const [path = ""] = candidate.sources.spec ?? []
    const digests = (): ReadonlyArray<string> =>
      (["spec", "tasks"] as const).map((kind) => md1(translated(files, candidate, kind).content))
    const before = digests()
    files.set(
      path,
      (files.get(path) ?? "").replace("Status: done", "Status: review").replace("this is a log", "this is another log")
    )
    expect(digests()).toEqual(before)
    files.set(path, (files.get(path) ?? "").replace("a hint is shown", "nothing is shown"))
    expect(digests().map((digest, index) => digest === before[index])).toEqual([false, true])
  })
})

describe("older manifests", () => {
  it("reads free-form documents and tasks of the manifest", () => {
    const { candidate, files } = one("legacy", "compact-cards")
    expect(candidate).toMatchObject({
      approved: ["spec", "tasks"],
      dependsOn: ["base-cards"],
      notes: [expect.stringMatching(/"review"; the feature starts at draft/)]
    })
    expect(linted(files, candidate, "spec").requirements.map((requirement) => requirement.text)).toEqual([
      "A card shows at most three lines",
      "A card opens on click"
    ])
    expect(tasksOf("legacy", "compact-cards")).toEqual([
      ["task-001", false, "", ""],
      ["task-002", false, "task-001", ""]
    ])
    expect(tasksOf("legacy", "base-cards")).toEqual([
      ["task-001", true, "", ""],
      ["task-002", false, "task-001", ""]
    ])
  })
})

describe("overlays in a feature", () => {
  it.each(formats)("%s loads with its foreign files in place", (format) => {
    for (const candidate of find(tree(format))) {
      const files = new Map([...project(), ...tree(format)])
      const sources = { format, ...candidate.sources } as NonNullable<Repo.NewFeature["sources"]>
      put(
        files,
        Repo.createFeature(
          files,
          { slug: candidate.slug, title: candidate.title, kind: "feature", sources },
          stamp(1_700_000_000_000)
        ).writes
      )
      const loaded = Repo.load(files, candidate.slug)
      expect(loaded.errors).toEqual([])
      expect(Object.keys(loaded.documents).toSorted()).toEqual(Object.keys(candidate.sources).toSorted())
      const errors = Object.values(loaded.artifacts)
        .flatMap((artifact) => artifact.lint)
        .filter((finding) => finding.severity === "error")
      expect(errors).toEqual([])
      for (const finding of Object.values(loaded.artifacts).flatMap((artifact) => artifact.lint))
        expect([...files.keys()]).toContain(finding.file)
    }
  })
  it("are absent when a source is gone, and refused when it points outside", () => {
    const files = new Map([...project(), ...tree("kiro")])
    const [candidate] = find(files)
    const sources = { format: "kiro" as const, ...candidate?.sources } as NonNullable<Repo.NewFeature["sources"]>
    put(files, Repo.createFeature(files, { slug: "x", title: "x", kind: "feature", sources }, stamp(1)).writes)
    files.delete(".kiro/specs/export-report/design.md")
    expect(Repo.load(files, "x").artifacts.design).toBeUndefined()
    files.set(
      ".sdlc/features/x/feature.yaml",
      (files.get(".sdlc/features/x/feature.yaml") ?? "").replace(
        ".kiro/specs/export-report/design.md",
        "../../etc/passwd"
      )
    )
    expect(Repo.load(files, "x").errors[0]?.problem).toMatch(
      /sources\.design: "\.\.\/\.\.\/etc\/passwd" is not a path inside the repository/
    )
  })
})

describe("writing back", () => {
  it("ticks what is done, opens what is not, and leaves other marks alone", () => {
    const { candidate, files } = one("spec-kit", "001-album-order")
    const [path = ""] = candidate.sources.tasks ?? []
    const text = files.get(path) ?? ""
    const next = WriteBack.boxes("spec-kit", { path, text }, (task) => task === "task-007" || task === "task-004")
    const changed = next.split("\n").filter((line, index) => line !== text.split("\n")[index])
    expect(changed).toEqual([
      "- [ ] T001 Create project structure",
      "- [ ] T002 [P] Configure linting in .eslintrc.json",
      "- [ ] T003 Migration in db/migrations/001_order.sql",
      "- [x] T007 [US1] Drag handler in src/order/drag.ts (depends on T006)"
    ])
    expect(next).toContain("- [~] T004")
    expect(next).toContain("- [x] T099 [P] [US1] An example in a fence")
    expect(md1(next)).toBe(md1(text))
  })
  it("writes approvals of spec.json and nothing else", () => {
    const text = tree("kiro").get(".kiro/specs/export-report/spec.json") ?? ""
    expect(WriteBack.specJson(text, (kind) => kind !== "tasks")).toBeNull()
    const next: unknown = JSON.parse(WriteBack.specJson(text, (kind) => kind === "tasks") ?? "")
    expect(next).toEqual({
      ...(JSON.parse(text) as object),
      approvals: {
        requirements: { generated: true, approved: false },
        design: { generated: true, approved: false },
        tasks: { generated: true, approved: true }
      }
    })
    expect(WriteBack.specJson("{", () => true)).toBeNull()
  })
})

describe("hostile files", () => {
  const pieces = [
    "- [x] ",
    "T001 ",
    "[P] [US1] ",
    "### Requirement 1\n",
    "#### Acceptance Criteria\n",
    "1. ",
    "WHEN a THEN b SHALL c\n",
    "```\n",
    "## Phase 1\n",
    "_Requirements: 1.1_\n",
    "**FR-001**: ",
    "\n",
    "  ",
    "#",
    "(depends on T002)",
    "<!--",
    "-->",
    "REQ-001 ",
    "task-001: ",
    "\u0000",
    "\u{1F600}"
  ]
  it("are translated without a crash, and nothing in a fence counts as done", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...formats),
        fc.constantFrom<ArtifactKind>("spec", "design", "tasks", "qa-plan"),
        fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string()), { maxLength: 60 }),
        (format, kind, parts) => {
          const text = parts.join("")
          const path = format === "task-master" ? "tasks.json#master" : format === "legacy" ? "a/manifest.yaml" : "a.md"
          const fenced = `\`\`\`\`\`\n${text.replaceAll("`````", "")}`
          const translation = importers[format].translate(kind, [{ path, text: fenced }])
          expect(lint(kind, "x", textOf(translation), null).tasks.some((task) => task.ticked)).toBe(false)
          const open = importers[format].translate(kind, [{ path, text }])
          const last = text.split(/\r\n|\n|\r/).length
          for (const line of open.lines) expect(line.line).toBeLessThanOrEqual(last)
        }
      ),
      { numRuns: 400 }
    )
  })
})

describe("findings about foreign files", () => {
  const findingsOf = (format: Format, kind: "spec" | "tasks", path: string, text: string) =>
    Object.values(Documents.load(new Map([[path, text]]), "x", { format, [kind]: [path] }))
      .flatMap((document) => document.linted.findings)
      .filter((one) => one.rule === "duplicate-id")
      .map(({ file, line, message }) => `${file}:${line} ${message}`)
  it("name what is there twice as its author does, with lines of the author's file", () => {
    expect(
      findingsOf(
        "spec-kit",
        "tasks",
        "specs/001-a/tasks.md",
        "# Tasks\n\n## Phase 1\n\n- [ ] T001 Make src/a.ts\n- [ ] T012 [P] Write src/b.ts\n\nSome words.\n- [ ] T012 Write src/c.ts\n"
      )
    ).toEqual(["specs/001-a/tasks.md:9 T012 (task-012) already stands on line 6."])
    expect(
      findingsOf(
        "spec-kit",
        "spec",
        "specs/001-a/spec.md",
        "# Feature\r\n\r\n- **FR-003**: System MUST greet\r\n\r\n- **FR-003**: System MUST wave\r\n"
      )
    ).toEqual(["specs/001-a/spec.md:5 FR-003 (REQ-003) already stands on line 3."])
    expect(
      findingsOf(
        "task-master",
        "tasks",
        "tasks/tasks.json",
        JSON.stringify(
          {
            tasks: [
              { id: 1, title: "One" },
              { id: 7, title: "Seven" },
              { id: 7, title: "Again" }
            ]
          },
          null,
          1
        )
      )
    ).toEqual([expect.stringMatching(/^tasks\/tasks\.json:1\d task 7 \(task-700\) already stands on line 9\.$/)])
    expect(
      findingsOf(
        "kiro",
        "spec",
        ".kiro/specs/a/requirements.md",
        "# R\n\n### Requirement 1: A\n\n#### Acceptance Criteria\n1. WHEN a THEN the system SHALL b\n\n### Requirement 1: B\n\n#### Acceptance Criteria\n1. WHEN a THEN the system SHALL b\n"
      )
    ).toContain(".kiro/specs/a/requirements.md:11 1.1 (REQ-101) already stands on line 6.")
  })
})
