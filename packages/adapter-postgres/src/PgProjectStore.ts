/** Projects as documents; columns repeat what is looked for. Names are unique among projects that are not deleted. */
import { Project } from "@rdev/core/domain/Project"
import { ProjectStore } from "@rdev/core/ports/ProjectStore"
import { Effect, Layer, Option, Schema } from "effect"
import { Database } from "./Database.ts"
import { decoder, fail, operation } from "./StoreOperation.ts"

const insertSql = `INSERT INTO project (id, name, status, revision, data) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id`
const updateSql = `UPDATE project SET name = $2, status = $3, revision = $4, data = $5 WHERE id = $1 AND revision = $4 - 1 RETURNING id`
const revisionSql = `SELECT revision FROM project WHERE id = $1`
const byIdSql = `SELECT data FROM project WHERE id = $1`
const byNameSql = `SELECT data FROM project WHERE name = $1 AND status <> 'deleted'`
const listSql = `
  SELECT data FROM project
  WHERE status <> 'deleted' AND ($1::text IS NULL OR id > $1) AND ($3::text[] IS NULL OR id = ANY ($3))
  ORDER BY id LIMIT $2`

const encode = Schema.encodeSync(Schema.Struct(Project.fields))
const decode = decoder("ProjectStore", Project)
const columns = (project: Project) => [project.id, project.name, project.status, project.revision, JSON.stringify(encode(project))]

export const layer: Layer.Layer<ProjectStore, never, Database> = Layer.effect(ProjectStore, Effect.gen(function*() {
  const { query } = yield* Database
  const documents = (sql: string, params: ReadonlyArray<unknown>) =>
    Effect.flatMap(query<{ readonly data: unknown }>(sql, params, { prepare: true }), decode)
  const one = (sql: string, param: string) => Effect.map(documents(sql, [param]), (rows) => Option.fromNullishOr(rows[0]))

  const insert = (project: Project) => Effect.gen(function*() {
    const rows = yield* query(insertSql, columns(project), { prepare: true })
    if (rows.length === 0) return yield* fail("ProjectStore.insert", { _tag: "AlreadyExists", entity: "project", id: project.name })
  })
  const update = (project: Project) => Effect.gen(function*() {
    const rows = yield* query(updateSql, columns(project), { prepare: true })
    if (rows.length === 1) return
    const stored = yield* query<{ readonly revision: number }>(revisionSql, [project.id], { prepare: true })
    return yield* fail("ProjectStore.update", stored[0] === undefined
      ? { _tag: "NotFound", entity: "project", id: project.id }
      : { _tag: "Conflict", message: `project ${project.id} is at revision ${stored[0].revision}, not ${project.revision - 1}: somebody changed it; read it again` })
  })

  return ProjectStore.of({
    insert: (project) => operation("ProjectStore.insert")(insert(project)),
    update: (project) => operation("ProjectStore.update")(update(project)),
    byId: (id) => operation("ProjectStore.byId")(one(byIdSql, id)),
    byName: (name) => operation("ProjectStore.byName")(one(byNameSql, name)),
    list: ({ after, limit, only }) => operation("ProjectStore.list")(documents(listSql, [after, limit, only]))
  })
}))
