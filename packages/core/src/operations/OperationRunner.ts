/**
 * Claims operations and runs them as sagas, up to `concurrency` at once. Leases are renewed every quarter of their length; a lease that
 * could not be renewed in time stops the work under it at once, here, before anybody else may claim it. When its scope ends a runner
 * begins no more steps, waits `drainMillis` for those running and gives back what it holds, so that another goes on at once.
 *
 * With the default lease of 4 s and poll of 1 s an operation whose runner was killed goes on at most 5 s later, elsewhere or after a
 * restart.
 */
import { Cause, Clock, Effect, Exit, Fiber, Layer, Option, Queue, Schedule, Scope, Stream } from "effect"
import type { Operation } from "../domain/Operation.ts"
import * as NewId from "../ids/NewId.ts"
import { AuditStore } from "../ports/stores/AuditStore.ts"
import { EventLog } from "../ports/stores/EventLog.ts"
import { Notifier } from "../ports/stores/Notifier.ts"
import { OperationStore } from "../ports/stores/OperationStore.ts"
import { UnitOfWork } from "../ports/stores/UnitOfWork.ts"
import { OperationDefinitions } from "./Definition.ts"
import { type RunnerContext, LeaseLost } from "./Ledger.ts"
import * as Saga from "./Saga.ts"

export interface RunnerOptions {
  /** Operations at once. Default 16. */
  readonly concurrency?: number
  /** Default 4000. */
  readonly leaseMillis?: number
  /** Backstop for lost wake-ups. Default 1000. */
  readonly pollMillis?: number
  /** How long the end waits for running steps. Default 10 s. */
  readonly drainMillis?: number
  /** Ended operations are kept this long. Default 90 days. */
  readonly retentionMillis?: number
}
const defaults = {
  concurrency: 16,
  leaseMillis: 4_000,
  pollMillis: 1_000,
  drainMillis: 10_000,
  retentionMillis: 90 * 86_400_000
} satisfies Required<RunnerOptions>

const maxClaimMillis = 3_000
const purgeEveryMillis = 3_600_000
const purgeBatch = 500

interface Job {
  readonly operation: Operation
  readonly bell: Queue.Queue<void>
  fiber: Fiber.Fiber<void> | null
  leaseUntilMillis: number
}

interface RunnerSession {
  readonly runner: RunnerContext
  readonly definitions: OperationDefinitions["Service"]
  readonly settings: Required<RunnerOptions>
  readonly owner: string
  readonly jobs: Map<string, Job>
  /** Rung when there may be something to claim. */
  readonly bell: Queue.Queue<void>
  stopping: boolean
}

const warn = (what: string) => (cause: Cause.Cause<unknown>) =>
  Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logWarning(`operations: ${what}`, cause)

/** Runs one claimed operation; whatever goes wrong with the ledger itself leaves it to the next claim, when the lease has lapsed. */
const work = (session: RunnerSession, job: Job) =>
  Saga.run(session.runner, session.definitions, job.operation, {
    bell: job.bell,
    stopping: () => session.stopping
  }).pipe(
    Effect.annotateLogs({ operationId: job.operation.id }),
    Effect.catchCause((cause) =>
      Cause.findErrorOption(cause)._tag === "Some" &&
      cause.reasons.every((reason) => Cause.isFailReason(reason) && reason.error instanceof LeaseLost)
        ? Effect.logInfo(`operation ${job.operation.id}: somebody else runs it now`)
        : warn(`${job.operation.id} is left to the next claim`)(cause)
    ),
    Effect.asVoid,
    Effect.ensuring(
      Effect.suspend(() => {
        if (session.jobs.get(job.operation.id) === job) session.jobs.delete(job.operation.id)
        return Queue.offer(session.bell, undefined)
      })
    )
  )

const stop = (job: Job) =>
  job.fiber === null ? Effect.void : Effect.asVoid(Effect.forkDetach(Fiber.interrupt(job.fiber)))

const claim = Effect.fnUntraced(function* (session: RunnerSession, scope: Scope.Scope) {
  const limit = session.settings.concurrency - session.jobs.size
  if (limit <= 0 || session.stopping) return
  const askedAt = yield* Clock.currentTimeMillis
  const claimed = yield* Effect.timeoutOption(
    session.runner.store.claim({ owner: session.owner, limit, leaseMillis: session.settings.leaseMillis }),
    Math.min(session.settings.leaseMillis, maxClaimMillis)
  )
  // A lost connection may not answer for long: another one is tried. What was claimed without our knowing lapses.
  if (Option.isNone(claimed)) return
  for (const operation of claimed.value) {
    // A lease of our own that lapsed: the older run is over, and its epoch keeps what it still tries to write out.
    const older = session.jobs.get(operation.id)
    if (older !== undefined) yield* stop(older)
    const job: Job = {
      operation,
      bell: yield* Queue.sliding<void>(1),
      fiber: null,
      leaseUntilMillis: askedAt + session.settings.leaseMillis
    }
    session.jobs.set(operation.id, job)
    job.fiber = yield* Effect.forkIn(work(session, job), scope)
  }
  if (claimed.value.length === limit) yield* Queue.offer(session.bell, undefined)
})

