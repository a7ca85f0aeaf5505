/**
 * The rows of the event log. One statement appends: it locks the stream's head row, takes as many numbers as there are events and
 * writes them, so seq is gapless and commits are in its order.
 */
import { Event, type NewEvent, type StreamName } from "@rdev/core/domain/Event"
import type { EventFilter, EventPage } from "@rdev/core/ports/stores/EventLog"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, Schema } from "effect"
import type { Connections } from "../engine/Database.ts"
import { reportDamage } from "./StoreOperation.ts"

const appendSql = `
  WITH head AS (
    INSERT INTO rdev.event_stream AS s (stream, last_seq) VALUES ($1, $2)
    ON CONFLICT (stream) DO UPDATE SET last_seq = s.last_seq + excluded.last_seq
    RETURNING s.last_seq - $2 AS base
  ), entries AS (
    INSERT INTO rdev.event (stream, seq, time_millis, type, subject, data)
    SELECT $1, head.base + e.n, e.time_millis, e.type, e.subject::json, e.data::json
    FROM head, unnest($3::bigint[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS e (time_millis, type, subject, data, n)
  )
  SELECT base FROM head`
const headsSql = `SELECT stream, last_seq FROM rdev.event_stream WHERE stream = ANY ($1)`
/**
 * Heads written by transactions that had not ended when `$1` was told (null: all), and what to ask with next time. A head that was told
 * before may come again; none is left out, as each is written by the transaction of its events.
 */
const changedSql = `
  SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text AS since, s.stream, s.last_seq
  FROM (VALUES (1)) one (n) LEFT JOIN rdev.event_stream s ON $1::text IS NULL OR age(s.xmin) <= age($1::text::xid)`
/** Head and entries from one snapshot: a page never claims more than it read. */
const readSql = (where: ReadonlyArray<string>) => `
  SELECT s.last_seq, s.retained_from, e.seq, e.time_millis, e.type, e.subject, e.data
  FROM rdev.event_stream s LEFT JOIN LATERAL (
    SELECT * FROM rdev.event WHERE stream = s.stream AND seq > $2::bigint ${where.map((condition) => `AND ${condition}`).join(" ")} ORDER BY seq LIMIT $3
  ) e ON true
  WHERE s.stream = $1 ORDER BY e.seq`
const streamsSql = `SELECT stream, last_seq, retained_from FROM rdev.event_stream WHERE last_seq >= retained_from AND stream > $1 ORDER BY stream LIMIT 500`
const firstKeptSql = `SELECT seq FROM rdev.event WHERE stream = $1 AND time_millis >= $2 ORDER BY seq LIMIT 1`
const trimSql = `
  WITH head AS (UPDATE rdev.event_stream SET retained_from = $2 WHERE stream = $1 AND retained_from < $2)
  DELETE FROM rdev.event WHERE stream = $1 AND seq < $2`

/** A filtered page looks at no more entries than this, so that a rare subject in a long stream costs a bounded time; the cursor moves on. */
const scanWindow = 20_000
/** Entries removed by one statement: the head row stays locked for each, and appends wait for it. */
const trimBatch = 10_000

/** Events appended by one call, encoded. */
export interface Part {
  readonly timeMillis: number
  readonly events: ReadonlyArray<NewEvent>
  readonly data: ReadonlyArray<string>
}

interface PageRow {
  readonly last_seq: number
  readonly retained_from: number
  /** Null in the one row of a page without entries. */
  readonly seq: number | null
  readonly time_millis: number
  readonly type: string
  readonly subject: unknown
  readonly data: unknown
}
interface Head {
  readonly stream: StreamName
  readonly last_seq: number
  readonly retained_from: number
}

/** What stands in the place of an entry that cannot be read: no number of the stream is left out. */
const unreadable = "event.unreadable"
const decodeOne = Schema.decodeUnknownResult(Event)
const decode = (
  stream: StreamName,
  rows: ReadonlyArray<{
    readonly seq: number
    readonly timeMillis: number
    readonly type: string
    readonly subject: unknown
    readonly data: unknown
  }>
): Effect.Effect<ReadonlyArray<Event>> =>
  Effect.forEach(rows, (row) => {
    const result = decodeOne({ stream, ...row })
    if (result._tag === "Success") return Effect.succeed(result.success)
    return Effect.as(
      reportDamage({
        owner: stream.startsWith("project:") ? stream.slice("project:".length) : null,
        part: `event ${row.seq}`,
        message: `a stored event cannot be read: ${result.failure.message}`,
        repair: "Restore its row of table event from a backup; readers get a note in its place"
      }),
      new Event({
        stream,
        seq: row.seq,
        timeMillis: Number.isSafeInteger(row.timeMillis) ? row.timeMillis : 0,
        type: unreadable,
        subject: {},
        data: { of: row.type }
      })
    )
  })

