/** What every work queue store must do. Tests share one store: each uses kinds and projects of its own. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import type { TaskId, WorkerId } from "@rdev/core/domain/Ids"
import { type OwnerId, system } from "@rdev/core/domain/Owner"
import type { Delivery, WorkTask } from "@rdev/core/domain/WorkTask"
import { type Outcome, quarantinedTogether, WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as Transition from "@rdev/core/queue/Transition"
import { Effect, Layer } from "effect"
import * as WorkQueueEnds from "./WorkQueueEnds.ts"
import { again, completed, fresh, ids, leaseMillis, only, reasonOf } from "./WorkQueueFixture.ts"
import * as WorkQueueModel from "./WorkQueueModel.ts"

export interface Capabilities<R> {
  /** Lets the store's time pass: delays, gates and leases. */
  advance(millis: number): Effect.Effect<void, unknown, R>
  /** Random runs against the model, and steps in each. */
  readonly model: { readonly runs: number; readonly steps: number }
}

export const suite = <R>(
  name: string,
  layer: Layer.Layer<WorkQueueStore | R, unknown>,
  capabilities: Capabilities<R>
): void => {
  const { advance } = capabilities
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`WorkQueueStore: ${name}`, (it) => {
    it.effect(
      "agrees with the model on random sequences of commands",
      () => WorkQueueModel.check(capabilities),
      120_000
    )

    it.effect("hands a task out once and keeps its record through its life", () =>
      Effect.gen(function* () {
        const { add, claim, get, hire, kind, owner, settle } = yield* fresh
        const id = yield* add({
          payload: { text: 'a\u0000é"\\' },
          priority: -7,
          maxAttempts: 9,
          timeoutMillis: 1234,
          gate: "g",
          concurrencyKey: "k",
          concurrencyLimit: 3
        })
        const before = yield* get(id)
        assert.containSubset(
          { ...before },
          {
            status: "pending",
            kind,
            owner,
            priority: -7,
            maxAttempts: 9,
            timeoutMillis: 1234,
            gate: "g",
            concurrencyKey: "k",
            concurrencyLimit: 3,
            deliveries: 0,
            payload: { text: 'a\u0000é"\\' }
          }
        )
        const worker = yield* hire()
        const delivery = only(yield* claim(worker))
        assert.deepStrictEqual(ids(yield* claim(yield* hire())), [])
        assert.containSubset(
          { ...delivery.task },
          { id, status: "running", deliveries: 1, workerId: worker, payload: { text: 'a\u0000é"\\' } }
        )
        assert.containSubset({ ...(yield* get(id)) }, { status: "running", deliveries: 1, workerId: worker })
        assert.deepStrictEqual(
          yield* settle(delivery, { _tag: "Completed", result: { ok: [1, null] }, progress: "done" }),
          []
        )
        const after = yield* get(id)
        assert.containSubset(
          { ...after },
          {
            status: "completed",
            result: { ok: [1, null] },
            progress: "done",
            deliveries: 1,
            attemptsCounted: 1,
            workerId: worker
          }
        )
        assert.strictEqual(only(after.attempts).fence, delivery.fence)
        assert.isTrue((after.endedAtMillis ?? 0) >= (after.startedAtMillis ?? Infinity))
      })
    )

    it.effect("gives ever greater fences and refuses old ones, which change nothing", () =>
      Effect.gen(function* () {
        const { add, claim, get, hire, settle } = yield* fresh
        const id = yield* add()
        const worker = yield* hire()
        const first = only(yield* claim(worker))
        yield* settle(first, again(first.task))
        const second = only(yield* claim(worker))
        assert.isTrue(second.fence > first.fence)
        assert.strictEqual(second.task.deliveries, 2)
        for (const outcome of [
          completed,
          again(first.task),
          { _tag: "Failed", state: Transition.stateOf(first.task) } satisfies Outcome
        ]) {
          assert.deepStrictEqual(yield* settle(first, outcome), [id])
        }
        assert.strictEqual((yield* get(id)).status, "running")
        assert.deepStrictEqual(yield* settle(second), [])
        assert.deepStrictEqual(yield* settle(second), [id])
      })
    )

    it.effect("settles part of a batch, then the rest", () =>
      Effect.gen(function* () {
        const { add, claim, hire, settle, status, store } = yield* fresh
        const tasks = yield* Effect.forEach(Array.from({ length: 12 }), () => add())
        const batch = yield* claim(yield* hire())
        assert.deepStrictEqual(ids(batch), tasks)
        yield* store.settle(batch.slice(3, 7).map(({ task, fence }) => ({ id: task.id, fence, outcome: completed })))
        const last = batch[11] as Delivery
        yield* settle(last, {
          _tag: "Failed",
          state: { ...Transition.stateOf(last.task), error: { _tag: "Unknown", message: "no" } }
        })
        const statuses = yield* Effect.forEach(tasks, status)
        assert.deepStrictEqual(
          statuses,
          tasks.map((_, i) => (i >= 3 && i < 7 ? "completed" : i === 11 ? "failed" : "running"))
        )
        const left = batch.filter((_, i) => i < 3 || (i >= 7 && i < 11))
        assert.deepStrictEqual(
          yield* store.settle(left.map(({ task, fence }) => ({ id: task.id, fence, outcome: completed }))),
          []
        )
        assert.deepStrictEqual(
          (yield* Effect.forEach(tasks, status)).filter((s) => s !== "completed"),
          ["failed"]
        )
      })
    )

    WorkQueueEnds.tests(it)

    it.effect("hands out by priority, then age", () =>
      Effect.gen(function* () {
        const { add, claim, hire } = yield* fresh
        const low = yield* add({ priority: -1 })
        const first = yield* add()
        const second = yield* add()
        const high = yield* add({ priority: 50 })
        const worker = yield* hire()
        assert.deepStrictEqual(
          ids([...(yield* claim(worker, 1)), ...(yield* claim(worker, 2)), ...(yield* claim(worker, 5))]),
          [high, first, second, low]
        )
      })
    )

    it.effect("delays a start, and a retry", () =>
      Effect.gen(function* () {
        const { add, claim, get, hire, settle, store } = yield* fresh
        const id = yield* add({ runAtMillis: Date.now() + 30 * 86_400_000 })
        const worker = yield* hire()
        yield* store.maintain
        assert.deepStrictEqual(yield* claim(worker), [])
        assert.strictEqual((yield* get(id)).status, "pending")
        yield* store.requeue(id, Transition.stateOf(yield* get(id)))
        const delivery = only(yield* claim(worker))
        yield* settle(
          delivery,
          again(delivery.task, { attemptsCounted: 1, error: { _tag: "Unknown", message: "later" } }, 15_000)
        )
        yield* store.maintain
        assert.deepStrictEqual(yield* claim(worker), [])
        assert.isAbove((yield* get(id)).runAtMillis ?? 0, 0)
        yield* advance(20_000)
        yield* store.maintain
        assert.containSubset(
          { ...only(yield* claim(worker)).task },
          { id, deliveries: 2, attemptsCounted: 1, error: { _tag: "Unknown", message: "later" } }
        )
      })
    )

    it.effect("returns the holder of a dedupe key until it ends", () =>
      Effect.gen(function* () {
        const { add, claim, hire, settle } = yield* fresh
        const id = yield* add({ dedupeKey: "nightly" })
        assert.strictEqual(yield* add({ dedupeKey: "nightly" }), id)
        assert.notStrictEqual(yield* add({ dedupeKey: "other" }), id)
        assert.notStrictEqual(yield* add({ dedupeKey: "nightly", owner: yield* NewId.make("proj") }), id)
        const batch = yield* claim(yield* hire())
        assert.strictEqual(yield* add({ dedupeKey: "nightly" }), id)
        for (const delivery of batch) yield* settle(delivery)
        assert.notStrictEqual(yield* add({ dedupeKey: "nightly" }), id)
      })
    )

    it.effect("limits what runs per concurrency key and per project", () =>
      Effect.gen(function* () {
        const { add, claim, hire, owner, settle, store } = yield* fresh
        const keyed = yield* Effect.forEach(Array.from({ length: 4 }), () =>
          add({ concurrencyKey: "deploy", concurrencyLimit: 2 })
        )
        const free = yield* add()
        const worker = yield* hire()
        const batch = yield* claim(worker)
        assert.deepStrictEqual(ids(batch).sort(), [keyed[0], keyed[1], free].sort())
        assert.deepStrictEqual(yield* claim(worker), [])
        yield* settle(batch.find((delivery) => delivery.task.id === keyed[0]) as Delivery)
        assert.deepStrictEqual(ids(yield* claim(worker)), [keyed[2]])
        yield* store.configure(owner, { maxRunning: 3 })
        yield* add()
        assert.deepStrictEqual(yield* claim(worker), [])
        yield* store.configure(owner, { maxRunning: null })
        assert.strictEqual((yield* claim(worker)).length, 1)
      })
    )

    it.effect("shares between projects by weight, and none starves", () =>
      Effect.gen(function* () {
        const { add, claim, hire, owner, settle, store } = yield* fresh
        const other = yield* NewId.make("proj")
        yield* store.configure(other, { weight: 4 })
        for (let i = 0; i < 40; i++) {
          yield* add()
          yield* add({ owner: other })
        }
        const worker = yield* hire()
        const count = { mine: 0, theirs: 0 }
        for (let i = 0; i < 40; i++) {
          const delivery = only(yield* claim(worker, 1))
          if (delivery.task.owner === owner) count.mine++
          else count.theirs++
          yield* settle(delivery)
        }
        assert.deepStrictEqual(count, { mine: 8, theirs: 32 })
        const batch = yield* claim(worker, 4)
        assert.deepStrictEqual(new Set(batch.map(({ task }) => task.owner)), new Set([owner, other]))
      })
    )

    it.effect("keeps owners of every kind apart: shares, limits, keys, lists and counts", () =>
      Effect.gen(function* () {
        const { add, claim, hire, kind, owner: project, settle, store } = yield* fresh
        // With the digits of the project's id: an owner is the whole id.
        const webhook = `whk_${project.slice(-26)}` as OwnerId
        const environment = `env_${project.slice(-26)}` as OwnerId
        const owners: ReadonlyArray<OwnerId> = [project, environment, webhook, system]
        const first = yield* Effect.forEach(owners, (owner) => add({ owner, dedupeKey: "same", concurrencyKey: "one" }))
        assert.strictEqual(new Set(first).size, owners.length)
        for (const owner of owners) for (let i = 0; i < 8; i++) yield* add({ owner })
        yield* store.configure(webhook, { maxRunning: 1 })
        yield* store.configure(environment, { paused: true })
        const worker = yield* hire()
        const batch = yield* claim(worker, 10)
        const counts = Map.groupBy(batch, ({ task }) => task.owner)
        assert.strictEqual(counts.get(webhook)?.length, 1)
        assert.isFalse(counts.has(environment))
        assert.deepStrictEqual(
          [project, system as OwnerId].map((owner) => (counts.get(owner)?.length ?? 0) >= 4),
          [true, true]
        )
        for (const owner of owners) {
          const found = yield* store.list({ owner, kind, status: null, after: null, limit: 100 })
          assert.strictEqual(found.length, 9, owner)
          assert.isTrue(found.every((task) => task.owner === owner))
          assert.strictEqual((yield* store.owner(owner)).owner, owner)
        }
        const counted = (yield* store.stats).byOwner.filter((row) => row.owner === webhook || row.owner === environment)
        assert.deepStrictEqual(counted.map(({ owner, pending, running }) => [owner, pending + running]).sort(), [
          [environment, 9],
          [webhook, 9]
        ])
        assert.strictEqual((yield* store.owner(project)).maxRunning, null)
        for (const delivery of batch) yield* settle(delivery)
        yield* store.configure(environment, { paused: false })
        yield* store.configure(webhook, { maxRunning: null })
        const rest: Array<Delivery> = []
        for (let i = 0; i < 6; i++) {
          const more = yield* claim(worker, 100)
          for (const delivery of more) yield* settle(delivery)
          rest.push(...more)
        }
        assert.strictEqual(batch.length + rest.length, 36)
      })
    )

    it.effect("pauses a project and closes gates", () =>
      Effect.gen(function* () {
        const { add, claim, hire, owner, store } = yield* fresh
        const gate = `account-${owner}`
        const gated = yield* add({ gate })
        const plain = yield* add()
        const worker = yield* hire()
        assert.isTrue((yield* store.configure(owner, { paused: true })).paused)
        assert.deepStrictEqual(yield* claim(worker), [])
        yield* store.configure(owner, { paused: false })
        yield* store.closeGate(gate, 15_000)
        yield* store.closeGate(gate, 1)
        assert.deepStrictEqual(ids(yield* claim(worker)), [plain])
        assert.isTrue((yield* store.gates).some((g) => g.name === gate))
        yield* advance(20_000)
        assert.deepStrictEqual(ids(yield* claim(worker)), [gated])
        const third = yield* add()
        yield* store.closeGate(`project:${owner}`, 600_000)
        assert.deepStrictEqual(yield* claim(worker), [])
        yield* store.openGate(`project:${owner}`)
        assert.deepStrictEqual(ids(yield* claim(worker)), [third])
      })
    )

    it.effect("hands a task only to a worker with its labels and a handler for its kind", () =>
      Effect.gen(function* () {
        const { add, claim, hire } = yield* fresh
        const id = yield* add({ requires: ["gpu", "arm64"] })
        const worker = yield* hire()
        assert.deepStrictEqual(yield* claim(worker), [])
        assert.deepStrictEqual(yield* claim(worker, 10, { labels: ["gpu"] }), [])
        assert.deepStrictEqual(yield* claim(worker, 10, { labels: ["gpu", "arm64", "x"], kinds: ["else"] }), [])
        assert.deepStrictEqual(ids(yield* claim(worker, 10, { labels: ["gpu", "arm64", "x"] })), [id])
      })
    )

    it.effect("starts a task after its dependencies and fails it with them", () =>
      Effect.gen(function* () {
        const { add, claim, get, hire, settle, status, store } = yield* fresh
        const a = yield* add()
        const b = yield* add()
        const both = yield* add({ dependsOn: [a, b] })
        const then = yield* add({ dependsOn: [both] })
        const worker = yield* hire()
        const [first, second] = yield* claim(worker)
        yield* settle(first as Delivery)
        assert.deepStrictEqual(yield* claim(worker), [])
        yield* settle(second as Delivery)
        const delivery = only(yield* claim(worker))
        assert.strictEqual(delivery.task.id, both)
        assert.deepStrictEqual(delivery.task.dependsOn, [a, b])
        yield* settle(delivery, { _tag: "Failed", state: Transition.stateOf(delivery.task) })
        assert.containSubset(
          { ...(yield* get(then)) },
          { status: "failed", error: { _tag: "Invalid", field: "dependsOn" } }
        )
        assert.strictEqual(yield* status(yield* add({ dependsOn: [a] })), "pending")
        assert.strictEqual(yield* status(yield* add({ dependsOn: [a, both] })), "failed")
        assert.containSubset(yield* reasonOf(add({ dependsOn: [yield* NewId.make("task")] })), {
          _tag: "Invalid",
          field: "dependsOn"
        })
        const on = yield* add()
        const waiting = yield* add({ dependsOn: [on] })
        yield* store.cancel(on)
        assert.strictEqual(yield* status(waiting), "failed")
      })
    )

    it.effect("cancels pending tasks at once and running ones through their worker", () =>
      Effect.gen(function* () {
        const { add, claim, get, hire, settle, status, store } = yield* fresh
        const pending = yield* add()
        const delayed = yield* add({ runAtMillis: Date.now() + 30 * 86_400_000 })
        assert.strictEqual(yield* store.cancel(pending), "pending")
        assert.strictEqual(yield* store.cancel(delayed), "pending")
        assert.deepStrictEqual([yield* status(pending), yield* status(delayed)], ["cancelled", "cancelled"])
        assert.strictEqual(yield* store.cancel(pending), "cancelled")
        const running = yield* add()
        const worker = yield* hire()
        const delivery = only(yield* claim(worker))
        assert.strictEqual(yield* store.cancel(running), "running")
        assert.isTrue((yield* get(running)).cancelRequested)
        assert.deepStrictEqual((yield* store.beat(worker, leaseMillis, 1, [])).cancel, [running])
        yield* settle(delivery, again(delivery.task))
        assert.strictEqual(yield* status(running), "cancelled")
        assert.deepStrictEqual((yield* store.beat(worker, leaseMillis, 0, [])).cancel, [])
        assert.strictEqual((yield* reasonOf(store.cancel(yield* NewId.make("task"))))._tag, "NotFound")
      })
    )

    it.effect("tells workers where they stand among those of their kinds", () =>
      Effect.gen(function* () {
        const { kind, store } = yield* fresh
        const id = () => NewId.make("wrk")
        const register = (worker: WorkerId, kinds: ReadonlyArray<string>) =>
          store.register({ id: worker, name: "suite", version: "1", capacity: 4, labels: [], kinds }, leaseMillis)
        const standing = (worker: WorkerId, running: number) =>
          Effect.map(store.beat(worker, leaseMillis, running, []), ({ ahead, workers }) => [ahead, workers])
        const [first, second, other] = [yield* id(), yield* id(), yield* id()].sort() as [WorkerId, WorkerId, WorkerId]
        yield* register(first, [kind, `${kind}-b`])
        assert.deepStrictEqual(yield* standing(first, 0), [0, 1])
        yield* register(second, [kind])
        yield* register(other, [`${kind}-c`])
        assert.deepStrictEqual(yield* standing(other, 0), [0, 1])
        assert.deepStrictEqual(
          [yield* standing(first, 0), yield* standing(second, 0)],
          [
            [0, 2],
            [1, 2]
          ]
        )
        assert.deepStrictEqual(
          [yield* standing(first, 2), yield* standing(second, 1)],
          [
            [1, 2],
            [0, 2]
          ]
        )
        yield* store.deregister(second)
        assert.deepStrictEqual(
          [yield* standing(first, 2), (yield* store.beat(second, leaseMillis, 0, [])).accepted],
          [[0, 1], false]
        )
      })
    )

    it.effect("parks for a human and puts back", () =>
      Effect.gen(function* () {
        const { add, claim, get, hire, settle, store } = yield* fresh
        const id = yield* add({ dedupeKey: "one" })
        const worker = yield* hire()
        const delivery = only(yield* claim(worker))
        yield* settle(
          delivery,
          again(delivery.task, {
            parked: "needs approval",
            error: { _tag: "NeedsApproval", message: "needs approval" }
          })
        )
        yield* advance(20_000_000)
        yield* store.maintain
        yield* store.register(
          { id: worker, name: "suite", version: "1", capacity: 1, labels: [], kinds: [] },
          leaseMillis
        )
        assert.deepStrictEqual(yield* claim(worker), [])
        assert.containSubset({ ...(yield* get(id)) }, { status: "pending", parked: "needs approval" })
        yield* store.requeue(id, Transition.retried(yield* get(id)))
        const next = only(yield* claim(worker))
        assert.containSubset({ ...next.task }, { id, parked: null, deliveries: 2 })
        assert.strictEqual((yield* reasonOf(store.requeue(id, Transition.stateOf(next.task))))._tag, "Conflict")
        yield* settle(next, { _tag: "Failed", state: Transition.stateOf(next.task) })
        const holder = yield* add({ dedupeKey: "one" })
        assert.strictEqual((yield* reasonOf(store.requeue(id, Transition.retried(yield* get(id)))))._tag, "Conflict")
        yield* store.cancel(holder)
        yield* store.requeue(id, Transition.retried(yield* get(id)))
        const third = only(yield* claim(worker))
        assert.isTrue(third.fence > next.fence)
        yield* settle(third)
        assert.strictEqual((yield* reasonOf(store.requeue(id, Transition.stateOf(third.task))))._tag, "Conflict")
      })
    )

    it.effect("starts what waits for capacity when it comes back, and no later than its delay", () =>
      Effect.gen(function* () {
        const { add, claim, hire, owner, settle, store } = yield* fresh
        const resource = `disk-${owner}`
        yield* add()
        const worker = yield* hire()
        const first = only(yield* claim(worker))
        yield* settle(first, again(first.task, { awaits: resource }, 15_000))
        assert.deepStrictEqual(yield* claim(worker), [])
        yield* store.release(resource)
        const second = only(yield* claim(worker))
        assert.strictEqual(second.task.awaits, null)
        yield* settle(second, again(second.task, { awaits: resource }, 15_000))
        yield* advance(20_000)
        yield* store.maintain
        assert.strictEqual((yield* claim(worker)).length, 1)
      })
    )

    it.effect("takes the tasks of a silent worker back and refuses its late word", () =>
      Effect.gen(function* () {
        const { add, claim, get, hire, settle, store } = yield* fresh
        const id = yield* add()
        const kept = yield* add()
        const silent = yield* hire()
        const [mine, done] = yield* claim(silent)
        yield* settle(done as Delivery)
        yield* advance(40_000)
        assert.isFalse((yield* store.beat(silent, leaseMillis, 1, [])).accepted)
        assert.strictEqual((yield* reasonOf(claim(silent)))._tag, "Conflict")
        const lost = (yield* store.takeLost(100_000)).filter((entry) => entry.task.id === id)
        assert.containSubset({ ...only(lost).task }, { deliveries: 1, workerId: silent })
        assert.deepStrictEqual(
          yield* store.settle(lost.map(({ task, fence }) => ({ id, fence, outcome: again(task, { crashes: 1 }) }))),
          []
        )
        assert.deepStrictEqual(yield* settle(mine as Delivery), [id])
        assert.deepStrictEqual([(yield* get(id)).status, (yield* get(kept)).status], ["pending", "completed"])
      })
    )

    it.effect("hands quarantined out apart: some together after one crash, then one by one", () =>
      Effect.gen(function* () {
        const { add, claim, hire, settle, store } = yield* fresh
        const worker = yield* hire()
        const crash = (crashes: number, count: number) =>
          Effect.gen(function* () {
            for (let i = 0; i < count; i++) yield* add()
            for (const delivery of yield* claim(worker)) yield* settle(delivery, again(delivery.task, { crashes }))
          })
        yield* crash(1, quarantinedTogether + 2)
        yield* crash(2, 2)
        const plain = yield* add()
        assert.isTrue((yield* store.maintain).quarantined)
        assert.deepStrictEqual(ids(yield* claim(worker)), [plain])
        const sizes: Array<number> = []
        for (
          let batch = yield* claim(worker, 100, { quarantined: true });
          batch.length > 0;
          batch = yield* claim(worker, 100, { quarantined: true })
        ) {
          sizes.push(batch.length)
          for (const delivery of batch) yield* settle(delivery)
        }
        assert.deepStrictEqual(sizes, [quarantinedTogether, 2, 1, 1])
      })
    )

    it.effect("shows workers and progress", () =>
      Effect.gen(function* () {
        const { add, claim, get, hire, store } = yield* fresh
        const id = yield* add()
        const worker = yield* hire()
        const { fence } = only(yield* claim(worker))
        yield* store.beat(worker, leaseMillis, 1, [{ id, fence, value: { done: 3 } }])
        assert.deepStrictEqual((yield* get(id)).progress, { done: 3 })
        yield* store.beat(worker, leaseMillis, 1, [{ id, fence: fence - 1n, value: { done: 9 } }])
        assert.deepStrictEqual((yield* get(id)).progress, { done: 3 })
        assert.containSubset(
          (yield* store.workers).filter((row) => row.id === worker),
          [{ id: worker, name: "suite", version: "1", capacity: 4, running: 1 }]
        )
        yield* store.deregister(worker)
        assert.deepStrictEqual(
          (yield* store.workers).filter((row) => row.id === worker),
          []
        )
      })
    )

    it.effect("lists by project, status and kind in pages, and counts", () =>
      Effect.gen(function* () {
        const { add, claim, hire, kind, owner, settle, store } = yield* fresh
        const all: Array<TaskId> = []
        for (let i = 0; i < 9; i++)
          all.push(yield* add({ priority: i % 3, runAtMillis: i === 8 ? Date.now() + 30 * 86_400_000 : null }))
        const elsewhere = yield* add({ owner: yield* NewId.make("proj") })
        const batch = yield* claim(yield* hire(), 3, {})
        yield* settle(batch[0] as Delivery)
        yield* settle(batch[1] as Delivery, { _tag: "Failed", state: Transition.stateOf((batch[1] as Delivery).task) })
        const query = {
          owner: owner as OwnerId | null,
          status: null as WorkTask["status"] | null,
          kind: null as string | null,
          after: null as TaskId | null,
          limit: 4
        }
        const pages: Array<TaskId> = []
        for (
          let page = yield* store.list(query);
          page.length > 0;
          page = yield* store.list({ ...query, after: pages.at(-1) ?? null })
        )
          pages.push(...page.map((task) => task.id))
        const mine = [...all].sort()
        assert.deepStrictEqual(pages, mine)
        const of = (status: WorkTask["status"]) =>
          Effect.map(store.list({ ...query, status, limit: 100 }), (list) => list.length)
        const taken = batch.filter(({ task }) => task.owner === owner).length
        assert.strictEqual(
          (yield* of("pending")) + (yield* of("running")) + (yield* of("completed")) + (yield* of("failed")),
          9
        )
        assert.strictEqual(yield* of("pending"), 9 - taken)
        assert.deepStrictEqual(
          (yield* store.list({ ...query, owner: null, kind, limit: 100 })).map((task) => task.id),
          [...mine, elsewhere].sort()
        )
        const counted = (yield* store.stats).byOwner.find((row) => row.owner === owner)
        assert.strictEqual(counted?.delayed, 1)
        assert.strictEqual(
          (counted?.pending ?? 0) + (counted?.running ?? 0),
          (yield* of("pending")) - 1 + (yield* of("running"))
        )
      })
    )

    it.effect("gives each of many concurrent claimers different tasks", () =>
      Effect.gen(function* () {
        const { claim, hire, settle, spec, store } = yield* fresh
        const tasks = yield* Effect.forEach(Array.from({ length: 2_000 }), () => spec())
        yield* store.insert(tasks)
        const workers = yield* Effect.forEach(Array.from({ length: 8 }), () => hire())
        const got = yield* Effect.forEach(
          workers,
          (worker) =>
            Effect.gen(function* () {
              const mine: Array<TaskId> = []
              for (let batch = yield* claim(worker, 37); batch.length > 0; batch = yield* claim(worker, 37)) {
                mine.push(...ids(batch))
                if (batch.length % 2 === 0)
                  yield* store.settle(batch.map(({ task, fence }) => ({ id: task.id, fence, outcome: completed })))
                else for (const delivery of batch.slice(0, 3)) yield* settle(delivery)
              }
              return mine
            }),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(got.flat().sort(), tasks.map((task) => task.id).sort())
      })
    )

    it.effect("forgets ended records by age, never unfinished ones", () =>
      Effect.gen(function* () {
        const { add, claim, hire, settle, status, store } = yield* fresh
        yield* add()
        yield* settle(only(yield* claim(yield* hire())))
        const open = yield* add()
        assert.isAtLeast(yield* store.purge(365 * 86_400_000, 1_000_000_000), 0)
        assert.strictEqual(yield* status(open), "pending")
      })
    )
  })
}
