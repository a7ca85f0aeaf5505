/** 52 many small lines cost few events, and every reader sees the same lines. */
import { assert, describe, it } from "@effect/vitest"
import { Event, flat, ofProject } from "@rdev/core/domain/Event"
import * as OutputLines from "@rdev/core/domain/OutputLines"
import * as fc from "fast-check"

const line = fc.record({
  stream: fc.constantFrom("stdout" as const, "stderr" as const),
  line: fc.oneof(fc.string({ maxLength: 50 }), fc.string({ minLength: 1000, maxLength: 4096, unit: "grapheme" }))
})
const wire = (one: ReturnType<typeof OutputLines.toEvents>[number], seq: number) =>
  flat(new Event({ ...one, stream: ofProject("proj_01J00000000000000000000000"), seq, timeMillis: 0, subject: {} }))

describe("lines of output", () => {
  it("come together, in order, in events that are small enough", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 60 }), (lines) => {
        const events = OutputLines.toEvents(lines)
        assert.deepStrictEqual(
          events.flatMap(({ data }) =>
            OutputLines.ofData(data).map((text) => ({ stream: data["stream"], line: text }))
          ),
          lines
        )
        for (const event of events) assert.isAtMost(Buffer.byteLength(JSON.stringify(event.data)), 16_384)
      }),
      { numRuns: 60 }
    )
  })
  it("are read by who knows of one line only", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const shown = OutputLines.toEvents(lines)
          .map(wire)
          .map((event) => `${String(event["line"])}\n`)
          .join("")
        assert.strictEqual(shown, lines.map((one) => `${one.line}\n`).join(""))
      }),
      { numRuns: 60 }
    )
    assert.deepStrictEqual(OutputLines.toEvents([{ stream: "stdout", line: "a" }]), [
      { type: "output", data: { line: "a", stream: "stdout" } }
    ])
  })
  it("take few rows even when there is nothing in them", () => {
    const events = OutputLines.toEvents(
      Array.from({ length: 200_000 }, () => ({ stream: "stdout" as const, line: "" }))
    )
    assert.isAtMost(events.length, 250)
  })
})
