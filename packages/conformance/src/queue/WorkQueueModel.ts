/**
 * Random commands run on the store under test and on the reference store in memory, which must answer alike and hold the same
 * records after each. Times are kept far from each other's boundaries, as the store under test has a clock of its own.
 */
import { assert } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import type { TaskId, WorkerId } from "@rdev/core/domain/Ids"
import type { OwnerId } from "@rdev/core/domain/Owner"
import type { Delivery, WorkTask } from "@rdev/core/domain/WorkTask"
import type { ErrorClass } from "@rdev/core/domain/ErrorClass"
import * as MemoryWorkQueueStore from "@rdev/core/memory/stores/WorkQueueStore"
import { type NewTask, type Outcome, WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as RetryPolicy from "@rdev/core/queue/RetryPolicy"
import * as Transition from "@rdev/core/queue/Transition"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Clock, Context, Effect, Exit, Layer } from "effect"
import * as ShiftedClock from "../ShiftedClock.ts"
import type { Capabilities } from "./WorkQueueSuite.ts"

type Store = WorkQueueStore["Service"]

/** mulberry32: small, seedable, good enough to choose test commands. */
export const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

/** What of a record must be alike: no times, fences only by their order. */
const view = (task: WorkTask) => ({
  id: task.id,
  status: task.status,
  priority: task.priority,
  deliveries: task.deliveries,
  attemptsCounted: task.attemptsCounted,
  crashes: task.crashes,
  parked: task.parked,
  awaits: task.awaits,
  error: task.error?._tag ?? null,
  attempts: task.attempts.map((attempt) => [attempt.number, attempt.error?._tag ?? null, attempt.counted]),
  cancelRequested: task.cancelRequested,
  workerId: task.workerId,
  progress: task.progress,
  result: task.result,
  delayed: task.runAtMillis !== null,
  timeoutMillis: task.timeoutMillis
})
const reply = (exit: Exit.Exit<unknown, unknown>): unknown => {
  if (Exit.isSuccess(exit)) return exit.value
  const error: unknown = exit.cause.reasons.map((reason) =>
    "error" in reason ? reason.error : "defect" in reason ? reason.defect : reason
  )[0]
  return typeof error === "object" && error !== null && "reason" in error
    ? { failed: (error.reason as { readonly _tag: string })._tag }
    : { died: String(error) }
}

interface Pair {
  readonly model: Delivery
  readonly real: Delivery
}
interface World {
  readonly seed: number
  readonly pick: <A>(from: ReadonlyArray<A>) => A
  readonly chance: (p: number) => boolean
  readonly real: Store
  readonly model: <A, E>(use: (store: Store) => Effect.Effect<A, E>) => Effect.Effect<A, E>
  readonly kind: string
  readonly owners: ReadonlyArray<OwnerId>
  readonly tasks: Array<TaskId>
  workers: Array<WorkerId>
  held: Array<Pair>
  readonly old: Array<Pair>
  readonly log: Array<string>
}

/** Runs a verb on both and compares what `of` shows of the answers. */
const both = <A, E>(
  world: World,
  what: string,
  use: (store: Store, side: "model" | "real") => Effect.Effect<A, E>,
  of: (value: A) => unknown = (value) => value
) =>
  Effect.gen(function* () {
    world.log.push(what)
    const model = yield* Effect.exit(world.model((store) => use(store, "model")))
    const real = yield* Effect.exit(use(world.real, "real"))
    assert.deepStrictEqual(
      reply(Exit.map(real, of)),
      reply(Exit.map(model, of)),
      `seed ${world.seed}, after:\n${world.log.join("\n")}`
    )
    return Exit.isSuccess(model) && Exit.isSuccess(real) ? { model: model.value, real: real.value } : null
  })

