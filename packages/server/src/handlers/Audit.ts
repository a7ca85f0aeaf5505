/** `audit`: the trail, newest first. A cursor is the number of the last entry shown. */
import { Api } from "@rdev/api/Api"
import { AuditStore } from "@rdev/core/ports/AuditStore"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"
import { Paging, type Query } from "../http/Paging.ts"
import * as Views from "../Views.ts"

export const layer = HttpApiBuilder.group(Api, "audit", Effect.fn(function*(handlers) {
  const findProject = yield* Access.findProject
  const store = yield* AuditStore
  const paging = yield* Paging
  const list = Effect.fnUntraced(function*(projectId: string | null, query: Query) {
    const names = ["audit", projectId]
    const { after, limit } = yield* paging.read(names, query)
    const rows = yield* store.list(projectId, { before: after === null ? null : Number(after), limit })
    const last = rows.at(-1)?.number
    return { operations: rows.map(Views.audit), nextCursor: paging.next(names, limit, rows, last === undefined ? undefined : String(last)) }
  })
  return handlers.handleAll({
    ofProject: ({ params, query }) => answer(Effect.flatMap(findProject(params.project), (project) => list(project.id, query))),
    ofSystem: ({ query }) => answer(Effect.andThen(Access.everything("read the trail of one with /projects/{project}/audit"), list(null, query)))
  })
}))
