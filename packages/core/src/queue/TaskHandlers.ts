/** What workers can do: one handler per task kind. A worker claims only kinds it has a handler for. */
import { Context, Effect, Layer, Schema } from "effect"
import type { NewEvent } from "../domain/Event.ts"
import { ErrorClass } from "../domain/ErrorClass.ts"
import type { WorkTask } from "../domain/WorkTask.ts"
import type { StoreError } from "../ports/StoreError.ts"

/** Why a delivery failed, in the terms that decide what happens next (see RetryPolicy). */
export class TaskFailure extends Schema.TaggedError<TaskFailure>()("TaskFailure", {
  reason: ErrorClass,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string { return `${this.reason._tag}: ${this.reason.message}` }
}

export interface TaskContext {
  readonly task: WorkTask
  /** Greater at every delivery of the task: hand it to outside writes, so that a former holder's are refused there too. */
  readonly fence: bigint
  /** 1 for the first delivery. */
  readonly attempt: number
  /** Replaces the task's progress: in the record with the next heartbeat, and as a `task.progress` event at once. At most 16 KiB. */
  progress(value: Schema.Json): Effect.Effect<void>
  /** Appends to the project's event stream, with the task in the subject. */
  emit(event: NewEvent): Effect.Effect<void, StoreError>
}

/** The value is the task's result, at most 256 KiB encoded. A defect fails the task as AgentFault; interruption is the worker's alone. */
export type TaskHandler = (context: TaskContext) => Effect.Effect<Schema.Json, TaskFailure>

export class TaskHandlers extends Context.Service<TaskHandlers, ReadonlyMap<string, TaskHandler>>()("rdev/queue/TaskHandlers") {}

type HandlerOf<R> = (context: TaskContext) => Effect.Effect<Schema.Json, TaskFailure, R>

/**
 * Provides a context to many fibers that all start from the same few. Merging anew for each of them would cost more than a short
 * handler (4 µs by a context of twenty services), so what was merged is kept as long as the fiber's own context lives.
 */
const providing = <R>(context: Context.Context<R>) => {
  const merged = new WeakMap<Context.Context<never>, Context.Context<R>>()
  const merge = (own: Context.Context<never>): Context.Context<R> => {
    let both = merged.get(own)
    if (both === undefined) merged.set(own, both = Context.merge(own, context))
    return both
  }
  return <A, E>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E> => Effect.updateContext(effect, merge)
}

/** Handlers by kind; what they need is taken from the context in which they are made. */
export const make = <R = never>(handlers: Readonly<Record<string, HandlerOf<R>>>): Effect.Effect<ReadonlyMap<string, TaskHandler>, never, R> =>
  Effect.map(Effect.context<R>(), (context) => {
    const provide = providing(context)
    return new Map(Object.entries(handlers).map(([kind, handler]) => [kind, (task: TaskContext) => provide(handler(task))]))
  })

export const layer = <R = never>(handlers: Readonly<Record<string, HandlerOf<R>>>): Layer.Layer<TaskHandlers, never, R> =>
  Layer.effect(TaskHandlers, make(handlers))

/** Several modules' handlers as one; of two for the same kind the later wins. */
export const merge = (...parts: ReadonlyArray<ReadonlyMap<string, TaskHandler>>): ReadonlyMap<string, TaskHandler> =>
  new Map(parts.flatMap((part) => [...part]))
