/** Nothing that somebody wrote acts on the terminal that shows it. */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { Screen, table } from "../src/Screen.ts"
import { jsonText, oneLine, visible, visibleStyled } from "../src/TerminalText.ts"

// oxlint-disable-next-line no-control-regex -- what must not come out
const acting =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\r(?!\n)/

describe("text of others", () => {
  const cases: ReadonlyArray<readonly [text: string, shown: string]> = [
    ["plain ünïcode ✓ 日本", "plain ünïcode ✓ 日本"],
    ["lines\r\nand\ttabs\n", "lines\r\nand\ttabs\n"],
    ["\u001b[2J\u001b]0;title\u0007", "␛[2J␛]0;title␇"],
    ["over\rwritten", "over␍written"],
    ["\u009b31m", "<U+009B>31m"],
    ["\u007f\b", "␡␈"],
    ["a\u202etxt.exe", "a<U+202E>txt.exe"],
    ["zero\u200bwidth", "zero<U+200B>width"],
    ["👩\u200d🚀 👨🏽\u200d💻", "👩\u200d🚀 👨🏽\u200d💻"],
    ["\u001b[1mbold\u001b[22m", "␛[1mbold␛[22m"]
  ]
  for (const [text, shown] of cases) it(JSON.stringify(text), () => assert.strictEqual(visible(text), shown))

  it("is never more than a sign, whatever it is", () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("\u001b", "[", "2", "J", "m", "\r", "\n", "\u200d", "👩") })
    )
    fc.assert(
      fc.property(hostile, (text) => {
        assert.notMatch(
          visible(text).replace(
            /(?<=\p{Extended_Pictographic}(?:\ufe0f|[\u{1f3fb}-\u{1f3ff}])?)\u200d(?=\p{Extended_Pictographic})/gu,
            ""
          ),
          acting
        )
        assert.strictEqual(visible(visible(text)), visible(text))
        assert.notMatch(jsonText({ text }), acting)
        assert.deepStrictEqual(JSON.parse(jsonText({ text })), { text })
        assert.notMatch(oneLine(text), /[\r\n\t]/)
      }),
      { numRuns: 50 }
    )
  })

  it("goes through the screen, which keeps its own styles on a terminal alone", () => {
    for (const isTTY of [true, false]) {
      const writes: Array<string> = []
      const screen = new Screen({ isTTY, write: (text) => void writes.push(text) }, {})
      screen.line(`${screen.style.bold("x")} \u001b[8mhidden`)
      assert.strictEqual(writes.join(""), isTTY ? "\u001b[1mx\u001b[22m ␛[8mhidden\n" : "x ␛[8mhidden\n")
    }
    assert.strictEqual(visibleStyled("\u001b[1mx\u001b[22m\u001b[5m"), "\u001b[1mx\u001b[22m␛[5m")
  })

  it("is one line in a table", () => assert.deepStrictEqual(table([["a\nb", "c\r\nd"]]), ["a b  c d"]))
})
