/**
 * The event log on the database. Appends outside of a transaction that arrive while one of the same stream is being written go out
 * together in the next statement: no delay for a single one, few statements for many. Live entries come from this process directly
 * and from others by a notification that says what to read.
 */
import type { Event, NewEvent, StreamName } from "@rdev/core/domain/Event"
import { encodeData, EventLog } from "@rdev/core/ports/stores/EventLog"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Clock, Deferred, Effect, Exit, Layer, Scope, Semaphore, Stream } from "effect"
import * as Coalesce from "../engine/Coalesce.ts"
import { Database } from "../engine/Database.ts"
import * as SchemaName from "../engine/SchemaName.ts"
import * as EventFeed from "./EventFeed.ts"
import * as EventRows from "./EventRows.ts"
import { operation } from "./StoreOperation.ts"

/** Bounds of one statement: 64 KiB of output lines come as some hundred events. */
const batchEvents = 1_000
const batchBytes = 2_000_000

interface Waiting extends EventRows.Part {
  readonly bytes: number
  readonly done: Deferred.Deferred<ReadonlyArray<Event>, StoreError>
}

/** Takes from the front what fits in one statement, at least one part. */
const takeBatch = (queue: Array<Waiting>): ReadonlyArray<Waiting> => {
  let events = 0
  let bytes = 0
  const end = queue.findIndex((part, i) => {
    events += part.events.length
    bytes += part.bytes
    return i > 0 && (events > batchEvents || bytes > batchBytes)
  })
  return queue.splice(0, end === -1 ? queue.length : end)
}

/** The database's text cannot hold U+0000; in `data` JSON escapes it. */
const refuseNul = (events: ReadonlyArray<NewEvent>): Effect.Effect<void, StoreError> => {
  const bad = events.findIndex(
    (event) => event.type.includes("\0") || Object.values(event.subject).some((value) => value.includes("\0"))
  )
  return bad === -1
    ? Effect.void
    : Effect.fail(
        new StoreError({
          operation: "EventLog.append",
          reason: { _tag: "Invalid", field: `events[${bad}]`, message: "type and subject must not contain U+0000" }
        })
      )
}

