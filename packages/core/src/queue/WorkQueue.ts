/**
 * The producer's side of the queue: enqueue, look at, cancel and retry tasks, pause owners. Fills in defaults, checks input
 * and sizes; the store keeps the records. Enqueueing joins the caller's transaction.
 */
import { Clock, Context, Effect, Layer, Option, Result, Schema } from "effect"
import * as NewId from "../ids/NewId.ts"
import type { TaskId } from "../domain/Ids.ts"
import type { OwnerId } from "../domain/Owner.ts"
import { TaskSpec, type WorkTask } from "../domain/WorkTask.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import {
  type Inserted,
  type ListQuery,
  maxBatch,
  maxPayloadBytes,
  type NewTask,
  type OwnerQueue,
  type QueueStats,
  WorkQueueStore
} from "../ports/stores/WorkQueueStore.ts"
import { traced } from "../services/traced.ts"
import { TaskEvents } from "./TaskEvents.ts"
import * as Transition from "./Transition.ts"

export const WorkQueueReason = Schema.TaggedUnion({
  Invalid: { field: Schema.String, message: Schema.String },
  TooLarge: { field: Schema.String, bytes: Schema.Int, limitBytes: Schema.Int },
  NotFound: { id: Schema.String },
  /** The task's status does not allow it. */
  Conflict: { message: Schema.String }
})
export type WorkQueueReason = typeof WorkQueueReason.Type

export class WorkQueueError extends Schema.TaggedError<WorkQueueError>()("WorkQueueError", {
  operation: Schema.String,
  reason: WorkQueueReason
}) {
  override get message(): string {
    const r = this.reason
    switch (r._tag) {
      case "Invalid":
        return `${r.field}: ${r.message}`
      case "TooLarge":
        return `${r.field}: ${r.bytes} bytes encoded, at most ${r.limitBytes} are allowed; put large data into the repository or a file and pass its name`
      case "NotFound":
        return `task ${r.id} does not exist`
      case "Conflict":
        return r.message
    }
  }
}

export type EnqueueSpec = Partial<TaskSpec> & Pick<TaskSpec, "owner" | "kind" | "payload">

/** What a task gets when its producer says nothing. */
export const defaults = {
  priority: 0,
  runAtMillis: null,
  dedupeKey: null,
  concurrencyKey: null,
  concurrencyLimit: 1,
  maxAttempts: 5,
  timeoutMillis: 3_600_000,
  dependsOn: [],
  requires: [],
  gate: null
} satisfies Omit<TaskSpec, "owner" | "kind" | "payload">

const fail = (operation: string, reason: WorkQueueReason) =>
  new WorkQueueError({ operation: `WorkQueue.${operation}`, reason })

const { payload: _, ...checkedFields } = TaskSpec.fields
const checks = new Map(
  Object.entries(checkedFields).map(([field, schema]) => [
    field,
    {
      is: Schema.is(schema as Schema.Schema<unknown>),
      decode: Schema.decodeUnknownResult(schema as Schema.Codec<unknown>),
      /** Texts that were good: those of tasks repeat. */
      good: new Set<string>()
    }
  ])
)
const maxGood = 1_000

/** UTF-8 length of the JSON text; null when the value has none. */
export const encodedBytes = (value: Schema.Json): number | null => {
  try {
    const text = JSON.stringify(value)
    return text === undefined
      ? null
      : text.length * 3 <= maxPayloadBytes
        ? text.length
        : new TextEncoder().encode(text).length
  } catch {
    // A cycle or a BigInt: not JSON. The caller says so.
    return null
  }
}

/** The first thing wrong with a spec. Only given fields are checked: defaults are right. */
const problem = (spec: EnqueueSpec): WorkQueueReason | null => {
  for (const field in spec) {
    if (field === "payload") continue
    const value = spec[field as keyof TaskSpec]
    const check = checks.get(field)
    if (check === undefined)
      return { _tag: "Invalid", field, message: `unknown field; known are ${[...checks.keys(), "payload"].join(", ")}` }
    if (value === undefined || (typeof value === "string" && check.good.has(value))) continue
    if (!check.is(value)) {
      const decoded = check.decode(value)
      return {
        _tag: "Invalid",
        field,
        message: Result.isFailure(decoded) ? String(decoded.failure.message) : "invalid"
      }
    }
    if (typeof value === "string" && check.good.size < maxGood) check.good.add(value)
  }
  const bytes = encodedBytes(spec.payload)
  if (bytes === null) return { _tag: "Invalid", field: "payload", message: "expected a JSON value" }
  return bytes > maxPayloadBytes ? { _tag: "TooLarge", field: "payload", bytes, limitBytes: maxPayloadBytes } : null
}