const errors: ReadonlyArray<ErrorClass> = [
  { _tag: "RateLimited", message: "429", gate: null, retryAfterMillis: 15_000 },
  { _tag: "Unknown", message: "?" },
  { _tag: "StaleWorker", message: "gone" },
  { _tag: "ResourceExhausted", message: "disk", resource: "disk" },
  { _tag: "Conflict", message: "again" },
  { _tag: "Invalid", message: "bad", field: null },
  { _tag: "NeedsApproval", message: "ask" },
  { _tag: "Timeout", message: "slow", afterMillis: 1 }
]
/** Delays of 0 or of 150 s, far from multiples of the 100 s by which time advances. */
const tame = (outcome: Outcome): Outcome =>
  outcome._tag === "Again" ? { ...outcome, delayMillis: outcome.delayMillis === 0 ? 0 : 150_000 } : outcome

const insert = (world: World) =>
  Effect.gen(function* () {
    const specs: Array<NewTask> = []
    const count = world.pick([1, 1, 2, 5])
    for (let i = 0; i < count; i++) {
      const key = world.chance(0.2) ? world.pick(["a", "b"]) : null
      specs.push({
        ...WorkQueue.defaults,
        id: yield* NewId.make("task"),
        owner: world.pick(world.owners),
        kind: world.kind,
        payload: i,
        priority: world.pick([0, 0, 0, 5, -5]),
        maxAttempts: 3,
        runAtMillis: world.chance(0.1) ? (yield* world.model(() => Clock.currentTimeMillis)) + 150_000 : null,
        dedupeKey: world.chance(0.2) ? world.pick(["x", "y"]) : null,
        concurrencyKey: key,
        concurrencyLimit: key === null ? 1 : 2,
        dependsOn:
          world.chance(0.2) && world.tasks.length > 0
            ? [...new Set([world.pick(world.tasks), world.pick(world.tasks)])]
            : [],
        requires: world.chance(0.1) ? ["gpu"] : [],
        gate: world.chance(0.2) ? `gate-${world.kind}` : null
      })
    }
    const offset = yield* world.model(() => Clock.currentTimeMillis)
    const now = yield* Clock.currentTimeMillis
    const shifted = (side: "model" | "real") =>
      specs.map((spec) =>
        side === "model" || spec.runAtMillis === null ? spec : { ...spec, runAtMillis: spec.runAtMillis - offset + now }
      )
    const answer = yield* both(world, `insert ${specs.length}`, (store, side) => store.insert(shifted(side)))
    for (const entry of answer?.model ?? []) if (entry.created) world.tasks.push(entry.id)
  })

const claim = (world: World) =>
  Effect.gen(function* () {
    if (world.workers.length === 0) return
    const workerId = world.pick(world.workers)
    const quarantined = world.chance(0.3)
    const request = {
      workerId,
      limit: world.pick([1, 2, 5, 16]),
      kinds: [world.kind],
      labels: world.chance(0.5) ? ["gpu"] : [],
      quarantined
    }
    yield* both(
      world,
      "maintain",
      (store) => store.maintain,
      () => null
    )
    const sorted = (list: ReadonlyArray<Delivery>) => [...list].sort((a, b) => (a.task.id < b.task.id ? -1 : 1))
    const answer = yield* both(
      world,
      `claim ${JSON.stringify(request)}`,
      (store) => Effect.map(store.claim(request), ({ deliveries }) => deliveries),
      (list) => sorted(list).map(({ task }) => view(task))
    )
    if (answer === null) return
    const real = sorted(answer.real)
    for (const [i, model] of sorted(answer.model).entries()) world.held.push({ model, real: real[i] as Delivery })
  })

