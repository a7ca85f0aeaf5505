/** What a client does besides single requests: follow event streams, wait for ends, read what a command printed. */
import { call, requestOf } from "./Call.ts"
import { type Event, follow, type FollowOptions } from "./Follow.ts"
import { routes } from "./RouteTable.ts"
import type { Output } from "./Shapes.ts"
import { type CallOptions, sleep, type Transport } from "./Transport.ts"

/** Whose events: a project's, an operation's, a task's, or with none of them the installation's. */
export type EventSource =
  | { readonly project: string }
  | { readonly operation: string }
  | { readonly task: string }
  | { readonly project?: never; readonly operation?: never; readonly task?: never }
export interface EventFilter {
  /** e.g. `["output", "complete"]`, or the same joined by commas. */
  readonly types?: ReadonlyArray<string> | string
  readonly feature?: string
  readonly task_id?: string
  readonly exec_id?: string
}

export interface Extras {
  readonly events: {
    /** Live, and for ever: end it by leaving the loop or by its signal. */
    follow(source: EventSource & EventFilter, options?: FollowOptions): AsyncIterableIterator<Event>
    /** What is there after `after`, and then ends. */
    all(
      source: EventSource & EventFilter & { readonly after?: number },
      options?: CallOptions
    ): AsyncIterableIterator<Event>
  }
  readonly operations: {
    /** Its events until it has ended or is parked for a person, and then ends. */
    follow(input: { readonly operation: string }, options?: FollowOptions): AsyncIterableIterator<Event>
    /** The operation when it has ended or is parked for a person. */
    wait(input: { readonly operation: string }, options?: CallOptions): Promise<Output<"operations", "get">>
  }
  readonly execs: {
    /** The command when it has ended. */
    wait(
      input: { readonly project: string; readonly exec: string },
      options?: CallOptions
    ): Promise<Output<"execs", "get">>
    /** What it prints, byte for byte, from `offset` (default 0) until it has ended. */
    bytes(
      input: {
        readonly project: string
        readonly exec: string
        readonly stream?: "stdout" | "stderr" | "both"
        readonly offset?: number
      },
      options?: CallOptions
    ): AsyncIterableIterator<Uint8Array>
  }
}

type Fields = Readonly<Record<string, unknown>>
/** The route of these events, and the input for it. */
const sourced = (given: EventSource & EventFilter) => {
  const { types, ...rest } = given as Fields & Pick<EventFilter, "types">
  const input = {
    ...rest,
    ...(types === undefined ? {} : { types: typeof types === "string" ? types : types.join(",") })
  }
  const { ofOperation, ofProject, ofSystem, ofTask } = routes.events
  if (rest["project"] !== undefined) return { route: ofProject, input }
  if (rest["operation"] !== undefined) return { route: ofOperation, input }
  return { route: rest["task"] === undefined ? ofSystem : ofTask, input }
}

const isOver = (status: string): boolean => !["planned", "running", "waiting", "compensating"].includes(status)
const ended = /^operation\.(?:completed|failed|cancelled|parked|compensation_failed)$/
/** Between two looks at a command that prints nothing. */
const lookAgainMillis = 500

const followEvents =
  (transport: Transport): Extras["events"]["follow"] =>
  (source, options) => {
    const { input, route } = sourced(source)
    return follow(transport, requestOf(route, input).path, options)
  }

async function* allEvents(
  transport: Transport,
  { after: from = 0, ...source }: EventSource & EventFilter & { readonly after?: number },
  options: CallOptions = {}
): AsyncGenerator<Event, void> {
  const { input, route } = sourced(source)
  const page = call(transport, route)
  for (let after: unknown = from; ;) {
    const { cursor, events, has_more } = (await page({ ...input, after, limit: 1_000 }, options)) as Output<
      "events",
      "ofProject"
    >
    yield* events
    if (!has_more) return
    after = cursor
  }
}

/** An end in the past may have been followed by a retry: only the newest one counts. */
async function* operationEvents(
  transport: Transport,
  { operation }: { readonly operation: string },
  options: FollowOptions = {}
): AsyncGenerator<Event, void> {
  let [isSynced, isEnded] = [false, false]
  for await (const event of followEvents(transport)({ operation }, options)) {
    if (event.type === "synced") isSynced = true
    else if (event.type === "operation.retried") isEnded = false
    else if (ended.test(event.type)) isEnded = true
    yield event
    if (isSynced && isEnded) return
  }
}

async function* outputBytes(
  transport: Transport,
  { offset: from = 0, ...input }: Parameters<Extras["execs"]["bytes"]>[0],
  options: CallOptions = {}
): AsyncGenerator<Uint8Array, void> {
  const read = call(transport, routes.execs.output)
  for (let offset = from; ;) {
    const piece = (await read({ ...input, offset }, options)) as Output<"execs", "output">
    if (piece.bytes.byteLength > 0) yield piece.bytes
    offset = piece.next
    if (piece.ended && offset >= piece.size) return
    if (offset >= piece.size) await sleep(lookAgainMillis, options.signal)
  }
}

export const make = (transport: Transport): Extras => {
  const operation = call(transport, routes.operations.get)
  const exec = call(transport, routes.execs.get)
  return {
    events: {
      follow: followEvents(transport),
      all: (source, options) => allEvents(transport, source, options)
    },
    operations: {
      follow: (input, options) => operationEvents(transport, input, options),
      wait: async (input, options) => {
        for (;;) {
          const found = (await operation({ ...input, wait: 60 }, options)) as Output<"operations", "get">
          if (isOver(found.status)) return found
        }
      }
    },
    execs: {
      wait: async (input, options) => {
        for (;;) {
          const found = (await exec({ ...input, wait: 60 }, options)) as Output<"execs", "get">
          if (found.state === "exited") return found
        }
      },
      bytes: (input, options) => outputBytes(transport, input, options)
    }
  }
}
