import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Event from "../../src/domain/Event.ts"
import * as MemoryEventLog from "../../src/memory/stores/EventLog.ts"
import * as EventLog from "../../src/ports/stores/EventLog.ts"
import * as MemoryOutputStore from "../../src/memory/stores/OutputStore.ts"
import * as NewId from "../../src/ids/NewId.ts"
import * as OutputStore from "../../src/ports/stores/OutputStore.ts"
import * as LogRetention from "../../src/services/LogRetention.ts"

it.effect("forgets events that are older than it keeps, and tells where the log begins", () =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const entry = { type: "output", subject: {}, data: {} }
    yield* log.append(Event.system, [entry])
    yield* TestClock.adjust("90 minutes")
    yield* log.append(Event.system, [entry])
    assert.strictEqual((yield* log.read(Event.system, 0, 10)).events.length, 2)
    yield* TestClock.adjust("31 minutes")
    const page = yield* log.read(Event.system, 0, 10)
    assert.deepStrictEqual(
      page.events.map((event) => event.seq),
      [2]
    )
    assert.strictEqual(page.retainedFrom, 2)
  }).pipe(
    Effect.provide(LogRetention.layerEvents({ keepMillis: 3_600_000 }).pipe(Layer.provideMerge(MemoryEventLog.layer)))
  )
)

it.effect("forgets what runs printed before that", () =>
  Effect.gen(function* () {
    // When a run began stands in its id.
    yield* TestClock.setTime(Date.parse("2030-01-01T00:00:00Z"))
    const store = yield* OutputStore.OutputStore
    const run = { projectId: yield* NewId.make("proj"), execId: yield* NewId.make("exec") }
    yield* store.append(run, [{ stream: "stdout", bytes: Buffer.from("one") }])
    yield* store.end(run, { code: 0, signal: null, reason: "exited" })
    const read = store.read(run, { view: "both", offset: 0, limit: 10 })
    yield* Effect.gen(function* () {
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual((yield* read).size, 3)
      yield* TestClock.adjust("62 minutes")
      assert.strictEqual((yield* Effect.flip(read)).reason._tag, "NotFound")
    }).pipe(Effect.provide(LogRetention.layerOutput({ keepMillis: 3_600_000 })))
  }).pipe(Effect.provide(MemoryOutputStore.layer))
)