const complete = (id: TaskId, spec: EnqueueSpec): NewTask => ({
  id,
  owner: spec.owner,
  kind: spec.kind,
  payload: spec.payload,
  priority: spec.priority ?? defaults.priority,
  runAtMillis: spec.runAtMillis ?? defaults.runAtMillis,
  dedupeKey: spec.dedupeKey ?? defaults.dedupeKey,
  concurrencyKey: spec.concurrencyKey ?? defaults.concurrencyKey,
  // Without a key there is nothing to limit.
  concurrencyLimit:
    (spec.concurrencyKey ?? null) === null
      ? defaults.concurrencyLimit
      : (spec.concurrencyLimit ?? defaults.concurrencyLimit),
  maxAttempts: spec.maxAttempts ?? defaults.maxAttempts,
  timeoutMillis: spec.timeoutMillis ?? defaults.timeoutMillis,
  dependsOn: spec.dependsOn ?? defaults.dependsOn,
  requires: spec.requires ?? defaults.requires,
  gate: spec.gate ?? defaults.gate
})

export class WorkQueue extends Context.Service<
  WorkQueue,
  {
    /** The new task, or the unfinished one that holds the same dedupe key. */
    enqueue(spec: EnqueueSpec): Effect.Effect<WorkTask, WorkQueueError | StoreError>
    /** Many at once, in chunks of 10,000; each chunk is added whole or not at all. Ids in the order of the specs. */
    enqueueAll(specs: ReadonlyArray<EnqueueSpec>): Effect.Effect<ReadonlyArray<TaskId>, WorkQueueError | StoreError>
    get(id: TaskId): Effect.Effect<WorkTask, WorkQueueError | StoreError>
    /** By id, ascending, at most 1000. */
    list(
      query: Partial<ListQuery> & { readonly limit: number }
    ): Effect.Effect<ReadonlyArray<WorkTask>, WorkQueueError | StoreError>
    /** Pending: cancelled at once. Running: its worker stops it soon (`cancelRequested`). Already cancelled: as it is. Conflict when it completed or failed. */
    cancel(id: TaskId): Effect.Effect<WorkTask, WorkQueueError | StoreError>
    /** Runs a pending (delayed or parked), failed or cancelled task now, with fresh counters. Conflict when it runs or completed. */
    retry(id: TaskId): Effect.Effect<WorkTask, WorkQueueError | StoreError>
    /** Running tasks go on; no other of the owner starts. */
    pause(owner: OwnerId): Effect.Effect<OwnerQueue, StoreError>
    resume(owner: OwnerId): Effect.Effect<OwnerQueue, StoreError>
    /** Weight > 0 up to 1000 (share of the workers), and how many of its tasks may run at once. */
    configure(
      owner: OwnerId,
      change: { readonly weight?: number; readonly maxRunning?: number | null }
    ): Effect.Effect<OwnerQueue, WorkQueueError | StoreError>
    owner(owner: OwnerId): Effect.Effect<OwnerQueue, StoreError>
    /** Starts the tasks that wait for this capacity (see ErrorClass.ResourceExhausted). */
    capacityFreed(resource: string): Effect.Effect<void, StoreError>
    readonly stats: Effect.Effect<QueueStats, StoreError>
  }
>()("rdev/queue/WorkQueue") {}

/** Counting a long queue takes the store about 0.1 s per million tasks, so one count serves everybody for this long. */
export const statsTtlMillis = 2_000

