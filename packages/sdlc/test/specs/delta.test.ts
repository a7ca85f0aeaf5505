import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { lint } from "../../src/lint/Lint.ts"
import { collector } from "../../src/lint/Finding.ts"
import * as Markdown from "../../src/lint/Markdown.ts"
import * as Delta from "../../src/specs/Delta.ts"
import { keyOf, nameIn } from "../../src/specs/Header.ts"
import * as Living from "../../src/specs/Living.ts"
import * as Overlap from "../../src/specs/Overlap.ts"

const read = (text: string) => {
  const collect = collector("spec.md")
  return { delta: Delta.read(Markdown.scan(text), collect), findings: collect.findings }
}
const told = (text: string): ReadonlyArray<Living.Told> =>
  read(text).delta.changes.map((one) => ({ ...one, file: "spec.md", folder: null }))

const living = Living.read(
  new Map([
    [
      ".sdlc/specs/greeting/spec.md",
      "# Greeting\n### Requirement: Greet a visitor\nText.\n```\n### Requirement: In code\n```\n### REQ-002: Say goodbye\nText.\n- REQ-003: Wave\n"
    ],
    [".sdlc/specs/login/spec.md", "### Requirement: Sign in\n### Requirement: Wave\n"],
    ["docs/readme.md", "### Requirement: Elsewhere\n"]
  ])
)
const rules = (text: string): ReadonlyArray<string> =>
  Living.check(living, told(text)).map((one) => `${one.line} ${one.rule}`)

describe("sections of a delta", () => {
  const spellings: Readonly<Record<Delta.Operation, ReadonlyArray<string>>> = {
    added: [
      "ADDED Requirements",
      "Added requirement",
      "  added   REQUIREMENTS  ##",
      "**ADDED Requirements**",
      "ADDED",
      "Hinzugefügte Anforderungen",
      "Exigences ajoutées",
      "Requisitos añadidos",
      "Requisitos adicionados",
      "Requisiti aggiunti",
      "追加された要件",
      "추가된 요구사항",
      "新增需求",
      "ADDED 需求",
      "ＡＤＤＥＤ Requirements"
    ],
    modified: [
      "MODIFIED Requirements",
      "Modified",
      "Geänderte Anforderungen",
      "Exigences modifiées",
      "Requisitos modificados",
      "Requisitos alterados",
      "Requisiti modificati",
      "変更された要件",
      "수정된 요구 사항",
      "修改的需求",
      "需求变更"
    ],
    removed: [
      "REMOVED Requirements",
      "Deleted Requirements",
      "Entfernte Anforderungen",
      "Exigences supprimées",
      "Requisitos eliminados",
      "Requisitos removidos",
      "Requisiti rimossi",
      "削除された要件",
      "삭제된 요구사항",
      "删除的需求"
    ],
    renamed: [
      "RENAMED Requirements",
      "Umbenannte Anforderungen",
      "Exigences renommées",
      "Requisitos renombrados",
      "Requisitos renomeados",
      "Requisiti rinominati",
      "名称変更された要件",
      "이름 변경된 요구사항",
      "重命名的需求"
    ]
  }
  for (const [operation, headings] of Object.entries(spellings))
    for (const heading of headings)
      it(`"${heading}" is ${operation}`, () => {
        assert.deepStrictEqual(Delta.sectionOf(`## ${heading}`), {
          operation: operation as Delta.Operation,
          capability: null
        })
        if (heading.length > 10)
          assert.strictEqual(
            Delta.sectionOf(
              `## ${heading
                .replace(/\s+#+$/, "")
                .trim()
                .replace(/\*\*$/, "")}: user/login`
            )?.capability,
            "user/login"
          )
      })
  it("prose is no section", () => {
    for (const heading of [
      "Added value for users",
      "Changed: we now do it at night",
      "What was removed",
      "Requirements",
      "Renamed files",
      "Changes",
      "New requirements are welcome",
      "Updated"
    ])
      assert.isNull(Delta.sectionOf(`## ${heading}`), heading)
  })
  it("a slip of the pen in a section's name is an error with the right name", () => {
    for (const heading of ["MODIFED Requirements", "Modifed requirement", "REMOVD Requirements", "ADDDED Requirements"])
      assert.match(
        read(`## ${heading}\n### REQ-001: A\n`).findings[0]?.fix ?? "",
        /did you mean ## (?:MODIFIED|REMOVED|ADDED) Requirements\?/
      )
    for (const heading of ["Functional Requirements", "Security requirements", "Other Requirements"])
      assert.deepStrictEqual(read(`## ${heading}\n### REQ-001: A\n`).findings, [])
  })
  it("what stands in code and comments is not read, and line ends do not matter", () => {
    const text =
      "# A\n```\n## REMOVED Requirements\n### Requirement: X\n```\n<!--\n## REMOVED Requirements\n-->\n## MODIFIED Requirements\n### Requirement: Y\n"
    for (const one of [text, text.replaceAll("\n", "\r\n"), `\ufeff${text}`])
      assert.deepStrictEqual(
        read(one).delta.changes.map(({ line, name, operation }) => [operation, name, line]),
        [["modified", "Y", 10]]
      )
  })
  it("a spec that only takes away has nothing to build, and what it takes away needs no scenario", () => {
    const found = lint(
      "spec",
      "spec.md",
      "# A\nWhy.\n## REMOVED Requirements\n### REQ-001: Greet\n## RENAMED Requirements\n- FROM: `### Requirement: B`\n- TO: `### Requirement: C`\n",
      null
    )
    assert.deepStrictEqual(found.findings, [])
    assert.deepStrictEqual(found.requirements, [])
    assert.deepStrictEqual(
      found.delta.changes.map(({ name, operation, to }) => [operation, name, to?.name]),
      [
        ["removed", "Greet", undefined],
        ["renamed", "B", "C"]
      ]
    )
  })
})

