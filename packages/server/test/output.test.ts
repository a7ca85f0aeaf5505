/** 37 ansi, and the bounds of what a command prints. */
import { assert, describe, it } from "@effect/vitest"
import { none } from "@rdev/core/redaction/Redactor"
import * as Output from "../src/Output.ts"

const all = (...chunks: ReadonlyArray<string | Uint8Array>) => {
  const lines = new Output.Lines(none)
  const found = chunks.flatMap((chunk) => lines.push("stdout", Buffer.from(chunk as Uint8Array)))
  return { lines: [...found, ...lines.end()].map(({ line }) => line), dropped: lines.dropped }
}

describe("the output of a command", () => {
  it("holds no control sequence, of seven bits or of eight", () => {
    for (const sequence of [
      "\u001b[31m",
      "\u009b31m",
      "\u001b]0;title\u0007",
      "\u001b]8;;http://evil\u001b\\",
      "\u009d0;title\u009c",
      "\u001bPq#0\u001b\\",
      "\u001b_x\u001b\\",
      "\u001b(B",
      "\u001bc",
      "\u0007",
      "\u0085",
      "\u0000",
      "\u001b"
    ]) {
      assert.deepStrictEqual(all(`a${sequence}\n`).lines, ["a"], JSON.stringify(sequence))
    }
    assert.deepStrictEqual(all("a\tb\r\nc\n").lines, ["a\tb", "c"])
  })

  it("joins characters over the borders of chunks, and never cuts one", () => {
    const moon = Buffer.from("🌒")
    assert.deepStrictEqual(all("x", moon.subarray(0, 2), moon.subarray(2), "\n").lines, ["x🌒"])
    for (const text of [`x${"🌒".repeat(9_000)}`, "🌒".repeat(9_000)]) {
      for (const whole of [
        all(text),
        all(`${text}\n`),
        all(
          ...Array.from({ length: Math.ceil(text.length / 1000) }, (_, i) =>
            Buffer.from(text).subarray(i * 2000, (i + 1) * 2000)
          ),
          Buffer.from(text).subarray(Math.ceil(text.length / 1000) * 2000)
        )
      ]) {
        assert.strictEqual(whole.lines.join(""), text)
        for (const line of whole.lines) {
          assert.isAtMost(line.length, Output.maxLineBytes)
          assert.isTrue(line.isWellFormed())
        }
      }
    }
  })

  it("is kept up to its limit; the rest is counted", () => {
    const block = Buffer.alloc(1024 * 1024, "0123456\n")
    const lines = new Output.Lines(none)
    for (let i = 0; i < 10; i++) lines.push("stdout", block)
    assert.strictEqual(lines.dropped, 2 * 1024 * 1024)
  })
})
