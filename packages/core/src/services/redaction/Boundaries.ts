/**
 * Where text is kept, it is masked: the event log (and what is made of it, streams and webhooks), the audit trail, what tasks answer,
 * report and fail with. Callers need not think of it, and cannot forget it.
 */
import { Effect, Layer } from "effect"
import type { ErrorClass } from "../../domain/ErrorClass.ts"
import type { NewEvent, StreamName } from "../../domain/Event.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import { AuditStore } from "../../ports/stores/AuditStore.ts"
import type { EnvironmentStore } from "../../ports/stores/EnvironmentStore.ts"
import { EventLog } from "../../ports/stores/EventLog.ts"
import type { StoreError } from "../../ports/stores/StoreError.ts"
import { TaskFailure, type TaskHandler, TaskHandlers } from "../../queue/TaskHandlers.ts"
import * as OutputText from "../../redaction/OutputText.ts"
import type { Redactor } from "../../redaction/Redactor.ts"
import * as Owners from "../Owners.ts"
import { Redaction } from "./Redaction.ts"
import * as Turns from "./Turns.ts"

const projectOf = (stream: StreamName): ProjectId | null =>
  stream.startsWith("project:") ? (stream.slice("project:".length) as ProjectId) : null

const masked = (redactor: Redactor, events: ReadonlyArray<NewEvent>): Effect.Effect<ReadonlyArray<NewEvent>> =>
  Turns.each(events, (event) => {
    if (OutputText.isProven(event.data, redactor)) return event
    const data = redactor.json(event.data)
    return data === event.data ? event : { ...event, data }
  })

/** The event log that takes no secret in. */
export const layerEventLog: Layer.Layer<EventLog, never, EventLog> = Layer.effect(
  EventLog,
  Effect.gen(function* () {
    const log = yield* EventLog
    const redaction = yield* Redaction
    return EventLog.of({
      ...log,
      append: (stream, events) =>
        Effect.flatMap(redaction.of(projectOf(stream)), (redactor) =>
          Effect.flatMap(masked(redactor, events), (kept) => log.append(stream, kept))
        )
    })
  })
)

/** The audit trail that takes no secret in. */
export const layerAuditStore: Layer.Layer<AuditStore, never, AuditStore> = Layer.effect(
  AuditStore,
  Effect.gen(function* () {
    const store = yield* AuditStore
    const redaction = yield* Redaction
    return AuditStore.of({
      ...store,
      append: (entry) =>
        Effect.flatMap(redaction.of(entry.projectId), (redactor) =>
          store.append({ ...entry, data: redactor.json(entry.data), steps: redactor.json(entry.steps) })
        )
    })
  })
)

/** The queue keeps a defect's message. */
const maskedDefect = (redactor: Redactor, defect: unknown): unknown => {
  const said = defect instanceof Error ? defect.message : String(defect)
  const masked = redactor.text(said)
  return masked === said ? defect : new Error(masked)
}

const away = (error: StoreError) =>
  new TaskFailure({
    reason: { _tag: "ResourceExhausted", resource: "credentials", message: error.message },
    cause: error
  })

/** What tasks of these handlers answer, report and fail with. */
export const layerTaskHandlers: Layer.Layer<TaskHandlers, never, TaskHandlers | EnvironmentStore> = Layer.effect(
  TaskHandlers,
  Effect.gen(function* () {
    const handlers = yield* TaskHandlers
    const projectOf = yield* Owners.make
    const redaction = yield* Redaction
    const mask =
      (handler: TaskHandler): TaskHandler =>
      (context) => {
        const redactor = Effect.mapError(Effect.flatMap(projectOf(context.task.owner), redaction.of), away)
        const progress: typeof context.progress = (value) =>
          Effect.flatMap(
            Effect.orElseSucceed(redactor, () => null),
            (known) => (known === null ? Effect.void : context.progress(known.json(value)))
          )
        // What a handler throws before it answers, it dies of too.
        return Effect.suspend(() => handler({ ...context, progress })).pipe(
          Effect.catchDefect((defect) => Effect.flatMap(redactor, (known) => Effect.die(maskedDefect(known, defect)))),
          Effect.flatMap((result) => Effect.map(redactor, (known) => known.json(result))),
          Effect.catch((failure) =>
            Effect.flatMap(redactor, (known) =>
              Effect.fail(new TaskFailure({ ...failure, reason: known.json({ ...failure.reason }) as ErrorClass }))
            )
          )
        )
      }
    return new Map([...handlers].map(([kind, handler]) => [kind, mask(handler)]))
  })
)