describe("names of requirements", () => {
  const marks = fc.constantFrom("", "**", "`", "__")
  const gap = fc.constantFrom(" ", "  ", "\t", "\u00a0", "\u3000")
  const prefix = fc.constantFrom(
    "Requirement: ",
    "REQUIREMENT:",
    "REQ-007: ",
    "REQ-007 ",
    "Requirement 4: ",
    "Anforderung: ",
    "Exigence : ",
    "要件：",
    "需求："
  )
  it("are one name in every spelling", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("Greet", "visitor", "Straße", "café", "1.2", "привет"), {
          minLength: 1,
          maxLength: 4
        }),
        prefix,
        marks,
        gap,
        fc.boolean(),
        (words, before, mark, space, upper) => {
          const plain = words.join(" ")
          const written = `${before}${mark}${(upper ? plain.toUpperCase() : plain).replaceAll(" ", space).normalize("NFD")}${mark}  `
          assert.strictEqual(keyOf(nameIn(written) ?? "?"), keyOf(plain))
        }
      ),
      { numRuns: 300 }
    )
  })
  it("are kept apart where letters or numbers differ", () => {
    const names = ["Greet", "Greets", "Greet 1", "Greet 2", "Gréet", "Greet-a", "1.2", "12"]
    assert.strictEqual(new Set(names.map(keyOf)).size, names.length)
  })
})

