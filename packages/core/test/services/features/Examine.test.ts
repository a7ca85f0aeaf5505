import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { TreeEntry } from "../../../src/ports/infra/GitObjects.ts"
import * as Examine from "../../../src/services/features/act/Examine.ts"

const entry = (path: string, oid = "a".repeat(40), mode = "100644"): TreeEntry => ({ path, mode, oid })
const event = "01K9ZZZZZZZZZZZZZZZZZZZZZZ-artifact-submitted.json"
const dir = ".sdlc/features/contact/"
const base: ReadonlyArray<TreeEntry> = [
  entry(".sdlc/policy.yaml"),
  entry(`${dir}feature.yaml`),
  entry(`${dir}events/${event}`),
  entry(`${dir}evidence/${"e".repeat(64)}.intoto.json`),
  entry(".sdlc/features/other/spec.md"),
  entry("src/index.js")
]
const main: ReadonlyArray<TreeEntry> = [
  entry(".sdlc/policy.yaml", "c".repeat(40)),
  entry(".sdlc/features/other/spec.md", "c".repeat(40)),
  entry(".sdlc/features/third/events/z.json")
]
const examine = (
  after: ReadonlyArray<TreeEntry>,
  written: ReadonlyArray<Examine.WrittenEvent> = [],
  agentGates: ReadonlyArray<string> = []
) =>
  Examine.problems({
    slug: "contact",
    agent: "scripted",
    before: base,
    allowed: [main],
    after,
    written,
    agentGates: new Set(agentGates)
  })
const with_ = (...entries: ReadonlyArray<TreeEntry>) => {
  const changed = new Set(entries.map((one) => one.path))
  return [...base.filter((one) => !changed.has(one.path)), ...entries]
}
const own: Examine.WrittenEvent = {
  file: `${dir}events/01K9ZZZZZZZZZZZZZZZZZZZZZY-artifact-submitted.json`,
  type: "artifact-submitted",
  actor: { id: "scripted", type: "agent" }
}

