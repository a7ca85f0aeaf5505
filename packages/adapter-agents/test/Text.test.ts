import { describe, expect, it } from "vitest"
import * as Text from "../src/Text.ts"

describe("clean", () => {
  it.each([
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b]0;title\u0007text", "text"],
    ["\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["\u001bPq#0;2\u001b\\after", "after"],
    ["a\u001b[2K\u001b[1Gb", "ab"],
    ["\u009b31mred", "red"],
    ["\u001bc reset", " reset"],
    ["\u001b(B plain", " plain"],
    ["bell\u0007 back\u0008 nul\u0000", "bell bac nul"],
    ["a\u202eb\u2066c", "abc"],
    ["tab\tkept\nline kept\r\n", "tab\tkept\nline kept\n"],
    ["unfinished \u001b]0;never ends", "unfinished "],
    ["unfinished \u001b[31", "unfinished "]
  ])("%j becomes %j", (raw, clean) => {
    expect(Text.clean(raw)).toBe(clean)
  })
  it("leaves no control character on random input", () => {
    let seed = 7
    for (let round = 0; round < 200; round++) {
      const raw = Array.from({ length: 400 }, () =>
        String.fromCharCode((seed = (seed * 1103515245 + 12345) % 2147483648) % 300)
      ).join("")
      expect(Text.clean(raw)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
    }
  })
})

describe("line", () => {
  it("shows what a terminal would show after carriage returns", () => {
    expect(Text.line("10%\r50%\r100%\r")).toBe("100%")
  })
  it("names binary instead of printing it", () => {
    expect(Text.line("\u0000\u0001\u0002\ufffd\ufffd\ufffdELF")).toMatch(/^\[binary output, \d+ characters\]$/)
  })
})

describe("bounds", () => {
  it("keeps the encoding within the limit and says what is missing", () => {
    for (const text of ["x".repeat(50_000), '"\\'.repeat(20_000), "é".repeat(20_000), "😀".repeat(20_000)]) {
      const bound = Text.bound(text, 16_384)
      expect(Text.encodedBytes(bound.text)).toBeLessThanOrEqual(16_384)
      expect(bound.text).toMatch(/… \[\d+ more characters\]$/)
      expect(bound.text.isWellFormed()).toBe(true)
    }
    expect(Text.bound("short", 16_384)).toEqual({ text: "short", dropped: 0 })
  })
  it("cuts a long text into pieces that add up", () => {
    const text = Array.from({ length: 5000 }, (_, index) => `line ${index} 😀`).join("\n")
    const pieces = Text.pieces(text, 16_384)
    expect(pieces.length).toBeGreaterThan(3)
    expect(pieces.join("")).toBe(text)
    for (const piece of pieces) expect(Text.encodedBytes(piece)).toBeLessThanOrEqual(16_384)
  })
})
