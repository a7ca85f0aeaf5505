/**
 * Takes tasks from the queue and runs their handlers, `capacity` at once. Delivery is at least once; what counts is fenced.
 *
 * A worker whose heartbeat is refused, or that could not beat for the length of its lease, stops its own work at once and
 * registers anew. On the end of its scope it takes no more tasks, waits `drainMillis` for those running, hands back what did
 * not finish (not counted as an attempt) and leaves. Everything it holds is bounded by capacity and about 20 ms of work.
 *
 * Of several workers with the same kinds the one with the fewest tasks takes new ones at once; another comes 20 ms later, and no later
 * than the first as long as that one is busy. Completions of short tasks that follow each other are written every 10 ms.
 */
import { Clock, Effect, Exit, Fiber, Latch, Layer, Metric } from "effect"
import * as NewId from "../ids/NewId.ts"
import { type Wake, WorkQueueStore } from "../ports/stores/WorkQueueStore.ts"
import * as QueueMetrics from "./QueueMetrics.ts"
import { TaskEvents } from "./TaskEvents.ts"
import { TaskHandlers } from "./TaskHandlers.ts"
import { complain, type Desk, errorOf, insist, settingsOf, type WorkerOptions, write } from "./worker/Desk.ts"
import { Durations } from "./worker/Durations.ts"
import * as Run from "./worker/Run.ts"
import { Shift } from "./worker/Shift.ts"

export type { WorkerOptions } from "./worker/Desk.ts"

/** Ends written with one call. */
const maxSettle = 1_000
const settleInMillis = 1_000
const sweepMillis = 250

/** Registers the shift's id, trying until the store answers. */
const register = (desk: Desk, shift: Shift) =>
  insist(
    Effect.suspend(() => {
      const sent = shift.now()
      return Effect.map(desk.store.register({ ...desk.info, id: shift.options.id }, desk.settings.leaseMillis), () => {
        shift.leaseUntil = sent + desk.settings.leaseMillis
      })
    }),
    "cannot register",
    () => false
  )

/** Tasks whose worker vanished are taken only while nothing else runs here, so that a poison task meets nobody. */
class Suspects {
  waiting = false
  since = 0
  seen(waiting: boolean, now: number): void {
    if (waiting && !this.waiting) this.since = now
    this.waiting = waiting
  }
}

const claimLoop = (desk: Desk, shift: Shift, suspects: Suspects) =>
  Effect.gen(function* () {
    const { store, settings, info } = desk
    while (!shift.isLost) {
      yield* shift.hungry.await
      yield* shift.hungry.close
      const alone = suspects.waiting && shift.empty
      const limit = alone ? Math.max(1, settings.capacity) : shift.want()
      if (limit <= 0 || shift.stopping) continue
      if (!alone && suspects.waiting && shift.now() - suspects.since > settings.suspectPatienceMillis) continue
      const began = shift.now()
      shift.asks()
      const exit = yield* Effect.exit(
        store.claim({ workerId: shift.options.id, limit, kinds: info.kinds, labels: settings.labels, suspects: alone })
      )
      if (Exit.isFailure(exit)) {
        const error = yield* errorOf(exit)
        if (error.reason._tag === "Conflict") return shift.abandon()
        yield* complain("cannot claim")(error)
        continue
      }
      const { deliveries, more } = exit.value
      shift.left(alone || more)
      if (alone) suspects.seen(deliveries.length > 0, shift.now())
      shift.take(exit.value, deliveries.length === limit)
      yield* observeClaim(shift, began, deliveries[0])
      if (alone) {
        yield* shift.idle.await
        shift.ring()
      } else if (!shift.dry && shift.want() > 0) shift.hungry.openUnsafe()
      if (deliveries.length > 0) yield* Metric.update(QueueMetrics.claimed, deliveries.length)
    }
  })

const observeClaim = (shift: Shift, began: number, first: Run.Run["delivery"] | undefined) =>
  first === undefined
    ? Effect.void
    : Effect.andThen(
        Metric.update(QueueMetrics.claimSeconds, (shift.now() - began) / 1_000),
        Metric.update(
          QueueMetrics.waitSeconds,
          Math.max(0, shift.options.clock.currentTimeMillisUnsafe() - first.task.createdAtMillis) / 1_000
        )
      )

