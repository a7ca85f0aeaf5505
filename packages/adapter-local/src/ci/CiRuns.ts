/** Runs: begun, executed, ended, and found again, as lost where the process that executed one has ended. */
import * as NewId from "@rdev/core/ids/NewId"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type * as Pipeline from "@rdev/runtime-node/pipeline/Pipeline"
import { Clock, Deferred, Effect, Fiber, Schedule } from "effect"
import { join } from "node:path"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import { attempt, notFound } from "../LocalFailure.ts"
import * as Damaged from "../records/Damaged.ts"
import * as FileLock from "../records/FileLock.ts"
import * as CiJournal from "./CiJournal.ts"
import * as CiPipeline from "./CiPipeline.ts"
import { type Active, elsewhereMillis, isElsewhere, notify, type Place, type Request } from "./CiPlace.ts"
import * as CiRecords from "./CiRecords.ts"
import * as CiSteps from "./CiSteps.ts"

const lost = "lost: the server stopped while the run was in flight; start it again"

const execute = Effect.fnUntraced(function* (
  place: Place,
  target: RepositoryTarget,
  request: Request,
  book: CiJournal.Journal,
  pipeline: Pipeline.Pipeline | string
) {
  const { id, startedAtMillis } = book.current()
  const finish = (status: CiRecords.RunRecord["status"], reason: string | null) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      book.save({ status, reason, durationMillis: now - startedAtMillis })
    )
  const base = join(place.workRoot, id)
  const work =
    typeof pipeline === "string"
      ? finish("infra", pipeline)
      : place
          .withSlot(
            target.projectId,
            CiSteps.run(place, book, target, request, pipeline, {
              files: join(base, "files"),
              home: join(base, "home"),
              filesReadOnly: false
            })
          )
          .pipe(
            Effect.flatMap((reason) => finish(reason === null ? "green" : "red", reason)),
            Effect.catch((failure) => finish("infra", failure.reason.message))
          )
  yield* work.pipe(
    Effect.onInterrupt(() => Effect.ignore(finish("cancelled", "it was cancelled"))),
    Effect.ensuring(Effect.ignore(attempt(() => ConfinedTree.remove(base)))),
    Effect.catch((failure) => Effect.logError(`the record of run ${id} cannot be written`, failure.reason)),
    Effect.ensuring(
      Effect.sync(() => {
        notify(place, id)
        place.active.delete(id)
      })
    )
  )
})

/** Ends a run of this process when another process says so. */
const obey = Effect.fnUntraced(function* (place: Place, projectId: string, id: string) {
  while (place.active.has(id)) {
    yield* Effect.sleep(elsewhereMillis)
    const asked = yield* Effect.orElseSucceed(
      attempt(() => CiRecords.isToBeCancelled(place.dataDir, projectId, id)),
      () => false
    )
    if (asked) yield* stop(place, projectId, id)
  }
})

/** Of a run that begins now. */
const recordOf = Effect.fnUntraced(function* (request: Request, pipeline: Pipeline.Pipeline | string) {
  return {
    id: yield* NewId.make("run"),
    sha: request.sha,
    status: "running",
    steps:
      typeof pipeline === "string"
        ? []
        : pipeline.steps.map(({ name }) => ({ name, status: "pending", exitCode: null, durationMillis: null })),
    reason: null,
    durationMillis: null,
    branch: request.branch,
    event: request.event,
    startedAtMillis: yield* Clock.currentTimeMillis
  } satisfies CiRecords.RunRecord
})

