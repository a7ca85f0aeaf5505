/**
 * The one event log. Appending is ordered per stream and gapless; a committed entry is never missed by a reader that
 * resumes after its cursor. Old entries leave by retention alone, and a reader that asks for them is told so.
 */
import { Context, Effect, Schema, type Scope, Stream } from "effect"
import { Event, NewEvent, type StreamName, type Subject } from "../../domain/Event.ts"
import { StoreError } from "./StoreError.ts"

/** Encoded size limit of one event's `data`. */
export const maxDataBytes = 16_384

export interface EventFilter {
  readonly types?: ReadonlyArray<string>
  /** Every given key must be equal. */
  readonly subject?: Subject
}
export interface EventPage {
  readonly events: ReadonlyArray<Event>
  /** Where to go on: the greatest seq looked at, also when the filter dropped it. At most the watermark. */
  readonly cursor: number
  readonly hasMore: boolean
  /** Greatest seq of the stream. */
  readonly watermark: number
  /** Smallest seq still kept; a cursor below `retainedFrom - 1` has missed something. */
  readonly retainedFrom: number
}

export class EventLog extends Context.Service<
  EventLog,
  {
    /**
     * Appended in the given order, and told to live readers once committed: in a transaction, when that commits. Calls outside of
     * a transaction may be written together; an interrupted one may still have been written. Invalid when an event is too large.
     */
    append(stream: StreamName, events: ReadonlyArray<NewEvent>): Effect.Effect<ReadonlyArray<Event>, StoreError>
    /** Entries with seq > after, ascending; limit ≤ 1000. */
    read(stream: StreamName, after: number, limit: number, filter?: EventFilter): Effect.Effect<EventPage, StoreError>
    /**
     * Live entries from the moment this effect succeeds, of all streams or one; they may be told late or in bursts, and after a lost
     * connection they may have holes: readers go by seq and read the log to fill them. At most 1024 entries wait for a slow
     * subscriber, then the oldest are dropped.
     */
    subscribe(stream?: StreamName): Effect.Effect<Stream.Stream<Event, StoreError>, StoreError, Scope.Scope>
    /** The same as a stream that subscribes when it is run; a reader that replays the log needs `subscribe`, to be in time. */
    live(stream?: StreamName): Stream.Stream<Event, StoreError>
    /** Removes entries older than the time, of all streams; returns how many. */
    trim(beforeMillis: number): Effect.Effect<number, StoreError>
  }
>()("rdev/ports/EventLog") {}

const isNewEvent = Schema.is(NewEvent)
const refused = (index: number, event: NewEvent | undefined, message: string) =>
  Effect.fail(
    new StoreError({
      operation: "EventLog.append",
      reason: { _tag: "Invalid", field: `events[${index}].data`, message: `${message} (event ${String(event?.type)})` }
    })
  )

/** The encoded `data` of each event, or Invalid for the first that is not JSON or too large. */
export const encodeData = (events: ReadonlyArray<NewEvent>): Effect.Effect<ReadonlyArray<string>, StoreError> =>
  Effect.suspend(() => {
    const bad = events.findIndex((event) => !isNewEvent(event))
    if (bad !== -1) return refused(bad, events[bad], "type, subject and data must be JSON")
    const encoded = events.map((event) => JSON.stringify(event.data))
    // A code unit is at most three bytes, so most need not be measured exactly.
    const large = encoded.findIndex((json) => json.length * 3 > maxDataBytes && Buffer.byteLength(json) > maxDataBytes)
    return large === -1
      ? Effect.succeed(encoded)
      : refused(large, events[large], `more than ${maxDataBytes} bytes as JSON; split it over several events`)
  })

export const matches = (
  event: { readonly type: string; readonly subject: Subject },
  filter: EventFilter | undefined
): boolean => {
  if (filter?.types !== undefined && !filter.types.includes(event.type)) return false
  return Object.entries(filter?.subject ?? {}).every(([key, value]) => Reflect.get(event.subject, key) === value)
}
