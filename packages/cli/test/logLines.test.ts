import { assert, describe, it } from "@effect/vitest"
import { Cause, Data } from "effect"
import { logLines } from "../src/LogLines.ts"

const entry = (message: unknown, cause: Cause.Cause<unknown> = Cause.empty) =>
  logLines({ cause, date: new Date("2026-01-02T03:04:05Z"), logLevel: "Error", message })

describe("a line of the log", () => {
  it("says what happened and why", () => {
    assert.deepStrictEqual(entry("plain"), ["03:04:05 error plain"])
    class Away extends Data.TaggedError("Away")<{ readonly message: string }> {}
    const away = new Away({ message: "WorkQueueStore.list: the server\nis away" })
    assert.deepStrictEqual(entry(["request r failed: GET /x"], Cause.fail(away)), [
      `03:04:05 error request r failed: GET /x ${away.message.replaceAll("\n", " ")}`
    ])
    assert.deepStrictEqual(entry(["two", new Error("parts"), { n: 1n }]), ["03:04:05 error two parts { n: 1n }"])
    assert.strictEqual(entry("x".repeat(900))[0]?.length, 515)
  })

  it("says of a defect where it came from", () => {
    const [first, ...where] = entry("request r failed", Cause.die(new TypeError("undefined is not a function")))
    assert.strictEqual(first, "03:04:05 error request r failed undefined is not a function")
    assert.isTrue(where.length > 0 && where.every((line) => line.trimStart().startsWith("at ")))
    assert.include(where[0], "logLines.test.ts")
  })
})
