/** What a claim leaves, how an end is kept and whom it wakes. */
import { assert, type Vitest } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import type { TaskId, WorkerId } from "@rdev/core/domain/Ids"
import type { WorkTask } from "@rdev/core/domain/WorkTask"
import { type NewTask, WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as TaskHandlers from "@rdev/core/queue/TaskHandlers"
import * as Transition from "@rdev/core/queue/Transition"
import * as Worker from "@rdev/core/queue/Worker"
import { Deferred, Effect, Layer } from "effect"
import { again, completed, fresh, ids, only, reasonOf } from "./WorkQueueFixture.ts"

export const tests = <R>(it: Vitest.MethodsNonLive<WorkQueueStore | R>): void => {
  it.effect("says whether a claim left more", () =>
    Effect.gen(function* () {
      const { add, claimed, hire } = yield* fresh
      const worker = yield* hire()
      assert.deepStrictEqual(yield* claimed(worker), { deliveries: [], more: false })
      const tasks = yield* Effect.forEach(Array.from({ length: 5 }), () => add())
      const some = yield* claimed(worker, 3)
      assert.isTrue(some.more)
      const found = ids(some.deliveries)
      for (let more = true; more;) {
        const next = yield* claimed(worker, 3)
        found.push(...ids(next.deliveries))
        more = next.more
      }
      assert.deepStrictEqual(found, tasks)
      yield* add()
      const last = yield* claimed(yield* hire())
      assert.strictEqual(last.deliveries.length, 1)
      assert.isFalse(last.more)
    })
  )

  it.effect("reads a completed task alike before and after chores, and starts what depends on it", () =>
    Effect.gen(function* () {
      const { add, claim, get, hire, kind, owner, store } = yield* fresh
      const tasks = yield* Effect.forEach([1, 2, 3], (n) => add({ payload: n, priority: n }))
      const worker = yield* hire()
      const batch = yield* claim(worker)
      const settlements = batch.map(({ task, fence }) => ({ id: task.id, fence, outcome: completed }))
      assert.deepStrictEqual(yield* store.settle(settlements), [])
      const list = (status: "completed" | "running" | null) =>
        store.list({ owner, kind, status, after: null, limit: 10 })
      const look = Effect.all({
        records: Effect.forEach(tasks, get),
        completed: list("completed"),
        all: list(null),
        running: list("running")
      })
      const before = yield* look
      assert.deepStrictEqual(
        before.records.map((task) => [task.status, task.payload, task.workerId]),
        [1, 2, 3].map((n) => ["completed", n, worker])
      )
      assert.deepStrictEqual(before.completed, before.records)
      assert.deepStrictEqual(before.all, before.records)
      assert.deepStrictEqual(before.running, [])
      assert.deepStrictEqual(yield* store.settle(settlements), tasks.toReversed())
      assert.strictEqual(
        (yield* reasonOf(store.requeue(tasks[0] as TaskId, Transition.retried(before.records[0] as WorkTask))))._tag,
        "Conflict"
      )
      assert.strictEqual(yield* store.cancel(tasks[1] as TaskId), "completed")
      const dependent = yield* add({ dependsOn: tasks })
      assert.deepStrictEqual(ids(yield* claim(worker)), [dependent])
      yield* store.maintain
      assert.deepStrictEqual({ ...(yield* look), all: [], running: [] }, { ...before, all: [], running: [] })
    })
  )

  it.effect("keeps any text as it was given", () =>
    Effect.gen(function* () {
      const { add, claim, get, hire, owner, settle, store } = yield* fresh
      const worker = yield* hire()
      for (const text of [
        "{}",
        '{"a",NULL}',
        "NULL",
        "null",
        "\\",
        '"',
        "'",
        "%s",
        ",",
        " ",
        "\n\t",
        "\u0001\u2028",
        "ü".repeat(200),
        "💥",
        "\ufffe"
      ]) {
        const name = `${text}${owner}`.slice(0, 200)
        const payload = { [text]: [`${text}\u0000\ud800`, null] }
        const given = { dedupeKey: text, concurrencyKey: text, gate: name, payload }
        const id = yield* add(given)
        assert.strictEqual(yield* add(given), id)
        assert.containSubset({ ...(yield* get(id)) }, given)
        const first = only(yield* claim(worker))
        assert.containSubset({ ...first.task }, { id, ...given })
        const change = {
          awaits: name,
          parked: text,
          progress: payload,
          error: { _tag: "Unknown", message: `${text}\u0000\ud800` }
        } as const
        assert.deepStrictEqual(yield* settle(first, again(first.task, change)), [])
        assert.containSubset({ ...(yield* get(id)) }, { ...given, ...change })
        yield* store.requeue(id, Transition.retried(yield* get(id)))
        yield* store.closeGate(name, 60_000)
        assert.deepStrictEqual(yield* claim(worker), [])
        assert.include(
          (yield* store.gates).map((gate) => gate.name),
          name
        )
        yield* store.openGate(name)
        const second = only(yield* claim(worker))
        yield* settle(second, again(second.task, { awaits: name }, 60_000))
        yield* store.release(name)
        const third = only(yield* claim(worker))
        assert.deepStrictEqual(yield* settle(third, { _tag: "Completed", result: payload, progress: text }), [])
        assert.containSubset({ ...(yield* get(id)) }, { status: "completed", result: payload, progress: text })
      }
    })
  )

  it.effect("hands out what nobody cancelled meanwhile, and only that", () =>
    Effect.gen(function* () {
      const { add, claim, hire, owner, status, store } = yield* fresh
      const projects = [owner, yield* NewId.make("proj")]
      const workers = [yield* hire(), yield* hire()]
      for (let round = 0; round < 4; round++) {
        const tasks = yield* Effect.forEach(Array.from({ length: 120 }), (_, i) =>
          add({ owner: projects[i % (1 + (round % 2))] ?? owner })
        )
        const cancels = Effect.forEach(
          tasks,
          (id) => Effect.map(store.cancel(id), (before) => (before === "pending" ? [id] : [])),
          { concurrency: 8 }
        )
        const claims = (worker: WorkerId) => Effect.forEach([40, 1, 40, 1, 40], (limit) => claim(worker, limit))
        const [cancelled, ...handedOut] = yield* Effect.all([cancels, ...workers.map(claims)], {
          concurrency: "unbounded"
        })
        const taken = handedOut.flat(2).map(({ task }) => task.id)
        const gone = cancelled.flat()
        assert.deepStrictEqual([...taken, ...gone].sort(), [...tasks].sort())
        assert.deepStrictEqual(
          new Set(yield* Effect.forEach(gone, status)),
          new Set(gone.length === 0 ? [] : ["cancelled"])
        )
      }
    })
  )

  it.effect("shares a large claim by weight, however many projects there are", () =>
    Effect.gen(function* () {
      const { claim, hire, spec, store } = yield* fresh
      const projects = yield* Effect.forEach(Array.from({ length: 10 }), () => NewId.make("proj"))
      yield* store.configure(projects[0] as (typeof projects)[number], { weight: 9 })
      for (const owner of projects)
        yield* store.insert(yield* Effect.forEach(Array.from({ length: 120 }), () => spec({ owner })))
      const counts = Map.groupBy(yield* claim(yield* hire(), 180), ({ task }) => task.owner)
      assert.deepStrictEqual(
        projects.map((id) => counts.get(id)?.length),
        [90, ...Array.from({ length: 9 }, () => 10)]
      )
    })
  )

  it.effect("wakes workers for what an end lets run", () =>
    Effect.gen(function* () {
      const { kind, owner, spec, store } = yield* fresh
      const limited = yield* NewId.make("proj")
      yield* store.configure(limited, { maxRunning: 1 })
      const many = <A>(make: (n: number) => A) => Array.from({ length: 5 }, (_, n) => make(n))
      const keyed = yield* Effect.all(many(() => spec({ concurrencyKey: "one" })))
      const alone = yield* Effect.all(many(() => spec({ owner: limited })))
      const chain: Array<NewTask> = []
      for (const task of yield* Effect.all(many(() => spec())))
        chain.push({ ...task, dependsOn: chain.slice(-1).map(({ id }) => id) })
      const tasks = [...keyed, ...alone, ...chain]
      for (const task of tasks) yield* store.insert([task])
      const left = new Set(tasks.map(({ id }) => id))
      const all = yield* Deferred.make<void>()
      const handlers = TaskHandlers.layer({
        [kind]: ({ task }) =>
          Effect.gen(function* () {
            yield* Effect.sleep(2)
            left.delete(task.id)
            if (left.size === 0) yield* Deferred.succeed(all, undefined)
            return null
          })
      })
      // A worker that never polls.
      const worker = Worker.layer({ capacity: 8, pollMillis: 3_600_000 }).pipe(
        Layer.provide(Layer.mergeAll(handlers, TaskEvents.layerNone, Layer.succeed(WorkQueueStore, store)))
      )
      yield* Effect.provide(Deferred.await(all), worker)
      assert.deepStrictEqual((yield* store.list({ owner, kind, status: "pending", after: null, limit: 10 })).length, 0)
    })
  )
}
