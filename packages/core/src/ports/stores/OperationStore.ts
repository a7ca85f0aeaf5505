/**
 * Rows of operations and their ledgers. Every write of a runner carries the lease epoch it was given by `claim`: a write with an
 * epoch that is no longer the operation's is refused as Conflict and changes nothing. Times are the store's clock. All writes join
 * a surrounding transaction.
 */
import { Context, type Effect, type Option, type Schema } from "effect"
import type { OperationId } from "../../domain/Ids.ts"
import type {
  Operation,
  OperationResource,
  OperationStatus,
  OperationStep,
  StepError,
  StepPhase
} from "../../domain/Operation.ts"
import type { StoreError } from "./StoreError.ts"

/** Absent fields stay as they are. */
export interface OperationPatch {
  readonly status?: OperationStatus
  readonly direction?: StepPhase
  readonly error?: StepError | null
  readonly output?: Schema.Json | null
  readonly startedAtMillis?: number
  readonly endedAtMillis?: number | null
  /** Gives the lease up; it is claimed again at `wakeAtMillis` (null = at once), or at once when it was wakeRequested since the claim. */
  readonly release?: { readonly wakeAtMillis: number | null }
}

/** Rows are replaced by their keys: steps (operationId, key, phase), resources (operationId, key). */
export interface LedgerChange {
  readonly operation?: OperationPatch
  readonly steps?: ReadonlyArray<OperationStep>
  readonly resources?: ReadonlyArray<OperationResource>
}

export interface Reopening extends LedgerChange {
  /** Whose it is from now on; absent = whose it was. */
  readonly actor?: string
}

export interface OperationQuery {
  readonly projectId: string | null
  /** null = any. */
  readonly status: ReadonlyArray<OperationStatus> | null
  readonly kind: string | null
  /** Last id of the page before. */
  readonly after: string | null
  readonly limit: number
}

export interface Held {
  readonly id: OperationId
  readonly epoch: number
}

export class OperationStore extends Context.Service<
  OperationStore,
  {
    /** Stores a new operation with its planned steps; when the idempotency key is taken nothing is written and the first operation is the answer. */
    insert(
      operation: Operation,
      steps: ReadonlyArray<OperationStep>
    ): Effect.Effect<{ readonly operation: Operation; readonly inserted: boolean }, StoreError>
    get(id: OperationId): Effect.Effect<Option.Option<Operation>, StoreError>
    /** In the order they were first written, undo rows among them. */
    steps(id: OperationId): Effect.Effect<ReadonlyArray<OperationStep>, StoreError>
    resources(id: OperationId): Effect.Effect<ReadonlyArray<OperationResource>, StoreError>
    /** Newest first (ids descending). */
    list(query: OperationQuery): Effect.Effect<ReadonlyArray<Operation>, StoreError>

    /**
     * Takes up to `limit` runnable operations that nobody holds (no lease, or a lapsed one) and whose wake time has come, oldest wake
     * time first: sets owner and lease, adds one to the epoch, clears wake time and `wakeRequested`. Each goes to one claimant.
     */
    claim(request: {
      readonly owner: string
      readonly limit: number
      readonly leaseMillis: number
    }): Effect.Effect<ReadonlyArray<Operation>, StoreError>
    /** Extends leases, lapsed ones too if nobody claimed since; answers with those that are still the owner's. A missing one is lost. */
    renew(
      owner: string,
      held: ReadonlyArray<Held>,
      leaseMillis: number
    ): Effect.Effect<ReadonlyArray<Operation>, StoreError>
    /** Writes to a held operation in one; answers with the operation as it is then. Conflict when the epoch is old, NotFound when it is gone. */
    record(held: Held, change: LedgerChange): Effect.Effect<Operation, StoreError>

    /** Sets the cancel flag, pokes and wakes it. An operation that has ended stays as it is; answers with it in any case. */
    requestCancel(id: OperationId): Effect.Effect<Operation, StoreError>
    /** Stores an answer to a step's question (the first one stays), pokes and wakes the operation. Conflict when it has ended. */
    answer(id: OperationId, key: string, value: Schema.Json): Effect.Effect<void, StoreError>
    answers(id: OperationId): Effect.Effect<ReadonlyMap<string, Schema.Json>, StoreError>
    /** Makes an operation in one of the statuses runnable again: adds one to the epoch, clears lease, wake time and cancel flag. Conflict for any other status. */
    reopen(
      id: OperationId,
      from: ReadonlyArray<OperationStatus>,
      change: Reopening
    ): Effect.Effect<Operation, StoreError>
    /** Removes operations that ended before the time as completed, failed or cancelled, with their rows; at most `limit`, returns how many. */
    purge(beforeMillis: number, limit: number): Effect.Effect<number, StoreError>
  }
>()("rdev/ports/OperationStore") {}
