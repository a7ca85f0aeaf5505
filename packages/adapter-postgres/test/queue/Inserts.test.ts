/** How small inserts share statements, over a database that answers when the test says so. */
import { assert, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import type { NewTask } from "@rdev/core/ports/stores/WorkQueueStore"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Deferred, Effect, Exit, Fiber, Schema } from "effect"
import { Database } from "../../src/engine/Database.ts"
import * as InsertTasks from "../../src/queue/insertTasks.ts"
import type { Lanes } from "../../src/queue/Lanes.ts"

interface Sent {
  readonly sql: string
  readonly tasks: number
  readonly done: (exit: Exit.Exit<ReadonlyArray<never>, StoreError>) => void
  stopped: boolean
}

const owner = NewId.makeAt("proj", 0)
const task = (payload: Schema.Json): NewTask => ({
  id: NewId.makeAt("task", 0),
  owner,
  kind: "k",
  payload,
  ...WorkQueue.defaults
})
const none = () => Effect.die(new Error("not asked for"))
const failed = new StoreError({ operation: "Database.query", reason: { _tag: "Unavailable", message: "gone" } })

const make = (lanes: Lanes = { known: (tasks) => tasks.map(() => 1), numbers: none, load: none }) =>
  Effect.gen(function* () {
    const sent: Array<Sent> = []
    const rung: Array<string> = []
    const database = Database.of({
      engine: "postgresql",
      route: null,
      schema: "rdev",
      dataDir: null,
      session: Effect.die(new Error("not asked for")),
      query: none,
      transact: none,
      afterCommit: none,
      inTransaction: Effect.succeed(false),
      notify: none,
      listen: none,
      start: (sql, params, _, done) => {
        const ids = String(params?.[2])
        const statement: Sent = { sql, tasks: ids.startsWith("{") ? ids.split(",").length : 1, done, stopped: false }
        sent.push(statement)
        return () => {
          statement.stopped = true
        }
      }
    })
    const insert = yield* InsertTasks.make(database, lanes, {
      channel: "c",
      way: () => "rides",
      published: () => {},
      ring: (wake) => {
        rung.push(wake)
      },
      hear: none
    })
    const add = (payload: Schema.Json) => Effect.forkChild(insert([task(payload)]), { startImmediately: true })
    const end = (index: number, exit: Exit.Exit<ReadonlyArray<never>, StoreError>) =>
      Effect.sync(() => sent[index]?.done(exit))
    return { add, end, rung, sent, counts: () => sent.map((statement) => statement.tasks) }
  })

it.effect("two statements are under way; what comes meanwhile shares the next", () =>
  Effect.gen(function* () {
    const { add, counts, end, rung, sent } = yield* make()
    const first = yield* add(1)
    const second = yield* add(2)
    const others = [yield* add(3), yield* add(4), yield* add(5)]
    assert.deepStrictEqual(counts(), [1, 1])
    yield* end(1, Exit.succeed([]))
    assert.deepStrictEqual(
      (yield* Fiber.join(second)).map(({ created }) => created),
      [true]
    )
    assert.deepStrictEqual(counts(), [1, 1, 3])
    assert.isUndefined(first.pollUnsafe())
    yield* end(2, Exit.fail(failed))
    for (const fiber of others) assert.deepStrictEqual(yield* Effect.flip(Fiber.join(fiber)), failed)
    // It may have been added all the same.
    assert.deepStrictEqual(rung, ["work"])
    yield* end(0, Exit.succeed([]))
    yield* Fiber.join(first)
    assert.isTrue(sent.every(({ stopped }) => !stopped))
  })
)

it.effect("one that is given up makes room for one other", () =>
  Effect.gen(function* () {
    const { add, counts, rung, sent } = yield* make()
    const first = yield* add(1)
    yield* add(2)
    yield* add(3)
    yield* Fiber.interrupt(first)
    assert.deepStrictEqual(
      [counts(), sent.map(({ stopped }) => stopped), rung],
      [[1, 1, 1], [true, false, false], ["work"]]
    )
    yield* add(4)
    assert.deepStrictEqual(counts(), [1, 1, 1])
  })
)

it.effect("one that is given up while its lane is looked up makes room for one other, and is not added", () =>
  Effect.gen(function* () {
    const found = yield* Deferred.make<ReadonlyArray<number>>()
    const asked: Array<number> = []
    const { add, counts } = yield* make({
      known: ([only]) => (only?.payload === "new" ? null : [1]),
      numbers: (tasks) =>
        Effect.suspend(() => {
          asked.push(tasks.length)
          return Deferred.await(found)
        }),
      load: none
    })
    const first = yield* add("new")
    yield* add(2)
    yield* add(3)
    assert.deepStrictEqual([asked, counts()], [[1], [1]])
    yield* Fiber.interrupt(first)
    yield* Deferred.succeed(found, [1])
    yield* add(4)
    assert.deepStrictEqual(counts(), [1, 1])
  })
)

it.effect("what cannot be encoded fails alone", () =>
  Effect.gen(function* () {
    const { add, counts, end } = yield* make()
    const loop: { self?: unknown } = {}
    loop.self = loop
    const bad = yield* add(loop as Schema.Json)
    assert.isTrue(Exit.hasDies(yield* Fiber.await(bad)))
    const good = yield* add(1)
    assert.deepStrictEqual(counts(), [1])
    yield* end(0, Exit.succeed([]))
    yield* Fiber.join(good)
  })
)
