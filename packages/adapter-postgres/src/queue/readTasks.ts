/** Records wherever their rows are. One statement sees one moment, so a task that moves meanwhile is met exactly once. */
import type { TaskId } from "@rdev/core/domain/Ids"
import type { WorkTask } from "@rdev/core/domain/WorkTask"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import type { ListQuery, QueueStats } from "@rdev/core/ports/stores/WorkQueueStore"
import { Effect, Option } from "effect"
import type { Connections } from "../engine/Driver.ts"
import type { Lanes } from "./Lanes.ts"
import type { OwnerId } from "@rdev/core/domain/Owner"
import { reportDamage } from "../stores/StoreOperation.ts"
import * as TaskRows from "./TaskRows.ts"
import { toUuid } from "./TaskUuid.ts"

const millis = (column: string) => `floor(extract(epoch FROM ${column}) * 1000)::float8`
const ready =
  "'ready' AS place, r.id, r.lane, r.priority, r.payload, r.extra, r.state, NULL::float8 AS run_at, r.fence, NULL::uuid AS worker, NULL::float8 AS started_at, NULL::float8 AS ended_at, NULL::json AS result, NULL::json AS progress, NULL::uuid AS blocked_by, false AS cancelling"
const later = `'later' AS place, l.id, l.lane, l.priority, l.payload, l.extra, l.state, CASE WHEN isfinite(l.run_at) THEN ${millis("l.run_at")} END AS run_at, l.fence, NULL::uuid AS worker, NULL::float8 AS started_at, NULL::float8 AS ended_at, NULL::json AS result, NULL::json AS progress, NULL::uuid AS blocked_by, false AS cancelling`
const tasksOfLease =
  "CROSS JOIN LATERAL unnest(e.ids, e.lanes, e.priorities, e.payloads, e.extras, e.states) WITH ORDINALITY u(id, lane, priority, payload, extra, state, pos)"
const lease = `'lease' AS place, u.id, u.lane, u.priority, u.payload, u.extra, u.state, NULL::float8 AS run_at, e.token AS fence, e.worker, ${millis("e.claimed_at")} AS started_at, NULL::float8 AS ended_at, NULL::json AS result, p.value AS progress, NULL::uuid AS blocked_by, c.task IS NOT NULL AS cancelling
  FROM rdev.queue_lease e ${tasksOfLease}
  LEFT JOIN rdev.queue_progress p ON p.task = u.id AND p.fence = e.token LEFT JOIN rdev.queue_cancelling c ON c.task = u.id
  WHERE get_bit(e.done, u.pos::int - 1) = 0`
/** Completed, and not in history yet. */
const unfiled = `'completed' AS place, u.id, u.lane, u.priority, u.payload, u.extra, u.state, NULL::float8 AS run_at, e.token AS fence, e.worker, ${millis("e.claimed_at")} AS started_at, ${millis("e.ended_at")} AS ended_at, NULL::json AS result, NULL::json AS progress, NULL::uuid AS blocked_by, false AS cancelling
  FROM rdev.queue_lease e ${tasksOfLease}
  WHERE e.ended_at IS NOT NULL AND get_bit(e.unfiled, u.pos::int - 1) = 1`
const history = `CASE h.status WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' ELSE 'cancelled' END AS place, h.id, h.lane, h.priority, h.payload, h.extra, h.state, NULL::float8 AS run_at, h.fence, h.worker, ${millis("h.started_at")} AS started_at, ${millis("h.ended_at")} AS ended_at, h.result, h.progress, h.blocked_by, false AS cancelling`

const getSql = `
  SELECT ${history} FROM rdev.queue_history h WHERE h.id = $1
  UNION ALL SELECT ${later} FROM rdev.queue_later l WHERE l.id = $1
  UNION ALL SELECT ${lease} AND u.id = $1 AND $1 = ANY (e.ids)
  UNION ALL SELECT ${unfiled} AND u.id = $1 AND $1 = ANY (e.ids)
  UNION ALL SELECT ${ready} FROM rdev.queue_places() p JOIN rdev.queue_ready r ON r.lane = p.o_lane AND r.priority = p.o_priority AND r.id = $1`