const outcomeOf = (world: World): ((delivery: Delivery) => Outcome) => {
  const error = world.pick(errors)
  const how = world.pick(["complete", "complete", "complete", "fail", "fail", "hand back", "cancel"])
  const result = world.pick([null, null, { value: 1 }])
  return (delivery) => {
    const { task, fence } = delivery
    switch (how) {
      case "complete":
        return { _tag: "Completed", result, progress: result === null ? null : 50 }
      case "fail":
        return tame(Transition.failed(task, fence, error, RetryPolicy.decide(error, task, 0), 0))
      case "hand back":
        return Transition.handedBack(task)
      default:
        return Transition.cancelled(task, fence, 0)
    }
  }
}
const settle = (world: World) =>
  Effect.gen(function* () {
    const stale = world.chance(0.1) && world.old.length > 0
    const from = stale ? world.old : world.held
    const chosen = from.filter(() => world.chance(0.5)).slice(0, 6)
    if (chosen.length === 0) return
    const outcomes = chosen.map(() => outcomeOf(world))
    yield* both(
      world,
      `settle${stale ? " stale" : ""} ${chosen.map((pair) => pair.model.task.id).join(" ")}`,
      (store, side) =>
        store.settle(
          chosen.map((pair, i) => ({
            id: pair[side].task.id,
            fence: pair[side].fence,
            outcome: (outcomes[i] as (delivery: Delivery) => Outcome)(pair[side])
          }))
        ),
      (refused) => [...refused].sort()
    )
    if (stale) return
    world.held = world.held.filter((pair) => !chosen.includes(pair))
    world.old.push(...chosen)
  })

const crash = (world: World) =>
  Effect.gen(function* () {
    const mine = new Set(world.tasks)
    const answer = yield* both(
      world,
      "take lost",
      (store) => Effect.map(store.takeLost(100_000), (list) => list.filter(({ task }) => mine.has(task.id))),
      (list) => list.map(({ task }) => view(task)).sort((a, b) => (a.id < b.id ? -1 : 1))
    )
    if (answer === null || answer.model.length === 0) return
    const error: ErrorClass = { _tag: "StaleWorker", message: "silent" }
    const lost = { model: answer.model, real: answer.real }
    yield* both(
      world,
      "settle lost",
      (store, side) =>
        store.settle(
          lost[side].map(({ task, fence }) => ({
            id: task.id,
            fence,
            outcome: Transition.failed(task, fence, error, RetryPolicy.decide(error, task, 0), 0)
          }))
        ),
      (refused) => refused.length
    )
  })

const hire = (world: World) =>
  Effect.gen(function* () {
    const id = yield* NewId.make("wrk")
    yield* both(world, `register ${id}`, (store) =>
      store.register({ id, name: "model", version: "1", capacity: 1, labels: [], kinds: [world.kind] }, 350_000)
    )
    world.workers = [...world.workers.slice(-2), id]
  })

const administer = (world: World) =>
  Effect.suspend((): Effect.Effect<unknown, unknown> => {
    const owner = world.pick(world.owners)
    switch (
      world.pick([
        "cancel",
        "cancel",
        "requeue",
        "pause",
        "limit",
        "weight",
        "close",
        "open",
        "release",
        "beat",
        "beat",
        "leave"
      ])
    ) {
      case "cancel": {
        const id = world.tasks.length === 0 ? null : world.pick(world.tasks)
        return id === null ? Effect.void : both(world, `cancel ${id}`, (store) => store.cancel(id))
      }
      case "requeue": {
        const id = world.tasks.length === 0 ? null : world.pick(world.tasks)
        return id === null
          ? Effect.void
          : both(world, `requeue ${id}`, (store) =>
              Effect.flatMap(store.get(id), (task) =>
                task._tag === "Some" ? store.requeue(id, Transition.retried(task.value)) : Effect.void
              )
            )
      }
      case "pause":
        return both(world, "pause", (store) => store.configure(owner, { paused: world.log.length % 2 === 0 }))
      case "limit": {
        const maxRunning = world.pick([null, null, 1, 3])
        return both(world, `limit ${maxRunning}`, (store) => store.configure(owner, { maxRunning }))
      }
      case "weight": {
        const weight = world.pick([0.5, 1, 2, 4])
        return both(world, `weight ${weight}`, (store) => store.configure(owner, { weight }))
      }
      case "close":
        return both(world, "close gate", (store) => store.closeGate(`gate-${world.kind}`, 150_000))
      case "open":
        return both(world, "open gate", (store) => store.openGate(`gate-${world.kind}`))
      case "release":
        return both(world, "release", (store) => store.release("disk"))
      case "leave": {
        const id = world.workers[0]
        return id === undefined || !world.chance(0.3)
          ? Effect.void
          : both(world, `deregister ${id}`, (store) => store.deregister(id))
      }
      default: {
        const id = world.workers.at(-1)
        const pair = world.held[0]
        return id === undefined
          ? Effect.void
          : both(
              world,
              `beat ${id}`,
              (store, side) =>
                store.beat(
                  id,
                  350_000,
                  0,
                  pair === undefined
                    ? []
                    : [{ id: pair[side].task.id, fence: pair[side].fence, value: world.log.length }]
                ),
              (beat) => ({ accepted: beat.accepted, cancel: [...beat.cancel].sort() })
            )
      }
    }
  })

