/** What `rdev diff`, `rdev show` and `rdev approve` show of a change. */
import { assert, describe, it } from "@effect/vitest"
import { changeLines, documentLines, statLines } from "../src/commands/ChangeLines.ts"
import { placesOf } from "../src/commands/Verdicts.ts"
import { Screen } from "../src/Screen.ts"

const screen = new Screen({ write: () => undefined }, {})
const file = (path: string, more: object = {}) => ({
  path,
  previous_path: null,
  status: "modified" as const,
  binary: false,
  added: 1,
  removed: 2,
  patch: `diff --git a/${path} b/${path}\n@@ -1 +1 @@\n-a\n+b\n`,
  truncated: false,
  ...more
})
const changes = {
  base: "1".repeat(40),
  head: "2".repeat(40),
  subject: null,
  files: [
    file("a.txt"),
    file("b.bin", { binary: true, added: null, removed: null }),
    file("c.txt", { status: "renamed" as const, previous_path: "old.txt" }),
    file("d.txt", { added: null, removed: null, patch: null, truncated: true })
  ],
  total: 6,
  records: 3,
  truncated: true
}

describe("a change", () => {
  it("is listed with its counts, and what is left out is said", () => {
    assert.deepStrictEqual(statLines(changes, screen), [
      "M  a.txt            +1 -2",
      "M  b.bin            binary",
      "R  old.txt → c.txt  +1 -2",
      "M  d.txt            too large",
      "… and 2 more files; look at them in the repository",
      "111111111111..222222222222, without 3 files of events and evidence"
    ])
    const lines = changeLines(changes, screen)
    assert.include(lines, "+b")
    assert.include(lines.at(-1), "d.txt: too large to show here")
    assert.include(statLines({ ...changes, files: [], total: 0 }, screen)[0], "no files")
  })
  it("is to be found where a verdict about it is asked for", () => {
    const at = { project: "shop", feature: "health" }
    assert.deepStrictEqual(placesOf(at, { documents: ["review"], code: true }), [
      "rdev show shop health review",
      "rdev diff shop health"
    ])
    assert.deepStrictEqual(placesOf(at, { documents: [], code: false }), [])
  })
  it("of a document its end is said when it is cut", () => {
    const document = {
      name: "spec",
      paths: ["spec.md"],
      size_bytes: 9,
      digest: "md1:x",
      sha: "3".repeat(40),
      text: "a\nb\n",
      truncated: true
    }
    assert.deepStrictEqual(documentLines(document, screen), [
      "spec.md at 333333333333  md1:x",
      "a\nb",
      "… of 9 bytes; the rest is in the repository"
    ])
  })
})
