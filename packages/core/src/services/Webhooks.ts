/**
 * Webhooks: who gets which events, and what became of them. Deliveries are tasks of the work queue (see webhooks/Outbox), so that they
 * are kept, tried again and looked at like any other work.
 */
import { Clock, Context, Effect, Layer, Option, type Redacted, Schema } from "effect"
import { Event, ofProject, system } from "../domain/Event.ts"
import * as NewId from "../ids/NewId.ts"
import type { ProjectId, TaskId, WebhookId } from "../domain/Ids.ts"
import { Webhook } from "../domain/Webhook.ts"
import type { TaskStatus, WorkTask } from "../domain/WorkTask.ts"
import { CredentialStore } from "../ports/stores/CredentialStore.ts"
import { StoreError } from "../ports/stores/StoreError.ts"
import { UnitOfWork } from "../ports/stores/UnitOfWork.ts"
import { WebhookStore } from "../ports/stores/WebhookStore.ts"
import { WebhookTransport } from "../ports/infra/WebhookTransport.ts"
import { WorkQueueStore } from "../ports/stores/WorkQueueStore.ts"
import { WorkQueue, type WorkQueueError } from "../queue/WorkQueue.ts"
import { maxPerWebhook, previousSecretName, secretName, secretOf } from "./webhooks/Deliveries.ts"
import * as Message from "./webhooks/Message.ts"
import * as Outbox from "./webhooks/Outbox.ts"
import * as Signature from "./webhooks/Signature.ts"
import { Subscriptions } from "./webhooks/Subscriptions.ts"

/** Every event is looked at for each of them. */
export const maxWebhooks = 200
/** How long a secret that was replaced signs as well. */
export const overlapMillis = 24 * 3_600_000

export const WebhookReason = Schema.TaggedUnion({
  Invalid: { field: Schema.String, message: Schema.String },
  /** There are as many as this installation takes. */
  TooMany: { limit: Schema.Int },
  Disabled: { message: Schema.String },
  /** The delivery is being tried right now. */
  Conflict: { message: Schema.String }
})
export type WebhookReason = typeof WebhookReason.Type
export class WebhookError extends Schema.TaggedError<WebhookError>()("WebhookError", {
  operation: Schema.String,
  reason: WebhookReason
}) {
  override get message(): string {
    const { reason } = this
    switch (reason._tag) {
      case "Invalid":
        return `${reason.field}: ${reason.message}`
      case "TooMany":
        return `there are ${reason.limit} webhooks already, the most this installation takes; remove one`
      default:
        return reason.message
    }
  }
}

export interface NewWebhook {
  readonly projectId: ProjectId | null
  readonly url: string
  readonly events: ReadonlyArray<string>
}
/** The secret is shown this once. */
export interface WithSecret {
  readonly webhook: Webhook
  readonly secret: Redacted.Redacted
}
/** A task of the queue, and the event that it carries. */
export interface Delivery {
  readonly task: WorkTask
  readonly event: Event
}
export interface DeliveryQuery {
  readonly status: TaskStatus | null
  readonly after: TaskId | null
  readonly limit: number
}

export class Webhooks extends Context.Service<
  Webhooks,
  {
    /** From now on; on other servers of the installation as soon as they hear of it. */
    create(webhook: NewWebhook): Effect.Effect<WithSecret, WebhookError | StoreError>
    get(id: WebhookId): Effect.Effect<Webhook, StoreError>
    readonly list: Effect.Effect<ReadonlyArray<Webhook>, StoreError>
    /** A new secret; the one before signs beside it for a day, so that the receiver can change in its own time. */
    replaceSecret(id: WebhookId): Effect.Effect<WithSecret, StoreError>
    /** Events from now on are sent again; those in between are not. */
    enable(id: WebhookId): Effect.Effect<Webhook, StoreError>
    disable(id: WebhookId, reason: string): Effect.Effect<Webhook, StoreError>
    /** With its secrets; what waits to be delivered is cancelled. Records of deliveries stay until their retention. */
    remove(id: WebhookId): Effect.Effect<void, StoreError>
    /** By id, ascending. */
    deliveries(id: WebhookId, query: DeliveryQuery): Effect.Effect<ReadonlyArray<Delivery>, WorkQueueError | StoreError>
    /** Sends it now, also one that arrived: then as a delivery of its own, with the same message id. */
    redeliver(id: WebhookId, delivery: TaskId): Effect.Effect<Delivery, WebhookError | WorkQueueError | StoreError>
    /** Sends a message of type `webhook.test`. */
    test(id: WebhookId): Effect.Effect<Delivery, WebhookError | WorkQueueError | StoreError>
  }
>()("rdev/services/Webhooks") {}

const fail = (verb: string, reason: WebhookError["reason"]) =>
  new WebhookError({ operation: `Webhooks.${verb}`, reason })
const missing = (verb: string, entity: string, id: string) =>
  new StoreError({ operation: `Webhooks.${verb}`, reason: { _tag: "NotFound", entity, id } })

export const layer: Layer.Layer<
  Webhooks,
  never,
  WebhookStore | CredentialStore | WorkQueue | WorkQueueStore | UnitOfWork | Subscriptions | WebhookTransport
