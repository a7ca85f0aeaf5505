import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Deferred, Effect, Layer, Metric, Ref } from "effect"
import { TestClock } from "effect/testing"
import * as NewId from "@rdev/core/ids/NewId"
import type { WorkTask } from "@rdev/core/domain/WorkTask"
import * as MemoryWorkQueueStore from "@rdev/core/memory/stores/WorkQueueStore"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as Retention from "@rdev/core/queue/Retention"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as TaskHandlers from "@rdev/core/queue/TaskHandlers"
import * as Worker from "@rdev/core/queue/Worker"
import * as WorkerPool from "@rdev/core/queue/WorkerPool"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { paceMillis } from "../../src/queue/worker/WorkerSession.ts"
import { stepMillis } from "../../src/queue/worker/WakeOrder.ts"

const queue = WorkerPool.layer.pipe(
  Layer.provideMerge(WorkQueue.layer),
  Layer.provideMerge(Layer.merge(MemoryWorkQueueStore.layer, TaskEvents.layerNone))
)
const worker = (
  handlers: Readonly<Record<string, TaskHandlers.TaskHandler>>,
  options: Partial<Worker.WorkerOptions> = {}
) => Worker.layer({ capacity: 4, ...options }).pipe(Layer.provide(TaskHandlers.layer(handlers)))

const { WorkQueue: Queue } = WorkQueue
const until = (id: WorkTask["id"], status: WorkTask["status"]): Effect.Effect<WorkTask, unknown, WorkQueue.WorkQueue> =>
  Effect.gen(function* () {
    const work = yield* Queue
    for (let i = 0; i < 5_000; i++) {
      const task = yield* work.get(id)
      if (task.status === status) return task
      yield* TestClock.adjust("250 millis")
    }
    return yield* Effect.die(new Error(`task ${id} did not become ${status}: ${JSON.stringify(yield* work.get(id))}`))
  })
const fails = (reason: ConstructorParameters<typeof TaskHandlers.TaskFailure>[0]["reason"]) =>
  Effect.fail(new TaskHandlers.TaskFailure({ reason }))

