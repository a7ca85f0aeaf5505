/**
 * The event log whose entries also go to the webhooks that want them: an event and its deliveries are written in one transaction, so
 * that neither a crash nor a receiver that is away loses one. Streams that nobody watches are written as before.
 */
import { Clock, Effect, Layer } from "effect"
import type { Event } from "../../domain/Event.ts"
import * as NewId from "../../ids/NewId.ts"
import type { Webhook } from "../../domain/Webhook.ts"
import { EventLog } from "../../ports/stores/EventLog.ts"
import { UnitOfWork } from "../../ports/stores/UnitOfWork.ts"
import { type NewTask, WorkQueueStore } from "../../ports/stores/WorkQueueStore.ts"
import { defaults } from "../../queue/WorkQueue.ts"
import * as Attempt from "./Attempt.ts"
import * as Message from "./Message.ts"
import { Subscriptions } from "./Subscriptions.ts"

/** The transport gives up before; this is for a worker that hangs. */
const timeoutMillis = 60_000

export const taskOf = ({ id }: Pick<Webhook, "id">, event: Event, nowMillis: number): NewTask => ({
  ...defaults,
  id: NewId.makeAt("task", nowMillis),
  owner: id,
  kind: Message.kind,
  payload: Message.encode({ webhookId: id, event }),
  maxAttempts: Attempt.maxAttempts,
  timeoutMillis
})

export const layer: Layer.Layer<EventLog, never, EventLog | Subscriptions | UnitOfWork | WorkQueueStore> = Layer.effect(
  EventLog,
  Effect.gen(function* () {
    const log = yield* EventLog
    const subscriptions = yield* Subscriptions
    const unit = yield* UnitOfWork
    const queue = yield* WorkQueueStore
    return EventLog.of({
      ...log,
      append: (stream, events) =>
        Effect.suspend(() => {
          const webhooks = subscriptions.watching(stream)
          if (webhooks.length === 0) return log.append(stream, events)
          return unit.transact(
            Effect.gen(function* () {
              const appended = yield* log.append(stream, events)
              const now = yield* Clock.currentTimeMillis
              const tasks = webhooks.flatMap((webhook) =>
                appended.filter((event) => Message.wants(webhook, event)).map((event) => taskOf(webhook, event, now))
              )
              if (tasks.length > 0) yield* queue.insert(tasks)
              return appended
            })
          )
        })
    })
  })
)
