/**
 * Where queued tasks live. The store keeps every record from insertion to retention, hands runnable tasks out under a lease
 * with a fence, and refuses whatever a former holder still says. It knows nothing of error classes: core/queue decides, the
 * store is told "again after this long" or "over". Delivery is at least once; bookkeeping happens exactly once per fence.
 *
 * Time is the store's own: leases, delays and gates are given as durations, so that no caller's clock matters.
 */
import { Context, type Effect, type Option, type Schema, type Scope } from "effect"
import type { TaskId, WorkerId } from "../../domain/Ids.ts"
import type { OwnerId } from "../../domain/Owner.ts"
import type { Delivery, TaskSpec, TaskState, TaskStatus, WorkTask } from "../../domain/WorkTask.ts"
import type { StoreError } from "./StoreError.ts"

/** Largest encoded payload and result, in bytes. */
export const maxPayloadBytes = 262_144
/** Largest number of tasks in one insert or settle. */
export const maxBatch = 10_000
/** Most tasks one claim returns. */
export const maxClaim = 500
/** Tasks whose worker vanished are handed out apart from others: so many together after the first crash, then one by one. */
export const quarantinedTogether = 16

export interface NewTask extends TaskSpec {
  readonly id: TaskId
}
export interface Inserted {
  readonly id: TaskId
  readonly created: boolean
}

export interface ClaimRequest {
  readonly workerId: WorkerId
  /** At most `maxClaim` are returned. */
  readonly limit: number
  /** Kinds the worker has handlers for. */
  readonly kinds: ReadonlyArray<string>
  /** Labels the worker carries. */
  readonly labels: ReadonlyArray<string>
  /** True: only tasks whose worker vanished, `quarantinedTogether` after one crash, else a single one. False: only others. */
  readonly quarantined: boolean
}

export interface Claimed {
  readonly deliveries: ReadonlyArray<Delivery>
  /** Whether another claim may find more at once: a store may hand out what it found first and look further at the next one. */
  readonly more: boolean
}

export type Outcome =
  | { readonly _tag: "Completed"; readonly result: Schema.Json; readonly progress: Schema.Json }
  /** Back to pending, after the delay; with `state.parked` set it stays until requeued. Becomes cancelled if that was asked for. */
  | { readonly _tag: "Again"; readonly state: TaskState; readonly delayMillis: number }
  | { readonly _tag: "Failed"; readonly state: TaskState }
  | { readonly _tag: "Cancelled"; readonly state: TaskState }

export interface Settlement {
  readonly id: TaskId
  readonly fence: bigint
  readonly outcome: Outcome
}

export interface WorkerInfo {
  readonly id: WorkerId
  /** For people; several workers may share one. */
  readonly name: string
  readonly version: string
  readonly capacity: number
  readonly labels: ReadonlyArray<string>
  readonly kinds: ReadonlyArray<string>
}
export interface WorkerRow extends WorkerInfo {
  readonly running: number
  readonly lastHeartbeatAtMillis: number
}

/** Where a worker stands among the live ones that share a kind with it: fewest running tasks first, then the oldest. */
export interface WorkerRank {
  /** Those before it. */
  readonly ahead: number
  /** All, with itself. */
  readonly workers: number
}
export interface Beat extends WorkerRank {
  /** False: the lease has ended and its tasks may be elsewhere already; the worker stops its work at once. */
  readonly accepted: boolean
  /** Running tasks of this worker that somebody asked to cancel. */
  readonly cancel: ReadonlyArray<TaskId>
}
export interface Progress {
  readonly id: TaskId
  readonly fence: bigint
  readonly value: Schema.Json
}

export interface OwnerQueue {
  readonly owner: OwnerId
  readonly paused: boolean
  /** Share of the workers relative to other owners that have work; default 1. */
  readonly weight: number
  /** At most so many of its tasks run at once; null = no limit. */
  readonly maxRunning: number | null
}
export interface Gate {
  readonly name: string
  readonly openAtMillis: number
}

export interface ListQuery {
  readonly owner: OwnerId | null
  readonly status: TaskStatus | null
  readonly kind: string | null
  /** Last id of the page before. */
  readonly after: TaskId | null
  /** ≤ 1000 */
  readonly limit: number
}
export interface QueueCounts {
  readonly pending: number
  readonly delayed: number
  readonly parked: number
  readonly running: number
}
export interface QueueStats extends QueueCounts {
  /** Age of the oldest task that could run now; 0 when there is none. */
  readonly oldestPendingSeconds: number
  /** The 100 owners with the most unfinished tasks. */
  readonly byOwner: ReadonlyArray<QueueCounts & { readonly owner: OwnerId }>
}
export type Wake = "work" | "cancel"
/** A lease whose worker stopped beating, with what it still held. */
export interface Lost extends Delivery {
  readonly workerId: WorkerId
}
export interface Maintained {
  /** Milliseconds until the next delayed task is due; null = none. */
  readonly nextDueMillis: number | null
  /** Whether tasks wait that are only handed out apart (see `ClaimRequest.quarantined`). */
  readonly quarantined: boolean
}

