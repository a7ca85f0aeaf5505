/** What forges told. A delivery that two processes record at once is one's: the other waits for its transaction, and finds it there. */
import type { ProjectId } from "@rdev/core/domain/Ids"
import { ForgeStore } from "@rdev/core/ports/stores/ForgeStore"
import { Effect, Layer } from "effect"
import { Database } from "../engine/Database.ts"
import { operation } from "./StoreOperation.ts"

const recordSql = `
  INSERT INTO rdev.forge_delivery (project_id, id, digest, event, at_millis) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING RETURNING id`
const deliveriesSql = `
  SELECT id, digest, event, at_millis FROM rdev.forge_delivery WHERE project_id = $1 ORDER BY at_millis DESC, id LIMIT $2`
const headsSql = `SELECT ref, sha FROM rdev.forge_head WHERE project_id = $1`
const putHeadsSql = `
  INSERT INTO rdev.forge_head (project_id, ref, sha)
  SELECT $1, moved.ref, moved.sha FROM unnest($2::text[], $3::text[]) AS moved (ref, sha) ORDER BY moved.ref
  ON CONFLICT (project_id, ref) DO UPDATE SET sha = excluded.sha`
const dropHeadsSql = `DELETE FROM rdev.forge_head WHERE project_id = $1 AND ref = ANY ($2::text[])`
const forgetSql = `
  DELETE FROM rdev.forge_delivery WHERE (project_id, id) IN (
    SELECT project_id, id FROM rdev.forge_delivery WHERE at_millis < $1 ORDER BY at_millis LIMIT 10000
  ) RETURNING id`
const removeDeliveriesSql = `DELETE FROM rdev.forge_delivery WHERE project_id = $1`
const removeHeadsSql = `DELETE FROM rdev.forge_head WHERE project_id = $1`

interface Row {
  readonly id: string
  readonly digest: string
  readonly event: string
  readonly at_millis: number
}

export const layer: Layer.Layer<ForgeStore, never, Database> = Layer.effect(
  ForgeStore,
  Effect.gen(function* () {
    const { query } = yield* Database
    const moveHeads = Effect.fnUntraced(function* (projectId: ProjectId, heads: ReadonlyMap<string, string | null>) {
      const all = [...heads]
      const there = all.flatMap(([ref, sha]) => (sha === null ? [] : [{ ref, sha }]))
      const gone = all.flatMap(([ref, sha]) => (sha === null ? [ref] : []))
      if (there.length > 0)
        yield* query(putHeadsSql, [projectId, there.map(({ ref }) => ref), there.map(({ sha }) => sha)])
      if (gone.length > 0) yield* query(dropHeadsSql, [projectId, gone])
    })
    return ForgeStore.of({
      record: ({ atMillis, digest, event, id, projectId }) =>
        operation("ForgeStore.record")(
          Effect.map(query(recordSql, [projectId, id, digest, event, atMillis]), (rows) => rows.length > 0)
        ),
      deliveries: (projectId, limit) =>
        operation("ForgeStore.deliveries")(
          Effect.map(query<Row>(deliveriesSql, [projectId, limit]), (rows) =>
            rows.map(({ at_millis, digest, event, id }) => ({ projectId, id, digest, event, atMillis: at_millis }))
          )
        ),
      heads: (projectId) =>
        operation("ForgeStore.heads")(
          Effect.map(
            query<{ readonly ref: string; readonly sha: string }>(headsSql, [projectId]),
            (rows) => new Map(rows.map(({ ref, sha }) => [ref, sha]))
          )
        ),
      moveHeads: (projectId, heads) => operation("ForgeStore.moveHeads")(moveHeads(projectId, heads)),
      forget: (beforeMillis) =>
        operation("ForgeStore.forget")(Effect.map(query(forgetSql, [beforeMillis]), (rows) => rows.length)),
      removeAll: (projectId) =>
        operation("ForgeStore.removeAll")(
          Effect.asVoid(Effect.andThen(query(removeDeliveriesSql, [projectId]), query(removeHeadsSql, [projectId])))
        )
    })
  })
)
