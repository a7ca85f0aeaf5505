/** What is sent: an event as a message, and which webhooks want it. Pure. */
import { Schema } from "effect"
import { Event, flat, ofProject, type StreamName } from "../../domain/Event.ts"
import { type ProjectId, WebhookId } from "../../domain/Ids.ts"
import type { OwnerId } from "../../domain/Owner.ts"
import type { Webhook } from "../../domain/Webhook.ts"

/** Tasks of this kind are deliveries. */
export const kind = "webhook.deliver"

/** The input of a delivery. */
export const Delivery = Schema.Struct({ webhookId: WebhookId, event: Event })
export type Delivery = typeof Delivery.Type
const codec = Schema.toCodecJson(Delivery)
export const encode = Schema.encodeSync(codec)
export const decode = Schema.decodeUnknownEffect(codec)

/**
 * Whose the secrets of a webhook were before webhooks were owners: they are encrypted for that place, so a migration cannot move them.
 * Read where there are none of its own, and removed with the webhook.
 */
export const ownerBefore = (id: WebhookId): OwnerId => `proj_${id.slice(-26)}` as ProjectId

const covers = (pattern: string, event: Event): boolean =>
  pattern === "*" ||
  pattern === event.type ||
  (pattern === "notify" && event.data["notify"] === true) ||
  (pattern.endsWith(".*") && event.type.startsWith(pattern.slice(0, -1)))

export const watches = (webhook: Webhook, stream: StreamName): boolean =>
  webhook.projectId === null || stream === ofProject(webhook.projectId)
export const wants = (webhook: Webhook, event: Event): boolean =>
  webhook.events.some((pattern) => covers(pattern, event))

/** The same for every attempt and every receiver, so that a receiver can drop what it has seen. No dot: signatures are made of it. */
export const idOf = ({ seq, stream }: Event): string => `evt_${stream === "system" ? stream : stream.slice(-26)}_${seq}`

/** At most 20 kB, as an event's data has at most 16 KiB. `project_id` is null for events of the installation. */
export const bodyOf = (event: Event): string => {
  const { time, type, ...data } = flat(event)
  return JSON.stringify({
    type,
    timestamp: time,
    data: { project_id: event.stream === "system" ? null : event.stream.slice("project:".length), ...data }
  })
}
