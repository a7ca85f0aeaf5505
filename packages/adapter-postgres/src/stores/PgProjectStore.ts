/**
 * Projects as documents; columns repeat what is looked for. Names are unique among projects that are not deleted. A document that cannot
 * be read makes its project `damaged`: columns and the fields that are good are shown, and the row is not written over.
 */
import { Project } from "@rdev/core/domain/Project"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { Effect, Layer, Option, Schema } from "effect"
import { Database } from "../engine/Database.ts"
import { fail, operation, reportDamage } from "./StoreOperation.ts"

const insertSql = `INSERT INTO rdev.project (id, name, status, revision, data) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id`
const updateSql = `UPDATE rdev.project SET name = $2, status = $3, revision = $4, data = $5 WHERE id = $1 AND revision = $4 - 1 RETURNING id`
const revisionSql = `SELECT revision FROM rdev.project WHERE id = $1`
const rowSql = `SELECT id, name, status, revision, data FROM rdev.project`
const byIdSql = `${rowSql} WHERE id = $1`
const byNameSql = `${rowSql} WHERE name = $1 AND status <> 'deleted'`
const listSql = `
  ${rowSql}
  WHERE status <> 'deleted' AND ($1::text IS NULL OR id > $1) AND ($3::text[] IS NULL OR id = ANY ($3))
  ORDER BY id LIMIT $2`

/** Others take others at the same time: nobody waits for a row. */
const takeDueSql = `
  WITH due AS (
    SELECT id FROM rdev.project WHERE status IN ('ready', 'failed') AND sync_at_millis <= $1
    ORDER BY sync_at_millis, id LIMIT $3 FOR UPDATE SKIP LOCKED
  )
  UPDATE rdev.project p SET sync_at_millis = $2 FROM due WHERE p.id = due.id
  RETURNING p.id, p.name, p.status, p.revision, p.data`
const scheduleSql = `
  UPDATE rdev.project p SET sync_at_millis = n.at FROM unnest($1::text[], $2::bigint[]) n(id, at) WHERE p.id = n.id`

const encode = Schema.encodeSync(Schema.Struct(Project.fields))
const decode = Schema.decodeUnknownResult(Project)
interface Row {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly revision: number
  readonly data: unknown
}

const never = new Date(0).toISOString()
const without: typeof Project.Encoded = {
  id: "",
  name: "",
  template: "default",
  status: "damaged",
  description: "",
  agent: "scripted",
  defaultBranch: "main",
  workDir: "/workspace",
  cloneUrl: null,
  resources: [],
  operationId: null,
  createdAt: never,
  updatedAt: never,
  revision: 1
}
/** The fields of the document that are good, and something harmless for the others. */
const salvaged = ({ data, id, name, revision, status }: Row): unknown => {
  const good = Object.entries(Project.fields).flatMap(([field, schema]) => {
    const value: unknown = typeof data === "object" && data !== null ? Reflect.get(data, field) : undefined
    return value !== undefined && Schema.decodeUnknownResult(schema as Schema.Codec<unknown>)(value)._tag === "Success"
      ? [[field, value] as const]
      : []
  })
  return {
    ...without,
    ...Object.fromEntries(good),
    id,
    name,
    revision,
    status: status === "deleting" || status === "deleted" ? status : "damaged"
  }
}
const damaged = "record"
const repair =
  "Restore the row of table project from a backup, or delete the project; nothing else is written to it meanwhile"

/** Also of a damaged row; null when not even its id and name can be used. */
const read = (row: Row): Effect.Effect<Project | null> => {
  const result = decode(row.data)
  if (result._tag === "Success") return Effect.succeed(result.success)
  const rest = decode(salvaged(row))
  return Effect.as(
    reportDamage({
      owner: row.id,
      part: damaged,
      message: `the stored project cannot be read: ${result.failure.message}`,
      repair
    }),
    rest._tag === "Success" ? rest.success : null
  )
}
const columns = (project: Project) => [
  project.id,
  project.name,
  project.status,
  project.revision,
  JSON.stringify(encode(project))
]

export const layer: Layer.Layer<ProjectStore, never, Database> = Layer.effect(
  ProjectStore,
  Effect.gen(function* () {
    const { query } = yield* Database
    const documents = (sql: string, params: ReadonlyArray<unknown>) =>
      Effect.flatMap(query<Row>(sql, params, { prepare: true }), (rows) =>
        Effect.map(Effect.forEach(rows, read), (projects) => projects.filter((project) => project !== null))
      )
    const one = (sql: string, param: string) =>
      Effect.map(documents(sql, [param]), (rows) => Option.fromNullishOr(rows[0]))

    const insert = (project: Project) =>
      Effect.gen(function* () {
        const rows = yield* query(insertSql, columns(project), { prepare: true })
        if (rows.length === 0)
          return yield* fail("ProjectStore.insert", { _tag: "AlreadyExists", entity: "project", id: project.name })
      })
    const update = (project: Project) =>
      Effect.gen(function* () {
        if (project.status === "damaged")
          return yield* fail("ProjectStore.update", {
            _tag: "Corrupt",
            message: `the record of project ${project.name} is damaged and is not written over. ${repair}`
          })
        const rows = yield* query(updateSql, columns(project), { prepare: true })
        if (rows.length === 1) return
        const stored = yield* query<{ readonly revision: number }>(revisionSql, [project.id], { prepare: true })
        return yield* fail(
          "ProjectStore.update",
          stored[0] === undefined
            ? { _tag: "NotFound", entity: "project", id: project.id }
            : {
                _tag: "Conflict",
                message: `project ${project.id} is at revision ${stored[0].revision}, not ${project.revision - 1}: somebody changed it; read it again`
              }
        )
      })

    return ProjectStore.of({
      insert: (project) => operation("ProjectStore.insert")(insert(project)),
      update: (project) => operation("ProjectStore.update")(update(project)),
      byId: (id) => operation("ProjectStore.byId")(one(byIdSql, id)),
      byName: (name) => operation("ProjectStore.byName")(one(byNameSql, name)),
      list: ({ after, limit, only }) => operation("ProjectStore.list")(documents(listSql, [after, limit, only])),
      takeDue: ({ limit, nowMillis, untilMillis }) =>
        operation("ProjectStore.takeDue")(documents(takeDueSql, [nowMillis, untilMillis, limit])),
      schedule: (next) =>
        next.length === 0
          ? Effect.void
          : operation("ProjectStore.schedule")(
              Effect.asVoid(
                query(scheduleSql, [next.map(({ id }) => id), next.map(({ atMillis }) => atMillis)], { prepare: true })
              )
            )
    })
  })
)
