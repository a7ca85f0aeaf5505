/** A subscription of somebody outside: events whose type it names are posted to its URL (Standard Webhooks 1.0). */
import { Schema } from "effect"
import { ProjectId, WebhookId } from "./Ids.ts"

/**
 * Which events: a type such as `task.failed`, all types that begin like `task.*`, all with `*`, or with `notify` those that ask for
 * somebody's attention, whatever their type (`notify: true` in their data, e.g. a task whose credentials were refused).
 */
export const EventPattern = Schema.String.check(
  Schema.isMaxLength(100),
  Schema.isPattern(/^(\*|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*(\.\*)?)$/u, {
    message: "expected an event type such as task.failed, a group such as task.*, notify, or *"
  })
)

export class Webhook extends Schema.Class<Webhook>("rdev/Webhook")({
  id: WebhookId,
  /** Events of this project; null = of all projects and of the installation. */
  projectId: Schema.NullOr(ProjectId),
  url: Schema.String,
  events: Schema.Array(EventPattern),
  createdAtMillis: Schema.Int,
  /** Until when the secret before the present one signs as well; null = there is none. */
  previousSecretUntilMillis: Schema.NullOr(Schema.Int),
  /** Why and since when nothing is sent. */
  disabled: Schema.NullOr(Schema.Struct({ atMillis: Schema.Int, reason: Schema.String }))
}) {}
