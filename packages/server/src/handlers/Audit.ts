/** `audit`: the trail as one line per operation, as entries of its chain, and as a file. A cursor is the number to go on before. */
import { Api } from "@rdev/api/Api"
import type { AuditEntry } from "@rdev/core/domain/Audit"
import type { ProjectId } from "@rdev/core/domain/Ids"
import { Audit, type Page, type Trail } from "@rdev/core/services/Audit"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Stream from "effect/Stream"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"
import { Paging, type Query } from "../http/Paging.ts"
import * as Views from "../Views.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "audit",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const audit = yield* Audit
    const paging = yield* Paging

    const page = Effect.fnUntraced(function* (
      name: string,
      projectId: ProjectId | null,
      query: Query,
      read: (projectId: ProjectId | null, page: Page) => Effect.Effect<Trail, StoreError>
    ) {
      const names = [name, projectId]
      const { after, limit } = yield* paging.read(names, query)
      const { entries, next } = yield* read(projectId, { before: after === null ? null : Number(after), limit })
      return { entries, nextCursor: paging.next(names, limit, entries, next === null ? undefined : String(next)) }
    })
    const lines = (projectId: ProjectId | null, query: Query) =>
      Effect.map(page("audit", projectId, query, audit.operations), ({ entries, nextCursor }) => ({
        operations: entries.map(Views.auditLine),
        nextCursor
      }))
    const chain = (projectId: ProjectId | null, query: Query) =>
      Effect.map(
        page("audit-entries", projectId, query, audit.entries),
        ({
          entries,
          nextCursor
        }: {
          readonly entries: ReadonlyArray<AuditEntry>
          readonly nextCursor: string | null
        }) => ({ entries: entries.map(Views.audit), nextCursor })
      )
    // Lost halfway, the file has no head line, and a check says so.
    const file = (projectId: ProjectId | null) => Stream.encodeText(audit.export(projectId))
    const whole = Access.everything("read the trail of one with /projects/{project}/audit")

    return handlers.handleAll({
      ofProject: ({ params, query }) =>
        answer(Effect.flatMap(findProject(params.project), (project) => lines(project.id, query))),
      entriesOfProject: ({ params, query }) =>
        answer(Effect.flatMap(findProject(params.project), (project) => chain(project.id, query))),
      exportOfProject: ({ params }) => answer(Effect.map(findProject(params.project), (project) => file(project.id))),
      ofSystem: ({ query }) => answer(Effect.andThen(whole, lines(null, query))),
      entriesOfSystem: ({ query }) => answer(Effect.andThen(whole, chain(null, query))),
      exportOfSystem: () => answer(Effect.as(whole, file(null)))
    })
  })
)
