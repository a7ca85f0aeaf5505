/** Rows of the queue's tables → records. The steps between a row and its record are those of core's Transition. */
import type { TaskId, WorkerId } from "@rdev/core/domain/Ids"
import { TaskState, type WorkTask } from "@rdev/core/domain/WorkTask"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import * as Transition from "@rdev/core/queue/Transition"
import { Schema } from "effect"
import type { Lane } from "./Lanes.ts"
import { bytesOf, fromBytes, fromUuid, hexAt, millisOf } from "./TaskUuid.ts"

/** What few tasks have. */
export interface Extra {
  readonly dedupeKey?: string
  readonly dependsOn?: ReadonlyArray<TaskId>
  readonly runAtMillis?: number
}

export interface PendingRow {
  readonly id: string
  readonly lane: number
  readonly priority: number
  readonly payload: Schema.Json
  readonly extra: Extra | null
  readonly state: unknown
}

const codec = Schema.toCodecJson(TaskState)
const encodeState = Schema.encodeSync(codec)
const decodeState = Schema.decodeUnknownSync(codec)
export const stateText = (state: TaskState): string => JSON.stringify(encodeState(state))

export const taskId = (uuid: string): TaskId => fromUuid("task_", uuid) as TaskId
export const workerId = (uuid: string): WorkerId => fromUuid("wrk_", uuid) as WorkerId
export const createdAtMillis = (uuid: string): number => millisOf(bytesOf(uuid), 0)

const stateOf = (value: unknown, uuid: string): TaskState => {
  try {
    return decodeState(value)
  } catch (cause) {
    throw new StoreError({
      operation: "WorkQueueStore.read",
      reason: {
        _tag: "Corrupt",
        message: `the state of ${taskId(uuid)} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
      },
      cause
    })
  }
}

/** A record as it was before a delivery that may follow. */
export const pending = (row: PendingRow, lanes: ReadonlyMap<number, Lane>): WorkTask => {
  const lane = lanes.get(row.lane)
  if (lane === undefined)
    throw new StoreError({
      operation: "WorkQueueStore.read",
      reason: { _tag: "Corrupt", message: `${taskId(row.id)} is in lane ${row.lane}, which does not exist` }
    })
  const { extra, state } = row
  const fresh = Transition.pending(
    {
      id: taskId(row.id),
      owner: lane.owner,
      kind: lane.kind,
      payload: row.payload,
      // A difference, as 0 negated is -0.
      priority: 0 - row.priority,
      runAtMillis: extra?.runAtMillis ?? null,
      dedupeKey: extra?.dedupeKey ?? null,
      concurrencyKey: lane.concurrencyKey,
      concurrencyLimit: lane.concurrencyLimit,
      maxAttempts: lane.maxAttempts,
      timeoutMillis: lane.timeoutMillis,
      dependsOn: extra?.dependsOn ?? [],
      requires: lane.requires,
      gate: lane.gate
    },
    createdAtMillis(row.id)
  )
  return state === null ? fresh : Transition.withFields(fresh, stateOf(state, row.id))
}

/**
 * A row of a claim, its id by the bytes at `offset`. The usual one, a first delivery, is made in one piece: this is what a worker spends
 * its time on.
 */
export const delivered = (
  bytes: DataView,
  offset: number,
  lane: number,
  priority: number,
  payload: Schema.Json,
  extra: Extra | null,
  state: unknown,
  lanes: ReadonlyMap<number, Lane>,
  worker: WorkerId,
  startedAtMillis: number
): WorkTask => {
  const attributes = lanes.get(lane)
  if (state !== null || extra !== null || attributes === undefined) {
    return Transition.started(
      pending({ id: hexAt(bytes, offset), lane, priority, payload, extra, state }, lanes),
      worker,
      startedAtMillis
    )
  }
  return Transition.firstDelivery(
    fromBytes("task_", bytes, offset) as TaskId,
    millisOf(bytes, offset),
    attributes,
    payload,
    0 - priority,
    worker,
    startedAtMillis
  )
}

/** A row of any table, as the reading verbs select it. */
export interface AnyRow extends PendingRow {
  /** ready, later, lease, or the status of history. */
  readonly place: "ready" | "later" | "lease" | "completed" | "failed" | "cancelled"
  readonly run_at: number | null
  readonly fence: number
  readonly worker: string | null
  readonly started_at: number | null
  readonly ended_at: number | null
  readonly result: Schema.Json
  readonly progress: Schema.Json
  readonly blocked_by: string | null
  readonly cancelling: boolean
}

export const record = (row: AnyRow, lanes: ReadonlyMap<number, Lane>): WorkTask => {
  const task = pending(row, lanes)
  const worker = row.worker === null ? null : workerId(row.worker)
  switch (row.place) {
    case "ready":
      return Transition.withFields(task, { runAtMillis: null, awaits: null })
    case "later":
      return Transition.withFields(task, { runAtMillis: row.run_at })
    case "lease":
      return Transition.withFields(Transition.started(task, worker ?? "", row.started_at ?? 0), {
        cancelRequested: row.cancelling,
        progress: row.progress ?? task.progress
      })
    case "completed":
      return Transition.settled(
        Transition.started(task, worker ?? "", row.started_at ?? 0),
        BigInt(row.fence),
        { _tag: "Completed", result: row.result, progress: row.progress },
        row.ended_at ?? 0
      )
    case "failed": {
      if (row.blocked_by !== null) return Transition.dependencyFailed(task, taskId(row.blocked_by), row.ended_at ?? 0)
      return Transition.withFields(task, {
        status: "failed",
        workerId: worker,
        startedAtMillis: row.started_at,
        endedAtMillis: row.ended_at,
        runAtMillis: null
      })
    }
    case "cancelled":
      return Transition.withFields(task, {
        status: "cancelled",
        workerId: worker,
        startedAtMillis: row.started_at,
        endedAtMillis: row.ended_at,
        runAtMillis: null,
        parked: null,
        awaits: null
      })
  }
}
