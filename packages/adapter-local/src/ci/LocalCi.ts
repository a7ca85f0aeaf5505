/**
 * The Ci port on one machine: runs the steps of the commit's `.woodpecker.yml`, one after the other, in the machine's sandbox on a
 * fresh checkout. Runs and their logs are records on disk, which every process of an installation reads; one whose process ended under it
 * is `infra` (lost).
 */
import { Ci, CiError } from "@rdev/core/ports/infra/Ci"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { Effect, Layer, Option, Semaphore, Stream } from "effect"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import { attempt, fail, LocalFailure } from "../LocalFailure.ts"
import * as FileLock from "../records/FileLock.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import { follow } from "./CiFollow.ts"
import * as CiPlace from "./CiPlace.ts"
import * as CiRecords from "./CiRecords.ts"
import * as CiRuns from "./CiRuns.ts"

export type RunOptions = CiPlace.RunOptions
export type Options = RunOptions & Sandbox.Options

const error = (operation: string) => (failure: LocalFailure) =>
  new CiError({ operation: `Ci.${operation}`, reason: failure.reason, cause: failure.cause })
const verb = <A>(operation: string, effect: Effect.Effect<A, LocalFailure>): Effect.Effect<A, CiError> =>
  effect.pipe(Effect.mapError(error(operation)), Effect.withSpan(`Ci.${operation}`))

export const make = Effect.fn("LocalCi.make")(function* (options: RunOptions) {
  const place = yield* CiPlace.make(options)
  const starting = yield* Semaphore.make(1)
  yield* CiRuns.tidy(place)
  return Ci.of({
    ensure: (target) =>
      verb(
        "ensure",
        starting.withPermit(
          Effect.gen(function* () {
            const there = yield* attempt(() => CiRecords.readMark(place.dataDir, target.projectId))
            if (there === null) yield* attempt(() => CiRecords.writeMark(place.dataDir, target.projectId, target.name))
            return { externalId: target.name, created: there === null }
          })
        )
      ),
    observe: (target) =>
      verb(
        "observe",
        Effect.map(
          attempt(() => CiRecords.readMark(place.dataDir, target.projectId)),
          (mark) => (mark === null ? Option.none() : Option.some({ externalId: target.name }))
        )
      ),
    remove: (target) =>
      verb(
        "remove",
        starting.withPermit(
          Effect.gen(function* () {
            for (const { projectId, run } of yield* CiRuns.unfinished(
              place,
              ({ projectId }) => projectId === target.projectId
            ))
              yield* CiRuns.stop(place, projectId, run.id)
            yield* attempt(() => ConfinedTree.remove(CiRecords.projectFolder(place.dataDir, target.projectId)))
          })
        )
      ),
    start: (target, request) =>
      verb(
        "start",
        starting.withPermit(
          FileLock.exclusively(place.dataDir, `ci-${target.projectId}`)(CiRuns.start(place, target, request))
        )
      ),
    get: (target, id) => verb("get", Effect.map(CiRuns.find(place, target, id), CiRecords.view)),
    follow: (target, id) =>
      Stream.unwrap(
        verb(
          "follow",
          Effect.as(
            CiRuns.find(place, target, id),
            Stream.fromAsyncIterable({ [Symbol.asyncIterator]: () => follow(place, target.projectId, id) }, (cause) =>
              error("follow")(cause instanceof LocalFailure ? cause : fail({ _tag: "Unknown", message: String(cause) }))
            )
          )
        )
      ),
    cancel: (target, id) =>
      verb("cancel", Effect.andThen(CiRuns.find(place, target, id), CiRuns.stop(place, target.projectId, id)))
  })
})

const asError = (failure: LocalFailure) =>
  new CiError({ operation: "LocalCi.layer", reason: failure.reason, cause: failure.cause })

export const layerNoDeps = (options: RunOptions): Layer.Layer<Ci, CiError, GitObjects | Sandbox.Sandbox> =>
  Layer.effect(Ci, Effect.mapError(make(options), asError))

/** With a sandbox of its own. The forge can be any. */
export const layer = (options: Options): Layer.Layer<Ci, CiError, GitObjects> =>
  Layer.provide(layerNoDeps(options), Layer.effect(Sandbox.Sandbox, Effect.mapError(Sandbox.make(options), asError)))
