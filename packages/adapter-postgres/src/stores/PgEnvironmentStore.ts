/** Environments as documents; a project has a name once. One that cannot be read is left out of lists and reported. */
import { Environment } from "@rdev/core/domain/Environment"
import { EnvironmentStore } from "@rdev/core/ports/stores/EnvironmentStore"
import { Effect, Layer, Option, Schema } from "effect"
import { Database } from "../engine/Database.ts"
import { fail, operation, tolerant } from "./StoreOperation.ts"

const insertSql = `INSERT INTO rdev.environment (id, project_id, name, revision, data) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id`
const updateSql = `UPDATE rdev.environment SET revision = $2, data = $3 WHERE id = $1 AND revision = $2 - 1 RETURNING id`
const revisionSql = `SELECT revision FROM rdev.environment WHERE id = $1`
const rowSql = `SELECT id, project_id, name, data FROM rdev.environment`
const byIdSql = `${rowSql} WHERE id = $1`
const ofProjectsSql = `${rowSql} WHERE project_id = ANY ($1) ORDER BY id`
const removeSql = `DELETE FROM rdev.environment WHERE id = $1`
const removeAllSql = `DELETE FROM rdev.environment WHERE project_id = $1`

const encode = Schema.encodeSync(Schema.Struct(Environment.fields))
interface Row {
  readonly id: string
  readonly project_id: string
  readonly name: string
  readonly data: unknown
}
const decodeEach = tolerant(Environment, (row: Row) => ({
  owner: row.project_id,
  part: `environment ${row.name}`,
  repair: `Restore its row of table environment (${row.id}) from a backup`
}))
const document = (environment: Environment) => JSON.stringify(encode(environment))

export const layer: Layer.Layer<EnvironmentStore, never, Database> = Layer.effect(
  EnvironmentStore,
  Effect.gen(function* () {
    const { query } = yield* Database
    const documents = (sql: string, params: ReadonlyArray<unknown>) =>
      Effect.flatMap(query<Row>(sql, params, { prepare: true }), decodeEach)

    const insert = (environment: Environment) =>
      Effect.gen(function* () {
        const { id, name, projectId, revision } = environment
        const rows = yield* query(insertSql, [id, projectId, name, revision, document(environment)], { prepare: true })
        if (rows.length === 0)
          return yield* fail("EnvironmentStore.insert", { _tag: "AlreadyExists", entity: "environment", id: name })
      })
    const update = (environment: Environment) =>
      Effect.gen(function* () {
        const { id, revision } = environment
        const rows = yield* query(updateSql, [id, revision, document(environment)], { prepare: true })
        if (rows.length === 1) return
        const stored = yield* query<{ readonly revision: number }>(revisionSql, [id], { prepare: true })
        return yield* fail(
          "EnvironmentStore.update",
          stored[0] === undefined
            ? { _tag: "NotFound", entity: "environment", id }
            : {
                _tag: "Conflict",
                message: `environment ${id} is at revision ${stored[0].revision}, not ${revision - 1}: somebody changed it; read it again`
              }
        )
      })

    return EnvironmentStore.of({
      insert: (environment) => operation("EnvironmentStore.insert")(insert(environment)),
      update: (environment) => operation("EnvironmentStore.update")(update(environment)),
      byId: (id) =>
        operation("EnvironmentStore.byId")(
          Effect.map(documents(byIdSql, [id]), (rows) => Option.fromNullishOr(rows[0]))
        ),
      ofProjects: (ids) =>
        operation("EnvironmentStore.ofProjects")(
          ids.length === 0 ? Effect.succeed([]) : documents(ofProjectsSql, [ids])
        ),
      remove: (id) => operation("EnvironmentStore.remove")(Effect.asVoid(query(removeSql, [id], { prepare: true }))),
      removeAll: (projectId) =>
        operation("EnvironmentStore.removeAll")(Effect.asVoid(query(removeAllSql, [projectId], { prepare: true })))
    })
  })
)
