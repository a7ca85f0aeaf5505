/**
 * Reaches the service of a live release: the one that is awake here or in another process, else it is woken here. Who asks waits until
 * its health path answers; however many ask, it is started once. One that does not come up is left alone for a while, and why is told at
 * the project.
 */
import type * as Ids from "@rdev/core/domain/Ids"
import { Effect, Exit, Scope } from "effect"
import { attempt, type LocalFailure } from "../LocalFailure.ts"
import * as Damaged from "../records/Damaged.ts"
import * as FileLock from "../records/FileLock.ts"
import * as Elsewhere from "./Elsewhere.ts"
import { type Entries, type Entry, entry, type Outcome, use } from "./Entries.ts"
import { type Place, type Reached, serviceIn } from "./Place.ts"
import * as Records from "./ReleaseRecords.ts"
import * as ReleaseStart from "./ReleaseStart.ts"
import * as ServiceProbe from "./ServiceProbe.ts"
import * as ServiceRecords from "./ServiceRecords.ts"

/** A service that could not be woken is left alone for as long. */
export const pauseMillis = 30_000
/** Between two looks while another process wakes it. */
const elsewhereMillis = 25
/** Beside the time that it may take to come up. */
const patienceMillis = 5_000
/** Requests that wait for one service in this process; more are refused, for each holds a connection. */
const maxWaiting = 1_000

const unavailable = (retryAfterMillis: number): Reached => ({ kind: "unavailable", retryAfterMillis })

/** In the entry's scope; its lock first, and that it is live still: it may have been removed meanwhile. */
const start = Effect.fnUntraced(function* (place: Place, one: Entry) {
  const { dataDir } = place
  const { projectId, record, scope } = one
  const taken = yield* attempt(async () => FileLock.tryTake(ServiceRecords.lockOf(dataDir, projectId, record))).pipe(
    Effect.tap((unlock) => (unlock === null ? Effect.void : Scope.addFinalizer(scope, Effect.sync(unlock)))),
    Effect.uninterruptible
  )
  if (taken === null) return { kind: "elsewhere" } as const
  const live = yield* attempt(() => Records.current(dataDir, projectId, record.environment))
  if (live !== record.id || record.config.kind !== "node") return { kind: "again" } as const
  const service = yield* Scope.provide(ReleaseStart.service(place, projectId, record, record.config.start), scope)
  yield* ServiceProbe.awaitHealthy(service, record.config.health, place.healthTimeoutMillis)
  yield* attempt(() => ServiceRecords.writeHome(dataDir, projectId, record, service.home))
  one.up = { kind: "node", service }
  one.lastMillis = Date.now()
  one.state = "awake"
  one.settled.resolve({ kind: "up" })
  yield* Effect.ignore(attempt(() => ServiceRecords.removeFailed(dataDir, projectId, record)))
  yield* place.quarantine.clear(projectId, serviceIn(projectId, record.environment).part)
  return { kind: "up" } as const
})

const failed = Effect.fnUntraced(function* (
  { dataDir, quarantine }: Place,
  { projectId, record }: Entry,
  failure: LocalFailure
) {
  const message = failure.message
  const atMillis = Date.now()
  yield* Effect.ignore(attempt(() => ServiceRecords.writeFailed(dataDir, projectId, record, { atMillis, message })))
  yield* quarantine.report(Damaged.damageOf(serviceIn(projectId, record.environment), message))
  return { kind: "failed", retryAfterMillis: pauseMillis } as const
})

/** Whatever it comes to, the entry is up or gone afterwards. */
const waking = (place: Place, entries: Entries, one: Entry): Effect.Effect<void> =>
  start(place, one).pipe(
    Effect.catch((failure) => failed(place, one, failure)),
    Effect.onExit((exit) => {
      const outcome: Outcome = Exit.isSuccess(exit) ? exit.value : { kind: "again" }
      // Whoever ended it closes its scope and forgets it.
      if (outcome.kind === "up" || one.state === "ending") return Effect.void
      one.state = "ending"
      return Effect.ensuring(
        Scope.close(one.scope, Exit.void),
        Effect.sync(() => entries.forget(one, outcome))
      )
    }),
    Effect.catchCause((cause) => Effect.logError(`release ${one.record.id} could not be woken`, cause)),
    Effect.asVoid
  )

export const make = Effect.fnUntraced(function* (place: Place, entries: Entries) {
  const { dataDir } = place
  const context = yield* Effect.context<never>()
  const fork = Effect.runForkWith(context)
  const run = Effect.runPromiseWith(context)
  const elsewhere = Elsewhere.make(place)

  const wake = (projectId: Ids.ProjectId, record: Records.ReleaseRecord): Promise<Outcome> => {
    const one = entry(projectId, record, Scope.makeUnsafe(), null)
    entries.set(one)
    one.fiber = fork(waking(place, entries, one))
    return wait(one)
  }
  const wait = async (one: Entry): Promise<Outcome> => {
    one.waiting++
    try {
      return await one.settled.promise
    } finally {
      one.waiting--
    }
  }
  /** Null when it has to be looked at again. */
  const here = async (one: Entry): Promise<Reached | null> => {
    if (one.state === "awake" && one.up?.kind === "node") return use(one, one.up.service)
    if (one.state === "ending") {
      await one.ended.promise
      return null
    }
    if (one.waiting >= maxWaiting) return unavailable(1_000)
    const outcome = await wait(one)
    return outcome.kind === "failed" ? unavailable(outcome.retryAfterMillis) : null
  }
  const wokenHere = async (projectId: Ids.ProjectId, record: Records.ReleaseRecord): Promise<Reached | null> => {
    const before = entries.get(projectId, record.environment)
    if (before !== undefined) {
      // It is superseded, or it became this one meanwhile.
      if (before.record.id !== record.id) await run(entries.end(before))
      return null
    }
    const outcome = await wake(projectId, record)
    if (outcome.kind === "failed") return unavailable(outcome.retryAfterMillis)
    if (outcome.kind === "elsewhere") await new Promise((done) => setTimeout(done, elsewhereMillis))
    return null
  }

  return async (projectId: Ids.ProjectId, record: Records.ReleaseRecord): Promise<Reached> => {
    const deadline = performance.now() + place.healthTimeoutMillis + patienceMillis
    while (!entries.closed && performance.now() < deadline) {
      if ((await Records.current(dataDir, projectId, record.environment)) !== record.id) return { kind: "gone" }
      const one = entries.get(projectId, record.environment)
      if (one?.record.id === record.id) {
        const found = await here(one)
        if (found !== null) return found
        continue
      }
      const there = await elsewhere(projectId, record)
      if (there !== null) return there
      const last = await ServiceRecords.readFailed(dataDir, projectId, record)
      const left = last === null ? 0 : last.atMillis + pauseMillis - Date.now()
      if (left > 0) return unavailable(left)
      const woken = await wokenHere(projectId, record)
      if (woken !== null) return woken
    }
    return unavailable(1_000)
  }
})
