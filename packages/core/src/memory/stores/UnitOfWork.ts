/** Transactions over the stores in memory, one at a time. */
import { Effect, Layer, Semaphore } from "effect"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { UnitOfWork } from "../../ports/stores/UnitOfWork.ts"

export const layer: Layer.Layer<UnitOfWork> = Layer.effect(
  UnitOfWork,
  Effect.map(Semaphore.make(1), (turn) => UnitOfWork.of({ transact: MemoryTransaction.transact(turn) }))
)
