/**
 * OutputStore in files of the data folder (see OutputSegment): appended without waiting for the disk, so that they survive the end of
 * this process, and a failure of power up to the last seconds. Per project the newest runs are kept within a bound; older ones leave
 * when another one ends.
 */
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import { defaultMaxBytes, type OutputRun, OutputStore, OutputStoreError } from "@rdev/core/ports/stores/OutputStore"
import { Effect, Layer, Semaphore } from "effect"
import { attempt, type LocalFailure, notFound } from "../LocalFailure.ts"
import * as OutputFiles from "./OutputFiles.ts"
import { type Bounds, OutputWriter } from "./OutputWriter.ts"

export interface Options {
  readonly dataDir: string
  /** Of one run. Default 64 MiB. */
  readonly maxBytes?: number
  /** Of one project. Default 1 GiB. */
  readonly maxProjectBytes?: number
  /** Runs of one project. Default 1,000. */
  readonly maxRuns?: number
}

/** Small enough that a page is found by reading one or two; 64 of them are a run. */
const maxSegments = 64
/** Removed projects that are remembered, to refuse what their last commands print. */
const maxRemoved = 1_000

interface Entry {
  readonly turn: Semaphore.Semaphore
  writer: OutputWriter | null
  users: number
}

const verb = <A>(operation: string, effect: Effect.Effect<A, LocalFailure>): Effect.Effect<A, OutputStoreError> =>
  effect.pipe(
    Effect.mapError(
      (failure) =>
        new OutputStoreError({ operation: `OutputStore.${operation}`, reason: failure.reason, cause: failure.cause })
    ),
    Effect.withSpan(`OutputStore.${operation}`)
  )

export const make = (options: Options) =>
  Effect.gen(function* () {
    const { dataDir } = options
    const bounds: Bounds = { maxSegments, segmentBytes: Math.ceil((options.maxBytes ?? defaultMaxBytes) / maxSegments) }
    const maxProjectBytes = options.maxProjectBytes ?? 1024 * 1024 * 1024
    const maxRuns = options.maxRuns ?? 1_000
    const entries = new Map<string, Entry>()
    const removed = new Set<string>()
    /** Bytes of ended runs, by project. */
    const sizes = new Map<string, Map<Ids.ExecId, number>>()
    const keyOf = ({ execId, projectId }: OutputRun) => `${projectId}/${execId}`

    /** One at a time per run; an entry lives while somebody uses it or its file is open. */
    const withTurn = <A>(run: OutputRun, work: (entry: Entry) => Promise<A>) =>
      Effect.suspend(() => {
        const key = keyOf(run)
        const entry = entries.get(key) ?? { turn: Semaphore.makeUnsafe(1), writer: null, users: 0 }
        entries.set(key, entry)
        entry.users++
        return Effect.ensuring(
          entry.turn.withPermit(Effect.uninterruptible(attempt(() => work(entry)))),
          Effect.sync(() => {
            entry.users--
            if (entry.users === 0 && entry.writer === null) entries.delete(key)
          })
        )
      })
    const writing = (run: OutputRun, work: (writer: OutputWriter) => Promise<void>) =>
      withTurn(run, async (entry) => {
        if (removed.has(run.projectId)) throw notFound(`the output of ${run.projectId} was removed`)
        entry.writer ??= await OutputWriter.open(OutputFiles.folderOf(dataDir, run), bounds)
        try {
          await work(entry.writer)
        } catch (cause) {
          // What of it reached the file is found out by the next opening.
          await close(entry)
          throw cause
        }
      })
    const close = async (entry: Entry) => {
      const { writer } = entry
      entry.writer = null
      await writer?.close()
    }

    /** The oldest leave until the rest is within the bounds; those that run here stay. */
    const prune = (projectId: Ids.ProjectId) =>
      attempt(async () => {
        const known = sizes.get(projectId) ?? new Map<Ids.ExecId, number>()
        sizes.set(projectId, known)
        const runs = await OutputFiles.runsOf(dataDir, projectId)
        const there = new Set(runs)
        for (const execId of known.keys()) if (!there.has(execId)) known.delete(execId)
        for (const execId of runs)
          if (!known.has(execId))
            known.set(execId, await OutputFiles.bytesOf(OutputFiles.folderOf(dataDir, { projectId, execId })))
        let [bytes, count] = [[...known.values()].reduce((sum, one) => sum + one, 0), runs.length]
        for (const execId of runs) {
          if (bytes <= maxProjectBytes && count <= maxRuns) break
          if (entries.has(keyOf({ projectId, execId })) || execId === runs.at(-1)) continue
          await OutputFiles.remove(OutputFiles.folderOf(dataDir, { projectId, execId }))
          bytes -= known.get(execId) ?? 0
          count--
          known.delete(execId)
        }
      })
    const forget = (run: OutputRun) =>
      withTurn(run, async (entry) => {
        await close(entry)
        await OutputFiles.remove(OutputFiles.folderOf(dataDir, run))
      })
    yield* Effect.addFinalizer(() => Effect.promise(() => Promise.allSettled([...entries.values()].map(close))))

    return OutputStore.of({
      append: (run, parts) =>
        verb(
          "append",
          writing(run, (writer) => writer.append(parts))
        ),
      end: (run, end) =>
        verb(
          "end",
          Effect.andThen(
            writing(run, (writer) => writer.end(end)).pipe(Effect.andThen(withTurn(run, close))),
            Effect.suspend(() => {
              sizes.get(run.projectId)?.delete(run.execId)
              return prune(run.projectId)
            })
          )
        ),
      read: (run, range) =>
        verb(
          "read",
          withTurn(run, () => OutputFiles.read(dataDir, run, range))
        ),
      size: (run) =>
        verb(
          "size",
          withTurn(run, () => OutputFiles.size(dataDir, run))
        ),
      remove: (projectId) =>
        verb(
          "remove",
          Effect.gen(function* () {
            removed.add(projectId)
            if (removed.size > maxRemoved)
              for (const oldest of removed) {
                removed.delete(oldest)
                break
              }
            sizes.delete(projectId)
            const runs = yield* attempt(() => OutputFiles.runsOf(dataDir, projectId))
            yield* Effect.forEach(runs, (execId) => forget({ projectId, execId }), { discard: true })
            yield* attempt(() => OutputFiles.remove(OutputFiles.projectFolder(dataDir, projectId)))
          })
        ),
      trim: (beforeMillis) =>
        verb(
          "trim",
          Effect.gen(function* () {
            for (const projectId of yield* attempt(() => OutputFiles.projects(dataDir))) {
              const old = (yield* attempt(() => OutputFiles.runsOf(dataDir, projectId))).filter(
                (execId) => NewId.timeMillis(execId) < beforeMillis
              )
              yield* Effect.forEach(old, (execId) => forget({ projectId, execId }), { discard: true })
            }
          })
        )
    })
  })

export const layer = (options: Options): Layer.Layer<OutputStore> => Layer.effect(OutputStore, make(options))