const compare = (world: World) =>
  Effect.forEach(
    world.owners,
    (owner) =>
      both(
        world,
        `list ${owner}`,
        (store) => store.list({ owner, status: null, kind: null, after: null, limit: 1_000 }),
        (list) => list.map(view)
      ),
    { discard: true }
  )

const run = <R>(seed: number, steps: number, capabilities: Capabilities<R>) =>
  Effect.gen(function* () {
    const next = random(seed)
    // Over the machine's clock, whatever clock the test itself has.
    const clock = yield* Effect.provideService(
      ShiftedClock.make,
      Clock.Clock,
      Context.get(Context.empty(), Clock.Clock)
    )
    const memory = yield* Layer.build(Layer.fresh(MemoryWorkQueueStore.layer)).pipe(
      Effect.map((context) => Context.get(context, WorkQueueStore))
    )
    const world: World = {
      seed,
      pick: (from) => from[Math.floor(next() * from.length)] as (typeof from)[number],
      chance: (p) => next() < p,
      real: yield* WorkQueueStore,
      model: (use) => Effect.provideService(use(memory), Clock.Clock, clock),
      kind: `model${process.pid % 10_000}-${seed}`,
      owners: [yield* NewId.make("proj"), yield* NewId.make("env"), yield* NewId.make("whk")],
      tasks: [],
      workers: [],
      held: [],
      old: [],
      log: []
    }
    yield* hire(world)
    for (let step = 0; step < steps; step++) {
      const choice = next()
      if (choice < 0.25) yield* insert(world)
      else if (choice < 0.5) yield* claim(world)
      else if (choice < 0.75) yield* settle(world)
      else if (choice < 0.87) yield* administer(world)
      else if (choice < 0.91) yield* hire(world)
      else if (choice < 0.95) yield* crash(world)
      else {
        world.log.push("advance 100 s")
        clock.advance(100_000)
        yield* capabilities.advance(100_000)
      }
      if (step % 5 === 4) yield* compare(world)
    }
    yield* compare(world)
    yield* clear(world)
  })

/** Leaves nothing behind: a store may look at a bounded number of places per claim, which the model does not. */
const clear = (world: World) =>
  Effect.gen(function* () {
    for (const id of world.workers) yield* world.real.deregister(id)
    const mine = new Set(world.tasks)
    for (const { task, fence } of yield* world.real.takeLost(100_000)) {
      if (mine.has(task.id))
        yield* world.real.settle([{ id: task.id, fence, outcome: Transition.cancelled(task, fence, 0) }])
    }
    for (const id of world.tasks) yield* world.real.cancel(id)
  })

/** Fails with the seed and the commands that led to the difference. */
export const check = <R>(capabilities: Capabilities<R>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const first = Number(process.env["RDEV_MODEL_SEED"] ?? 1)
      for (let i = 0; i < capabilities.model.runs; i++) yield* run(first + i, capabilities.model.steps, capabilities)
    })
  )