/** $1 owner or null, $2 kind or null, $3 after (uuid), $4 limit. Each source gives its first rows by id; the least of all are the page. */
const lanesSql =
  "SELECT n.no FROM rdev.queue_lane n JOIN rdev.queue_project p ON p.no = n.project WHERE ($1::text IS NULL OR p.id = $1) AND ($2::text IS NULL OR n.kind = $2)"
const pendingSql = `
  (SELECT ${later} FROM lanes CROSS JOIN LATERAL (SELECT * FROM rdev.queue_later x WHERE x.lane = lanes.no AND x.id > $3 ORDER BY x.id LIMIT $4) l)
  UNION ALL (SELECT ${ready} FROM lanes JOIN rdev.queue_places() p ON p.o_lane = lanes.no CROSS JOIN LATERAL (
    SELECT * FROM rdev.queue_ready x WHERE x.lane = p.o_lane AND x.priority = p.o_priority AND x.id > $3 ORDER BY x.id LIMIT $4) r)`
const runningSql = `(SELECT ${lease} AND u.id > $3 AND u.lane IN (SELECT no FROM lanes))`
const endedSql = (condition: string) => `(SELECT ${history} FROM lanes CROSS JOIN LATERAL (
    SELECT * FROM rdev.queue_history x WHERE x.lane = lanes.no AND x.id > $3 ${condition} ORDER BY x.id LIMIT $4) h)`
const unfiledSql = `(SELECT ${unfiled} AND u.id > $3 AND u.lane IN (SELECT no FROM lanes))`
const page = (source: string) =>
  `WITH lanes AS MATERIALIZED (${lanesSql}) SELECT * FROM (${source}) t ORDER BY id LIMIT $4`
const listSql = {
  any: page([pendingSql, runningSql, unfiledSql, endedSql("")].join(" UNION ALL ")),
  pending: page(pendingSql),
  running: page(runningSql),
  completed: page([unfiledSql, endedSql("AND x.status = 1")].join(" UNION ALL ")),
  failed: page(endedSql("AND x.status = 2 AND x.status <> 1")),
  cancelled: page(endedSql("AND x.status = 3 AND x.status <> 1"))
}

const statsSql = `
  WITH counts AS (
    SELECT lane, count(*) AS pending, 0 AS delayed, 0 AS parked, 0 AS running FROM rdev.queue_ready GROUP BY lane
    UNION ALL SELECT lane, 0, count(*) FILTER (WHERE run_at < 'infinity'), count(*) FILTER (WHERE run_at = 'infinity'), 0 FROM rdev.queue_later GROUP BY lane
    UNION ALL SELECT u.lane, 0, 0, 0, count(*) FROM rdev.queue_lease e CROSS JOIN LATERAL unnest(e.lanes) WITH ORDINALITY u(lane, pos) WHERE get_bit(e.done, u.pos::int - 1) = 0 GROUP BY u.lane)
  SELECT p.id AS owner, sum(c.pending)::float8 AS pending, sum(c.delayed)::float8 AS delayed, sum(c.parked)::float8 AS parked, sum(c.running)::float8 AS running
  FROM counts c JOIN rdev.queue_lane l ON l.no = c.lane JOIN rdev.queue_project p ON p.no = l.project GROUP BY p.id`
const oldestSql = `
  SELECT extract(epoch FROM clock_timestamp())::float8 AS now, (SELECT min(x.id::text) FROM rdev.queue_places() p CROSS JOIN LATERAL (
    SELECT r.id FROM rdev.queue_ready r WHERE r.lane = p.o_lane AND r.priority = p.o_priority ORDER BY r.id LIMIT 1) x) AS id`

const least = "00000000-0000-0000-0000-000000000000"
interface Row extends Omit<TaskRows.AnyRow, never>, Record<string, unknown> {}
interface CountRow extends Record<string, unknown> {
  readonly owner: QueueStats["byOwner"][number]["owner"]
  readonly pending: number
  readonly delayed: number
  readonly parked: number
  readonly running: number
}