export class WorkQueueStore extends Context.Service<
  WorkQueueStore,
  {
    /**
     * Adds tasks, in order. One whose `dedupeKey` is held by an unfinished task of its owner answers that task's id. A
     * dependency that does not exist is Invalid(dependsOn) and nothing is added; one that failed or was cancelled fails the new
     * task at once. Joins the caller's transaction.
     */
    insert(tasks: ReadonlyArray<NewTask>): Effect.Effect<ReadonlyArray<Inserted>, StoreError>
    /**
     * Leases runnable tasks to a registered worker: by weight between owners (start-time fair queueing), by priority then age
     * within one. Conflict when the worker's lease has ended.
     */
    claim(request: ClaimRequest): Effect.Effect<Claimed, StoreError>
    /**
     * Ends deliveries; returns the ids whose fence is no longer the task's: nothing was changed for these. Workers are woken when an end
     * lets something run: a dependent, a task that is tried again at once, another of the same concurrency key or limited owner.
     */
    settle(settlements: ReadonlyArray<Settlement>): Effect.Effect<ReadonlyArray<TaskId>, StoreError>

    register(worker: WorkerInfo, leaseMillis: number): Effect.Effect<void, StoreError>
    /**
     * Extends the lease of everything the worker holds and notes progress. What it was handed without ever learning of it, because the
     * answer to its claim was lost, goes back to the queue once it is as old as the lease.
     */
    beat(
      workerId: WorkerId,
      leaseMillis: number,
      running: number,
      progress: ReadonlyArray<Progress>
    ): Effect.Effect<Beat, StoreError>
    /** The worker leaves; what it still holds is lost (see `takeLost`). */
    deregister(workerId: WorkerId): Effect.Effect<void, StoreError>
    readonly workers: Effect.Effect<ReadonlyArray<WorkerRow>, StoreError>
    /** Strikes off workers whose lease has ended and returns up to `limit` deliveries they held, to be settled with their fence. */
    takeLost(limit: number): Effect.Effect<ReadonlyArray<Lost>, StoreError>
    /** Makes due tasks runnable and follows up dependencies. Cheap when there is nothing to do; called every second by each worker. */
    readonly maintain: Effect.Effect<Maintained, StoreError>
    /**
     * Calls `heard`, until the scope ends, when something may be runnable or a running task was cancelled, also by other processes. A lost
     * one costs a poll interval. Begins with one, for what came before anybody listened. `heard` must not fail, and returns at once.
     */
    onWake(heard: (wake: Wake) => void): Effect.Effect<void, StoreError, Scope.Scope>

    get(id: TaskId): Effect.Effect<Option.Option<WorkTask>, StoreError>
    /** By id, ascending. */
    list(query: ListQuery): Effect.Effect<ReadonlyArray<WorkTask>, StoreError>
    /** Pending: cancelled now. Running: its worker is told. Otherwise nothing. Returns the status before; NotFound. */
    cancel(id: TaskId): Effect.Effect<TaskStatus, StoreError>
    /** Makes a task that is pending, failed or cancelled runnable now with this state; Conflict when it is running or completed; NotFound. */
    requeue(id: TaskId, state: TaskState): Effect.Effect<void, StoreError>
    /** Makes tasks that wait for this capacity runnable now. */
    release(resource: string): Effect.Effect<void, StoreError>

    owner(id: OwnerId): Effect.Effect<OwnerQueue, StoreError>
    configure(
      id: OwnerId,
      change: { readonly paused?: boolean; readonly weight?: number; readonly maxRunning?: number | null }
    ): Effect.Effect<OwnerQueue, StoreError>
    /** Closes a gate for at least this long. The gate `project:<id>` stops everything of the owner with this id. */
    closeGate(name: string, forMillis: number): Effect.Effect<void, StoreError>
    openGate(name: string): Effect.Effect<void, StoreError>
    readonly gates: Effect.Effect<ReadonlyArray<Gate>, StoreError>
    readonly stats: Effect.Effect<QueueStats, StoreError>
    /** Removes ended records older than the age, then the oldest beyond `maxRecords` (to the granularity of the store). */
    purge(olderThanMillis: number, maxRecords: number): Effect.Effect<number, StoreError>
  }
>()("rdev/ports/WorkQueueStore") {}
