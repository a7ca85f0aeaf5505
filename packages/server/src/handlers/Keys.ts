/** `keys`: API keys. Nobody hands out more than they have: no other scope, project or address, no longer life, no human's word for an agent's. */
import { Api } from "@rdev/api/Api"
import type { NewKey } from "@rdev/api/groups/Keys"
import * as Problem from "@rdev/api/Problem"
import { allows, CurrentRequest } from "@rdev/core/domain/Principal"
import { AuditStore } from "@rdev/core/ports/stores/AuditStore"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"
import { Paging } from "../http/Paging.ts"
import { ApiKeys } from "../keys/ApiKeys.ts"
import * as Views from "../Views.ts"

const refused = (detail: string) => Problem.make("forbidden", { detail })

export const layer = HttpApiBuilder.group(
  Api,
  "keys",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const keys = yield* ApiKeys
    const audit = yield* AuditStore
    const paging = yield* Paging

    const record = Effect.fnUntraced(function* (
      type: string,
      data: Readonly<Record<string, string | ReadonlyArray<string>>>
    ) {
      const { principal, requestId, sourceAddress } = yield* CurrentRequest
      yield* audit.append({
        projectId: null,
        operationId: null,
        type,
        actor: principal.id,
        requestId,
        sourceAddress,
        outcome: "completed",
        steps: [],
        data
      })
    })
    /** A key for some projects manages keys for those only: it may not reach beyond itself. */
    const within = Effect.fnUntraced(function* (projects: ReadonlyArray<string> | null) {
      const { principal } = yield* CurrentRequest
      if (principal.projects === null) return
      if (projects === null || projects.some((id) => !principal.projects?.includes(id)))
        return yield* refused(
          "This key is for some projects only and can make keys for those only; name them in projects"
        )
    })

    /** What the maker's own key is bound to binds what it makes. */
    const noFurther = Effect.fnUntraced(function* (payload: typeof NewKey.Type) {
      const { principal } = yield* CurrentRequest
      if (principal.type !== "human" && (payload.type ?? "human") === "human")
        return yield* refused(
          `This is a key of type ${principal.type}, which cannot speak for a human; name another type`
        )
      const own = (yield* keys.list).find((key) => key.id === principal.id)
      if (own === undefined) return
      const { cidrs, expiresAtMillis } = own
      if (
        cidrs.length > 0 &&
        (payload.cidrs === undefined ||
          payload.cidrs.length === 0 ||
          payload.cidrs.some((range) => !cidrs.includes(range)))
      ) {
        return yield* refused(`This key is for ${cidrs.join(", ")} only; name some of these in cidrs`)
      }
      if (
        expiresAtMillis !== null &&
        (payload.expiresAt === undefined || DateTime.toEpochMillis(payload.expiresAt) > expiresAtMillis)
      ) {
        return yield* refused(
          `This key ends at ${new Date(expiresAtMillis).toISOString()} and cannot make one that lives longer; name an earlier end in expires_at`
        )
      }
    })

    return handlers.handleAll({
      create: ({ payload }) =>
        answer(
          Effect.gen(function* () {
            const { principal } = yield* CurrentRequest
            const missing = payload.scopes.filter((scope) => !allows(principal, scope))
            if (missing.length > 0)
              return yield* refused(`This key does not have ${missing.join(", ")} itself and cannot hand it out`)
            if (
              payload.expiresAt !== undefined &&
              DateTime.toEpochMillis(payload.expiresAt) <= (yield* Clock.currentTimeMillis)
            ) {
              return yield* Problem.make("unprocessable", {
                detail: "expires_at: lies in the past",
                errors: [{ pointer: "/expires_at", detail: "lies in the past" }]
              })
            }
            const projects =
              payload.projects === undefined
                ? null
                : yield* Effect.forEach(payload.projects, (name) =>
                    Effect.map(findProject(name), (project) => project.id)
                  )
            yield* within(projects)
            yield* noFurther(payload)
            const made = yield* keys.create({
              name: payload.name,
              type: payload.type ?? "human",
              scopes: payload.scopes,
              projects,
              cidrs: payload.cidrs ?? [],
              expiresAtMillis: payload.expiresAt === undefined ? null : DateTime.toEpochMillis(payload.expiresAt)
            })
            yield* record("key.create", {
              key: made.record.id,
              name: made.record.name,
              scopes: [...made.record.scopes]
            })
            return { key: made.key, record: Views.key(made.record) }
          })
        ),
      list: ({ query }) =>
        answer(
          Effect.gen(function* () {
            const { principal } = yield* CurrentRequest
            const all = yield* keys.list
            const { nextCursor, page } = yield* paging.whole(
              ["keys", ...(principal.projects ?? [])],
              query,
              all.filter(
                (key) =>
                  principal.projects === null ||
                  (key.projects !== null && key.projects.every((id) => principal.projects?.includes(id)))
              )
            )
            return { keys: page.map(Views.key), nextCursor }
          })
        ),
      revoke: ({ params }) =>
        answer(
          Effect.gen(function* () {
            const found = (yield* keys.list).find((key) => key.id === params.key)
            if (found === undefined)
              return yield* Problem.make("not-found", { detail: `key ${params.key} does not exist` })
            yield* within(found.projects)
            yield* keys.revoke(params.key)
            yield* record("key.revoke", { key: params.key, name: found.name })
          })
        )
    })
  })
)