export interface Reads {
  get(id: TaskId): Effect.Effect<Option.Option<WorkTask>, StoreError>
  list(query: ListQuery): Effect.Effect<ReadonlyArray<WorkTask>, StoreError>
  readonly stats: Effect.Effect<QueueStats, StoreError>
}

/** Rows that cannot be decoded are Corrupt, not a defect. */
export const decoding = <A>(decode: () => A): Effect.Effect<A, StoreError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(decode())
    } catch (cause) {
      return cause instanceof StoreError ? Effect.fail(cause) : Effect.die(cause)
    }
  })

/**
 * The same for each of many: one that cannot be decoded is reported and left out, so that a list or a claim goes on with the others.
 * Nothing is looked at twice while all are good.
 */
export const decodingEach = <R, A>(
  rows: ReadonlyArray<R>,
  decode: (row: R) => A,
  ownerOf: (row: R) => OwnerId | undefined
): Effect.Effect<ReadonlyArray<A>, StoreError> => {
  const one = (row: R) =>
    decoding(() => [decode(row)]).pipe(
      Effect.catchIf(
        (error) => error.reason._tag === "Corrupt",
        (error) =>
          Effect.as(
            reportDamage({
              owner: ownerOf(row) ?? null,
              part: "a task",
              message: error.message,
              repair: "Restore its row in the tables queue_… from a backup, or delete it there and queue the work again"
            }),
            []
          )
      )
    )
  return decoding(() => rows.map(decode)).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "Corrupt",
      () => Effect.map(Effect.forEach(rows, one), (found) => found.flat())
    )
  )
}

export const make = (query: Connections["query"], lanes: Lanes): Reads => {
  const strict = (rows: ReadonlyArray<Row>) =>
    Effect.flatMap(
      lanes.load(
        query,
        rows.map((row) => row.lane)
      ),
      (known) => decoding(() => rows.map((row) => TaskRows.record(row, known)))
    )
  const records = (rows: ReadonlyArray<Row>) =>
    Effect.flatMap(
      lanes.load(
        query,
        rows.map((row) => row.lane)
      ),
      (known) =>
        decodingEach(
          rows,
          (row) => TaskRows.record(row, known),
          (row) => known.get(row.lane)?.owner
        )
    )
  return {
    get: (id) =>
      Effect.map(Effect.flatMap(query<Row>(getSql, [toUuid(id)], { prepare: true }), strict), (found) =>
        Option.fromNullishOr(found[0])
      ),
    list: ({ owner, status, kind, after, limit }) =>
      Effect.flatMap(
        query<Row>(listSql[status ?? "any"], [owner, kind, after === null ? least : toUuid(after), limit], {
          prepare: true
        }),
        records
      ),
    stats: Effect.gen(function* () {
      const rows = yield* query<CountRow>(statsSql, [], { prepare: true })
      const oldest = (yield* query<{ readonly now: number; readonly id: string | null }>(oldestSql, [], {
        prepare: true
      }))[0]
      const sum = (of: (row: CountRow) => number) => rows.reduce((n, row) => n + of(row), 0)
      const size = (row: {
        readonly pending: number
        readonly delayed: number
        readonly parked: number
        readonly running: number
      }) => row.pending + row.delayed + row.parked + row.running
      const madeSeconds =
        oldest === undefined || oldest.id === null ? null : TaskRows.createdAtMillis(oldest.id) / 1_000
      return {
        pending: sum((row) => row.pending),
        delayed: sum((row) => row.delayed),
        parked: sum((row) => row.parked),
        running: sum((row) => row.running),
        oldestPendingSeconds: madeSeconds === null ? 0 : Math.max(0, (oldest?.now ?? 0) - madeSeconds),
        byOwner: rows
          .map(({ owner, ...counts }) => ({
            owner,
            pending: counts.pending,
            delayed: counts.delayed,
            parked: counts.parked,
            running: counts.running
          }))
          .sort((a, b) => size(b) - size(a))
          .slice(0, 100)
      }
    })
  }
}
