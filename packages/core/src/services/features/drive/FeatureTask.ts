/** The task of the queue that works on a feature now, if any. */
import { Clock, Effect, Option } from "effect"
import type { FeatureIndex } from "../../../domain/FeatureIndex.ts"
import type { TaskId } from "../../../domain/Ids.ts"
import type { WorkTask } from "../../../domain/WorkTask.ts"
import { WorkQueue } from "../../../queue/WorkQueue.ts"
import type * as Observe from "../read/Observe.ts"

/** For a pass or an answer, not a promise: the next one looks again. */
const leaseMillis = 60_000

export const unfinished = (task: WorkTask): boolean => task.status === "pending" || task.status === "running"

/** The task that was enqueued last for the feature; none when retention has taken its record away. */
export const last = Effect.fn("FeatureTask.last")(function* (index: FeatureIndex) {
  if (index.taskId === null) return Option.none<WorkTask>()
  return yield* (yield* WorkQueue).get(index.taskId as TaskId).pipe(
    Effect.asSome,
    Effect.catchIf(
      (error) => error._tag === "WorkQueueError" && error.reason._tag === "NotFound",
      () => Effect.succeedNone
    )
  )
})

/** Work in flight, as the classifier has to know it. */
export const lease = Effect.fn("FeatureTask.lease")(function* (index: FeatureIndex) {
  const task = yield* last(index)
  if (Option.isNone(task) || !unfinished(task.value)) return {} satisfies Observe.KnownFacts
  return {
    lease: { holder: task.value.id, untilMillis: (yield* Clock.currentTimeMillis) + leaseMillis }
  } satisfies Observe.KnownFacts
})