export const layer: Layer.Layer<EventLog, never, Database> = Layer.effect(
  EventLog,
  Effect.gen(function* () {
    const database = yield* Database
    const channel = SchemaName.channel(database.schema, "event_log")
    const scope = yield* Effect.scope
    const feed = yield* EventFeed.make({
      read: (stream, after, limit) => Effect.map(EventRows.read(database, stream, after, limit), (page) => page.events),
      head: (stream) => Effect.map(EventRows.heads(database, [stream]), (heads) => heads[0]?.last_seq ?? 0)
    })
    const announce = yield* Coalesce.make<{ readonly first: number; readonly last: number }>({
      merge: (a, b) => ({ first: Math.min(a.first, b.first), last: Math.max(a.last, b.last) }),
      send: (entries) =>
        database
          .notify(
            channel,
            entries.map(([stream, { first, last }]) => `${stream} ${first} ${last}`)
          )
          .pipe(
            Effect.catch((error) =>
              Effect.logDebug(
                "an event hint was not sent; readers of other processes find the events in the log",
                error
              )
            )
          )
    })
    const tell = (events: ReadonlyArray<Event>) =>
      Effect.suspend(() => {
        const first = events[0]
        const last = events.at(-1)
        if (first === undefined || last === undefined) return Effect.void
        const others =
          database.engine === "postgresql" ? announce(first.stream, { first: first.seq, last: last.seq }) : Effect.void
        return Effect.andThen(feed.committed(events), others)
      })

    const queues = new Map<StreamName, Array<Waiting>>()
    const writeBatch = (stream: StreamName, batch: ReadonlyArray<Waiting>) =>
      Effect.gen(function* () {
        const written = yield* EventRows.append(database, stream, batch)
        yield* tell(written.flat())
        return written
      }).pipe(
        Effect.onExit((exit) =>
          Effect.forEach(
            batch,
            (part, i) =>
              Deferred.done(
                part.done,
                Exit.map(exit, (written) => written[i] ?? [])
              ),
            { discard: true }
          )
        )
      )
    /** One writer per stream that has something waiting. */
    const drain = (stream: StreamName, queue: Array<Waiting>) =>
      Effect.gen(function* () {
        while (queue.length > 0) yield* Effect.exit(writeBatch(stream, takeBatch(queue)))
        queues.delete(stream)
      })

    const append = (stream: StreamName, events: ReadonlyArray<NewEvent>) =>
      Effect.gen(function* () {
        if (events.length === 0) return []
        yield* refuseNul(events)
        const data = yield* encodeData(events)
        const part: EventRows.Part = { timeMillis: yield* Clock.currentTimeMillis, events, data }
        if (yield* database.inTransaction) {
          const written = (yield* EventRows.append(database, stream, [part])).flat()
          yield* database.afterCommit(tell(written))
          return written
        }
        const waiting: Waiting = {
          ...part,
          bytes: data.reduce((sum, json) => sum + json.length, 0),
          done: yield* Deferred.make<ReadonlyArray<Event>, StoreError>()
        }
        const queue = queues.get(stream)
        if (queue !== undefined) queue.push(waiting)
        else {
          const started = [waiting]
          queues.set(stream, started)
          yield* Effect.forkIn(drain(stream, started), scope, { startImmediately: true })
        }
        return yield* Deferred.await(waiting.done)
      })

    /** What others appended while no connection listened. */
    const missed = Effect.gen(function* () {
      const published = feed.published()
      for (const head of yield* EventRows.heads(database, [...published.keys()])) {
        yield* feed.hint(head.stream, (published.get(head.stream) ?? head.last_seq) + 1, head.last_seq)
      }
    }).pipe(Effect.catch((error) => Effect.logDebug("missed live events could not be looked up", error)))
    /** Where notifications of other processes cannot be heard: what they appended to any stream, looked for again and again. */
    const looking = Effect.gen(function* () {
      const first = yield* EventRows.changed(database, null)
      let { since } = first
      const last = new Map(first.heads.map((head) => [head.stream, head.last_seq]))
      return Effect.gen(function* () {
        const now = yield* EventRows.changed(database, since)
        since = now.since
        for (const head of now.heads) {
          const before = last.get(head.stream) ?? 0
          last.set(head.stream, head.last_seq)
          if (head.last_seq > before) yield* feed.hint(head.stream, before + 1, head.last_seq)
        }
      }).pipe(
        Effect.catch((error) =>
          Effect.logDebug("what other processes appended could not be looked up; this is tried again", error)
        )
      )
    })
    const hear = Effect.gen(function* () {
      const signals = yield* database.listen(channel)
      const look = database.route?.notifications === "looks" ? yield* looking : missed
      yield* Effect.forkScoped(
        Stream.runForEach(signals, (signal) => {
          if (signal._tag === "MayHaveMissed") return look
          const [stream, first, last] = signal.payload.split(" ")
          return feed.hint(stream as StreamName, Number(first), Number(last))
        })
      )
    })
    const hearing = { turn: yield* Semaphore.make(1), started: database.engine === "embedded" }
    const ensureHearing = hearing.turn.withPermits(1)(
      Effect.suspend(() =>
        hearing.started
          ? Effect.void
          : Effect.andThen(
              Scope.provide(hear, scope),
              Effect.sync(() => {
                hearing.started = true
              })
            )
      )
    )
    const subscribe = (stream?: StreamName) =>
      Effect.andThen(ensureHearing, feed.subscribe(stream)).pipe(operation("EventLog.subscribe"))

    return EventLog.of({
      append: (stream, events) => operation("EventLog.append")(append(stream, events)),
      read: (stream, after, limit, filter) =>
        operation("EventLog.read")(EventRows.read(database, stream, after, limit, filter)),
      subscribe,
      live: (stream) => Stream.unwrap(subscribe(stream)),
      trim: (beforeMillis) => operation("EventLog.trim")(EventRows.trim(database, beforeMillis))
    })
  })
)
