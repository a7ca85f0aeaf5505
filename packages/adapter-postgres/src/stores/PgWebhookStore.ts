/** Webhooks as documents. Fields that change stand in columns, so that one statement sets some and keeps what others set at once. */
import type { WebhookId } from "@rdev/core/domain/Ids"
import { Webhook } from "@rdev/core/domain/Webhook"
import { type WebhookChange, WebhookStore } from "@rdev/core/ports/stores/WebhookStore"
import { Effect, Layer, Option, Schema } from "effect"
import { Database } from "../engine/Database.ts"
import { decoder, fail, operation, tolerant } from "./StoreOperation.ts"

const insertSql = `
  INSERT INTO rdev.webhook (id, previous_secret_until_millis, disabled, data) VALUES ($1, $2, $3, $4)
  ON CONFLICT DO NOTHING RETURNING id`
const selectSql = `SELECT data, previous_secret_until_millis, disabled FROM rdev.webhook`
const getSql = `${selectSql} WHERE id = $1`
const listSql = `${selectSql} ORDER BY id`
/** An SQL NULL leaves a column alone; a field is set to null with JSON null. */
const changeSql = `
  UPDATE rdev.webhook SET previous_secret_until_millis = coalesce($2, previous_secret_until_millis), disabled = coalesce($3, disabled)
  WHERE id = $1 RETURNING data, previous_secret_until_millis, disabled`
const removeSql = `DELETE FROM rdev.webhook WHERE id = $1`

interface Row {
  readonly data: object
  readonly previous_secret_until_millis: unknown
  readonly disabled: unknown
}
const { previousSecretUntilMillis, disabled, ...fixed } = Webhook.fields
const encodeFixed = Schema.encodeSync(Schema.fromJsonString(Schema.Struct(fixed)))
const encodePrevious = Schema.encodeSync(Schema.fromJsonString(previousSecretUntilMillis))
const encodeDisabled = Schema.encodeSync(Schema.fromJsonString(disabled))
const changing = (fields: WebhookChange) => [
  fields.previousSecretUntilMillis === undefined ? null : encodePrevious(fields.previousSecretUntilMillis),
  fields.disabled === undefined ? null : encodeDisabled(fields.disabled)
]
const decode = decoder("WebhookStore", Webhook)
const assembled = (row: Row) => ({
  data: { ...row.data, previousSecretUntilMillis: row.previous_secret_until_millis, disabled: row.disabled }
})
const webhooks = (rows: ReadonlyArray<Row>) => decode(rows.map(assembled))
const tolerantly = tolerant(Webhook, ({ data }: ReturnType<typeof assembled>) => {
  const { id, projectId } = data as { readonly id?: unknown; readonly projectId?: unknown }
  return {
    owner: typeof projectId === "string" ? projectId : null,
    part: `webhook ${String(id)}`,
    repair: "Delete the webhook and make it again"
  }
})

export const layer: Layer.Layer<WebhookStore, never, Database> = Layer.effect(
  WebhookStore,
  Effect.gen(function* () {
    const { query } = yield* Database

    const insert = (webhook: Webhook) =>
      Effect.gen(function* () {
        const rows = yield* query(insertSql, [webhook.id, ...changing(webhook), encodeFixed(webhook)])
        if (rows.length === 0)
          return yield* fail("WebhookStore.insert", { _tag: "AlreadyExists", entity: "webhook", id: webhook.id })
      })
    const change = (id: WebhookId, fields: WebhookChange) =>
      Effect.gen(function* () {
        const [webhook] = yield* webhooks(yield* query<Row>(changeSql, [id, ...changing(fields)]))
        return webhook ?? (yield* fail("WebhookStore.change", { _tag: "NotFound", entity: "webhook", id }))
      })

    return WebhookStore.of({
      insert: (webhook) => operation("WebhookStore.insert")(insert(webhook)),
      get: (id) =>
        operation("WebhookStore.get")(
          Effect.map(Effect.flatMap(query<Row>(getSql, [id], { prepare: true }), webhooks), (found) =>
            Option.fromNullishOr(found[0])
          )
        ),
      list: operation("WebhookStore.list")(
        Effect.flatMap(query<Row>(listSql), (rows) => tolerantly(rows.map(assembled)))
      ),
      change: (id, fields) => operation("WebhookStore.change")(change(id, fields)),
      remove: (id) => operation("WebhookStore.remove")(Effect.asVoid(query(removeSql, [id])))
    })
  })
)
