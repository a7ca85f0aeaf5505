/**
 * The one event log. Appending is ordered per stream and gapless; a committed entry is never missed by a reader that
 * resumes after its cursor. Old entries leave by retention alone, and a reader that asks for them is told so.
 */
import { Context, type Effect, type Stream } from "effect"
import type { Event, NewEvent, StreamName, Subject } from "../domain/Event.ts"
import type { StoreError } from "./StoreError.ts"

/** Encoded size limit of one event's `data`. */
export const maxDataBytes = 16_384

export interface EventFilter {
  readonly types?: ReadonlyArray<string>
  /** Every given key must be equal. */
  readonly subject?: Subject
}
export interface EventPage {
  readonly events: ReadonlyArray<Event>
  /** Where to go on: greater than every seq looked at, also when the filter dropped them. */
  readonly cursor: number
  readonly hasMore: boolean
  /** Greatest seq of the stream. */
  readonly watermark: number
  /** Smallest seq still kept; a cursor below `retainedFrom - 1` has missed something. */
  readonly retainedFrom: number
}

export class EventLog extends Context.Service<EventLog, {
  append(stream: StreamName, events: ReadonlyArray<NewEvent>): Effect.Effect<ReadonlyArray<Event>, StoreError>
  /** Entries with seq > after, ascending; limit ≤ 1000. */
  read(stream: StreamName, after: number, limit: number, filter?: EventFilter): Effect.Effect<EventPage, StoreError>
  /**
   * Live entries from the moment of subscription, of all streams or one; it may be told late or in bursts, and after a lost
   * connection it may have holes: readers go by seq and read the log to fill them. At most 1024 entries wait for a slow
   * subscriber, then the oldest are dropped.
   */
  live(stream?: StreamName): Stream.Stream<Event, StoreError>
  /** Removes entries older than the time, of all streams; returns how many. */
  trim(beforeMillis: number): Effect.Effect<number, StoreError>
}>()("rdev/ports/EventLog") {}