export const start = Effect.fnUntraced(function* (place: Place, target: RepositoryTarget, request: Request) {
  const { active, dataDir, git, scope } = place
  if ((yield* attempt(() => CiRecords.readMark(dataDir, target.projectId))) === null)
    return yield* notFound(`the pipeline of ${target.name} is not activated`)
  const there = yield* attempt(() => CiRecords.runOfKey(dataDir, target.projectId, request.key))
  if (there !== null) return CiRecords.view((yield* attempt(() => settled(place, target.projectId, there.id))) ?? there)
  const pipeline = yield* CiPipeline.read(git, target, request.sha)
  const record = yield* recordOf(request, pipeline)
  // The run before its key: a crash between the two leaves a run that nobody asked for, never a key to nothing.
  const unlock = yield* attempt(async () => FileLock.tryTake(CiRecords.lockOf(dataDir, target.projectId, record.id)))
  yield* attempt(() => CiRecords.write(dataDir, target.projectId, record))
  yield* attempt(() => CiRecords.writeKey(dataDir, target.projectId, request.key, record.id))
  yield* attempt(() => CiRecords.prune(dataDir, target.projectId))
  const entry: Active = { fiber: yield* Deferred.make<Fiber.Fiber<void>>(), waiting: new Set() }
  active.set(record.id, entry)
  yield* Deferred.succeed(
    entry.fiber,
    yield* Effect.forkIn(
      Effect.ensuring(
        execute(place, target, request, CiJournal.make(place, target.projectId, record), pipeline),
        Effect.sync(() => unlock?.())
      ),
      scope,
      { startImmediately: true }
    )
  )
  yield* Effect.forkIn(obey(place, target.projectId, record.id), scope)
  return CiRecords.view(record)
})

/** The record; of a run whose process has ended, as lost. */
export const settled = async (place: Place, projectId: string, id: string): Promise<CiRecords.RunRecord | null> => {
  const { active, dataDir } = place
  const record = await CiRecords.read(dataDir, projectId, id)
  if (record?.status !== "running" || active.has(id) || isElsewhere(place, projectId, id)) return record
  // It may have ended between the two looks.
  const again = await CiRecords.read(dataDir, projectId, id)
  if (again?.status !== "running") return again
  const ended: CiRecords.RunRecord = { ...again, status: "infra", reason: lost }
  await CiRecords.write(dataDir, projectId, ended)
  return ended
}
export const find = Effect.fnUntraced(function* (place: Place, target: RepositoryTarget, id: string) {
  return (
    (yield* attempt(() => settled(place, target.projectId, id))) ??
    (yield* notFound(`run ${id} does not exist in ${target.name}`))
  )
})
export const stop = (place: Place, projectId: string, id: string) =>
  Effect.suspend(() => {
    const entry = place.active.get(id)
    if (entry !== undefined) return Effect.asVoid(Effect.flatMap(Deferred.await(entry.fiber), Fiber.interrupt))
    if (!isElsewhere(place, projectId, id)) return Effect.void
    const gone = Effect.suspend(() => (isElsewhere(place, projectId, id) ? Effect.fail("runs") : Effect.void))
    return Effect.andThen(
      attempt(() => CiRecords.askToCancel(place.dataDir, projectId, id)),
      Effect.ignore(
        Effect.retry(gone, Schedule.spaced(elsewhereMillis).pipe(Schedule.upTo({ duration: "10 seconds" })))
      )
    )
  })

/** Runs that were still going when the process before this one ended; one whose record cannot be read is reported. */
export const unfinished = Effect.fnUntraced(function* (
  { dataDir }: Pick<Place, "dataDir">,
  of: (run: CiRecords.RunRef) => boolean
) {
  const found = yield* Damaged.each(
    (yield* attempt(() => CiRecords.runs(dataDir))).filter(of),
    ({ id, projectId }) => ({
      projectId,
      part: `the record of run ${id}`,
      repair: "Run the pipeline again, and remove the run's folder or restore its run.json from a backup"
    }),
    async ({ id, projectId }) => ({ projectId, run: await CiRecords.read(dataDir, projectId, id) })
  )
  return found.flatMap(({ projectId, run }) => (run?.status === "running" ? [{ projectId, run }] : []))
})

/** Tidies up what ended processes left; another one may be at work. */
export const tidy = Effect.fnUntraced(function* (place: Place) {
  const left = yield* unfinished(place, () => true)
  yield* attempt(async () => {
    const elsewhere = new Set(
      left.filter(({ projectId, run }) => isElsewhere(place, projectId, run.id)).map(({ run }) => run.id as string)
    )
    for (const name of await CiRecords.workFolders(place.workRoot))
      if (!elsewhere.has(name)) await ConfinedTree.remove(join(place.workRoot, name))
    for (const { projectId, run } of left) await settled(place, projectId, run.id)
  })
})
