/**
 * What happens to tasks, published in the event stream of their owner's project, of the system's in the installation's own: `task.started`, `task.progress`, `task.completed`,
 * `task.failed`, `task.retrying`, `task.cancelled`. An ending is appended in one transaction with the record's change, so that
 * a reader sees both or neither. Appends that arrive while one is under way share the next one; at most `maxWaiting` wait.
 */
import { Context, Deferred, Effect, Layer, Semaphore } from "effect"
import * as Event from "../domain/Event.ts"
import type { NewEvent } from "../domain/Event.ts"
import { type OwnerId, system } from "../domain/Owner.ts"
import type { EnvironmentStore } from "../ports/stores/EnvironmentStore.ts"
import { EventLog } from "../ports/stores/EventLog.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import { UnitOfWork } from "../ports/stores/UnitOfWork.ts"
import * as Owners from "../services/Owners.ts"

export interface TaskEvent {
  readonly owner: OwnerId
  readonly event: NewEvent
}

/** Appends that may wait for their turn; more are held back in their fibers. */
export const maxWaiting = 1_000

export class TaskEvents extends Context.Service<
  TaskEvents,
  {
    /** False: nobody listens, callers need not make events at all. */
    readonly enabled: boolean
    append(events: ReadonlyArray<TaskEvent>): Effect.Effect<void, StoreError>
    /** Runs the effect and appends what it calls for, all or nothing. */
    after<A, E, R>(
      effect: Effect.Effect<A, E, R>,
      events: (value: A) => ReadonlyArray<TaskEvent>
    ): Effect.Effect<A, E | StoreError, R>
  }
>()("rdev/queue/TaskEvents") {}

/** No events: for tools that only need the queue. */
export const layerNone: Layer.Layer<TaskEvents> = Layer.succeed(TaskEvents, {
  enabled: false,
  append: () => Effect.void,
  after: (effect) => effect
})

interface Waiting {
  readonly events: ReadonlyArray<TaskEvent>
  readonly done: Deferred.Deferred<void, StoreError>
}

export const layer: Layer.Layer<TaskEvents, never, EventLog | UnitOfWork | EnvironmentStore> = Layer.effect(
  TaskEvents,
  Effect.gen(function* () {
    const log = yield* EventLog
    const unit = yield* UnitOfWork
    const projectOf = yield* Owners.make
    const scope = yield* Effect.scope
    const seats = yield* Semaphore.make(maxWaiting)
    let waiting: Array<Waiting> = []
    let busy = false

    /** Null: a webhook's deliveries are records of their own, and an event for each would have to be delivered again. */
    const streamOf = (owner: OwnerId): Effect.Effect<Event.StreamName | null, StoreError> =>
      owner === system
        ? Effect.succeed(Event.system)
        : Effect.map(projectOf(owner), (projectId) => (projectId === null ? null : Event.ofProject(projectId)))
    const write = (events: ReadonlyArray<TaskEvent>) =>
      Effect.forEach(
        Map.groupBy(events, (entry) => entry.owner),
        ([owner, group]) =>
          Effect.flatMap(streamOf(owner), (stream) =>
            stream === null
              ? Effect.void
              : log.append(
                  stream,
                  group.map((entry) => entry.event)
                )
          ),
        { discard: true }
      )

    const drain = Effect.gen(function* () {
      while (waiting.length > 0) {
        const batch = waiting
        waiting = []
        const exit = yield* Effect.exit(unit.transact(write(batch.flatMap((entry) => entry.events))))
        for (const entry of batch) yield* Deferred.done(entry.done, exit)
      }
      busy = false
    })

    const append = (events: ReadonlyArray<TaskEvent>) =>
      seats.withPermits(1)(
        Effect.gen(function* () {
          const done = yield* Deferred.make<void, StoreError>()
          waiting.push({ events, done })
          if (!busy) {
            busy = true
            yield* Effect.forkIn(drain, scope)
          }
          yield* Deferred.await(done)
        })
      )

    return TaskEvents.of({
      enabled: true,
      append,
      after: (effect, events) => unit.transact(Effect.tap(effect, (value) => write(events(value))))
    })
  })
)
