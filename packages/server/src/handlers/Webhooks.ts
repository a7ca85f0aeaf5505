/** `webhooks`: who gets which events. A key for some projects sees and makes webhooks of those only. */
import { Api } from "@rdev/api/Api"
import type { TaskId, WebhookId } from "@rdev/core/domain/Ids"
import type { TaskStatus } from "@rdev/core/domain/WorkTask"
import { CurrentRequest } from "@rdev/core/domain/Principal"
import { Audit } from "@rdev/core/services/Audit"
import { Webhooks } from "@rdev/core/services/Webhooks"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Redacted from "effect/Redacted"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"
import { Paging } from "../http/Paging.ts"
import * as Views from "../Views.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "webhooks",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const webhooks = yield* Webhooks
    const audit = yield* Audit
    const paging = yield* Paging

    const seen = Effect.fnUntraced(function* (id: WebhookId) {
      const webhook = yield* webhooks.get(id)
      yield* Access.visible(webhook.projectId, `webhook ${id}`)
      return webhook
    })
    /** Done and recorded. */
    const deed = <A, E, R>(id: WebhookId, type: string, effect: Effect.Effect<A, E, R>) =>
      answer(
        Effect.gen(function* () {
          const { projectId } = yield* seen(id)
          const result = yield* effect
          yield* audit.record({ projectId, type, data: { webhook: id } })
          return result
        })
      )

    return handlers.handleAll({
      create: ({ payload }) =>
        answer(
          Effect.gen(function* () {
            if (payload.project === undefined) yield* Access.everything("name one in project")
            const projectId = payload.project === undefined ? null : (yield* findProject(payload.project)).id
            const { secret, webhook } = yield* webhooks.create({ projectId, url: payload.url, events: payload.events })
            yield* audit.record({
              projectId,
              type: "webhook.create",
              data: { webhook: webhook.id, url: webhook.url, events: [...webhook.events] }
            })
            return { webhook: Views.webhook(webhook), secret: Redacted.value(secret) }
          })
        ),
      list: ({ query }) =>
        answer(
          Effect.gen(function* () {
            const { principal } = yield* CurrentRequest
            const all = yield* webhooks.list
            const { nextCursor, page } = yield* paging.whole(
              ["webhooks", ...(principal.projects ?? [])],
              query,
              all.filter((webhook) => Access.isVisible(principal, webhook.projectId))
            )
            return { webhooks: page.map(Views.webhook), nextCursor }
          })
        ),
      get: ({ params }) => answer(Effect.map(seen(params.webhook), Views.webhook)),
      remove: ({ params }) => deed(params.webhook, "webhook.remove", webhooks.remove(params.webhook)),
      replaceSecret: ({ params }) =>
        deed(
          params.webhook,
          "webhook.secret",
          Effect.map(webhooks.replaceSecret(params.webhook), ({ secret, webhook }) => ({
            webhook: Views.webhook(webhook),
            secret: Redacted.value(secret)
          }))
        ),
      enable: ({ params }) =>
        deed(params.webhook, "webhook.enable", Effect.map(webhooks.enable(params.webhook), Views.webhook)),
      disable: ({ params }) =>
        deed(
          params.webhook,
          "webhook.disable",
          Effect.map(webhooks.disable(params.webhook, "somebody disabled it"), Views.webhook)
        ),
      test: ({ params }) =>
        answer(Effect.map(Effect.andThen(seen(params.webhook), webhooks.test(params.webhook)), Views.delivery)),
      deliveries: ({ params, query }) =>
        answer(
          Effect.gen(function* () {
            yield* seen(params.webhook)
            const status: TaskStatus | null = query.status ?? null
            const names = ["deliveries", params.webhook, status]
            const { after, limit } = yield* paging.read(names, query)
            const rows = yield* webhooks.deliveries(params.webhook, { status, after: after as TaskId | null, limit })
            return {
              deliveries: rows.map(Views.delivery),
              nextCursor: paging.next(names, limit, rows, rows.at(-1)?.task.id)
            }
          })
        ),
      redeliver: ({ params }) =>
        deed(
          params.webhook,
          "webhook.redeliver",
          Effect.map(webhooks.redeliver(params.webhook, params.delivery), Views.delivery)
        )
    })
  })
)
