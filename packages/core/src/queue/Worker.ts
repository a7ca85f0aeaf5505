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
import {
  warn,
  type WorkerContext,
  errorOf,
  retryUntil,
  settingsOf,
  type WorkerOptions,
  write
} from "./worker/WorkerContext.ts"
import { Durations } from "./worker/Durations.ts"
import * as Run from "./worker/Run.ts"
import { WorkerSession } from "./worker/WorkerSession.ts"

export type { WorkerOptions } from "./worker/WorkerContext.ts"

/** Ends written with one call. */
const maxSettle = 1_000
const settleInMillis = 1_000
const sweepMillis = 250

/** Registers the session's id, trying until the store answers. */
const register = (worker: WorkerContext, session: WorkerSession) =>
  retryUntil(
    Effect.suspend(() => {
      const sent = session.now()
      return Effect.map(
        worker.store.register({ ...worker.info, id: session.options.id }, worker.settings.leaseMillis),
        () => {
          session.leaseUntil = sent + worker.settings.leaseMillis
        }
      )
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

const claimLoop = (worker: WorkerContext, session: WorkerSession, quarantined: Suspects) =>
  Effect.gen(function* () {
    const { store, settings, info } = worker
    while (!session.isLost) {
      yield* session.claimRequested.await
      yield* session.claimRequested.close
      const alone = quarantined.waiting && session.empty
      const limit = alone ? Math.max(1, settings.capacity) : session.want()
      if (limit <= 0 || session.stopping) continue
      if (!alone && quarantined.waiting && session.now() - quarantined.since > settings.quarantinePatienceMillis)
        continue
      const began = session.now()
      session.asks()
      const exit = yield* Effect.exit(
        store.claim({
          workerId: session.options.id,
          limit,
          kinds: info.kinds,
          labels: settings.labels,
          quarantined: alone
        })
      )
      if (Exit.isFailure(exit)) {
        const error = yield* errorOf(exit)
        if (error.reason._tag === "Conflict") return session.abandon()
        yield* warn("cannot claim")(error)
        continue
      }
      const { deliveries, more } = exit.value
      session.left(alone || more)
      if (alone) quarantined.seen(deliveries.length > 0, session.now())
      session.take(exit.value, deliveries.length === limit)
      yield* observeClaim(session, began, deliveries[0])
      if (alone) {
        yield* session.idle.await
        session.ring()
      } else if (!session.queueEmpty && session.want() > 0) session.claimRequested.openUnsafe()
      if (deliveries.length > 0) yield* Metric.update(QueueMetrics.claimed, deliveries.length)
    }
  })

const observeClaim = (session: WorkerSession, began: number, first: Run.Run["delivery"] | undefined) =>
  first === undefined
    ? Effect.void
    : Effect.andThen(
        Metric.update(QueueMetrics.claimSeconds, (session.now() - began) / 1_000),
        Metric.update(
          QueueMetrics.waitSeconds,
          Math.max(0, session.options.clock.currentTimeMillisUnsafe() - first.task.createdAtMillis) / 1_000
        )
      )

/** Starts what was claimed, in a fiber of its own: the next claim travels while this one's tasks run. */
const pumpLoop = (session: WorkerSession) =>
  Effect.gen(function* () {
    while (!session.isLost) {
      yield* session.filled.await
      // Not before the claim loop had its turn: whoever opens a latch runs those who wait for it first.
      yield* Effect.yieldNow
      yield* session.filled.close
      session.pump()
    }
  })

const settleLoop = (worker: WorkerContext, session: WorkerSession) =>
  Effect.gen(function* () {
    while (!session.isLost) {
      yield* session.unsettled.await
      // Ends of the same turn of the event loop go together.
      yield* Effect.yieldNow
      yield* session.unsettled.close
      const batch = session.beginWrite(maxSettle)
      if (batch.length === 0) continue
      // After a lost lease the tasks are somebody else's: nothing left to say.
      yield* retryUntil(write(worker, batch), "cannot settle", () => session.isLost)
      session.written(batch.length)
    }
  })

/** Has ends written that waited for others. */
const restLoop = (session: WorkerSession) =>
  Effect.forever(
    Effect.gen(function* () {
      yield* session.resting.await
      yield* Effect.sleep(session.rest)
      yield* session.resting.close
      session.tell()
    })
  )

const beat = Effect.fnUntraced(function* (worker: WorkerContext, session: WorkerSession) {
  const sent = session.now()
  const reported = [...session.running.values()].filter((run) => run.fresh).slice(0, 1_000)
  const progress = reported.map((run) => ({ id: run.delivery.task.id, fence: run.delivery.fence, value: run.progress }))
  const running = session.running.size
  const answer = yield* worker.store.beat(session.options.id, worker.settings.leaseMillis, running, progress)
  if (!answer.accepted) return session.abandon()
  session.leaseUntil = sent + worker.settings.leaseMillis
  session.stands(answer, running)
  for (const [i, run] of reported.entries()) if (run.progress === progress[i]?.value) run.fresh = false
  for (const id of answer.cancel) {
    const run = session.running.get(id)
    if (run !== undefined) session.stop(run, "cancel")
  }
})

const beatLoop = (worker: WorkerContext, session: WorkerSession) =>
  Effect.forever(
    Effect.andThen(
      Effect.sleep(worker.settings.leaseMillis / 3),
      retryUntil(beat(worker, session), "cannot beat", () => session.isLost)
    )
  )

/** A worker that starts before a backlog takes from it first, and begins with what can wait a second later. */
const settledIn = (session: WorkerSession) => Effect.timeoutOption(session.leisure.await, settleInMillis)

/** Chores any worker may do: due tasks, vanished workers. The store makes sure that two at once do no harm. */
const tendLoop = (worker: WorkerContext, session: WorkerSession, quarantined: Suspects) =>
  Effect.gen(function* () {
    yield* settledIn(session)
    while (true) {
      const chores = Effect.gen(function* () {
        const { nextDueMillis, quarantined: waiting } = yield* worker.store.maintain
        quarantined.seen(waiting, session.now())
        const lost = yield* worker.store.takeLost(maxSettle)
        if (lost.length > 0)
          yield* write(
            worker,
            lost.map((delivery) => Run.vanished(delivery, session.options.clock.currentTimeMillisUnsafe()))
          )
        if (waiting || lost.length > 0) session.ring()
        return nextDueMillis
      })
      const due = yield* Effect.catch(chores, (error) => Effect.as(warn("cannot maintain the queue")(error), null))
      yield* Effect.sleep(
        due === null ? worker.settings.choresMillis : Math.max(5, Math.min(worker.settings.choresMillis, due))
      )
    }
  })

const sweepLoop = (session: WorkerSession) =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(sweepMillis)
      if (session.now() >= session.leaseUntil) return session.abandon()
      session.sweep()
    }
  })

