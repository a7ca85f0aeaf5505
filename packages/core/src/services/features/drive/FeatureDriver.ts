/** Keeps features going without anybody asking: a pass after every task of a feature, and a look at idle ones now and then. */
import { Clock, Duration, Effect, Layer, Schedule, Stream } from "effect"
import type { ProjectId } from "../../../domain/Ids.ts"
import { EventLog } from "../../../ports/stores/EventLog.ts"
import { FeatureStore } from "../../../ports/stores/FeatureStore.ts"
import type { WorkQueue } from "../../../queue/WorkQueue.ts"
import * as Wake from "./Wake.ts"

const sweepInterval = Duration.seconds(30)
const ends: ReadonlySet<string> = new Set(["task.completed", "task.failed", "task.cancelled"])

/** Live features that nobody is known to work on: looked at after a start and every 30 s, so that no lost wake-up strands one. */
const sweep = Effect.fn("FeatureDriver.sweep")(function* (minAgeMillis: number) {
  const store = yield* FeatureStore
  const now = yield* Clock.currentTimeMillis
  const idle = (yield* store.live(null)).filter(
    (feature) => feature.decision?.kind !== "hold" && feature.updatedAtMillis <= now - minAgeMillis
  )
  yield* Effect.forEach(idle, (feature) => Wake.look(feature.projectId, feature.slug), { discard: true })
})

/** A pass follows every ended task of a feature. */
const followTasks = Effect.fn("FeatureDriver.followTasks")(function* () {
  const log = yield* EventLog
  const store = yield* FeatureStore
  yield* Stream.runForEach(log.live().pipe(Stream.filter((event) => ends.has(event.type))), (event) =>
    Effect.gen(function* () {
      const { taskId } = event.subject
      if (taskId === undefined) return
      const projectId = event.stream.slice("project:".length) as ProjectId
      const feature = (yield* store.live(projectId)).find((candidate) => candidate.taskId === taskId)
      if (feature !== undefined) yield* Wake.feature(projectId, feature.slug)
    }).pipe(Effect.catch((error) => Effect.logWarning("a feature was not woken after its task; the sweep will", error)))
  )
})

/** Keeps features going: run it once per server process. */
export const layer: Layer.Layer<never, never, EventLog | FeatureStore | WorkQueue> = Layer.effectDiscard(
  Effect.gen(function* () {
    const again = Schedule.spaced("1 second")
    yield* Effect.forkScoped(
      followTasks().pipe(
        Effect.tapError((error) => Effect.logWarning("the event log cannot be followed", error)),
        Effect.retry(again)
      )
    )
    yield* Effect.forkScoped(
      Effect.andThen(
        sweep(0).pipe(Effect.retry(again)),
        Effect.repeat(
          sweep(Duration.toMillis(sweepInterval)).pipe(
            Effect.catch((error) => Effect.logWarning("features were not swept", error))
          ),
          Schedule.spaced(sweepInterval)
        )
      )
    )
  })
)
