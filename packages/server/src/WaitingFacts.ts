/** The facts from which it is told what work waits for; read when something waits, and then only. */
import type { FeatureIndex } from "@rdev/core/domain/FeatureIndex"
import type { TaskId } from "@rdev/core/domain/Ids"
import type { Operation } from "@rdev/core/domain/Operation"
import { terminal } from "@rdev/core/domain/Operation"
import type { WaitingFor } from "@rdev/core/domain/WaitingFor"
import type { WorkTask } from "@rdev/core/domain/WorkTask"
import { Operations } from "@rdev/core/operations/Operations"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as Waiting from "@rdev/core/queue/Waiting"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Dependencies looked at for one answer. */
const maxDependencies = 20

export const make = Effect.gen(function* () {
  const store = yield* WorkQueueStore
  const operations = yield* Operations

  const unfinished = (ids: ReadonlyArray<TaskId>) =>
    Effect.map(
      Effect.forEach(ids.slice(0, maxDependencies), (id) => store.get(id), { concurrency: 4 }),
      (found) =>
        found.flatMap((task) =>
          Option.isSome(task) && (task.value.status === "pending" || task.value.status === "running")
            ? [task.value.id as string]
            : []
        )
    )
  const factsOf = Effect.fnUntraced(function* (task: WorkTask | null) {
    const [workers, gates] = yield* Effect.all([store.workers, store.gates])
    return {
      nowMillis: yield* Clock.currentTimeMillis,
      workers,
      gates,
      owner: task === null ? null : yield* store.owner(task.owner),
      unfinished: task === null ? [] : yield* unfinished(task.dependsOn)
    } satisfies Waiting.Facts
  })
  const none = Effect.succeed<WaitingFor | null>(null)
  const task = (one: WorkTask) =>
    one.status !== "pending" ? none : Effect.map(factsOf(one), (facts) => Waiting.ofTask(one, facts))
  return {
    task,
    tasks: (rows: ReadonlyArray<WorkTask>) =>
      Effect.forEach(rows, (one) => Effect.map(task(one), (waitingFor) => [one, waitingFor] as const), {
        concurrency: 4
      }),
    operation: (one: Operation) =>
      terminal.has(one.status)
        ? none
        : Effect.gen(function* () {
            const steps = one.status === "planned" ? [] : yield* operations.steps(one.id)
            return Waiting.ofOperation(one, steps, yield* factsOf(null))
          }),
    feature: (decision: Parameters<typeof Waiting.ofFeature>[0], index: FeatureIndex) =>
      decision.kind === "done"
        ? none
        : Effect.gen(function* () {
            const found = index.taskId === null ? Option.none<WorkTask>() : yield* store.get(index.taskId as TaskId)
            const last = Option.getOrNull(found)
            return Waiting.ofFeature(decision, index.updatedAtMillis, last, yield* factsOf(last))
          })
  }
})