const subjectKeys: ReadonlyArray<string> = ["taskId", "operationId", "feature", "runId", "execId", "sessionId"]
/** Conditions and their parameters from $4 on. */
const conditions = (filter: EventFilter) => {
  const params: Array<unknown> = []
  const where: Array<string> = []
  if (filter.types !== undefined) where.push(`type = ANY ($${params.push(filter.types) + 3})`)
  for (const key of subjectKeys) {
    const value: unknown = filter.subject === undefined ? undefined : Reflect.get(filter.subject, key)
    if (value !== undefined) where.push(`subject ->> '${key}' = $${params.push(value) + 3}`)
  }
  return { where, params }
}

/** Writes in one statement, in the transaction of the fiber if there is one; the events of each part. */
export const append = (
  database: Connections,
  stream: StreamName,
  parts: ReadonlyArray<Part>
): Effect.Effect<ReadonlyArray<ReadonlyArray<Event>>, StoreError> =>
  Effect.gen(function* () {
    const events = parts.flatMap((part) => part.events)
    const rows = yield* database.query<{ readonly base: number }>(
      appendSql,
      [
        stream,
        events.length,
        parts.flatMap((part) => part.events.map(() => part.timeMillis)),
        events.map((event) => event.type),
        events.map((event) => JSON.stringify(event.subject)),
        parts.flatMap((part) => part.data)
      ],
      { prepare: true }
    )
    let seq = rows[0]?.base ?? 0
    return parts.map((part) =>
      part.events.map(
        (event) =>
          new Event({
            stream,
            seq: ++seq,
            timeMillis: part.timeMillis,
            type: event.type,
            subject: event.subject,
            data: event.data
          })
      )
    )
  })

export const read = (
  database: Connections,
  stream: StreamName,
  after: number,
  limit: number,
  filter: EventFilter = {}
): Effect.Effect<EventPage, StoreError> =>
  Effect.gen(function* () {
    const { where, params } = conditions(filter)
    const filtered = where.length > 0
    const sql = filtered ? readSql([...where, `seq <= greatest($2, s.retained_from - 1) + ${scanWindow}`]) : readSql([])
    const rows = yield* database.query<PageRow>(sql, [stream, after, limit + 1, ...params], { prepare: !filtered })
    const head = rows[0] ?? { last_seq: 0, retained_from: 1 }
    const events = yield* decode(
      stream,
      rows.flatMap(({ data, seq, subject, time_millis, type }) =>
        seq === null ? [] : [{ seq, timeMillis: time_millis, type, subject, data }]
      )
    )
    const page = events.slice(0, limit)
    const lookedAt = filtered ? Math.max(after, head.retained_from - 1) + scanWindow : head.last_seq
    const cursor = events.length > limit ? (page.at(-1)?.seq ?? after) : Math.min(head.last_seq, lookedAt)
    return {
      events: page,
      cursor,
      hasMore: cursor < head.last_seq,
      watermark: head.last_seq,
      retainedFrom: head.retained_from
    }
  })

/** Greatest seq of each of the streams that exist. */
export const heads = (
  database: Connections,
  streams: ReadonlyArray<StreamName>
): Effect.Effect<ReadonlyArray<Pick<Head, "stream" | "last_seq">>, StoreError> => database.query(headsSql, [streams])

export interface Changes {
  readonly since: string | null
  readonly heads: ReadonlyArray<Pick<Head, "stream" | "last_seq">>
}
/** Streams that something was appended to since the last answer; with null, all of them. */
export const changed = (database: Connections, since: string | null): Effect.Effect<Changes, StoreError> =>
  Effect.map(
    database.query<{ readonly since: string; readonly stream: StreamName | null; readonly last_seq: number }>(
      changedSql,
      [since],
      { prepare: true }
    ),
    (rows) => ({
      since: rows[0]?.since ?? null,
      heads: rows.flatMap(({ last_seq, stream }) => (stream === null ? [] : [{ stream, last_seq }]))
    })
  )

const trimStream = (database: Connections, head: Head, beforeMillis: number) =>
  Effect.gen(function* () {
    const kept = yield* database.query<{ readonly seq: number }>(firstKeptSql, [head.stream, beforeMillis], {
      prepare: true
    })
    const end = kept[0]?.seq ?? head.last_seq + 1
    for (let at = head.retained_from; at < end;) {
      at = Math.min(end, at + trimBatch)
      yield* database.query(trimSql, [head.stream, at], { prepare: true })
    }
    return Math.max(0, end - head.retained_from)
  })

/** Removes what is older than the time up to the first entry of each stream that is not; returns how many. */
export const trim = (database: Connections, beforeMillis: number): Effect.Effect<number, StoreError> =>
  Effect.gen(function* () {
    let removed = 0
    for (let after = ""; ;) {
      const page = yield* database.query<Head>(streamsSql, [after])
      for (const head of page) removed += yield* trimStream(database, head, beforeMillis)
      const last = page.at(-1)
      if (last === undefined) return removed
      after = last.stream
    }
  })
