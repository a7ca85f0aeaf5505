/** `events`: a page of the log, or the whole connection handed over to the broadcaster. */
import { Api } from "@rdev/api/Api"
import * as Problem from "@rdev/api/Problem"
import type { OperationId, TaskId } from "@rdev/core/domain/Ids"
import { ofProject, type StreamName, type Subject, system } from "@rdev/core/domain/Event"
import { Operations } from "@rdev/core/operations/Operations"
import { type EventFilter, EventLog } from "@rdev/core/ports/stores/EventLog"
import { WorkQueue } from "@rdev/core/queue/WorkQueue"
import * as Owners from "@rdev/core/services/Owners"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type { ServerResponse } from "node:http"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"
import * as Frames from "../sse/Frames.ts"
import { Broadcaster, pastTheEnd } from "../sse/Broadcaster.ts"

interface Query {
  readonly after?: number
  readonly limit?: number
  readonly types?: string
  readonly feature?: string
  readonly task_id?: string
  readonly exec_id?: string
}
interface Headers {
  readonly "last-event-id"?: number
  readonly accept?: string
}

const filterOf = (query: Query, about: Subject): EventFilter | undefined => {
  const subject: Subject = {
    ...(query.feature === undefined ? {} : { feature: query.feature }),
    ...(query.task_id === undefined ? {} : { taskId: query.task_id }),
    ...(query.exec_id === undefined ? {} : { execId: query.exec_id }),
    ...about
  }
  const filter: EventFilter = {
    ...(query.types === undefined ? {} : { types: query.types.split(",") }),
    ...(Object.keys(subject).length === 0 ? {} : { subject })
  }
  return Object.keys(filter).length === 0 ? undefined : filter
}

const wantsStream = (accept: string | undefined) => (accept ?? "").toLowerCase().includes("text/event-stream")
const wantsJson = (accept: string | undefined) =>
  accept === undefined || /application\/json|application\/\*|\*\/\*/.test(accept.toLowerCase())

export const layer = HttpApiBuilder.group(
  Api,
  "events",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const log = yield* EventLog
    const broadcaster = yield* Broadcaster
    const queue = yield* WorkQueue
    const projectOf = yield* Owners.makeOfAll
    const operations = yield* Operations

    const read = Effect.fnUntraced(function* (
      stream: StreamName,
      query: Query,
      headers: Headers,
      about: Subject,
      request: HttpServerRequest.HttpServerRequest
    ) {
      const filter = filterOf(query, about)
      // A reconnecting browser says where it stands in the header; the URL still holds where it began.
      const resumed = wantsStream(headers.accept) ? (headers["last-event-id"] ?? 0) : 0
      const after = Math.max(query.after ?? 0, resumed)
      if (wantsStream(headers.accept)) {
        // A stream has no end at which a response without a body could be sent.
        if (request.method === "HEAD")
          return HttpServerResponse.empty({
            status: 200,
            headers: { "content-type": "text/event-stream; charset=utf-8" }
          })
        yield* broadcaster.serve(
          { stream, after, filter, cursorAt: after === query.after ? "/query/after" : "/header/last-event-id" },
          NodeHttpServerRequest.toServerResponse(request) as ServerResponse
        )
        // Written and ended already; this satisfies the type.
        return HttpServerResponse.empty()
      }
      if (!wantsJson(headers.accept))
        return yield* Problem.make("not-acceptable", { detail: "Ask for application/json or text/event-stream" })
      const page = yield* log.read(stream, after, query.limit ?? 100, filter)
      if (after > page.watermark) return yield* pastTheEnd(page.watermark, "/query/after")
      return {
        events: page.events.map(Frames.view),
        cursor: String(Math.max(after, page.cursor)),
        has_more: page.hasMore,
        watermark: page.watermark
      }
    })
    const streamOf = (projectId: string | null) => (projectId === null ? system : ofProject(projectId))

    return handlers.handleAll({
      ofProject: ({ headers, params, query, request }) =>
        answer(
          Effect.gen(function* () {
            const project = yield* findProject(params.project)
            return yield* read(ofProject(project.id), query, headers, {}, request)
          })
        ),
      ofOperation: ({ headers, params, query, request }) =>
        answer(
          Effect.gen(function* () {
            const operation = yield* operations.get(params.operation as OperationId)
            yield* Access.visible(operation.projectId, `operation ${params.operation}`)
            return yield* read(streamOf(operation.projectId), query, headers, { operationId: operation.id }, request)
          })
        ),
      ofTask: ({ headers, params, query, request }) =>
        answer(
          Effect.gen(function* () {
            const task = yield* queue.get(params.task as TaskId)
            const projectId = yield* projectOf(task.owner)
            yield* Access.visible(projectId, `task ${params.task}`)
            return yield* read(streamOf(projectId), query, headers, { taskId: task.id }, request)
          })
        ),
      ofSystem: ({ headers, query, request }) =>
        answer(
          Effect.andThen(
            Access.everything("read the events of one with /projects/{project}/events"),
            read(system, query, headers, {}, request)
          )
        )
    })
  })
)
