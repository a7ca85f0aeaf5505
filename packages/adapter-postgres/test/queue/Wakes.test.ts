import { assert, it } from "@effect/vitest"
import type { Wake } from "@rdev/core/ports/stores/WorkQueueStore"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Database, type Session } from "../../src/engine/Database.ts"
import * as Wakes from "../../src/queue/wakes.ts"

/** A bell over a database that only notes what is notified, and a session that hears what it is told. */
const make = Effect.gen(function* () {
  const notified: Array<string> = []
  const ears: Array<(payload: string | null) => void> = []
  const none = () => Effect.die(new Error("not asked for"))
  const here = { workers: true }
  const looks: Array<string> = []
  const connections = {
    query: <R extends object>(sql: string) =>
      Effect.sync(() => {
        looks.push(sql)
        return [here] as unknown as ReadonlyArray<R>
      }),
    start: () => assert.fail("not asked for"),
    transact: none,
    afterCommit: none,
    inTransaction: Effect.succeed(false)
  }
  const session: Session = {
    ...connections,
    hear: (_, heard) =>
      Effect.sync(() => {
        ears.push(heard)
      })
  }
  const database = Database.of({
    ...connections,
    engine: "postgresql",
    route: null,
    schema: "rdev",
    dataDir: null,
    session: Effect.succeed(session),
    notify: (_, payloads) =>
      Effect.sync(() => {
        notified.push(...payloads)
      }),
    listen: none
  })
  const bell = yield* Wakes.make(database, session)
  return {
    bell,
    here,
    looks,
    notified,
    tell: (payload: string | null) => {
      for (const heard of ears) heard(payload)
    }
  }
})

it.effect("what rings in a millisecond makes one notification", () =>
  Effect.gen(function* () {
    const { bell, notified } = yield* make
    yield* TestClock.adjust(10)
    bell.ring("work")
    bell.ring("work")
    yield* TestClock.adjust(2)
    assert.deepStrictEqual(notified, ["work"])
    yield* TestClock.adjust(10)
    assert.deepStrictEqual(notified, ["work"])
  })
)

it.effect("one that rings after an insert which carried one is told of all the same", () =>
  Effect.gen(function* () {
    const { bell, notified } = yield* make
    yield* TestClock.adjust(10)
    assert.strictEqual(bell.way(), "rides")
    yield* TestClock.adjust("500 micros")
    bell.ring("work")
    yield* TestClock.adjust(10)
    assert.deepStrictEqual(notified, ["work"])
  })
)

it.effect("an insert that carries one later does for those that wait", () =>
  Effect.gen(function* () {
    const { bell, notified } = yield* make
    yield* TestClock.adjust(10)
    bell.ring("work")
    yield* TestClock.adjust("500 micros")
    assert.strictEqual(bell.way(), "rides")
    yield* TestClock.adjust(10)
    assert.deepStrictEqual(notified, [])
  })
)

it.effect("a cancellation is told in any case", () =>
  Effect.gen(function* () {
    const { bell, notified } = yield* make
    yield* TestClock.adjust(10)
    bell.ring("work")
    bell.ring("cancel")
    yield* TestClock.adjust("500 micros")
    assert.strictEqual(bell.way(), "rides")
    yield* TestClock.adjust(10)
    assert.deepStrictEqual(notified, ["cancel"])
  })
)

it.effect("whoever listens is told at once to look, and after a lost connection to look for both", () =>
  Effect.gen(function* () {
    const { bell, tell } = yield* make
    const heard: Array<Wake> = []
    yield* bell.hear((wake) => {
      heard.push(wake)
    })
    assert.deepStrictEqual(heard.splice(0), ["work"])
    tell("work")
    tell("cancel")
    assert.deepStrictEqual(heard.splice(0), ["work", "cancel"])
    tell(null)
    assert.deepStrictEqual(heard.splice(0), ["work", "cancel"])
  })
)

it.effect(
  "after many inserts that carried one it looks whether anybody hears them; as long as nobody does, each insert asks",
  () =>
    Effect.gen(function* () {
      const { bell, here, looks, notified } = yield* make
      const ways = (n: number) => new Set(Array.from({ length: n }, () => bell.way()))
      for (const there of [true, true, false]) {
        here.workers = there
        const before = looks.length
        assert.deepStrictEqual(ways(Wakes.ridesPerLook), new Set(["rides"]))
        yield* Effect.yieldNow
        assert.strictEqual(looks.length, before + 1)
      }
      assert.deepStrictEqual(ways(2 * Wakes.ridesPerLook), new Set(["asks"]))
      bell.published(false)
      assert.deepStrictEqual(ways(1), new Set(["asks"]))
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(notified, [])
      bell.published(true)
      assert.deepStrictEqual(ways(1), new Set(["rides"]))
    })
)

it.effect("whom an insert that asked found is told of it", () =>
  Effect.gen(function* () {
    const { bell, notified } = yield* make
    bell.published(true)
    yield* TestClock.adjust(10)
    assert.deepStrictEqual(notified, ["work"])
  })
)

it.effect("what a worker's own process adds carries one always", () =>
  Effect.gen(function* () {
    const { bell } = yield* make
    bell.published(false)
    yield* bell.hear(() => {})
    assert.strictEqual(bell.way(), "rides")
  })
)