export const layer: Layer.Layer<WorkQueue, never, WorkQueueStore | TaskEvents> = Layer.effect(
  WorkQueue,
  Effect.gen(function* () {
    const store = yield* WorkQueueStore
    const events = yield* TaskEvents

    const get = Effect.fn("WorkQueue.get")(function* (id: TaskId) {
      const found = yield* store.get(id)
      return Option.isSome(found) ? found.value : yield* fail("get", { _tag: "NotFound", id })
    })

    const enqueue = (spec: EnqueueSpec) =>
      traced("WorkQueue.enqueue")(
        Clock.clockWith((clock): Effect.Effect<WorkTask, WorkQueueError | StoreError> => {
          const reason = problem(spec)
          if (reason !== null) return Effect.fail(fail("enqueue", reason))
          const now = clock.currentTimeMillisUnsafe()
          const task = complete(NewId.makeAt("task", now), spec)
          return Effect.flatMap(store.insert([task]), ([entry]) => {
            if (entry === undefined) return Effect.die(new Error("the store answered an insert of one task with none"))
            return entry.created && task.dependsOn.length === 0
              ? Effect.succeed(Transition.pending(task, now))
              : get(entry.id)
          })
        })
      )

    const chunk = (specs: ReadonlyArray<EnqueueSpec>) =>
      Clock.clockWith((clock): Effect.Effect<ReadonlyArray<Inserted>, WorkQueueError | StoreError> => {
        const now = clock.currentTimeMillisUnsafe()
        const tasks: Array<NewTask> = []
        for (const [index, spec] of specs.entries()) {
          const reason = problem(spec)
          if (reason !== null)
            return Effect.fail(
              fail(
                "enqueueAll",
                specs.length === 1 || !("field" in reason) ? reason : { ...reason, field: `[${index}].${reason.field}` }
              )
            )
          tasks.push(complete(NewId.makeAt("task", now), spec))
        }
        return store.insert(tasks)
      })

    const enqueueAll = Effect.fn("WorkQueue.enqueueAll")(function* (specs: ReadonlyArray<EnqueueSpec>) {
      const ids: Array<TaskId> = []
      for (let i = 0; i < specs.length; i += maxBatch)
        for (const entry of yield* chunk(specs.slice(i, i + maxBatch))) ids.push(entry.id)
      return ids
    })

    const cancel = Effect.fn("WorkQueue.cancel")(function* (id: TaskId) {
      const { owner } = yield* get(id)
      const before = yield* events.after(store.cancel(id), (status) =>
        status === "pending" ? [{ owner, event: { type: "task.cancelled", subject: { taskId: id }, data: {} } }] : []
      )
      if (before === "completed" || before === "failed")
        return yield* fail("cancel", { _tag: "Conflict", message: `task ${id} has ${before} already` })
      return yield* get(id)
    })

    const retry = Effect.fn("WorkQueue.retry")(function* (id: TaskId) {
      const task = yield* get(id)
      yield* Effect.mapError(store.requeue(id, Transition.retried(task)), (error) =>
        error.reason._tag === "Conflict" ? fail("retry", error.reason) : error
      )
      return yield* get(id)
    })

    const configure = Effect.fn("WorkQueue.configure")(function* (
      id: OwnerId,
      change: { readonly weight?: number; readonly maxRunning?: number | null }
    ) {
      if (change.weight !== undefined && !(change.weight >= 0.01 && change.weight <= 1000))
        return yield* fail("configure", {
          _tag: "Invalid",
          field: "weight",
          message: "expected a number from 0.01 to 1000"
        })
      if (
        change.maxRunning !== undefined &&
        change.maxRunning !== null &&
        !(Number.isSafeInteger(change.maxRunning) && change.maxRunning >= 0 && change.maxRunning <= 1_000_000)
      ) {
        return yield* fail("configure", {
          _tag: "Invalid",
          field: "maxRunning",
          message: "expected an integer from 0 to 1000000, or null for no limit"
        })
      }
      return yield* store.configure(id, change)
    })

    return WorkQueue.of({
      enqueue,
      enqueueAll,
      get,
      list: (query) =>
        query.limit >= 1 && query.limit <= 1000
          ? store.list({ owner: null, status: null, kind: null, after: null, ...query })
          : Effect.fail(fail("list", { _tag: "Invalid", field: "limit", message: "expected 1 to 1000" })),
      cancel,
      retry,
      pause: (id) => store.configure(id, { paused: true }),
      resume: (id) => store.configure(id, { paused: false }),
      configure,
      owner: store.owner,
      capacityFreed: store.release,
      stats: yield* Effect.cachedWithTTL(store.stats, statsTtlMillis)
    })
  })
)