describe("Worker", () => {
  it.effect("runs a task and keeps its record", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const task = yield* work.enqueue({ owner, kind: "double", payload: 21 })
      const ended = yield* until(task.id, "completed").pipe(
        Effect.provide(worker({ double: ({ task }) => Effect.succeed(Number(task.payload) * 2) }))
      )
      assert.strictEqual(ended.result, 42)
      assert.strictEqual(ended.deliveries, 1)
      assert.strictEqual(ended.attempts.length, 1)
      assert.strictEqual(ended.attempts[0]?.error, null)
    }).pipe(Effect.provide(queue))
  )

  it.effect("retries by class, counts attempts and gives up", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const task = yield* work.enqueue({ owner, kind: "flaky", payload: null, maxAttempts: 3 })
      const ended = yield* until(task.id, "failed").pipe(
        Effect.provide(worker({ flaky: () => fails({ _tag: "Unknown", message: "no" }) }))
      )
      assert.strictEqual(ended.attemptsCounted, 3)
      assert.deepStrictEqual(
        ended.attempts.map((attempt) => attempt.counted),
        [true, true, true]
      )
      const again = yield* work.retry(task.id)
      assert.strictEqual(again.status, "pending")
      const done = yield* until(task.id, "completed").pipe(
        Effect.provide(worker({ flaky: () => Effect.succeed("ok") }))
      )
      assert.strictEqual(done.attempts.length, 4)
    }).pipe(Effect.provide(queue))
  )

  it.effect("gives handlers what they need, and tries a task whose handler throws again, as often as it may be", () =>
    Effect.gen(function* () {
      class Word extends Context.Service<Word, { readonly said: string }>()("test/Word") {}
      const handlers = yield* TaskHandlers.make({
        say: () => Effect.map(Effect.service(Word), ({ said }) => said),
        later: () => Effect.map(Effect.andThen(Effect.sleep("1 second"), Effect.service(Word)), ({ said }) => said),
        broken: () => {
          throw new Error("no such thing")
        }
      }).pipe(Effect.provideService(Word, { said: "hello" }))
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const tasks = yield* Effect.forEach(["say", "later", "broken"], (kind) =>
        work.enqueue({ owner, kind, payload: null, maxAttempts: 2 })
      )
      const [say, later, broken] = yield* Effect.forEach(tasks, ({ id, kind }) =>
        until(id, kind === "broken" ? "failed" : "completed")
      ).pipe(
        Effect.provide(
          Worker.layer({ capacity: 4 }).pipe(Layer.provide(Layer.succeed(TaskHandlers.TaskHandlers, handlers)))
        )
      )
      assert.deepStrictEqual([say?.result, later?.result], ["hello", "hello"])
      assert.deepInclude(broken?.attempts[0]?.error, {
        _tag: "Defect",
        message: "the handler of broken failed unexpectedly: no such thing"
      })
      assert.deepInclude(broken, { attemptsCounted: 2, error: broken?.attempts[1]?.error ?? null })
    }).pipe(Effect.provide(queue))
  )

  it.effect("stops a task that outruns its limit and gives the next delivery twice the time", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const task = yield* work.enqueue({
        owner,
        kind: "slow",
        payload: null,
        timeoutMillis: 10_000,
        maxAttempts: 2
      })
      const ended = yield* until(task.id, "completed").pipe(
        Effect.provide(worker({ slow: () => Effect.as(Effect.sleep("15 seconds"), null) }))
      )
      assert.strictEqual(ended.timeoutMillis, 20_000)
      assert.strictEqual(ended.attempts[0]?.error?._tag, "Timeout")
    }).pipe(Effect.provide(queue))
  )

  it.effect("cancels a running task", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const begun = yield* Deferred.make<void>()
      const stopped = yield* Ref.make(false)
      const hang = worker({
        hang: () =>
          Effect.andThen(
            Deferred.succeed(begun, undefined),
            Effect.onInterrupt(Effect.never, () => Ref.set(stopped, true))
          )
      })
      const task = yield* work.enqueue({ owner, kind: "hang", payload: null })
      yield* Effect.gen(function* () {
        yield* Deferred.await(begun)
        yield* work.cancel(task.id)
        yield* until(task.id, "cancelled")
      }).pipe(Effect.provide(hang))
      assert.isTrue(yield* Ref.get(stopped))
    }).pipe(Effect.provide(queue))
  )

  it.effect("hands running work back when it stops, uncounted, and another worker finishes it", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const begun = yield* Deferred.make<void>()
      const task = yield* work.enqueue({ owner, kind: "long", payload: null })
      yield* Deferred.await(begun).pipe(
        Effect.provide(
          worker({ long: () => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never) }, { drainMillis: 0 })
        )
      )
      const back = yield* work.get(task.id)
      assert.deepStrictEqual([back.status, back.attemptsCounted, back.crashes, back.deliveries], ["pending", 0, 0, 1])
      assert.strictEqual((yield* (yield* WorkerPool.WorkerPool).pool).workers.length, 0)
      yield* until(task.id, "completed").pipe(Effect.provide(worker({ long: () => Effect.succeed(null) })))
    }).pipe(Effect.provide(queue))
  )

  it.effect("closes the gate of a rate-limited account for other tasks", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const ran = yield* Ref.make<ReadonlyArray<string>>([])
      const layer = worker(
        {
          call: ({ task, attempt }) =>
            Effect.andThen(
              Ref.update(ran, (list) => [...list, `${task.payload}${attempt}`]),
              task.payload === "a" && attempt === 1
                ? fails({ _tag: "RateLimited", message: "429", gate: null, retryAfterMillis: 60_000 })
                : Effect.succeed(null)
            )
        },
        { capacity: 1 }
      )
      const first = yield* work.enqueue({ owner, kind: "call", payload: "a", gate: "account:1" })
      const second = yield* work.enqueue({ owner, kind: "call", payload: "b", gate: "account:1" })
      const other = yield* work.enqueue({ owner, kind: "call", payload: "c", gate: "account:2" })
      yield* Effect.gen(function* () {
        yield* until(other.id, "completed")
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(yield* Ref.get(ran), ["a1", "c1"])
        yield* until(second.id, "completed")
        const ended = yield* until(first.id, "completed")
        assert.strictEqual(ended.attemptsCounted, 1)
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(queue))
  )

  it.effect("runs tasks of a vanished worker apart from others, and ends the one that takes workers down", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const store = yield* WorkQueueStore
      const owner = yield* NewId.make("proj")
      const quarantined = yield* work.enqueueAll(
        Array.from({ length: 20 }, (_, i) => ({ owner, kind: "s", payload: i }))
      )
      const vanished = yield* NewId.make("wrk")
      yield* store.register({ id: vanished, name: "v", version: "1", capacity: 20, labels: [], kinds: ["s"] }, 1_000)
      yield* store.claim({ workerId: vanished, limit: 20, kinds: ["s"], labels: [], quarantined: false })
      yield* TestClock.adjust("2 seconds")
      const others = yield* work.enqueueAll(Array.from({ length: 30 }, () => ({ owner, kind: "o", payload: null })))
      const running = { s: 0, o: 0 }
      const met = new Set<string>()
      const track = (kind: "s" | "o", fails: boolean) =>
        Effect.gen(function* () {
          running[kind]++
          yield* Effect.sleep("100 millis")
          if (running.s > 0 && running.o > 0) met.add("mixed")
          running[kind]--
          return fails
            ? yield* new TaskHandlers.TaskFailure({ reason: { _tag: "StaleWorker", message: "gone" } })
            : null
        })
      const layer = worker(
        { s: ({ task }) => track("s", task.payload === 7), o: () => track("o", false) },
        { quarantinePatienceMillis: 500 }
      )
      yield* Effect.gen(function* () {
        const poison = yield* until(quarantined[7] as WorkTask["id"], "failed")
        assert.strictEqual(poison.crashes, 3)
        for (const id of [...quarantined.filter((_, i) => i !== 7), ...others]) yield* until(id, "completed")
      }).pipe(Effect.provide(layer))
      assert.deepStrictEqual([...met], [])
    }).pipe(Effect.provide(queue))
  )

  it.effect("fails a task whose handler names something that cannot be a name, and no other", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const [bad, good] = yield* work.enqueueAll(["a\u0000b", null].map((payload) => ({ owner, kind: "x", payload })))
      const layer = worker({
        x: ({ task }) =>
          typeof task.payload === "string"
            ? fails({ _tag: "ResourceExhausted", message: "full", resource: task.payload })
            : Effect.succeed(null)
      })
      yield* Effect.gen(function* () {
        assert.strictEqual((yield* until(bad as WorkTask["id"], "failed")).error?._tag, "Defect")
        yield* until(good as WorkTask["id"], "completed")
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(queue))
  )

  it.effect("starts what waits for capacity once something else ends", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const first = yield* work.enqueue({ owner, kind: "big", payload: null })
      const layer = worker({
        big: ({ attempt }) =>
          attempt === 1
            ? fails({ _tag: "ResourceExhausted", message: "full", resource: "disk" })
            : Effect.succeed(null),
        small: () => Effect.succeed(null)
      })
      yield* Effect.gen(function* () {
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* work.get(first.id)).awaits, "disk")
        const began = yield* Clock.currentTimeMillis
        yield* work.enqueue({ owner, kind: "small", payload: null })
        yield* until(first.id, "completed")
        assert.isBelow((yield* Clock.currentTimeMillis) - began, 5_000)
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(queue))
  )

  it.effect("settles the short tasks of a claim together, and lets others run between them", () =>
    Effect.gen(function* () {
      const store = yield* WorkQueueStore
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const settled = new Map<bigint, number>()
      const told: Array<number> = []
      const counting = Layer.succeed(WorkQueueStore, {
        ...store,
        settle: (settlements) =>
          Effect.andThen(
            Effect.sync(() => {
              told.push(settlements.length)
              for (const fence of new Set(settlements.map((entry) => entry.fence)))
                settled.set(fence, (settled.get(fence) ?? 0) + 1)
            }),
            store.settle(settlements)
          )
      })
      const tasks = yield* work.enqueueAll(
        Array.from({ length: 2_000 }, (_, i) => ({ owner, kind: "short", payload: i }))
      )
      let ran = 0
      let longest = 0
      const turns = Effect.forever(
        Effect.andThen(
          Effect.callback<void>((resume) => {
            setImmediate(() => resume(Effect.void))
          }),
          Effect.sync(() => {
            longest = Math.max(longest, ran)
            ran = 0
          })
        )
      )
      const short = worker({
        short: () =>
          Effect.sync(() => {
            ran++
            return null
          })
      }).pipe(Layer.provide(counting))
      yield* Effect.gen(function* () {
        yield* Effect.forkChild(turns)
        yield* until(tasks[1_999] as WorkTask["id"], "completed")
      }).pipe(Effect.provide(short))
      assert.strictEqual(
        told.reduce((sum, n) => sum + n, 0),
        2_000
      )
      assert.deepStrictEqual(
        [...settled.values()].filter((times) => times > 1),
        [],
        "no claim was settled in parts"
      )
      assert.isBelow(longest, 500, "a whole claim never runs in one turn")
    }).pipe(Effect.provide(queue))
  )

  it.effect("claims again for what rang while a claim was on its way, and not because a task ended meanwhile", () =>
    Effect.gen(function* () {
      const store = yield* WorkQueueStore
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const answers: Array<Deferred.Deferred<void>> = []
      let wake: (wake: "work") => void = () => assert.fail("nobody listens")
      const held = Layer.succeed(WorkQueueStore, {
        ...store,
        claim: (request) =>
          Effect.gen(function* () {
            const answer = Deferred.makeUnsafe<void>()
            answers.push(answer)
            const claimed = yield* store.claim(request)
            yield* Deferred.await(answer)
            return claimed
          }),
        onWake: (heard) =>
          Effect.sync(() => {
            wake = heard
          })
      })
      const end = yield* Deferred.make<void>()
      const ran: Array<unknown> = []
      const layer = worker(
        {
          long: ({ task }) =>
            Effect.as(
              Effect.andThen(
                Effect.sync(() => {
                  ran.push(task.payload)
                }),
                Deferred.await(end)
              ),
              null
            ),
          short: ({ task }) =>
            Effect.sync(() => {
              ran.push(task.payload)
              return null
            })
        },
        { pollMillis: 1_000_000, drainMillis: 0 }
      ).pipe(Layer.provide(held))
      const soon = TestClock.adjust("30 millis")
      const answerLast = Effect.andThen(
        Effect.suspend(() => Deferred.succeed(answers.at(-1) as Deferred.Deferred<void>, undefined)),
        soon
      )
      yield* work.enqueue({ owner, kind: "long", payload: "first" })
      yield* Effect.gen(function* () {
        yield* soon
        yield* answerLast
        yield* TestClock.adjust("1 seconds")
        wake("work")
        yield* soon
        assert.strictEqual(answers.length, 2, "a claim that found nothing is on its way")
        yield* Deferred.succeed(end, undefined)
        yield* soon
        yield* answerLast
        assert.strictEqual(answers.length, 2, "the end of a task is no reason for another")
        wake("work")
        yield* soon
        assert.strictEqual(answers.length, 3)
        yield* work.enqueue({ owner, kind: "short", payload: "second" })
        wake("work")
        yield* soon
        assert.strictEqual(answers.length, 3, "one claim at a time")
        yield* answerLast
        yield* answerLast
        assert.deepStrictEqual(ran, ["first", "second"])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(queue))
  )

  it.effect("writes a completion that comes alone at once, and those soon after it together", () =>
    Effect.gen(function* () {
      const store = yield* WorkQueueStore
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const told: Array<number> = []
      const counting = Layer.succeed(WorkQueueStore, {
        ...store,
        settle: (settlements) =>
          Effect.andThen(
            Effect.sync(() => {
              told.push(settlements.length)
            }),
            store.settle(settlements)
          )
      })
      const layer = worker({
        short: () => Effect.succeed(null),
        failing: () => fails({ _tag: "Invalid", field: "payload", message: "no" })
      }).pipe(Layer.provide(counting))
      const settled = (change: { readonly kind: string; readonly concurrencyKey?: string }) =>
        Effect.andThen(
          work.enqueue({ owner, payload: null, ...change }),
          Effect.andThen(
            TestClock.adjust("1 millis"),
            Effect.sync(() => told.splice(0))
          )
        )
      yield* Effect.gen(function* () {
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* settled({ kind: "short" }), [1])
        assert.deepStrictEqual([yield* settled({ kind: "short" }), yield* settled({ kind: "short" })], [[], []])
        yield* TestClock.adjust(paceMillis)
        assert.deepStrictEqual(told.splice(0), [2])
        assert.deepStrictEqual(yield* settled({ kind: "failing" }), [1])
        assert.deepStrictEqual(yield* settled({ kind: "short", concurrencyKey: "one" }), [1])
        yield* TestClock.adjust(paceMillis)
        assert.deepStrictEqual(yield* settled({ kind: "short" }), [1])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(queue))
  )

  it.effect("lets the worker before it have a task, and takes what that one leaves", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const ran: Array<string> = []
      const named = (name: string) =>
        Layer.fresh(
          worker(
            {
              hold: () =>
                Effect.andThen(
                  Effect.sync(() => {
                    ran.push(name)
                  }),
                  Effect.never
                )
            },
            { capacity: 2, drainMillis: 0, pollMillis: 60_000 }
          )
        )
      const after = (millis: number) =>
        Effect.andThen(
          TestClock.adjust(millis),
          Effect.sync(() => ran.splice(0))
        )
      const add = work.enqueue({ owner, kind: "hold", payload: null })
      yield* Effect.gen(function* () {
        yield* Layer.build(named("first"))
        yield* TestClock.adjust("2 seconds")
        yield* Layer.build(named("second"))
        // Until the first one's next beat, which tells it of the other.
        yield* TestClock.adjust("12 seconds")
        yield* add
        assert.deepStrictEqual(yield* after(0), ["first"])
        // The first one was given a task of unknown length: now it comes after the second.
        yield* add
        assert.deepStrictEqual([yield* after(0), yield* after(stepMillis)], [[], ["second"]])
        yield* add
        yield* add
        assert.deepStrictEqual((yield* after(4 * stepMillis)).sort(), ["first", "second"])
      }).pipe(Effect.scoped)
    }).pipe(Effect.provide(queue))
  )

  it.effect("follows at once while the worker before it is busy", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const ran: Array<string> = []
      const named = (name: string, capacity: number) =>
        Layer.fresh(
          worker(
            {
              hold: () =>
                Effect.andThen(
                  Effect.sync(() => {
                    ran.push(name)
                  }),
                  Effect.never
                )
            },
            { capacity, drainMillis: 0, pollMillis: 60_000 }
          )
        )
      const after = (millis: number) =>
        Effect.andThen(
          TestClock.adjust(millis),
          Effect.sync(() => ran.splice(0))
        )
      const add = work.enqueue({ owner, kind: "hold", payload: null })
      // Ids carry the time of the machine, by which a worker knows how long a task has waited: here seconds, as the test's clock goes ahead of it.
      yield* TestClock.setTime(Date.now())
      yield* Effect.gen(function* () {
        yield* Layer.build(named("first", 1))
        yield* TestClock.adjust("2 seconds")
        yield* Layer.build(named("second", 4))
        yield* TestClock.adjust("2 seconds")
        yield* add
        assert.deepStrictEqual(yield* after(0), ["first"])
        yield* add
        assert.deepStrictEqual([yield* after(0), yield* after(stepMillis)], [[], ["second"]])
        yield* add
        assert.deepStrictEqual(yield* after(0), ["second"])
      }).pipe(Effect.scoped)
    }).pipe(Effect.provide(queue))
  )

  it.effect("shows its series at zero before anything happens", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 second")
      const counters = (yield* Metric.snapshot).flatMap((metric) =>
        metric.type === "Counter" ? [[metric.id, metric.state.count]] : []
      )
      assert.deepStrictEqual(counters.sort(), [
        ["rdev_queue_claimed_total", 0],
        ["rdev_queue_fenced_total", 0],
        ["rdev_queue_outcomes_total", 0],
        ["rdev_worker_leases_lost_total", 0]
      ])
    }).pipe(
      Effect.provide(Layer.fresh(worker({}).pipe(Layer.provideMerge(queue)))),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )

  it.effect("forgets ended tasks after the retention", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const done = yield* work.enqueue({ owner, kind: "x", payload: null })
      yield* work.cancel(done.id)
      const open = yield* work.enqueue({ owner, kind: "x", payload: null })
      yield* TestClock.adjust("3 days").pipe(Effect.provide(Retention.layer({ keepMillis: 86_400_000 })))
      assert.strictEqual((yield* Effect.flip(work.get(done.id)))._tag, "WorkQueueError")
      assert.strictEqual((yield* work.get(open.id)).status, "pending")
    }).pipe(Effect.provide(queue))
  )

  it.effect("keeps no limit for a key that is not there", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const spec = { owner: yield* NewId.make("proj"), kind: "x", payload: null, concurrencyLimit: 7 }
      assert.strictEqual((yield* work.enqueue(spec)).concurrencyLimit, 1)
      assert.strictEqual((yield* work.enqueue({ ...spec, concurrencyKey: "k" })).concurrencyLimit, 7)
    }).pipe(Effect.provide(queue))
  )

  it.effect("refuses bad input with the field's name", () =>
    Effect.gen(function* () {
      const work = yield* Queue
      const owner = yield* NewId.make("proj")
      const reason = (spec: Partial<WorkQueue.EnqueueSpec>) =>
        Effect.map(Effect.flip(work.enqueue({ owner, kind: "x", payload: null, ...spec })), (error) =>
          error._tag === "WorkQueueError" ? error.reason : error
        )
      assert.containSubset(yield* reason({ kind: "No Kind" }), { _tag: "Invalid", field: "kind" })
      assert.containSubset(yield* reason({ priority: 1_000 }), { _tag: "Invalid", field: "priority" })
      for (const name of ["", "a\u0000b", "\ud800", "x".repeat(201)]) {
        for (const field of ["dedupeKey", "concurrencyKey", "gate"])
          assert.containSubset(
            yield* reason({ [field]: name }),
            { _tag: "Invalid", field },
            `${field} ${JSON.stringify(name)}`
          )
      }
      for (const runAtMillis of [-1, 0.5, Date.UTC(10_000, 0)])
        assert.containSubset(yield* reason({ runAtMillis }), { _tag: "Invalid", field: "runAtMillis" })
      assert.containSubset(yield* reason({ payload: "x".repeat(300_000) }), {
        _tag: "TooLarge",
        field: "payload",
        bytes: 300_002,
        limitBytes: 262_144
      })
      assert.containSubset(yield* reason({ payload: "é".repeat(150_000) }), { _tag: "TooLarge", bytes: 300_002 })
      assert.strictEqual((yield* work.stats).pending, 0)
      assert.strictEqual(
        (yield* (yield* WorkQueueStore).list({ owner: null, status: null, kind: null, after: null, limit: 10 })).length,
        0
      )
    }).pipe(Effect.provide(queue))
  )
})
