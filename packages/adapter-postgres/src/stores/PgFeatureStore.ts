/** Index rows of features as documents; a project has a slug once. */
import { FeatureIndex } from "@rdev/core/domain/FeatureIndex"
import { FeatureStore } from "@rdev/core/ports/stores/FeatureStore"
import { Effect, Layer, Option, Schema } from "effect"
import { Database } from "../engine/Database.ts"
import { decoder, fail, operation, tolerant } from "./StoreOperation.ts"

const insertSql = `INSERT INTO rdev.feature (id, project_id, slug, live, data) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id`
const putSql = `
  INSERT INTO rdev.feature (id, project_id, slug, live, data) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (project_id, slug) DO UPDATE SET id = excluded.id, live = excluded.live, data = excluded.data`
const getSql = `SELECT data FROM rdev.feature WHERE project_id = $1 AND slug = $2`
const listSql = `SELECT data, project_id, slug FROM rdev.feature WHERE project_id = $1 AND ($2::text IS NULL OR id > $2) ORDER BY id LIMIT $3`
const liveSql = `SELECT data, project_id, slug FROM rdev.feature WHERE live AND ($1::text IS NULL OR project_id = $1) ORDER BY id`
const removeAllSql = `DELETE FROM rdev.feature WHERE project_id = $1`

const encode = Schema.encodeSync(Schema.Struct(FeatureIndex.fields))
const decode = decoder("FeatureStore", FeatureIndex)
interface ListRow {
  readonly data: unknown
  readonly project_id: string
  readonly slug: string
}
/** One damaged row must not stop the others' features. */
const decodeEach = tolerant(FeatureIndex, (row: ListRow) => ({
  owner: row.project_id,
  part: `feature ${row.slug}`,
  repair:
    "Delete its row of table feature: the feature's files in the repository hold everything, and adopting the feature indexes it again"
}))
const columns = (feature: FeatureIndex) => [
  feature.id,
  feature.projectId,
  feature.slug,
  feature.live,
  JSON.stringify(encode(feature))
]

export const layer: Layer.Layer<FeatureStore, never, Database> = Layer.effect(
  FeatureStore,
  Effect.gen(function* () {
    const { query } = yield* Database
    const documents = (sql: string, params: ReadonlyArray<unknown>) =>
      Effect.flatMap(query<{ readonly data: unknown }>(sql, params, { prepare: true }), decode)

    const each = (sql: string, params: ReadonlyArray<unknown>) =>
      Effect.flatMap(query<ListRow>(sql, params, { prepare: true }), decodeEach)

    const insert = (feature: FeatureIndex) =>
      Effect.gen(function* () {
        const rows = yield* query(insertSql, columns(feature), { prepare: true })
        if (rows.length === 0)
          return yield* fail("FeatureStore.insert", { _tag: "AlreadyExists", entity: "feature", id: feature.slug })
      })

    return FeatureStore.of({
      insert: (feature) => operation("FeatureStore.insert")(insert(feature)),
      put: (feature) =>
        operation("FeatureStore.put")(Effect.asVoid(query(putSql, columns(feature), { prepare: true }))),
      get: (projectId, slug) =>
        operation("FeatureStore.get")(
          Effect.map(documents(getSql, [projectId, slug]), (rows) => Option.fromNullishOr(rows[0]))
        ),
      list: (projectId, { after, limit }) => operation("FeatureStore.list")(each(listSql, [projectId, after, limit])),
      live: (projectId) => operation("FeatureStore.live")(each(liveSql, [projectId])),
      removeAll: (projectId) => operation("FeatureStore.removeAll")(Effect.asVoid(query(removeAllSql, [projectId])))
    })
  })
)
