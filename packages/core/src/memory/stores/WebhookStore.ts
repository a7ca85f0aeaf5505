/** Subscriptions of webhooks in memory. */
import { Effect, Layer, Option } from "effect"
import { Webhook } from "../../domain/Webhook.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { StoreError } from "../../ports/stores/StoreError.ts"
import { WebhookStore } from "../../ports/stores/WebhookStore.ts"

export const layer: Layer.Layer<WebhookStore> = Layer.effect(
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