> = Layer.effect(
  Webhooks,
  Effect.gen(function* () {
    const store = yield* WebhookStore
    const credentials = yield* CredentialStore
    const queue = yield* WorkQueue
    const tasks = yield* WorkQueueStore
    const unit = yield* UnitOfWork
    const subscriptions = yield* Subscriptions
    const transport = yield* WebhookTransport

    const get = Effect.fn("Webhooks.get")(function* (id: WebhookId) {
      return Option.getOrNull(yield* store.get(id)) ?? (yield* missing("get", "webhook", id))
    })
    const create = Effect.fn("Webhooks.create")(function* ({ events, projectId, url }: NewWebhook) {
      yield* Effect.mapError(transport.check(url), ({ message }) =>
        fail("create", { _tag: "Invalid", field: "url", message })
      )
      if ((yield* store.list).length >= maxWebhooks)
        return yield* fail("create", { _tag: "TooMany", limit: maxWebhooks })
      const secret = Signature.newSecret()
      const webhook = new Webhook({
        id: yield* NewId.make("whk"),
        projectId,
        url,
        events,
        createdAtMillis: yield* Clock.currentTimeMillis,
        previousSecretUntilMillis: null,
        disabled: null
      })
      yield* unit.transact(
        Effect.all(
          [
            store.insert(webhook),
            credentials.put(webhook.id, secretName, secret),
            tasks.configure(webhook.id, { maxRunning: maxPerWebhook })
          ],
          { discard: true }
        )
      )
      yield* subscriptions.changed
      return { webhook, secret }
    })
    const replaceSecret = Effect.fn("Webhooks.replaceSecret")(function* (id: WebhookId) {
      const secret = Signature.newSecret()
      const now = yield* Clock.currentTimeMillis
      const webhook = yield* unit.transact(
        Effect.gen(function* () {
          const changed = yield* store.change(id, { previousSecretUntilMillis: now + overlapMillis })
          const before = yield* secretOf(credentials, id, secretName)
          if (Option.isSome(before)) yield* credentials.put(id, previousSecretName, before.value)
          yield* credentials.put(id, secretName, secret)
          return changed
        })
      )
      yield* subscriptions.changed
      return { webhook, secret }
    })
    const set = (id: WebhookId, disabled: Webhook["disabled"]) =>
      Effect.tap(store.change(id, { disabled }), subscriptions.changed)

    const cancelWaiting = Effect.fnUntraced(function* (id: WebhookId) {
      for (let after: TaskId | null = null; ;) {
        const page: ReadonlyArray<WorkTask> = yield* tasks.list({
          owner: id,
          status: "pending",
          kind: Message.kind,
          after,
          limit: 1_000
        })
        for (const task of page) yield* tasks.cancel(task.id)
        after = page.at(-1)?.id ?? null
        if (after === null) return
      }
    })
    const remove = Effect.fn("Webhooks.remove")(function* (id: WebhookId) {
      yield* unit.transact(
        Effect.all(
          [
            store.remove(id),
            credentials.removeAll(id),
            credentials.removeAll(Message.ownerBefore(id)),
            // As long as anything is limited, the end of every task looks whether it makes room.
            tasks.configure(id, { maxRunning: null })
          ],
          { discard: true }
        )
      )
      yield* subscriptions.changed
      yield* cancelWaiting(id)
    })

    const inForce = Effect.fnUntraced(function* (verb: string, id: WebhookId) {
      const webhook = yield* get(id)
      if (webhook.disabled !== null)
        return yield* fail(verb, {
          _tag: "Disabled",
          message: `webhook ${id} is disabled (${webhook.disabled.reason}); enable it first`
        })
      return webhook
    })
    const deliveryOf = (task: WorkTask): Effect.Effect<Delivery, StoreError> =>
      Effect.mapBoth(Message.decode(task.payload), {
        onSuccess: ({ event }) => ({ task, event }),
        onFailure: (cause) =>
          new StoreError({
            operation: "Webhooks.deliveries",
            reason: { _tag: "Corrupt", message: `delivery ${task.id} cannot be read: ${cause.message}` },
            cause
          })
      })
    const send = Effect.fnUntraced(function* (webhook: Webhook, event: Event) {
      const task = Outbox.taskOf(webhook, event, yield* Clock.currentTimeMillis)
      yield* tasks.insert([task])
      return { task: yield* queue.get(task.id), event }
    })
    const redeliver = Effect.fn("Webhooks.redeliver")(function* (id: WebhookId, delivery: TaskId) {
      const webhook = yield* inForce("redeliver", id)
      const task = Option.getOrNull(yield* tasks.get(delivery))
      if (task === null || task.owner !== id) return yield* missing("redeliver", "delivery", delivery)
      if (task.status === "running")
        return yield* fail("redeliver", { _tag: "Conflict", message: `delivery ${delivery} is under way` })
      const { event } = yield* deliveryOf(task)
      return task.status === "completed" ? yield* send(webhook, event) : { task: yield* queue.retry(delivery), event }
    })
    const test = Effect.fn("Webhooks.test")(function* (id: WebhookId) {
      const webhook = yield* inForce("test", id)
      const now = yield* Clock.currentTimeMillis
      // Not an entry of the log: its number is one that no entry has.
      return yield* send(
        webhook,
        new Event({
          stream: webhook.projectId === null ? system : ofProject(webhook.projectId),
          seq: now,
          timeMillis: now,
          type: "webhook.test",
          subject: {},
          data: { webhook_id: id }
        })
      )
    })

    return Webhooks.of({
      create,
      get,
      list: store.list,
      replaceSecret,
      enable: (id) => set(id, null),
      disable: (id, reason) => Effect.flatMap(Clock.currentTimeMillis, (atMillis) => set(id, { atMillis, reason })),
      remove,
      deliveries: (id, query) =>
        Effect.flatMap(Effect.andThen(get(id), queue.list({ owner: id, kind: Message.kind, ...query })), (found) =>
          Effect.forEach(found, deliveryOf)
        ),
      redeliver,
      test
    })
  })
)
