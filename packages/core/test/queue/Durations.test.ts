import { assert, describe, it } from "@effect/vitest"
import { maxClaim } from "@rdev/core/ports/stores/WorkQueueStore"
import { Durations } from "../../src/queue/worker/Durations.ts"

describe("Durations", () => {
  it("claims nothing ahead while any kind is unknown or long", () => {
    const durations = new Durations(["short", "long"])
    assert.strictEqual(durations.ahead(4), 0)
    durations.note("short", 0.1)
    assert.strictEqual(durations.ahead(4), 0)
    durations.note("long", 60_000)
    assert.strictEqual(durations.ahead(4), 0)
  })
  it("claims about 20 ms of short tasks, bounded, and forgets one slow start", () => {
    const durations = new Durations(["short"])
    durations.note("short", 20)
    for (let i = 0; i < 200; i++) durations.note("short", 1)
    assert.isAbove(durations.ahead(4), 60)
    for (let i = 0; i < 500; i++) durations.note("short", 0.01)
    assert.strictEqual(durations.ahead(100), 2 * maxClaim)
  })
  it("stops at once when a running task takes long", () => {
    const durations = new Durations(["kind"])
    for (let i = 0; i < 50; i++) durations.note("kind", 0.1)
    durations.atLeast("kind", 5_000)
    assert.strictEqual(durations.ahead(10), 0)
  })
})
