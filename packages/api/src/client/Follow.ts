/**
 * Follows an event stream and resumes by itself after a lost connection: every event once, in order, after `after`. A `gap` says what
 * retention has removed, `synced` that the past is over. It ends when the reader has seen enough, when its signal says so, and with an
 * error only when the server refuses it for good or was never there.
 */
import * as ClientError from "../ClientError.ts"
import * as Answers from "./Answers.ts"
import * as Sse from "./Sse.ts"
import { sleep, type Transport } from "./Transport.ts"

/** An event as it travels: flat, with its own data beside these. */
export interface Event {
  readonly seq: number
  /** ISO 8601. */
  readonly time: string
  readonly type: string
  readonly [key: string]: unknown
}

/** `replaying`: what is past is coming; `live`: everything that is past has come. */
export type ConnectionState = "connecting" | "replaying" | "live" | "reconnecting"

export interface FollowOptions {
  /** Start after this seq; default what the path says, else 0, the beginning. */
  readonly after?: number
  readonly signal?: AbortSignal
  /** Goes on trying when nobody answers at first; default: that fails with `Unreachable`. */
  readonly keepTrying?: boolean
  /** Wait before it connects again; default 500 ms, doubled up to 10 s as long as nothing comes. */
  readonly retryMillis?: number
  /** A connection on which nothing comes for this long is given up; default 45,000: the server speaks every 15 s. */
  readonly silenceMillis?: number
  /** Told at each change; `error` is why the connection was lost. */
  readonly onState?: (state: ConnectionState, error: ClientError.ClientError | null) => void
}

const longestPauseMillis = 10_000
interface Cursor {
  seq: number
}

/** The path with this `after` in place of its own, if it has one. */
const from = (path: string, seq: number): string => {
  const [place = "", query = ""] = path.split("?", 2)
  const params = new URLSearchParams(query)
  params.set("after", String(seq))
  return `${place}?${params}`
}
/** Where a path says that it starts. */
const startOf = (path: string): number => {
  const said = Number(new URLSearchParams(path.split("?", 2)[1] ?? "").get("after") ?? 0)
  return Number.isSafeInteger(said) ? said : 0
}

/** One connection, from the cursor to its end; moves the cursor on. */
async function* read(transport: Transport, path: string, cursor: Cursor, silenceMillis: number, signal: AbortSignal) {
  const controller = new AbortController()
  const abort = () => controller.abort(signal.reason)
  signal.throwIfAborted()
  signal.addEventListener("abort", abort, { once: true })
  let timer: ReturnType<typeof setTimeout> | undefined
  const watch = () => {
    clearTimeout(timer)
    timer = setTimeout(
      () =>
        controller.abort(
          new ClientError.ConnectionLost({
            detail: `nothing came from ${transport.url} for ${silenceMillis} ms: the connection is given up`
          })
        ),
      silenceMillis
    )
  }
  try {
    const response = await transport.send(
      {
        method: "GET",
        path: from(path, cursor.seq),
        headers: { accept: "text/event-stream" }
      },
      { signal: controller.signal, retries: 0 }
    )
    const reader = response.body?.getReader()
    if (reader === undefined || !(response.headers.get("content-type") ?? "").startsWith("text/event-stream"))
      throw new ClientError.UnexpectedAnswer({
        detail: `${transport.url} answered no event stream`,
        status: response.status
      })
    const [frames, text] = [Sse.parser(), new TextDecoder()]
    watch()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new ClientError.ConnectionLost({ detail: `the connection to ${transport.url} ended` })
      watch()
      for (const frame of frames.push(text.decode(value, { stream: true }))) {
        if (frame.id !== null && frame.id <= cursor.seq) continue
        if (frame.id !== null) cursor.seq = frame.id
        const data = Answers.parse(frame.data)
        yield { seq: cursor.seq, time: "", type: frame.event, ...(typeof data === "object" ? data : {}) } as Event
      }
    }
  } catch (cause) {
    signal.throwIfAborted()
    if (ClientError.is(cause)) throw cause
    const { aborted, reason }: { readonly aborted: boolean; readonly reason: unknown } = controller.signal
    throw aborted && ClientError.is(reason) ? reason : Answers.broken(transport.url, cause, true)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener("abort", abort)
    controller.abort()
  }
}

const isFinal = (error: ClientError.ClientError): boolean =>
  error.status !== null && error.status >= 400 && error.status < 500 && ![408, 429].includes(error.status)

async function* resumed(
  transport: Transport,
  path: string,
  options: FollowOptions,
  signal: AbortSignal
): AsyncGenerator<Event, void> {
  const cursor: Cursor = { seq: options.after ?? startOf(path) }
  const { onState = () => undefined, retryMillis = 500, silenceMillis = 45_000 } = options
  let wasConnected = options.keepTrying === true
  let pause = retryMillis
  onState("connecting", null)
  for (;;) {
    try {
      let isReplaying = false
      for await (const event of read(transport, path, cursor, silenceMillis, signal)) {
        pause = retryMillis
        wasConnected = true
        if (!isReplaying) onState("replaying", null)
        isReplaying = true
        if (event.type === "synced") onState("live", null)
        yield event
      }
    } catch (error) {
      if (!ClientError.is(error)) throw error
      if (isFinal(error) || (error._tag === "Unreachable" && !wasConnected)) throw error
      onState("reconnecting", error)
      await sleep(Math.min(Math.max(pause, error.retryAfterMillis ?? 0), longestPauseMillis), signal)
      pause = Math.min(pause * 2, longestPauseMillis)
    }
  }
}

/**
 * Ends at once when its reader does: a read that waits for the next bytes is broken off. An abort by the given signal ends it without an
 * error, for that is how somebody says that it is enough.
 */
export const follow = (
  transport: Transport,
  path: string,
  options: FollowOptions = {}
): AsyncIterableIterator<Event> => {
  const controller = new AbortController()
  const abort = () => controller.abort()
  if (options.signal?.aborted === true) abort()
  options.signal?.addEventListener("abort", abort, { once: true })
  const events = resumed(transport, path, options, controller.signal)
  const ended = { done: true, value: undefined } as const
  const iterator: AsyncIterableIterator<Event> = {
    next: async () => {
      try {
        return await events.next()
      } catch (error) {
        if (controller.signal.aborted) return ended
        throw error
      }
    },
    return: async () => {
      abort()
      options.signal?.removeEventListener("abort", abort)
      await events.return().catch(() => undefined)
      return ended
    },
    [Symbol.asyncIterator]: () => iterator
  }
  return iterator
}
