/**
 * The event log's entries. One stream per project (`project:<id>`) and one for the installation (`system`);
 * `seq` is gapless within a stream, so that a reader can resume after any cursor without missing an entry.
 */
import { Schema } from "effect"
import { snake } from "./WireName.ts"

/** `project:<ProjectId>` or `system`. */
export const StreamName = Schema.String.check(Schema.isPattern(/^(system|project:proj_[0-9A-HJKMNP-TV-Z]{26})$/u)).pipe(
  Schema.brand("rdev/StreamName")
)
export type StreamName = typeof StreamName.Type

export const ofProject = (projectId: string): StreamName => StreamName.make(`project:${projectId}`)
export const system: StreamName = StreamName.make("system")

/** Ids of what the event is about, so that a reader can follow one task, operation, feature or session of the stream. */
export const Subject = Schema.Struct({
  taskId: Schema.optionalKey(Schema.String),
  operationId: Schema.optionalKey(Schema.String),
  feature: Schema.optionalKey(Schema.String),
  runId: Schema.optionalKey(Schema.String),
  execId: Schema.optionalKey(Schema.String),
  sessionId: Schema.optionalKey(Schema.String)
})
export type Subject = typeof Subject.Type

export const NewEvent = Schema.Struct({
  /** e.g. `output`, `complete`, `step.started`, `feature.decided`; dotted lower-case. */
  type: Schema.String,
  subject: Subject,
  /** JSON; at most 16 KiB encoded (EventLog refuses more: split output into chunks). */
  data: Schema.Record(Schema.String, Schema.Json)
})
export type NewEvent = typeof NewEvent.Type

export class Event extends Schema.Class<Event>("rdev/Event")({
  stream: StreamName,
  seq: Schema.Int,
  /** Milliseconds since the epoch. */
  timeMillis: Schema.Int,
  ...NewEvent.fields
}) {}

/**
 * An entry as it travels: subject (in snake_case) and data beside `seq`, `time` and `type`, which nothing can overwrite. `lines` of
 * output come as `line` too, joined: who knows of one line only prints the same.
 */
export const flat = (event: Event): Readonly<Record<string, Schema.Json>> => {
  const fields: Record<string, Schema.Json> = {
    seq: event.seq,
    time: new Date(event.timeMillis).toISOString(),
    type: event.type
  }
  for (const [key, value] of Object.entries(event.data)) if (!(key in fields)) fields[key] = value
  if (event.type === "output" && Array.isArray(event.data["lines"]) && !("line" in fields))
    fields["line"] = event.data["lines"].join("\n")
  for (const [key, value] of Object.entries(event.subject)) fields[snake(key)] = value
  return fields
}
