/** Stores in memory, a runner that can be killed, and the clock moved until a condition holds. */
import { Effect, Exit, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { OperationId } from "@rdev/core/domain/Ids"
import type { Operation, OperationStatus } from "@rdev/core/domain/Operation"
import * as Definition from "@rdev/core/operations/Definition"
import * as OperationRunner from "@rdev/core/operations/OperationRunner"
import * as Operations from "@rdev/core/operations/Operations"
import * as MemoryAuditStore from "@rdev/core/memory/stores/AuditStore"
import * as MemoryEventLog from "@rdev/core/memory/stores/EventLog"
import * as MemoryNotifier from "@rdev/core/memory/stores/Notifier"
import * as MemoryOperationStore from "@rdev/core/memory/stores/OperationStore"
import * as MemoryUnitOfWork from "@rdev/core/memory/stores/UnitOfWork"

export const stores = Layer.mergeAll(
  MemoryAuditStore.layer,
  MemoryEventLog.layer,
  MemoryNotifier.layer,
  MemoryOperationStore.layer,
  MemoryUnitOfWork.layer
)

/** Operations over memory stores, with the definitions; no runner. */
export const platform = <R>(...definitions: ReadonlyArray<Effect.Effect<Definition.Definition, never, R>>) =>
  Operations.layer.pipe(Layer.provideMerge(Definition.layer(definitions)), Layer.provideMerge(stores))

/** A runner of its own; `stop` ends it in order, `kill` is what the end of a process is: nothing more of it happens. */
export const runner = (options: OperationRunner.RunnerOptions = {}) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Layer.buildWithScope(Layer.fresh(OperationRunner.layer(options)), scope)
    return { stop: Scope.close(scope, Exit.void) }
  })

/** Moves the clock in steps until the operation has one of the statuses. */
export const until = (
  id: OperationId,
  ...statuses: ReadonlyArray<OperationStatus>
): Effect.Effect<Operation, unknown, Operations.Operations> =>
  Effect.gen(function* () {
    const operations = yield* Operations.Operations
    for (let i = 0; i < 5_000; i++) {
      const operation = yield* operations.get(id)
      if (statuses.includes(operation.status)) return operation
      yield* TestClock.adjust("250 millis")
    }
    const operation = yield* operations.get(id)
    return yield* Effect.die(
      `operation is ${operation.status}, not ${statuses.join(" or ")}: ${JSON.stringify(yield* operations.steps(id))}`
    )
  })