/** Starts what was claimed, in a fiber of its own: the next claim travels while this one's tasks run. */
const pumpLoop = (shift: Shift) =>
  Effect.gen(function* () {
    while (!shift.isLost) {
      yield* shift.filled.await
      // Not before the claim loop had its turn: whoever opens a latch runs those who wait for it first.
      yield* Effect.yieldNow
      yield* shift.filled.close
      shift.pump()
    }
  })

const settleLoop = (desk: Desk, shift: Shift) =>
  Effect.gen(function* () {
    while (!shift.isLost) {
      yield* shift.unsettled.await
      // Ends of the same turn of the event loop go together.
      yield* Effect.yieldNow
      yield* shift.unsettled.close
      const batch = shift.beginWrite(maxSettle)
      if (batch.length === 0) continue
      // After a lost lease the tasks are somebody else's: nothing left to say.
      yield* insist(write(desk, batch), "cannot settle", () => shift.isLost)
      shift.written(batch.length)
    }
  })

/** Has ends written that waited for company. */
const restLoop = (shift: Shift) =>
  Effect.forever(
    Effect.gen(function* () {
      yield* shift.resting.await
      yield* Effect.sleep(shift.rest)
      yield* shift.resting.close
      shift.tell()
    })
  )

const beat = Effect.fnUntraced(function* (desk: Desk, shift: Shift) {
  const sent = shift.now()
  const told = [...shift.running.values()].filter((run) => run.fresh).slice(0, 1_000)
  const progress = told.map((run) => ({ id: run.delivery.task.id, fence: run.delivery.fence, value: run.progress }))
  const running = shift.running.size
  const answer = yield* desk.store.beat(shift.options.id, desk.settings.leaseMillis, running, progress)
  if (!answer.accepted) return shift.abandon()
  shift.leaseUntil = sent + desk.settings.leaseMillis
  shift.stands(answer, running)
  for (const [i, run] of told.entries()) if (run.progress === progress[i]?.value) run.fresh = false
  for (const id of answer.cancel) {
    const run = shift.running.get(id)
    if (run !== undefined) shift.stop(run, "cancel")
  }
})

const beatLoop = (desk: Desk, shift: Shift) =>
  Effect.forever(
    Effect.andThen(
      Effect.sleep(desk.settings.leaseMillis / 3),
      insist(beat(desk, shift), "cannot beat", () => shift.isLost)
    )
  )

/** A worker that starts before a backlog takes from it first, and begins with what can wait a second later. */
const settledIn = (shift: Shift) => Effect.timeoutOption(shift.leisure.await, settleInMillis)

/** Chores any worker may do: due tasks, vanished workers. The store makes sure that two at once do no harm. */
const tendLoop = (desk: Desk, shift: Shift, suspects: Suspects) =>
  Effect.gen(function* () {
    yield* settledIn(shift)
    while (true) {
      const chores = Effect.gen(function* () {
        const { nextDueMillis, suspects: waiting } = yield* desk.store.tend
        suspects.seen(waiting, shift.now())
        const lost = yield* desk.store.takeLost(maxSettle)
        if (lost.length > 0)
          yield* write(
            desk,
            lost.map((delivery) => Run.vanished(delivery, shift.options.clock.currentTimeMillisUnsafe()))
          )
        if (waiting || lost.length > 0) shift.ring()
        return nextDueMillis
      })
      const due = yield* Effect.catch(chores, (error) => Effect.as(complain("cannot tend the queue")(error), null))
      yield* Effect.sleep(
        due === null ? desk.settings.choresMillis : Math.max(5, Math.min(desk.settings.choresMillis, due))
      )
    }
  })

const sweepLoop = (shift: Shift) =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(sweepMillis)
      if (shift.now() >= shift.leaseUntil) return shift.abandon()
      shift.sweep()
    }
  })

const wakeLoop = (desk: Desk, shift: Shift) =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* settledIn(shift)
      const cancelling = Latch.makeUnsafe(false)
      const heard = (wake: Wake) => (wake === "work" ? shift.woken() : void cancelling.openUnsafe())
      yield* insist(desk.store.onWake(heard), "cannot listen for wake-ups", () => shift.isLost)
      while (true) {
        // The first one tells where this worker stands.
        yield* Effect.catch(beat(desk, shift), complain("cannot beat"))
        yield* cancelling.await
        yield* cancelling.close
      }
    })
  )
/** Follows wake-ups that others follow first: one claim for all that came meanwhile. */
const followLoop = (shift: Shift) =>
  Effect.forever(
    Effect.gen(function* () {
      yield* shift.nudged.await
      const late = shift.patience
      yield* Effect.sleep(late)
      yield* shift.nudged.close
      shift.follow(late)
    })
  )
