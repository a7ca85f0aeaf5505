/** What workers can do: one handler per task kind. A worker claims only kinds it has a handler for. */
import { Context, Effect, Exit, type Fiber, Layer, Schema } from "effect"
import type { NewEvent } from "../domain/Event.ts"
import { ErrorClass } from "../domain/ErrorClass.ts"
import type { WorkTask } from "../domain/WorkTask.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"

/** Why a delivery failed, in the terms that decide what happens next (see RetryPolicy). */
export class TaskFailure extends Schema.TaggedError<TaskFailure>()("TaskFailure", {
  reason: ErrorClass,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return `${this.reason._tag}: ${this.reason.message}`
  }
}

export interface TaskContext {
  readonly task: WorkTask
  /** Greater at every delivery of the task: hand it to outside writes, so that a former holder's are refused there too. */
  readonly fence: bigint
  /** 1 for the first delivery. */
  readonly attempt: number
  /** Replaces the task's progress: in the record with the next heartbeat, and as a `task.progress` event at once. At most 16 KiB. */
  progress(value: Schema.Json): Effect.Effect<void>
  /** Appends to the event stream of the owner's project, with the task in the subject. */
  emit(event: NewEvent): Effect.Effect<void, StoreError>
}

/**
 * The value is the task's result, at most 256 KiB encoded. A defect is a failure of the class Defect, tried again like any other; interruption is the worker's alone. A
 * handler that has done its work when it returns and answers `Effect.succeed(…)` or `Effect.fail(…)` costs no fiber.
 */
export type TaskHandler = (context: TaskContext) => Effect.Effect<Schema.Json, TaskFailure>

export class TaskHandlers extends Context.Service<TaskHandlers, ReadonlyMap<string, TaskHandler>>()(
  "rdev/queue/TaskHandlers"
) {}

type HandlerOf<R> = (context: TaskContext) => Effect.Effect<Schema.Json, TaskFailure, R>

/** Starts a handler in a fiber of its own, after what is to come before it. One that answers with an end needs none: that end. */
export type Starter = (
  task: TaskContext,
  before: Effect.Effect<void> | null
) => Fiber.Fiber<Schema.Json, TaskFailure> | Exit.Exit<Schema.Json, TaskFailure>

/** What a handler throws, it dies of. */
const called = <R>(handler: HandlerOf<R>, task: TaskContext): ReturnType<HandlerOf<R>> => {
  try {
    return handler(task)
  } catch (defect) {
    return Effect.die(defect)
  }
}

/** The fiber begins with everything in its context: to provide it inside would cost as much as a short handler. */
const startingWith =
  <R>(handler: HandlerOf<R>, context: Context.Context<R>) =>
  (own: Context.Context<never>): Starter => {
    const fork = Effect.runForkWith(Context.merge(own, context))
    return (task, before) => {
      if (before !== null)
        return fork(
          Effect.andThen(
            before,
            Effect.suspend(() => handler(task))
          )
        )
      const effect = called(handler, task)
      // Of the same types: an end is an effect.
      return Exit.isExit(effect) ? (effect as Exit.Exit<Schema.Json, TaskFailure>) : fork(effect)
    }
  }
const starters = new WeakMap<TaskHandler, ReturnType<typeof startingWith>>()

/** For fibers that start from these services and references. */
export const starter = (handler: TaskHandler, own: Context.Context<never>): Starter =>
  (starters.get(handler) ?? startingWith(handler, Context.empty()))(own)

/** Handlers by kind; what they need is taken from the context in which they are made. */
export const make = <R = never>(
  handlers: Readonly<Record<string, HandlerOf<R>>>
): Effect.Effect<ReadonlyMap<string, TaskHandler>, never, R> =>
  Effect.map(
    Effect.context<R>(),
    (context) =>
      new Map(
        Object.entries(handlers).map(([kind, handler]) => {
          const whole: TaskHandler = (task) => Effect.provideContext(handler(task), context)
          starters.set(whole, startingWith(handler, context))
          return [kind, whole]
        })
      )
  )

export const layer = <R = never>(
  handlers: Readonly<Record<string, HandlerOf<R>>>
): Layer.Layer<TaskHandlers, never, R> => Layer.effect(TaskHandlers, make(handlers))

/** Several modules' handlers as one; of two for the same kind the later wins. */
export const merge = (...parts: ReadonlyArray<ReadonlyMap<string, TaskHandler>>): ReadonlyMap<string, TaskHandler> =>
  new Map(parts.flatMap((part) => [...part]))
