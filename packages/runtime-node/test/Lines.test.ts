import { assert, describe, it } from "@effect/vitest"
import { clean } from "@rdev/core/redaction/Clean"
import { none } from "@rdev/core/redaction/Redactor"
import * as fc from "fast-check"
import * as Lines from "../src/Lines.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

describe("lines for logs", () => {
  const all = (chunks: ReadonlyArray<Uint8Array>) => {
    const lines = Lines.forLog(none)
    return [...chunks.flatMap((chunk) => lines.push(chunk)), ...lines.end()]
  }

  it("gives the same lines wherever the output is cut", () => {
    const bytes = Buffer.from("ünï\u001b[1mbold\u001b[0m\r\nprogress 1%\rprogress 99%\n\nlast")
    const expected = ["ünïbold", "progress 99%", "", "last"]
    for (let cut = 0; cut <= bytes.byteLength; cut++)
      assert.deepStrictEqual(all([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, String(cut))
  })

  it("removes control sequences of every kind", () => {
    for (const text of [
      "\u001b[2J",
      "\u001b]0;title\u0007",
      "\u001b]8;;http://x\u001b\\",
      "\u001bP1$r\u001b\\",
      "\u001b(B",
      "\u009b31m",
      "\u0007",
      "\u0000",
      "\u001b[38;5;1m"
    ]) {
      // eslint-disable-next-line no-control-regex -- that there are none is the point
      assert.notMatch(clean(`a${text}b`), /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
    }
  })

  it("holds little of a line without an end", () => {
    const lines = all(Array.from({ length: 20 }, () => Buffer.alloc(10_000, "x")))
    assert.strictEqual(lines.join("").length, 200_000)
    assert.isTrue(lines.every((line) => line.length <= 8192))
  })

  it("never cuts a character in two", () => {
    const text = `x${"🌒".repeat(10_000)}`
    const lines = all([Buffer.from(text)])
    assert.strictEqual(lines.join(""), text)
    for (const line of lines) assert.isTrue(line.isWellFormed())
  })
})

describe("bounded lines", () => {
  it("joins characters and lines that arrive in pieces, per stream", () => {
    const lines = Lines.bounded(100, none)
    const smile = bytes("ä😀\n")
    const seen = [
      ...lines.push({ stream: "stdout", data: smile.subarray(0, 3) }),
      ...lines.push({ stream: "stderr", data: bytes("err") }),
      ...lines.push({ stream: "stdout", data: smile.subarray(3) }),
      ...lines.end()
    ]
    assert.deepStrictEqual(seen, [
      { stream: "stdout", text: "ä😀", dropped: 0 },
      { stream: "stderr", text: "err", dropped: 0 }
    ])
  })
  it("bounds a line that never ends", () => {
    const lines = Lines.bounded(10, none)
    for (let index = 0; index < 1000; index++)
      assert.deepStrictEqual(lines.push({ stream: "stdout", data: bytes("x".repeat(1000)) }), [])
    assert.deepStrictEqual(lines.push({ stream: "stdout", data: bytes("\nnext\n") }), [
      { stream: "stdout", text: "xxxxxxxxxx", dropped: 999_990 },
      { stream: "stdout", text: "next", dropped: 0 }
    ])
  })

  it("never keeps half of a character", () => {
    const lines = Lines.bounded(10, none)
    lines.push({ stream: "stdout", data: bytes(`x${"🌒".repeat(10)}`) })
    const [line] = lines.push({ stream: "stdout", data: bytes("more\n") })
    assert.strictEqual(line?.text, `x${"🌒".repeat(4)}`)
    assert.strictEqual(line?.dropped, 28)
  })

  it("gives the same lines wherever the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "\n", "ä", "🌒", "x".repeat(9)), maxLength: 60 }),
        fc.array(fc.nat(200), { maxLength: 8 }),
        fc.integer({ min: 2, max: 20 }),
        (text, cuts, most) => {
          const whole = bytes(text)
          const read = (at: ReadonlyArray<number>) => {
            const lines = Lines.bounded(most, none)
            const borders = [0, ...[...at].sort((a, b) => a - b), whole.byteLength]
            return [
              ...borders.flatMap((from, i) =>
                lines.push({ stream: "stdout", data: whole.subarray(from, borders[i + 1]) })
              ),
              ...lines.end()
            ]
          }
          const once = read([])
          assert.deepStrictEqual(read(cuts.map((at) => Math.min(at, whole.byteLength))), once)
          const shownBytes = once.reduce((sum, line) => sum + Buffer.byteLength(line.text) + line.dropped, 0)
          assert.strictEqual(shownBytes, Buffer.byteLength(text.replaceAll("\n", "")), "every byte is kept or counted")
          for (const line of once) assert.isAtMost(line.text.length, most)
        }
      )
    )
  })
})
