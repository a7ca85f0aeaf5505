import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { lastLines, linesOf, LineSplitter, pieces } from "../src/domain/LineText.ts"

const text = fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r\n", "\r", "ä", "🌒", "x".repeat(9)), maxLength: 60 })

describe("LineText", () => {
  it.each([
    ["", []],
    ["\n", [""]],
    ["a", ["a"]],
    ["a\n", ["a"]],
    ["a\r\nb", ["a", "b"]],
    ["a\n\nb\n", ["a", "", "b"]],
    ["a\rb\n", ["a\rb"]]
  ])("lines of %j", (whole, lines) => assert.deepStrictEqual(linesOf(whole), lines))

  it.each([
    ["", 3, []],
    ["  \n \n", 3, []],
    ["a\nb\nc\nd\n\n", 2, ["c", "d"]],
    ["a", 2, ["a"]]
  ] as const)("last lines of %j", (whole, count, lines) => assert.deepStrictEqual(lastLines(whole, count), lines))

  it("splits the same lines wherever the text is divided, and keeps every character", () => {
    fc.assert(
      fc.property(
        text,
        fc.array(fc.nat(100), { maxLength: 8 }),
        fc.integer({ min: 2, max: 20 }),
        (whole, cuts, most) => {
          const split = (borders: ReadonlyArray<number>) => {
            const found: Array<readonly [string, boolean]> = []
            const splitter = new LineSplitter(most, (part, ends) => found.push([part, ends]))
            borders.forEach((from, i) => splitter.push(whole.slice(from, borders[i + 1] ?? whole.length)))
            splitter.end()
            return found
          }
          const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b)]
          const once = split([0])
          assert.deepStrictEqual(split(at), once)
          assert.strictEqual(
            once.map(([part, ends]) => `${part}${ends ? "\n" : ""}`).join(""),
            whole === "" || whole.endsWith("\n") ? whole : `${whole}\n`
          )
          for (const [part] of once) {
            assert.isAtMost(part.length, most)
            assert.isTrue(part.isWellFormed())
          }
        }
      )
    )
  })

  it("cuts into pieces that add up", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 9 }), (whole, most) => {
        const parts = pieces(whole, most)
        assert.strictEqual(parts.join(""), whole)
        for (const part of parts) assert.isTrue(part.isWellFormed() && part.length <= most)
      })
    )
  })
})