describe("contradictions within one delta", () => {
  const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
    ["twice in a section", "## MODIFIED Requirements\n### REQ-001: A\n### REQ-002: a\n", ["3 delta-duplicate"]],
    [
      "twice in two sections of a kind",
      "## ADDED Requirements\n### REQ-001: A\n## ADDED Requirements\n### REQ-002: **A**\n",
      ["4 delta-duplicate"]
    ],
    [
      "added and removed",
      "## ADDED Requirements\n### REQ-001: A\n## REMOVED Requirements\n### Requirement:  A.\n",
      ["4 delta-conflict"]
    ],
    [
      "removed and added",
      "## REMOVED Requirements\n- REQ-001: A\n## ADDED Requirements\n### REQ-002: A\n",
      ["4 delta-conflict"]
    ],
    [
      "modified and removed",
      "## MODIFIED Requirements\n### REQ-001: A\n## REMOVED Requirements\n### REQ-001: A\n",
      ["4 delta-conflict"]
    ],
    [
      "modified under the old name",
      "## RENAMED Requirements\n- FROM: A\n- TO: B\n## MODIFIED Requirements\n### REQ-001: A\n",
      ["5 delta-conflict"]
    ],
    [
      "modified under the new name",
      "## RENAMED Requirements\n- FROM: A\n- TO: B\n## MODIFIED Requirements\n### REQ-001: B\n",
      []
    ],
    [
      "added under a name that a rename gives",
      "## RENAMED Requirements\n- FROM: A\n- TO: B\n## ADDED Requirements\n### REQ-001: B\n",
      ["5 delta-conflict"]
    ],
    [
      "added under a name that a rename frees",
      "## RENAMED Requirements\n- FROM: A\n- TO: B\n## ADDED Requirements\n### REQ-001: A\n",
      []
    ],
    ["two renamed to one", "## RENAMED Requirements\n- FROM: A\n- TO: C\n- FROM: B\n- TO: C\n", ["5 delta-renamed"]],
    ["one renamed twice", "## RENAMED Requirements\n- FROM: A\n- TO: C\n- FROM: A\n- TO: D\n", ["4 delta-duplicate"]],
    ["half a rename", "## RENAMED Requirements\n- FROM: A\n", ["2 delta-renamed"]],
    ["the other half", "## RENAMED Requirements\n- TO: A\n", ["2 delta-renamed"]],
    ["renamed to itself", "## RENAMED Requirements\n- FROM: A\n- TO: A\n", ["2 delta-renamed"]],
    ["renamed in spelling alone", "## RENAMED Requirements\n- FROM: log in\n- TO: Log in\n", []],
    [
      "of two living specs",
      "## ADDED Requirements: x\n### REQ-001: A\n## REMOVED Requirements: y\n### REQ-002: A\n",
      []
    ]
  ]
  for (const [what, text, wanted] of cases)
    it(what, () => {
      assert.deepStrictEqual(
        read(text).findings.map((one) => `${one.line} ${one.rule}`),
        wanted
      )
      // The same finding makes the spec invalid.
      assert.deepStrictEqual(
        lint("spec", "spec.md", `${text}Text.\n`, null)
          .findings.filter((one) => one.rule.startsWith("delta-"))
          .map((one) => `${one.line} ${one.rule}`),
        wanted
      )
    })
})

describe("a delta against the living specs", () => {
  const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
    ["modified as it stands", "## MODIFIED Requirements\n### REQ-009: Greet a visitor\n", []],
    ["modified in another spelling", "## MODIFIED Requirements\n### Requirement: GREET  a **visitor**\n", []],
    [
      "modified, not there",
      "## MODIFIED Requirements\n### REQ-001: Greet the visitors\n",
      ["2 unknown-living-requirement"]
    ],
    ["removed, not there", "## REMOVED Requirements\n### REQ-001: Nothing\n", ["2 unknown-living-requirement"]],
    [
      "removed, only in code there",
      "## REMOVED Requirements\n### Requirement: In code\n",
      ["2 unknown-living-requirement"]
    ],
    [
      "removed, in a file that is no living spec",
      "## REMOVED Requirements\n### Requirement: Elsewhere\n",
      ["2 unknown-living-requirement"]
    ],
    ["renamed, not there", "## RENAMED Requirements\n- FROM: X\n- TO: Y\n", ["2 unknown-living-requirement"]],
    [
      "renamed to what is there",
      "## RENAMED Requirements\n- FROM: Sign in\n- TO: Say goodbye\n",
      ["3 living-requirement-exists"]
    ],
    [
      "renamed to what is renamed away",
      "## RENAMED Requirements\n- FROM: Sign in\n- TO: Say goodbye\n- FROM: Say goodbye\n- TO: Sign in\n",
      []
    ],
    ["added, there already", "## ADDED Requirements\n### REQ-001: sign IN\n", ["2 living-requirement-exists"]],
    ["added to another living spec", "## ADDED Requirements: greeting\n### REQ-001: Sign in\n", []],
    ["added to a living spec to come", "## ADDED Requirements: billing\n### REQ-001: Pay\n", []],
    ["in two living specs", "## MODIFIED Requirements\n### REQ-001: Wave\n", ["2 ambiguous-living-requirement"]],
    ["in two living specs, one named", "## MODIFIED Requirements: Login\n### REQ-001: Wave\n", []],
    [
      "in another living spec",
      "## MODIFIED Requirements: login\n### REQ-001: Say goodbye\n",
      ["2 unknown-living-requirement"]
    ],
    [
      "in a living spec that is not there",
      "## MODIFIED Requirements: greetings\n### REQ-001: Pay\n",
      ["2 unknown-living-requirement"]
    ],
    [
      "named in the front matter",
      "---\nsdlc: { v: 1, kind: spec, capability: login }\n---\n## MODIFIED Requirements\n### REQ-001: Wave\n",
      []
    ]
  ]
  for (const [what, text, wanted] of cases) it(what, () => assert.deepStrictEqual(rules(text), wanted))

  it("suggests the nearest header with its file and line", () => {
    const fixes = (text: string) => Living.check(living, told(text)).map((one) => one.fix)
    assert.deepStrictEqual(fixes("## MODIFIED Requirements\n### REQ-001: Greet a visiter\n"), [
      'did you mean "Greet a visitor" (.sdlc/specs/greeting/spec.md:2)?'
    ])
    assert.deepStrictEqual(fixes("## MODIFIED Requirements: login\n### REQ-001: Say goodbye\n"), [
      'it stands in .sdlc/specs/greeting/spec.md:7: name that living spec, "greeting".'
    ])
    assert.deepStrictEqual(fixes("## MODIFIED Requirements: greetings\n### REQ-001: Pay\n"), [
      'did you mean the living spec "greeting"?'
    ])
  })
  it("is settled only when the living specs show it, and never for what was never there", () => {
    const text =
      "## MODIFIED Requirements\n### REQ-001: Sign in\n## REMOVED Requirements\n### REQ-002: Say goodbye\n## ADDED Requirements: login\n### REQ-003: Sign out\n## RENAMED Requirements\n- FROM: Greet a visitor\n- TO: Greet everybody\n"
    const after = (greeting: string, login: string) =>
      Living.read(
        new Map([
          [".sdlc/specs/greeting/spec.md", greeting],
          [".sdlc/specs/login/spec.md", login]
        ])
      )
    const found = (now: Living.Living, before: ReadonlyArray<Living.Living>, said = text) =>
      Living.settled(now, before, told(said)).map((one) => `${one.line} ${one.rule}`)
    const folded = after("### Requirement: Greet everybody\n", "### Requirement: Sign in\n### Requirement: Sign out\n")
    assert.deepStrictEqual(found(folded, [living]), [])
    assert.deepStrictEqual(found(living, [living]), [
      "4 living-spec-not-folded",
      "6 living-spec-not-folded",
      "8 living-spec-not-folded"
    ])
    assert.deepStrictEqual(found(after("### Requirement: Greet everybody\n", ""), [living]), [
      "2 living-spec-not-folded",
      "6 living-spec-not-folded"
    ])
    const never = "## REMOVED Requirements\n### REQ-001: Never there\n"
    assert.deepStrictEqual(found(living, [living], never), ["2 unknown-living-requirement"])
    // Without a history nobody can tell whether it ever was.
    assert.deepStrictEqual(found(living, [], never), [])
  })
})

