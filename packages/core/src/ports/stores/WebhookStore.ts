/** The subscriptions of webhooks. Their secrets are not here but with the credentials, their deliveries are tasks. */
import { Context, Effect, Option } from "effect"
import type { WebhookId } from "../../domain/Ids.ts"
import { Webhook } from "../../domain/Webhook.ts"
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
