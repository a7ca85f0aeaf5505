/** Several writes to the stores as one: all or none. Nested calls join the outer one. */
import { Context, Effect } from "effect"
import type { StoreError } from "./StoreError.ts"

export class UnitOfWork extends Context.Service<
  UnitOfWork,
  {
    /**
     * Commits when the effect succeeds; a failure or interruption undoes every write made in it. A nested call is part of the outer
     * one: what it wrote stays when the outer one handles its failure and commits. Only stores take part: no outside calls in here.
     */
    transact<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | StoreError, R>
  }
>()("rdev/ports/UnitOfWork") {}