const pollLoop = (desk: Desk, shift: Shift) =>
  Effect.forever(
    Effect.andThen(
      Effect.sleep(desk.settings.pollMillis),
      Effect.sync(() => shift.ring())
    )
  )

/** Ends a shift in order: no new tasks, wait, hand back, write, leave. */
const finish = Effect.fnUntraced(function* (desk: Desk, shift: Shift) {
  shift.stopping = true
  shift.handBackQueued()
  if (desk.settings.drainMillis > 0) yield* Effect.timeoutOption(shift.idle.await, desk.settings.drainMillis)
  for (const run of shift.running.values()) shift.stop(run, "handback")
  yield* Effect.timeoutOption(shift.idle.await, 5_000)
})
const mourn = Effect.fnUntraced(function* (desk: Desk, shift: Shift) {
  yield* Metric.update(QueueMetrics.leasesLost, 1)
  yield* Effect.timeoutOption(shift.idle.await, 5_000)
  yield* Effect.logWarning(`worker ${desk.settings.id}: the lease was lost, its work was stopped`)
})
const leave = Effect.fnUntraced(function* (desk: Desk, shift: Shift) {
  if (shift.isLost) return
  while (shift.ended.length > 0) {
    const batch = shift.ended.splice(0, maxSettle)
    yield* Effect.timeoutOption(write(desk, batch), 5_000)
  }
  yield* Effect.timeoutOption(desk.store.deregister(shift.options.id), 5_000)
})

/** From registration until the lease is lost, or until interrupted: then it ends in order. */
const work = (desk: Desk, durations: Durations, handlers: TaskHandlers["Service"]) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const context = yield* Effect.context<never>()
    const shift = new Shift({
      id: yield* NewId.make("wrk"),
      name: desk.settings.id,
      capacity: desk.settings.capacity,
      handlers,
      events: desk.events,
      durations,
      clock,
      context
    })
    const suspects = new Suspects()
    // The series are made while the store answers.
    yield* Effect.all([register(desk, shift), QueueMetrics.begin], { concurrency: "unbounded", discard: true })
    const loops = Effect.raceAllFirst([
      shift.lost.await,
      claimLoop(desk, shift, suspects),
      pumpLoop(shift),
      settleLoop(desk, shift),
      restLoop(shift),
      beatLoop(desk, shift),
      tendLoop(desk, shift, suspects),
      sweepLoop(shift),
      wakeLoop(desk, shift),
      followLoop(shift),
      pollLoop(desk, shift)
    ])
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Effect.interruptible(loops))
        const exit = yield* Effect.exit(restore(Fiber.join(fiber)))
        // In a fiber of its own: in this uninterruptible one a timeout would wait for the sleep that lost its race.
        const last = Effect.gen(function* () {
          if (shift.isLost) yield* mourn(desk, shift)
          else yield* finish(desk, shift)
          yield* Fiber.interrupt(fiber)
          yield* Effect.catch(leave(desk, shift), complain("cannot leave in order"))
        })
        yield* Fiber.await(yield* Effect.forkDetach(Effect.interruptible(last)))
        yield* exit
      })
    )
  })

/** Works until interrupted; the end of a standalone worker process is an interruption of this. */
export const run = (options: WorkerOptions): Effect.Effect<never, never, WorkQueueStore | TaskHandlers | TaskEvents> =>
  Effect.gen(function* () {
    if (!Number.isSafeInteger(options.capacity) || options.capacity < 1)
      return yield* Effect.die(new Error(`capacity: expected an integer of at least 1, got ${options.capacity}`))
    const settings = settingsOf(options)
    const handlers = yield* TaskHandlers
    const kinds = [...handlers.keys()]
    const desk: Desk = {
      store: yield* WorkQueueStore,
      events: yield* TaskEvents,
      settings,
      info: {
        name: settings.id,
        version: settings.version,
        capacity: settings.capacity,
        labels: settings.labels,
        kinds
      },
      freed: new Set()
    }
    const durations = new Durations(kinds)
    return yield* Effect.forever(work(desk, durations, handlers))
  })

/** A worker beside everything else in this process; it ends in order with the layer's scope. */
export const layer = (options: WorkerOptions): Layer.Layer<never, never, WorkQueueStore | TaskHandlers | TaskEvents> =>
  Layer.effectDiscard(Effect.forkScoped(run(options)))
