/** Which issue of a forge became which feature, as documents. */
import { IssueLink } from "@rdev/core/domain/forge/IssueLink"
import { IssueStore } from "@rdev/core/ports/stores/IssueStore"
import { Effect, Layer, Option, Schema } from "effect"
import { Database } from "../engine/Database.ts"
import { decoder, fail, operation } from "./StoreOperation.ts"

const claimSql = `
  INSERT INTO rdev.issue_link (project_id, number, slug, data) VALUES ($1, $2, $3, $4)
  ON CONFLICT DO NOTHING RETURNING data`
const getSql = `SELECT data FROM rdev.issue_link WHERE project_id = $1 AND number = $2`
const bySlugSql = `SELECT data FROM rdev.issue_link WHERE project_id = $1 AND slug = $2`
const putSql = `UPDATE rdev.issue_link SET slug = $3, data = $4 WHERE project_id = $1 AND number = $2 RETURNING number`
const removeAllSql = `DELETE FROM rdev.issue_link WHERE project_id = $1`

interface Row {
  readonly data: unknown
}
const encode = Schema.encodeSync(Schema.fromJsonString(IssueLink))
const decode = decoder("IssueStore", IssueLink)
const one = (rows: ReadonlyArray<Row>) => Effect.map(decode(rows), (links) => Option.fromNullishOr(links[0]))

export const layer: Layer.Layer<IssueStore, never, Database> = Layer.effect(
  IssueStore,
  Effect.gen(function* () {
    const { query } = yield* Database
    const get = (projectId: string, number: number) => Effect.flatMap(query<Row>(getSql, [projectId, number]), one)
    const claim = Effect.fnUntraced(function* (link: IssueLink) {
      const rows = yield* query(claimSql, [link.projectId, link.number, link.slug, encode(link)])
      if (rows.length > 0) return link
      const there = yield* get(link.projectId, link.number)
      return Option.isSome(there)
        ? there.value
        : yield* fail("IssueStore.claim", { _tag: "AlreadyExists", entity: "issue", id: link.slug })
    })
    const put = Effect.fnUntraced(function* (link: IssueLink) {
      const rows = yield* query(putSql, [link.projectId, link.number, link.slug, encode(link)])
      if (rows.length === 0)
        return yield* fail("IssueStore.put", { _tag: "NotFound", entity: "issue", id: String(link.number) })
    })
    return IssueStore.of({
      claim: (link) => operation("IssueStore.claim")(claim(link)),
      get: (projectId, number) => operation("IssueStore.get")(get(projectId, number)),
      bySlug: (projectId, slug) =>
        operation("IssueStore.bySlug")(Effect.flatMap(query<Row>(bySlugSql, [projectId, slug]), one)),
      put: (link) => operation("IssueStore.put")(put(link)),
      removeAll: (projectId) => operation("IssueStore.removeAll")(Effect.asVoid(query(removeAllSql, [projectId])))
    })
  })
)
