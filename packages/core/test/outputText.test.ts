/** 37 ansi, and the bounds of what a command prints. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as OutputLines from "@rdev/core/domain/OutputLines"
import * as OutputText from "@rdev/core/redaction/OutputText"
import { make, none, type Redactor } from "@rdev/core/redaction/Redactor"

/** Bytes as a command's go: through the mask of its store, then into lines. */
const through = (redactor: Redactor) => {
  const [bytes, text] = [redactor.byteStream(), new OutputText.OutputText(redactor)]
  return {
    text,
    push: (chunk: Uint8Array | string) => {
      text.push("stdout", bytes.push(Buffer.from(chunk as Uint8Array)))
      return text.take()
    },
    end: () => {
      text.push("stdout", bytes.end())
      return text.end()
    }
  }
}
const all = (...chunks: ReadonlyArray<string | Uint8Array>) => {
  const { end, push, text } = through(none)
  const found = chunks.flatMap((chunk) => push(chunk).lines)
  return { lines: [...found, ...end().lines].map(({ line }) => line), dropped: text.dropped }
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
          assert.isAtMost(line.length, OutputText.maxLineBytes)
          assert.isTrue(line.isWellFormed())
        }
      }
    }
  })

  it("is kept up to its limit; the rest is counted", () => {
    const block = Buffer.alloc(1024 * 1024, "0123456\n")
    const { push, text } = through(none)
    for (let i = 0; i < 10; i++) push(block)
    assert.strictEqual(text.dropped, 2 * 1024 * 1024)
  })
})

const secret = "hunter2-Correct/Horse+Battery"
const noise = fc.string({ unit: fc.constantFrom(..."aZ09 \n\t%\\&=+/'\"-._:{}[]\u001b\r\bé€🌒u4x;#*"), maxLength: 60 })
const written = [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString("base64"),
  Buffer.from(secret).toString("hex"),
  [...secret].map((c) => `%${c.charCodeAt(0).toString(16)}`).join(""),
  [...secret].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join(""),
  [...secret].join("\u001b[1m"),
  [...secret].join("\u200b"),
  `${secret.slice(0, 9)}x\b${secret.slice(9)}`
]

describe("proof that the data of an event was searched", () => {
  it("is only of what the same redactor leaves as it is, and of no other", () => {
    const redactor = make([secret])
    const equal = make([secret])
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(noise, fc.constantFrom(...written), fc.constantFrom(...written.map((one) => one.slice(0, 12)))),
          {
            maxLength: 12
          }
        ),
        fc.array(fc.nat(300), { maxLength: 10 }),
        (parts, cuts) => {
          const bytes = Buffer.from(parts.join(""))
          const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length]
          const { end, push } = through(redactor)
          const events = [...at.slice(1).flatMap((to, i) => push(bytes.subarray(at[i], to)).events), ...end().events]
          for (const { data } of events) {
            assert.isFalse(OutputText.isProven(data, equal))
            assert.isFalse(OutputText.isProven({ ...data }, redactor))
            if (OutputText.isProven(data, redactor)) assert.strictEqual(redactor.json(data), data, JSON.stringify(data))
          }
        }
      ),
      { numRuns: 400 }
    )
  })

  it("cannot be kept by who changes the data", () => {
    const { data } = through(none).push("one\ntwo\n").events[0] ?? assert.fail("no event")
    assert.isTrue(OutputText.isProven(data, none))
    assert.throws(() => Object.assign(data, { line: "x" }))
    assert.throws(() => (data["lines"] as Array<string>).push("x"))
  })

  it("is given to most of what is printed, and to nothing beside a mask or before a new secret", () => {
    const first = make([secret])
    const [bytes, text] = [first.byteStream(), new OutputText.OutputText(first)]
    const proven = (chunk: string) => {
      text.push("stdout", bytes.push(Buffer.from(chunk)))
      return text.take().events.map(({ data }) => [OutputLines.ofData(data), OutputText.isProven(data, first)])
    }
    assert.deepStrictEqual(proven("plain text\n"), [[["plain text"], true]])
    assert.deepStrictEqual(proven(`it is ${secret}\n${"z ".repeat(40)}\n`), [[["it is ***", "z ".repeat(40)], false]])
    assert.deepStrictEqual(proven("begins another-"), [])
    const next = make([secret, "another-secret-of-it"])
    text.use(next)
    bytes.use(next)
    text.push("stdout", bytes.push(Buffer.from("secret-of-it\n")))
    for (const { data } of text.take().events) assert.isFalse(OutputText.isProven(data, next))
    text.push("stdout", bytes.push(Buffer.from("more\n")))
    for (const { data } of text.take().events) assert.isFalse(OutputText.isProven(data, next))
    const later = [1, 2, 3].map(() => {
      text.push("stdout", bytes.push(Buffer.from("and more\n")))
      return text.take().events.map(({ data }) => OutputText.isProven(data, next))
    })
    assert.deepStrictEqual(later.at(-1), [true])
  })
})
