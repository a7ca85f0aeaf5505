/** The subscriptions of webhooks. Their secrets are not here but with the credentials, their deliveries are tasks. */
import { Context, Effect, Layer, Option } from "effect"
import type { WebhookId } from "../../domain/Ids.ts"
import { Webhook } from "../../domain/Webhook.ts"
import * as MemoryTransaction from "../../memory/MemoryTransaction.ts"
import { StoreError } from "./StoreError.ts"

/** Fields that change after creation. */
export type WebhookChange = Partial<Pick<Webhook, "previousSecretUntilMillis" | "disabled">>

export class WebhookStore extends Context.Service<
  WebhookStore,
  {
    /** AlreadyExists when the id is taken. */
    insert(webhook: Webhook): Effect.Effect<void, StoreError>
    get(id: WebhookId): Effect.Effect<Option.Option<Webhook>, StoreError>
    /** All, disabled ones too, by id ascending. */
    readonly list: Effect.Effect<ReadonlyArray<Webhook>, StoreError>
    /** Sets the given fields and leaves the others alone; the webhook as it is then. NotFound for an unknown id. */
    change(id: WebhookId, fields: WebhookChange): Effect.Effect<Webhook, StoreError>
    /** A missing one is success. */
    remove(id: WebhookId): Effect.Effect<void, StoreError>
  }
>()("rdev/ports/WebhookStore") {}

export const layerMemory: Layer.Layer<WebhookStore> = Layer.effect(
  WebhookStore,
  Effect.gen(function* () {
    const { rows, write } = yield* MemoryTransaction.table<Webhook>()
    const fail = (verb: string, reason: StoreError["reason"]) =>
      Effect.fail(new StoreError({ operation: `WebhookStore.${verb}`, reason }))
    return WebhookStore.of({
      insert: (webhook) =>
        Effect.flatten(
          write((put) => {
            if (rows.has(webhook.id))
              return fail("insert", { _tag: "AlreadyExists", entity: "webhook", id: webhook.id })
            put(webhook.id, webhook)
            return Effect.void
          })
        ),
      get: (id) => Effect.sync(() => Option.fromNullishOr(rows.get(id))),
      list: Effect.sync(() => [...rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1))),
      change: (id, fields) =>
        Effect.flatten(
          write((put) => {
            const webhook = rows.get(id)
            if (webhook === undefined) return fail("change", { _tag: "NotFound", entity: "webhook", id })
            const { disabled = webhook.disabled, previousSecretUntilMillis = webhook.previousSecretUntilMillis } =
              fields
            const changed = new Webhook({ ...webhook, disabled, previousSecretUntilMillis })
            put(id, changed)
            return Effect.succeed(changed)
          })
        ),
      remove: (id) => write((put) => put(id, undefined))
    })
  })
)
