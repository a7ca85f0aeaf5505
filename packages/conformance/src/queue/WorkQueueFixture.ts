/** What the tests of a work queue store start from: a project and a kind of their own, and verbs over them. */
import { assert } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import type { TaskId, WorkerId } from "@rdev/core/domain/Ids"
import type { Delivery, TaskState, WorkTask } from "@rdev/core/domain/WorkTask"
import { type ClaimRequest, type NewTask, type Outcome, WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as Transition from "@rdev/core/queue/Transition"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Effect, Option } from "effect"

export const leaseMillis = 35_000
export const completed: Outcome = { _tag: "Completed", result: null, progress: null }
let counter = 0

/** A project, a kind of its own, and verbs over them. */
export const fresh = Effect.gen(function* () {
  const store = yield* WorkQueueStore
  const owner = yield* NewId.make("proj")
  const kind = `kind${process.pid % 10_000}-${++counter}`
  const spec = (change: Partial<NewTask> = {}) =>
    Effect.map(NewId.make("task"), (id): NewTask => ({
      ...WorkQueue.defaults,
      id,
      owner,
      kind,
      payload: { n: 1 },
      ...change
    }))
  const add = (change: Partial<NewTask> = {}) =>
    Effect.gen(function* () {
      const task = yield* spec(change)
      const [inserted] = yield* store.insert([task])
      return inserted?.id ?? task.id
    })
  const hire = (lease = leaseMillis) =>
    Effect.gen(function* () {
      const id = yield* NewId.make("wrk")
      yield* store.register({ id, name: "suite", version: "1", capacity: 4, labels: [], kinds: [kind] }, lease)
      return id
    })
  const claimed = (workerId: WorkerId, limit = 100, change: Partial<ClaimRequest> = {}) =>
    store.claim({ workerId, limit, kinds: [kind], labels: [], quarantined: false, ...change })
  const claim = (workerId: WorkerId, limit = 100, change: Partial<ClaimRequest> = {}) =>
    Effect.map(claimed(workerId, limit, change), ({ deliveries }) => deliveries)
  const settle = (delivery: Delivery, outcome: Outcome = completed) =>
    store.settle([{ id: delivery.task.id, fence: delivery.fence, outcome }])
  const get = (id: TaskId) => Effect.map(store.get(id), Option.getOrThrow)
  const status = (id: TaskId) => Effect.map(get(id), (task) => task.status)
  return { store, owner, kind, spec, add, hire, claimed, claim, settle, get, status }
})

export const ids = (deliveries: ReadonlyArray<Delivery>) => deliveries.map((delivery) => delivery.task.id)
export const again = (task: WorkTask, change: Partial<TaskState> = {}, delayMillis = 0): Outcome => ({
  _tag: "Again",
  state: { ...Transition.stateOf(task), ...change },
  delayMillis
})
export const only = <A>(list: ReadonlyArray<A>): A => {
  assert.strictEqual(list.length, 1)
  return list[0] as A
}
export const reasonOf = <A, R>(effect: Effect.Effect<A, { readonly reason: { readonly _tag: string } }, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)
