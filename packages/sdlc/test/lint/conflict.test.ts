import { assert, describe, it } from "@effect/vitest"
import { conflictLines } from "../../src/lint/Conflict.ts"
import { lint } from "../../src/lint/Lint.ts"
import { artifactKinds } from "../../src/model/Names.ts"
import * as Decode from "../../src/repo/Decode.ts"

const conflict = "<<<<<<< HEAD\nours\n||||||| base\nbase\n=======\ntheirs\n>>>>>>> topic\n"

describe("conflict markers", () => {
  for (const kind of artifactKinds) {
    it(`are errors in ${kind}, with file and line, in code as well`, () => {
      for (const text of [
        `# A\n\n${conflict}`,
        `# A\n\`\`\`\n${conflict}\`\`\`\n`,
        `# A\r\n\r\n${conflict.replaceAll("\n", "\r\n")}`
      ]) {
        const found = lint(kind, `dir/${kind}.md`, text, null).findings.filter((one) => one.rule === "conflict-marker")
        assert.deepStrictEqual(
          found.map((one) => [one.file, one.line, one.severity]),
          [3, 5, 9].map((line) => [`dir/${kind}.md`, line, "error"])
        )
      }
    })
  }
  it("are none in underlined headings, longer rows or indented text about them", () => {
    for (const text of [
      "Title\n=======\n",
      "<<<<<<<<<< x\n",
      "    <<<<<<< HEAD\n",
      "> <<<<<<< HEAD\n",
      "<<<<<<<HEAD\n"
    ])
      assert.deepStrictEqual(conflictLines(text), [])
  })
  it("are named with their line in JSON and YAML", () => {
    assert.deepStrictEqual(Decode.json(`{\n${conflict}}`), {
      _tag: "Bad",
      problem: "line 2 has a conflict marker of git"
    })
    assert.deepStrictEqual(Decode.yaml(`v: 1\n${conflict}`), {
      _tag: "Bad",
      problem: "line 2 has a conflict marker of git"
    })
  })
})