describe("Examine", () => {
  it("lets documents, code and the agent's own events land", () => {
    assert.deepStrictEqual(
      examine(with_(entry("src/index.js", "b".repeat(40)), entry(`${dir}spec.md`), entry(own.file)), [own]),
      []
    )
  })
  it("lets an agent delete code and run no event at all", () => {
    assert.deepStrictEqual(examine(base.filter((one) => one.path !== "src/index.js")), [])
  })
  it("lets a merge bring in the default branch as it is, and nothing beyond it", () => {
    assert.deepStrictEqual(examine(with_(...main)), [])
    assert.lengthOf(examine(with_(...main, entry(".sdlc/features/third/events/y.json"))), 1)
  })
  const refused: ReadonlyArray<readonly [string, ReadonlyArray<TreeEntry>, string]> = [
    [
      "a changed policy",
      with_(entry(".sdlc/policy.yaml", "b".repeat(40))),
      ".sdlc/policy.yaml: an agent may not change the policy"
    ],
    [
      "a deleted policy",
      base.filter((one) => one.path !== ".sdlc/policy.yaml"),
      ".sdlc/policy.yaml: an agent may not change the policy"
    ],
    ["a changed event", with_(entry(`${dir}events/${event}`, "b".repeat(40))), "append-only; it was changed"],
    ["a deleted event", base.filter((one) => !one.path.endsWith(event)), "append-only; it was deleted"],
    [
      "changed evidence",
      with_(entry(`${dir}evidence/${"e".repeat(64)}.intoto.json`, "b".repeat(40))),
      "append-only; it was changed"
    ],
    [
      "another feature's document",
      with_(entry(".sdlc/features/other/spec.md", "b".repeat(40))),
      "belongs to another feature"
    ],
    ["another feature's new event", with_(entry(".sdlc/features/other/events/y.json")), "belongs to another feature"],
    ["a symbolic link among the state", with_(entry(`${dir}spec.md`, "b".repeat(40), "120000")), "only plain files"],
    ["a changed feature.yaml", with_(entry(`${dir}feature.yaml`, "b".repeat(40))), "what a feature is"],
    ["a deleted feature.yaml", base.filter((one) => !one.path.endsWith("feature.yaml")), "what a feature is"],
    ["an event in a folder of its own", with_(entry(`${dir}events/sub/${event}`)), "is not the name of an event file"],
    [
      "an event with another ending",
      with_(entry(`${dir}events/${event.replace(".json", ".JSON")}`)),
      "is not the name of an event file"
    ],
    ["a hidden file among the events", with_(entry(`${dir}events/.x.json`)), "is not the name of an event file"],
    [
      "evidence that is named otherwise",
      with_(entry(`${dir}evidence/x.intoto.json`)),
      "is not the name of an evidence file"
    ],
    [
      "the events' folder as a file",
      [...base.filter((one) => !one.path.includes("/events/")), entry(`${dir}events`)],
      "append-only; it was deleted"
    ],
    ["a keyring beside the policy", with_(entry(".sdlc/keyring.yaml")), "belongs to the platform"],
    ["what git is to ignore among the state", with_(entry(".sdlc/.gitignore")), "belongs to the platform"],
    ["an archived feature", with_(entry(".sdlc/archive/2026-01-01-other/feature.yaml")), "belongs to the platform"],
    [
      "the state as a link",
      [entry(".sdlc", "b".repeat(40), "120000"), entry("src/index.js")],
      "append-only; it was deleted"
    ],
    [
      "the state as a repository of its own",
      with_(entry(".sdlc", "b".repeat(40), "160000")),
      "is a repository of its own"
    ],
    ["a nested repository", with_(entry("vendor/lib", "b".repeat(40), "160000")), "remove its .git folder"],
    ["an executable document", with_(entry(`${dir}spec.md`, "b".repeat(40), "100755")), "only plain files"],
    [
      "two spellings of one document",
      with_(entry(`${dir}spec.md`), entry(`${dir}Spec.md`)),
      "some systems take it for"
    ],
    ["a path that no system stores", with_(entry("a\\b")), "backslash"],
    [
      "a changed mode of an event",
      with_(entry(`${dir}events/${event}`, "a".repeat(40), "100755")),
      "append-only; it was changed"
    ]
  ]
  for (const [what, after, problem] of refused) {
    it(`refuses ${what}`, () => {
      const found = examine(after)
      assert.isTrue(
        found.some((one) => one.includes(problem)),
        `${problem} not in ${JSON.stringify(found)}`
      )
    })
  }
  it("refuses every other spelling of the state's folder and of what is in it", () => {
    const roots = [
      ".SDLC",
      ".Sdlc",
      ".s\u200cdlc",
      ".sdlc\ufeff",
      ".sdlc.",
      ".sdlc ",
      ".sdlc. .",
      ".sdlc::$INDEX_ALLOCATION",
      ".sdlc:x",
      "SDLC~1",
      "sdlc~2",
      "\uff0esdlc",
      ".ſdlc"
    ]
    for (const root of roots)
      for (const rest of ["policy.yaml", "features/contact/events/x.json"])
        assert.lengthOf(examine(with_(entry(`${root}/${rest}`))), 1, root)
    for (const root of roots) assert.lengthOf(examine(with_(entry(root, "b".repeat(40), "120000"))), 1, root)
    for (const inside of [
      `Events/${event}`,
      `EVENTS/${event}`,
      `events./${event}`,
      `events /${event}`,
      `events:s/${event}`,
      `e\u200bvents/${event}`,
      "evidence./x",
      "Evidence/x",
      "FEATURE.yaml",
      "feature.yaml.",
      "feature.yaml:s"
    ]) {
      assert.isNotEmpty(examine(with_(entry(`${dir}${inside}`))), inside)
    }
    for (const other of [
      ".sdlc/Features/contact/spec.md",
      ".sdlc/features/Contact/spec.md",
      ".sdlc/features/contact ./spec.md",
      ".sdlc/POLICY.yaml",
      ".sdlc/policy.yaml.",
      ".sdlc/x",
      ".sdlc/features"
    ]) {
      assert.isNotEmpty(examine(with_(entry(other))), other)
    }
  })
  it("leaves names alone that only look a little like it", () => {
    for (const path of [
      "sdlc/x",
      ".sdlc-notes/x",
      "src/.sdlc/policy.yaml",
      ".sdlcx",
      "docs/SDLC.md",
      "notes:1.md",
      ".rdev.yaml",
      ".woodpecker.yml",
      ".gitattributes",
      ".gitmodules"
    ]) {
      assert.deepStrictEqual(examine(with_(entry(path))), [], path)
    }
    assert.deepStrictEqual(
      examine(with_(entry(`${dir}notes:1.md`), entry(`${dir}notes:2.md`), entry(".sdlc/specs/contact.md"))),
      []
    )
  })
  it("lets a merge take away what the default branch took away, but nothing of the feature's own", () => {
    assert.deepStrictEqual(
      examine(
        base.filter((one) => one.path !== ".sdlc/features/other/spec.md"),
        []
      ),
      [".sdlc/features/other/spec.md: belongs to another feature"]
    )
    const without = main.filter((one) => one.path !== ".sdlc/features/other/spec.md")
    const problems = (after: ReadonlyArray<TreeEntry>) =>
      Examine.problems({
        slug: "contact",
        agent: "scripted",
        before: base,
        allowed: [without],
        after,
        written: [],
        agentGates: new Set()
      })
    assert.deepStrictEqual(problems(base.filter((one) => one.path !== ".sdlc/features/other/spec.md")), [])
    assert.lengthOf(problems(base.filter((one) => !one.path.startsWith(`${dir}events/`))), 1)
  })
  it("lets nothing under the state's folder land but the feature's own files and what the default branch has", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            ".sdlc",
            ".SDLC",
            "features",
            "contact",
            "other",
            "events",
            "evidence",
            "specs",
            "policy.yaml",
            "x",
            event
          ),
          { minLength: 1, maxLength: 5 }
        ),
        fc.constantFrom("100644", "100755", "120000", "160000"),
        (segments, mode) => {
          const path = segments.join("/")
          const problems = examine(with_(entry(path, "d".repeat(40), mode)))
          const code = !/^\.sdlc(?:\/|$)/i.test(path) && mode !== "160000"
          const document =
            mode === "100644" &&
            ((path.startsWith(dir) &&
              !/\/(?:events|evidence)(?:\/|$)|feature.yaml$/.test(path.slice(dir.length - 1))) ||
              path.startsWith(".sdlc/specs/"))
          const newEvent = mode === "100644" && path === `${dir}events/${event}`
          assert.strictEqual(
            problems.length === 0,
            code || document,
            `${mode} ${path}: ${problems.join("; ")}${newEvent ? " (recorded already)" : ""}`
          )
        }
      ),
      { numRuns: 500 }
    )
  })
  it("refuses events in another's name, of another agent, and of types that agents may not write", () => {
    const written: ReadonlyArray<Examine.WrittenEvent> = [
      { ...own, actor: { id: "ada", type: "human" } },
      { ...own, actor: { id: "platform", type: "platform" } },
      { ...own, actor: { id: "other-agent", type: "agent" } },
      { ...own, type: "ci-recorded" },
      { ...own, type: "task-verified" },
      { ...own, type: "merged" },
      { ...own, type: "phase-moved" },
      { ...own, type: "verdict", gate: "spec" }
    ]
    for (const one of written) assert.lengthOf(examine(with_(entry(own.file)), [one]), 1, JSON.stringify(one))
  })
  it("lets an agent give a verdict at a gate that the policy leaves to agents, and at no other", () => {
    const verdict: Examine.WrittenEvent = { ...own, type: "verdict", gate: "tasks" }
    assert.deepStrictEqual(examine(with_(entry(own.file)), [verdict], ["tasks"]), [])
    assert.lengthOf(examine(with_(entry(own.file)), [{ ...verdict, gate: "merge" }], ["tasks"]), 1)
  })
})