const wakeLoop = (worker: WorkerContext, session: WorkerSession) =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* settledIn(session)
      const cancelling = Latch.makeUnsafe(false)
      const heard = (wake: Wake) => (wake === "work" ? session.woken() : void cancelling.openUnsafe())
      yield* retryUntil(worker.store.onWake(heard), "cannot listen for wake-ups", () => session.isLost)
      while (true) {
        // The first one tells where this worker stands.
        yield* Effect.catch(beat(worker, session), warn("cannot beat"))
        yield* cancelling.await
        yield* cancelling.close
      }
    })
  )
/** Follows wake-ups that others follow first: one claim for all that came meanwhile. */
const followLoop = (session: WorkerSession) =>
  Effect.forever(
    Effect.gen(function* () {
      yield* session.nudged.await
      const late = session.patience
      yield* Effect.sleep(late)
      yield* session.nudged.close
      session.follow(late)
    })
  )
const pollLoop = (worker: WorkerContext, session: WorkerSession) =>
  Effect.forever(
    Effect.andThen(
      Effect.sleep(worker.settings.pollMillis),
      Effect.sync(() => session.ring())
    )
  )

/** Ends a session in order: no new tasks, wait, hand back, write, leave. */
const finish = Effect.fnUntraced(function* (worker: WorkerContext, session: WorkerSession) {
  session.stopping = true
  session.handBackQueued()
  if (worker.settings.drainMillis > 0) yield* Effect.timeoutOption(session.idle.await, worker.settings.drainMillis)
  for (const run of session.running.values()) session.stop(run, "handback")
  yield* Effect.timeoutOption(session.idle.await, 5_000)
})
const onLeaseLost = Effect.fnUntraced(function* (worker: WorkerContext, session: WorkerSession) {
  yield* Metric.update(QueueMetrics.leasesLost, 1)
  yield* Effect.timeoutOption(session.idle.await, 5_000)
  yield* Effect.logWarning(`worker ${worker.settings.id}: the lease was lost, its work was stopped`)
})
const leave = Effect.fnUntraced(function* (worker: WorkerContext, session: WorkerSession) {
  if (session.isLost) return
  while (session.ended.length > 0) {
    const batch = session.ended.splice(0, maxSettle)
    yield* Effect.timeoutOption(write(worker, batch), 5_000)
  }
  yield* Effect.timeoutOption(worker.store.deregister(session.options.id), 5_000)
})

/** From registration until the lease is lost, or until interrupted: then it ends in order. */
const work = (worker: WorkerContext, durations: Durations, handlers: TaskHandlers["Service"]) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const context = yield* Effect.context<never>()
    const session = new WorkerSession({
      id: yield* NewId.make("wrk"),
      name: worker.settings.id,
      capacity: worker.settings.capacity,
      handlers,
      events: worker.events,
      durations,
      clock,
      context
    })
    const quarantined = new Suspects()
    // The series are made while the store answers.
    yield* Effect.all([register(worker, session), QueueMetrics.begin], { concurrency: "unbounded", discard: true })
    const loops = Effect.raceAllFirst([
      session.lost.await,
      claimLoop(worker, session, quarantined),
      pumpLoop(session),
      settleLoop(worker, session),
      restLoop(session),
      beatLoop(worker, session),
      tendLoop(worker, session, quarantined),
      sweepLoop(session),
      wakeLoop(worker, session),
      followLoop(session),
      pollLoop(worker, session)
    ])
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Effect.interruptible(loops))
        const exit = yield* Effect.exit(restore(Fiber.join(fiber)))
        // In a fiber of its own: in this uninterruptible one a timeout would wait for the sleep that lost its race.
        const last = Effect.gen(function* () {
          if (session.isLost) yield* onLeaseLost(worker, session)
          else yield* finish(worker, session)
          yield* Fiber.interrupt(fiber)
          yield* Effect.catch(leave(worker, session), warn("cannot leave in order"))
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
    const worker: WorkerContext = {
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
    return yield* Effect.forever(work(worker, durations, handlers))
  })

/** A worker beside everything else in this process; it ends in order with the layer's scope. */
export const layer = (options: WorkerOptions): Layer.Layer<never, never, WorkQueueStore | TaskHandlers | TaskEvents> =>
  Layer.effectDiscard(Effect.forkScoped(run(options)))
