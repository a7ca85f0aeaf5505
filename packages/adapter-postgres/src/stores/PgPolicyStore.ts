/** What was said about projects' policies, as documents numbered without gaps. */
import { PolicyEntry } from "@rdev/core/domain/PolicyEntry"
import { PolicyStore } from "@rdev/core/ports/stores/PolicyStore"
import { Effect, Layer, Schema } from "effect"
import { Database } from "../engine/Database.ts"
import { decoder, fail, operation } from "./StoreOperation.ts"

const appendSql = `
  INSERT INTO rdev.policy_entry (project_id, number, word, data)
  SELECT $1, $2, $3, $4 WHERE $2 = 1 + coalesce((SELECT max(number) FROM rdev.policy_entry WHERE project_id = $1), 0)
  ON CONFLICT DO NOTHING RETURNING number`
const standingSql = `
  SELECT data FROM rdev.policy_entry WHERE project_id = $1
  AND number >= coalesce((SELECT max(number) FROM rdev.policy_entry WHERE project_id = $1 AND word = 'accepted'), 0) ORDER BY number`
const historySql = `SELECT data FROM rdev.policy_entry WHERE project_id = $1 ORDER BY number DESC LIMIT $2`
const removeAllSql = `DELETE FROM rdev.policy_entry WHERE project_id = $1`

const encode = Schema.encodeSync(Schema.Struct(PolicyEntry.fields))
const decode = decoder("PolicyStore", PolicyEntry)

export const layer: Layer.Layer<PolicyStore, never, Database> = Layer.effect(
  PolicyStore,
  Effect.gen(function* () {
    const { query } = yield* Database
    const documents = (sql: string, params: ReadonlyArray<unknown>) =>
      Effect.flatMap(query<{ readonly data: unknown }>(sql, params, { prepare: true }), decode)
    const append = Effect.fnUntraced(function* (entry: PolicyEntry) {
      const rows = yield* query(appendSql, [entry.projectId, entry.number, entry.word, JSON.stringify(encode(entry))])
      if (rows.length === 0)
        return yield* fail("PolicyStore.append", {
          _tag: "Conflict",
          message: `entry ${entry.number} of the policy of ${entry.projectId} is not the next`
        })
    })
    return PolicyStore.of({
      append: (entry) => operation("PolicyStore.append")(append(entry)),
      standing: (projectId) => operation("PolicyStore.standing")(documents(standingSql, [projectId])),
      history: (projectId, limit) => operation("PolicyStore.history")(documents(historySql, [projectId, limit])),
      removeAll: (projectId) => operation("PolicyStore.removeAll")(Effect.asVoid(query(removeAllSql, [projectId])))
    })
  })
)
