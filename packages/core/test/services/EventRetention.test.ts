import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Event from "../../src/domain/Event.ts"
import * as MemoryEventLog from "../../src/memory/stores/EventLog.ts"
import * as EventLog from "../../src/ports/stores/EventLog.ts"
import * as EventRetention from "../../src/services/EventRetention.ts"

it.effect("EventRetention forgets what is older than it keeps, and tells where the log begins", () =>
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
    Effect.provide(EventRetention.layer({ keepMillis: 3_600_000 }).pipe(Layer.provideMerge(MemoryEventLog.layer)))
  )
)
