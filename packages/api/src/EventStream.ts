/**
 * Follows an event stream over SSE and resumes by itself after a lost connection: every event is delivered once, in order, after
 * `after`. A `gap` (retention removed what was asked for) is handed on as an event of that type; `synced` says that the past is over.
 */
import { Option, Redacted, Schedule, Schema, Stream } from "effect"
import { EventView } from "./groups/Events.ts"
import * as Problem from "./Problem.ts"
import type { ClientOptions } from "./Client.ts"

export interface FollowOptions extends ClientOptions {
  /** e.g. `/projects/hello/events?types=output` */
  readonly path: string
  /** Start after this seq; default 0, the beginning. */
  readonly after?: number
  /** Wait between attempts to connect; default 500 ms, doubled up to 10 s. */
  readonly retryMillis?: number
}

/** The connection could not be made or broke, and why. The stream itself retries; this fails it only when refused for good. */
export class EventStreamError extends Schema.TaggedError<EventStreamError>()("EventStreamError", {
  message: Schema.String,
  status: Schema.NullOr(Schema.Int)
}) {}

export interface Frame {
  readonly id: number | null
  readonly event: string
  readonly data: string
}

/** Splits SSE text into frames; `push` takes what arrived and returns the frames that are complete. At most 1 MiB waits for its end. */
export const parser = () => {
  let rest = ""
  const frameOf = (block: string): ReadonlyArray<Frame> => {
    let id: number | null = null
    let event = "message"
    const data: Array<string> = []
    for (const line of block.split("\n")) {
      if (line.startsWith("id:")) id = Number(line.slice(3).trim())
      else if (line.startsWith("event:")) event = line.slice(6).trim()
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""))
    }
    return data.length === 0 ? [] : [{ id, event, data: data.join("\n") }]
  }
  return {
    push: (text: string): ReadonlyArray<Frame> => {
      const blocks = (rest + text).replaceAll("\r\n", "\n").split("\n\n")
      rest = blocks.pop() ?? ""
      if (rest.length > 1_048_576)
        throw new EventStreamError({ message: "an event has no end within 1 MiB", status: null })
      return blocks.flatMap(frameOf)
    }
  }
}

const decodeEvent = Schema.decodeUnknownSync(EventView)

const refusal = async (response: Response): Promise<EventStreamError> => {
  const text = await response.text()
  let detail = `${response.status} ${response.statusText}`
  try {
    detail = Option.match(Problem.decode(JSON.parse(text)), {
      onNone: () => detail,
      onSome: (problem) => problem.message
    })
  } catch {
    // Not a problem document: something else answered (a proxy); its status says enough.
  }
  return new EventStreamError({ message: detail, status: response.status })
}

interface Cursor {
  seq: number
}

/** One connection, from the cursor to its end; moves the cursor on. */
async function* read(options: FollowOptions, cursor: Cursor, signal: AbortSignal): AsyncGenerator<EventView> {
  const url = new URL(options.path.replace(/^\//, ""), options.url.endsWith("/") ? options.url : `${options.url}/`)
  url.searchParams.set("after", String(cursor.seq))
  const key = typeof options.key === "string" ? options.key : Redacted.value(options.key)
  const response = await fetch(url, {
    signal,
    headers: { accept: "text/event-stream", authorization: `Bearer ${key}` }
  })
  if (!response.ok) throw await refusal(response)
  if (response.body === null) throw new EventStreamError({ message: "the answer has no body", status: null })
  const frames = parser()
  const text = new TextDecoder()
  for await (const chunk of response.body) {
    for (const frame of frames.push(text.decode(chunk, { stream: true }))) {
      if (frame.id !== null && frame.id <= cursor.seq) continue
      if (frame.id !== null) cursor.seq = frame.id
      yield decodeEvent({ seq: cursor.seq, time: "", type: frame.event, ...JSON.parse(frame.data) })
    }
  }
  throw new EventStreamError({ message: "the connection ended", status: null })
}

/** Ends the connection before its reader: a read that waits for the next bytes would otherwise hold the end up. */
const abortable = (events: AsyncGenerator<EventView>, abort: () => void): AsyncIterable<EventView> => ({
  [Symbol.asyncIterator]: () => ({
    next: () => events.next(),
    return: async () => {
      abort()
      await events.return(undefined).catch(() => undefined)
      return { done: true, value: undefined }
    }
  })
})

const isFinal = (error: EventStreamError) => error.status !== null && error.status < 500 && error.status !== 429

export const follow = (options: FollowOptions): Stream.Stream<EventView, EventStreamError> =>
  Stream.suspend(() => {
    const cursor: Cursor = { seq: options.after ?? 0 }
    const connection = Stream.suspend(() => {
      const controller = new AbortController()
      return Stream.fromAsyncIterable(
        abortable(read(options, cursor, controller.signal), () => controller.abort()),
        (cause) =>
          cause instanceof EventStreamError
            ? cause
            : new EventStreamError({ message: cause instanceof Error ? cause.message : String(cause), status: null })
      )
    })
    const again = Schedule.min([Schedule.exponential(options.retryMillis ?? 500), Schedule.spaced("10 seconds")])
    return Stream.retry(connection, ($) => $(again).pipe(Schedule.while(({ input }) => !isFinal(input))))
  })