const claimLoop = (session: RunnerSession, scope: Scope.Scope) =>
  Effect.forever(
    claim(session, scope).pipe(
      Effect.catchCause(warn("cannot claim")),
      Effect.andThen(Effect.timeoutOption(Queue.take(session.bell), session.settings.pollMillis))
    )
  )

const renew = Effect.fnUntraced(function* (session: RunnerSession) {
  const jobs = [...session.jobs.values()]
  if (jobs.length === 0) return
  const askedAt = yield* Clock.currentTimeMillis
  const kept = yield* session.runner.store.renew(
    session.owner,
    jobs.map(({ operation }) => ({ id: operation.id, epoch: operation.leaseEpoch })),
    session.settings.leaseMillis
  )
  const byId = new Map(kept.map((operation) => [operation.id, operation]))
  for (const job of jobs) {
    const operation = byId.get(job.operation.id)
    // What is absent has ended or been given back meanwhile, or it is lost: its own next write tells which.
    if (operation === undefined) continue
    job.leaseUntilMillis = askedAt + session.settings.leaseMillis
    if (operation.wakeRequested) yield* Queue.offer(job.bell, undefined)
  }
})

/** Stops what runs on a lease that has lapsed by our own clock. */
const expire = Effect.fnUntraced(function* (session: RunnerSession) {
  const now = yield* Clock.currentTimeMillis
  for (const job of session.jobs.values()) {
    if (now < job.leaseUntilMillis) continue
    yield* Effect.logWarning(`operation ${job.operation.id}: the lease lapsed, its work here is stopped`)
    yield* stop(job)
  }
})

const beatLoop = (session: RunnerSession) => {
  const every = Math.max(1, Math.floor(session.settings.leaseMillis / 4))
  const beat = Effect.catchCause(
    Effect.timeoutOption(renew(session), session.settings.leaseMillis),
    warn("cannot renew leases")
  )
  return Effect.raceAllFirst([
    Effect.forever(Effect.andThen(Effect.sleep(every), beat)),
    Effect.forever(Effect.andThen(Effect.sleep(every), expire(session)))
  ])
}

const wakeLoop = (session: RunnerSession) =>
  session.runner.notifier.subscribe("operation").pipe(
    Stream.runForEach((id) => {
      const job = session.jobs.get(id)
      return job === undefined ? Queue.offer(session.bell, undefined) : Queue.offer(job.bell, undefined)
    }),
    Effect.repeat(Schedule.spaced("1 second"))
  )

const purgeLoop = (session: RunnerSession) =>
  Effect.forever(
    Effect.gen(function* () {
      yield* Effect.sleep(purgeEveryMillis)
      const before = (yield* Clock.currentTimeMillis) - session.settings.retentionMillis
      yield* Effect.repeat(session.runner.store.purge(before, purgeBatch), {
        while: (removed) => removed === purgeBatch
      }).pipe(Effect.catchCause(warn("cannot purge")))
    })
  )

const finish = Effect.fnUntraced(function* (session: RunnerSession) {
  session.stopping = true
  const jobs = [...session.jobs.values()]
  for (const job of jobs) yield* Queue.offer(job.bell, undefined)
  const fibers = jobs.flatMap(({ fiber }) => (fiber === null ? [] : [fiber]))
  yield* Effect.timeoutOption(Effect.forEach(fibers, Fiber.await, { discard: true }), session.settings.drainMillis)
  yield* Effect.forEach(fibers, Fiber.interrupt, { discard: true, concurrency: "unbounded" })
})

/** Runs until interrupted. */
export const run = (options: RunnerOptions = {}) =>
  Effect.gen(function* () {
    const session: RunnerSession = {
      runner: {
        store: yield* OperationStore,
        unitOfWork: yield* UnitOfWork,
        log: yield* EventLog,
        audit: yield* AuditStore,
        notifier: yield* Notifier
      },
      definitions: yield* OperationDefinitions,
      settings: { ...defaults, ...options },
      owner: yield* NewId.make("wrk"),
      jobs: new Map(),
      bell: yield* Queue.sliding<void>(1),
      stopping: false
    }
    const scope = yield* Scope.make()
    const loops = Effect.raceAllFirst([
      claimLoop(session, scope),
      beatLoop(session),
      wakeLoop(session),
      purgeLoop(session)
    ])
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Effect.interruptible(loops))
        // Heartbeats go on while running steps are waited for.
        const exit = yield* Effect.exit(restore(Fiber.join(fiber)))
        yield* finish(session)
        yield* Fiber.interrupt(fiber)
        yield* Scope.close(scope, Exit.void)
        yield* exit
      })
    )
  })

export const layer = (options: RunnerOptions = {}) => Layer.effectDiscard(Effect.forkScoped(run(options)))
