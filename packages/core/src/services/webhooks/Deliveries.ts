/** Sends what is due. Deliveries have workers of their own: agents that run for hours keep no message waiting. */
import { Clock, Effect, Layer, Option, type Redacted } from "effect"
import type { ErrorClass } from "../../domain/ErrorClass.ts"
import type { WebhookId } from "../../domain/Ids.ts"
import type { Webhook } from "../../domain/Webhook.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import type { StoreError } from "../../ports/stores/StoreError.ts"
import { WebhookStore } from "../../ports/stores/WebhookStore.ts"
import { WebhookTransport } from "../../ports/infra/WebhookTransport.ts"
import type { WorkQueueStore } from "../../ports/stores/WorkQueueStore.ts"
import * as TaskEvents from "../../queue/TaskEvents.ts"
import * as TaskHandlers from "../../queue/TaskHandlers.ts"
import { TaskFailure } from "../../queue/TaskHandlers.ts"
import * as Worker from "../../queue/Worker.ts"
import * as Attempt from "./Attempt.ts"
import * as Message from "./Message.ts"
import * as Signature from "./Signature.ts"
import { Subscriptions } from "./Subscriptions.ts"

/** From the name's lookup to the end of the answer. */
export const timeoutMillis = 15_000
/** Requests to one receiver at once. */
export const maxPerWebhook = 4

/** Names of a webhook's secrets among its credentials. */
export const secretName = "webhook.secret"
export const previousSecretName = "webhook.secret.previous"

const failure = (reason: ErrorClass) => Effect.fail(new TaskFailure({ reason }))
/** The stores are away: a matter of minutes, and no attempt on the receiver. */
const storesAway = (error: StoreError) =>
  new TaskFailure({
    reason: { _tag: "ResourceExhausted", resource: "webhook-stores", message: error.message },
    cause: error
  })

/** Its secret of this name, also one of a webhook that an earlier version made. */
export const secretOf = (credentials: CredentialStore["Service"], id: WebhookId, name: string) =>
  Effect.flatMap(credentials.get(id, name), (found) =>
    Option.isSome(found) ? Effect.succeed(found) : credentials.get(Message.ownerBefore(id), name)
  )

/** Those that sign at this time, the present one first. */
const secretsOf = (credentials: CredentialStore["Service"], webhook: Webhook, nowMillis: number) =>
  Effect.gen(function* () {
    const names =
      webhook.previousSecretUntilMillis !== null && webhook.previousSecretUntilMillis > nowMillis
        ? [secretName, previousSecretName]
        : [secretName]
    const found = yield* Effect.forEach(names, (name) => secretOf(credentials, webhook.id, name))
    return found.flatMap((secret): ReadonlyArray<Redacted.Redacted> => (Option.isSome(secret) ? [secret.value] : []))
  })

export const handler = Effect.gen(function* () {
  const store = yield* WebhookStore
  const credentials = yield* CredentialStore
  const transport = yield* WebhookTransport
  const subscriptions = yield* Subscriptions

  const deliver: TaskHandlers.TaskHandler = ({ task }) =>
    Effect.gen(function* () {
      const { event, webhookId } = yield* Effect.mapError(
        Message.decode(task.payload),
        (cause) => new TaskFailure({ reason: { _tag: "Invalid", field: "payload", message: cause.message }, cause })
      )
      const now = yield* Clock.currentTimeMillis
      const webhook = Option.getOrNull(yield* Effect.mapError(store.get(webhookId), storesAway))
      if (webhook === null) return yield* failure({ _tag: "PolicyDenied", message: `webhook ${webhookId} was removed` })
      if (webhook.disabled !== null)
        return yield* failure({
          _tag: "PolicyDenied",
          message: `webhook ${webhookId} is disabled: ${webhook.disabled.reason}`
        })
      const secrets = yield* Effect.mapError(secretsOf(credentials, webhook, now), storesAway)
      if (secrets.length === 0)
        return yield* failure({ _tag: "AuthFailed", message: `webhook ${webhookId} has no secret: replace it` })
      const body = Message.bodyOf(event)
      const headers = {
        "content-type": "application/json",
        "user-agent": "rdev-webhooks",
        ...Signature.headers(secrets, Message.idOf(event), now, body)
      }
      const verdict = yield* Effect.match(transport.post({ url: webhook.url, headers, body, timeoutMillis }), {
        onSuccess: (answer) => Attempt.ofAnswer(task, answer),
        onFailure: (error) => Attempt.ofError(task, error)
      })
      switch (verdict._tag) {
        case "Delivered":
          return { status: verdict.status }
        case "Failed":
          return yield* failure(verdict.error)
        case "Gone": {
          const disable = Effect.andThen(
            store.change(webhookId, { disabled: { atMillis: now, reason: "the receiver answered 410 Gone" } }),
            subscriptions.changed
          )
          yield* Effect.mapError(disable, storesAway)
          return yield* failure({
            _tag: "Invalid",
            field: "url",
            message: "the receiver answered 410 Gone: the webhook is disabled"
          })
        }
      }
    })
  return deliver
})

type Stores = WebhookStore | CredentialStore | WebhookTransport | Subscriptions | WorkQueueStore

export interface DeliveryOptions {
  readonly name: string
  readonly version: string
  /** Requests at once, ≥ 1. */
  readonly capacity: number
  readonly drainMillis: number
}

export const layerWorker = ({
  capacity,
  drainMillis,
  name,
  version
}: DeliveryOptions): Layer.Layer<never, never, Stores> =>
  // It rests more than the worker of everything else in this process, which does the same chores; what is new wakes it up.
  Worker.layer({
    capacity,
    id: `${name} webhooks`,
    version,
    drainMillis,
    pollMillis: 5_000,
    choresMillis: 10_000
  }).pipe(
    Layer.provide(Layer.unwrap(Effect.map(handler, (deliver) => TaskHandlers.layer({ [Message.kind]: deliver })))),
    Layer.provide(TaskEvents.layerNone)
  )
