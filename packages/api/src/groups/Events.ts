/**
 * Event streams: a page of JSON, or `Accept: text/event-stream` to follow. The server subscribes first, replays after the cursor,
 * drops doubles, says `synced` and goes on live; what retention has removed is told as a `gap`.
 */
import { OperationId, TaskId } from "@rdev/core/domain/Ids"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Authorization, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"

/**
 * Flat, as on the wire: `seq`, `time` (ISO 8601), `type`, what it is about (`task_id`, `operation_id`, `feature`, `run_id`,
 * `exec_id`, `session_id`) and the event's own data. Several lines of `output` come as `lines`, and joined by line feeds as `line`.
 */
export const EventView = Schema.StructWithRest(
  Schema.Struct({ seq: Schema.Int, time: Schema.String, type: Schema.String }),
  [Schema.Record(Schema.String, Schema.Json)]
).annotate({ identifier: "Event" })
export type EventView = typeof EventView.Type

export const EventPage = Schema.Struct({
  events: Schema.Array(EventView),
  /** Give it as `after` to go on. */
  cursor: Schema.String,
  has_more: Schema.Boolean,
  /** Greatest seq of the stream. */
  watermark: Schema.Int
}).annotate({ identifier: "EventPage" })

const query = {
  /** Only events after this seq; default 0; refused (422) beyond the end of the stream. `Last-Event-ID` counts for followers. */
  after: Schema.optionalKey(Parameters.Seq),
  limit: Schema.optionalKey(Parameters.Whole(1, 1000)),
  /** Comma-separated types, e.g. `output,complete`. */
  types: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[a-z0-9._-]{1,60}(?:,[a-z0-9._-]{1,60}){0,31}$/u, {
        message: "expected up to 32 event types, separated by commas"
      })
    )
  ),
  feature: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(60))),
  task_id: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(60))),
  exec_id: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(60)))
}
const headers = { "last-event-id": Schema.optionalKey(Parameters.Seq), accept: Schema.optionalKey(Schema.String) }
const shape = { query, headers, success: EventPage, error: Problem.readFrom }
/** The representation that the framework does not write itself. */
const stream = {
  "x-event-stream": "text/event-stream",
  description:
    "With `Accept: text/event-stream`: `id: <seq>`, `event: <type>`, `data: <Event as JSON>`; `synced` after the replay, `gap {from,to}` for what retention removed, a comment every 15 s."
}

export class EventsGroup extends HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.get("ofProject", "/projects/:project/events", {
      ...shape,
      params: Parameters.project
    }).annotateMerge(requires("projects:read", { summary: "Events of a project", ...stream })),
    HttpApiEndpoint.get("ofOperation", "/operations/:operation/events", {
      ...shape,
      params: { operation: OperationId }
    }).annotateMerge(requires("projects:read", { summary: "Events of an operation", ...stream })),
    HttpApiEndpoint.get("ofTask", "/tasks/:task/events", { ...shape, params: { task: TaskId } }).annotateMerge(
      requires("queue:read", { summary: "Events of a task", ...stream })
    ),
    HttpApiEndpoint.get("ofSystem", "/events", shape).annotateMerge(
      requires("admin", { summary: "Events of the installation", ...stream })
    )
  )
  .middleware(Authorization) {}
