/** Outgoing webhooks (Standard Webhooks 1.0). A secret is shown once, when it is made. */
import { ProjectId, TaskId, WebhookId } from "@rdev/core/domain/Ids"
import { EventPattern } from "@rdev/core/domain/Webhook"
import { TaskStatus } from "@rdev/core/domain/WorkTask"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Authorization, Idempotency, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"
import { AttemptView, TaskError } from "./Tasks.ts"

const Events = Schema.Array(EventPattern).check(Schema.isMinLength(1), Schema.isMaxLength(50))

export const WebhookView = Wire.struct("Webhook", {
  id: WebhookId,
  /** Null: all projects, and the installation itself. */
  projectId: Schema.NullOr(ProjectId),
  url: Schema.String,
  events: Events,
  enabled: Schema.Boolean,
  disabledAt: Wire.OptionalTime,
  disabledReason: Schema.NullOr(Schema.String),
  /** Until then the secret before the present one signs as well. */
  previousSecretUntil: Wire.OptionalTime,
  createdAt: Wire.Time
})
export const NewWebhook = Wire.struct("NewWebhook", {
  url: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(2_000)),
  events: Events,
  /** Name or id; absent = all projects. */
  project: Schema.optionalKey(Parameters.ProjectKey)
})
export const WebhookWithSecret = Wire.struct("WebhookWithSecret", { webhook: WebhookView, secret: Schema.String })
export const WebhookList = Wire.struct("WebhookList", { webhooks: Schema.Array(WebhookView), ...Parameters.nextCursor })
/** `id` names the delivery; `message_id` is what the receiver sees as `webhook-id`. */
export const DeliveryView = Wire.struct("WebhookDelivery", {
  id: TaskId,
  messageId: Schema.String,
  type: Schema.String,
  status: TaskStatus,
  /** Of the answer that was taken. */
  responseStatus: Schema.NullOr(Schema.Int),
  error: Schema.NullOr(TaskError),
  attempts: Schema.Array(AttemptView),
  createdAt: Wire.Time,
  endedAt: Wire.OptionalTime
})
export const DeliveryPage = Wire.struct("WebhookDeliveryPage", {
  deliveries: Schema.Array(DeliveryView),
  ...Parameters.nextCursor
})

const params = { webhook: WebhookId }
const headers = Parameters.idempotency
const verb = { params, headers, error: Problem.write }
const manage = (summary: string) => requires("webhooks:manage", { summary })

export class WebhooksGroup extends HttpApiGroup.make("webhooks")
  .add(
    HttpApiEndpoint.post("create", "/webhooks", {
      headers,
      payload: NewWebhook,
      success: WebhookWithSecret.pipe(HttpApiSchema.status(201)),
      error: Problem.write
    }).annotateMerge(manage("Send events to a URL; the secret is shown this once")),
    HttpApiEndpoint.get("list", "/webhooks", {
      query: Parameters.paging,
      success: WebhookList,
      error: Problem.read
    }).annotateMerge(manage("List webhooks, disabled ones too")),
    HttpApiEndpoint.get("get", "/webhooks/:webhook", {
      params,
      success: WebhookView,
      error: Problem.read
    }).annotateMerge(manage("Show a webhook")),
    HttpApiEndpoint.delete("remove", "/webhooks/:webhook", {
      params,
      success: HttpApiSchema.NoContent,
      error: Problem.write
    }).annotateMerge(manage("Remove a webhook")),
    HttpApiEndpoint.post("replaceSecret", "/webhooks/:webhook/secret", {
      ...verb,
      success: WebhookWithSecret
    }).annotateMerge(manage("Replace the secret; the one before signs as well for a day")),
    HttpApiEndpoint.post("enable", "/webhooks/:webhook/enable", { ...verb, success: WebhookView }).annotateMerge(
      manage("Send events again, from now on")
    ),
    HttpApiEndpoint.post("disable", "/webhooks/:webhook/disable", { ...verb, success: WebhookView }).annotateMerge(
      manage("Send no events")
    ),
    HttpApiEndpoint.post("test", "/webhooks/:webhook/test", {
      ...verb,
      success: DeliveryView.pipe(HttpApiSchema.status(202))
    }).annotateMerge(manage("Send a message of type webhook.test")),
    HttpApiEndpoint.get("deliveries", "/webhooks/:webhook/deliveries", {
      params,
      query: { ...Parameters.paging, status: Schema.optionalKey(TaskStatus) },
      success: DeliveryPage,
      error: Problem.read
    }).annotateMerge(manage("List deliveries")),
    HttpApiEndpoint.post("redeliver", "/webhooks/:webhook/deliveries/:delivery/redeliver", {
      params: { ...params, delivery: TaskId },
      headers,
      success: DeliveryView.pipe(HttpApiSchema.status(202)),
      error: Problem.write
    }).annotateMerge(manage("Send a delivery now, also one that arrived"))
  )
  .middleware(Idempotency)
  .middleware(Authorization) {}
