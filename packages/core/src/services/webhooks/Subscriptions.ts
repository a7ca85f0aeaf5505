/**
 * The webhooks that are in force, at hand for every event. A change made by this process counts at once, one by another as soon as its
 * wake-up arrives, or after ten seconds.
 */
import { Context, Effect, Layer, Stream } from "effect"
import type { StreamName } from "../../domain/Event.ts"
import type { Webhook } from "../../domain/Webhook.ts"
import { Notifier } from "../../ports/stores/Notifier.ts"
import type { StoreError } from "../../ports/stores/StoreError.ts"
import { WebhookStore } from "../../ports/stores/WebhookStore.ts"
import * as Message from "./Message.ts"

export const refreshMillis = 10_000

export class Subscriptions extends Context.Service<
  Subscriptions,
  {
    /** Enabled webhooks that watch this stream. Of what happens to deliveries themselves nothing is told. */
    watching(stream: StreamName): ReadonlyArray<Webhook>
    /** Reads them anew and has every other process do the same. What was changed stands in the store: should it be away now, the next look finds it. */
    readonly changed: Effect.Effect<void>
  }
>()("rdev/services/webhooks/Subscriptions") {}

export const layer: Layer.Layer<Subscriptions, StoreError, WebhookStore | Notifier> = Layer.effect(
  Subscriptions,
  Effect.gen(function* () {
    const store = yield* WebhookStore
    const notifier = yield* Notifier
    let enabled: ReadonlyArray<Webhook> = []
    const refresh = Effect.map(store.list, (webhooks) => {
      enabled = webhooks.filter((webhook) => webhook.disabled === null)
    })
    const tried = Effect.catch(refresh, (error) =>
      Effect.logWarning("webhooks could not be read; those known before stay in force", error)
    )
    yield* refresh
    yield* Effect.forkScoped(Stream.runForEach(notifier.subscribe("webhook"), () => tried))
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(refreshMillis), tried)))
    return Subscriptions.of({
      watching: (stream) => enabled.filter((webhook) => Message.watches(webhook, stream)),
      changed: Effect.andThen(tried, notifier.notify("webhook", "changed"))
    })
  })
)
