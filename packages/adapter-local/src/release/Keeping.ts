/**
 * Looks after what is up: puts services to sleep that nobody asked for, ends those that another process superseded or removed, and keeps
 * those up that never sleep, also over restarts of the server and the end of the process that ran them.
 */
import type * as Ids from "@rdev/core/domain/Ids"
import type { EnvironmentName } from "@rdev/core/ports/infra/Deployer"
import { Effect, Exit, Scope } from "effect"
import { attempt, type LocalFailure } from "../LocalFailure.ts"
import * as Damaged from "../records/Damaged.ts"
import * as FileLock from "../records/FileLock.ts"
import { type Entries, type Entry, entry } from "./Entries.ts"
import { liveIn, type Place } from "./Place.ts"
import * as Releases from "./Releases.ts"
import * as Records from "./ReleaseRecords.ts"
import * as ReleaseStart from "./ReleaseStart.ts"
import * as ServiceRecords from "./ServiceRecords.ts"
import { pauseMillis } from "./Waking.ts"

/** Between two looks; more often where services sleep after seconds. */
const lookMillis = ({ idleMillis }: Place) =>
  idleMillis === null ? 1_000 : Math.min(1_000, Math.max(100, idleMillis / 4))

/** Nobody uses it, here or by way of another process: from here on another process finds no way to it, and wakes it. */
const sleepIfIdle = (place: Place, entries: Entries, one: Entry): Effect.Effect<void, LocalFailure> =>
  Effect.gen(function* () {
    const { dataDir } = place
    const { projectId, record, up } = one
    const idle = ServiceRecords.idleMillis(record, place.idleMillis)
    if (idle === null || up?.kind !== "node" || one.state !== "awake") return
    const isIdle = Effect.map(
      attempt(() => ServiceRecords.readAsked(dataDir, projectId, record)),
      (asked) => {
        if (one.open > 0) one.lastMillis = Date.now()
        one.lastMillis = Math.max(one.lastMillis, asked)
        return one.state === "awake" && Date.now() - one.lastMillis >= idle
      }
    )
    if (one.open > 0 || Date.now() - one.lastMillis < idle || !(yield* isIdle)) return
    const shown = attempt(() => ServiceRecords.writeHome(dataDir, projectId, record, up.service.home))
    yield* attempt(() => ServiceRecords.removeHome(dataDir, projectId, record))
    const still = yield* Effect.tapError(isIdle, () => Effect.ignore(shown))
    yield* still ? entries.end(one) : shown
  })

const keepUp = (place: Place, entries: Entries, projectId: Ids.ProjectId, record: Records.ReleaseRecord) =>
  Effect.gen(function* () {
    const lock = ServiceRecords.lockOf(place.dataDir, projectId, record)
    if (record.config.kind === "node" && (yield* attempt(async () => FileLock.isHeld(lock)))) return
    const scope = yield* Scope.make()
    const up = yield* Scope.provide(ReleaseStart.bringUp(place, projectId, record), scope).pipe(
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
    if (up.kind === "node")
      yield* attempt(() => ServiceRecords.writeHome(place.dataDir, projectId, record, up.service.home))
    const before = entries.set(entry(projectId, record, scope, up))
    if (before !== undefined) yield* entries.end(before)
  })

/** Not while somebody deploys or removes the project: the next look comes soon. */
const undisturbed = ({ dataDir }: Place, projectId: Ids.ProjectId, effect: Effect.Effect<void, LocalFailure>) =>
  Effect.acquireUseRelease(
    attempt(async () => FileLock.tryTake(FileLock.pathOf(dataDir, `deploy-${projectId}`))),
    (release) => (release === null ? Effect.void : effect),
    (release) => Effect.sync(() => release?.())
  )

export const make = (place: Place, entries: Entries) => {
  const { dataDir } = place
  const pausedUntil = new Map<string, number>()
  const neverSleeps = (record: Records.ReleaseRecord) =>
    record.config.kind === "node" && ServiceRecords.idleMillis(record, place.idleMillis) === null

  const keepCurrent = (projectId: Ids.ProjectId, environment: EnvironmentName) =>
    Effect.gen(function* () {
      const record = yield* attempt(() => Releases.current(place, projectId, environment))
      const always = record !== null && neverSleeps(record)
      yield* attempt(() => (always ? ServiceRecords.mark : ServiceRecords.unmark)(dataDir, projectId, environment))
      // One that sleeps is started by the first request.
      if (record === null || (record.config.kind === "node" && !always)) return
      if (entries.get(projectId, environment)?.record.id === record.id) return
      if ((pausedUntil.get(record.id) ?? 0) > performance.now()) return
      yield* Effect.catch(keepUp(place, entries, projectId, record), (failure) => {
        pausedUntil.set(record.id, performance.now() + pauseMillis)
        return Damaged.report(liveIn(projectId, environment), failure)
      })
    })
  /** One record that cannot be read is its project's trouble alone. */
  const keep = (projectId: Ids.ProjectId, environment: EnvironmentName) =>
    Effect.catchIf(undisturbed(place, projectId, keepCurrent(projectId, environment)), Damaged.isDamage, (failure) =>
      Damaged.report(liveIn(projectId, environment), failure)
    )
  const look = Effect.gen(function* () {
    for (const one of entries.list()) {
      const { projectId, record } = one
      const live = yield* attempt(() => Records.current(dataDir, projectId, record.environment))
      if (live === record.id) yield* sleepIfIdle(place, entries, one)
      else yield* live === null ? entries.end(one) : entries.retire(one)
    }
    for (const { environment, projectId } of yield* attempt(() => ServiceRecords.marked(dataDir))) {
      const id = yield* attempt(() => Records.current(dataDir, projectId, environment))
      if (entries.get(projectId, environment)?.record.id !== id) yield* keep(projectId, environment)
    }
  })

  /** Brings up what is to be up, then goes on looking after it until the scope ends. */
  return Effect.gen(function* () {
    for (const projectId of yield* attempt(() => Records.projectIds(dataDir))) {
      for (const environment of Records.environments) yield* keep(projectId, environment)
    }
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.sleep(lookMillis(place)),
          Effect.catch(look, (failure) =>
            Effect.logWarning("services could not be looked after; this is tried again", failure.reason)
          )
        )
      )
    )
  })
}