describe("overlap", () => {
  const touch = (feature: string, name: string, spec: string | null = "s"): Overlap.Touch => ({
    feature,
    operation: "modified",
    name,
    key: keyOf(name),
    spec,
    file: `${feature}.md`,
    line: 1
  })
  it("is told to both, or to neither", () => {
    const one = fc.record({
      feature: fc.constantFrom("a", "b", "c", "d", "e"),
      name: fc.constantFrom("X", "Y", "Z"),
      spec: fc.constantFrom("s", "t", null)
    })
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), (drawn) => {
        const all = drawn.map(({ feature, name, spec }) => touch(feature, name, spec))
        const found = Overlap.overlaps(all, all)
        for (const mine of all) {
          const expected = new Set(
            all
              .filter(
                (other) =>
                  other.feature !== mine.feature &&
                  other.key === mine.key &&
                  (other.spec === mine.spec || other.spec === null || mine.spec === null)
              )
              .map((other) => other.feature)
          )
          const shown = found.find((overlap) => overlap.touch === mine)
          assert.strictEqual(shown !== undefined, expected.size > 0)
          for (const other of shown?.others ?? []) assert.isTrue(expected.has(other.feature))
          if (expected.size > 0) assert.strictEqual(shown?.others.length, Math.min(3, expected.size))
        }
      }),
      { numRuns: 300 }
    )
  })
  it("of ten thousand features that all touch one requirement names three and counts the rest", () => {
    const all = Array.from({ length: 10_000 }, (_, i) => touch(`f-${String(i).padStart(5, "0")}`, "X"))
    const found = Overlap.overlaps(all, all)
    assert.strictEqual(found.length, 10_000)
    assert.isTrue(found.every((one) => one.others.length === 3 && one.count === 9_999))
    assert.match(found[0] === undefined ? "" : Overlap.sentence(found[0]), /f-00001 .* and 9996 more\.$/)
  })
})
