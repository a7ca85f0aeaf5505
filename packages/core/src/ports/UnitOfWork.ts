/** Several writes to the stores as one: all or none. Nested calls join the outer one. */
import { Context, type Effect } from "effect"
import type { StoreError } from "./StoreError.ts"

export class UnitOfWork extends Context.Service<UnitOfWork, {
  transact<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | StoreError, R>
}>()("rdev/ports/UnitOfWork") {}
