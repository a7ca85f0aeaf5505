/** Registration and heartbeat of workers: a lease is as good as its worker's row. */
import type { WorkerId } from "@rdev/core/domain/Ids"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import type { Beat, Lost, WorkerRank, WorkerInfo, WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as Transition from "@rdev/core/queue/Transition"
import { Effect, type Schema } from "effect"
import type { Connections } from "../engine/Driver.ts"
import * as ArrayLiteral from "./ArrayLiteral.ts"
import type { Lanes } from "./Lanes.ts"
import { decodingEach } from "./readTasks.ts"
import * as TaskRows from "./TaskRows.ts"
import { toUuid } from "./TaskUuid.ts"

const until = (param: string) => `clock_timestamp() + ${param}::float8 * interval '1 millisecond'`
const registerSql = `
  INSERT INTO rdev.queue_worker (id, name, version, capacity, labels, kinds, expires_at) VALUES ($1, $2, $3, $4, $5, $6, ${until("$7")})
  ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, capacity = excluded.capacity, labels = excluded.labels, kinds = excluded.kinds, beat_at = clock_timestamp(), expires_at = excluded.expires_at`
/** With its `WorkerRank` among the other live workers of the same kinds. */
const beatSql = `
  WITH beat AS (UPDATE rdev.queue_worker SET expires_at = ${until("$2")}, beat_at = clock_timestamp(), running = $3 WHERE id = $1 AND expires_at > clock_timestamp() RETURNING kinds)
  SELECT EXISTS (SELECT FROM beat) AS accepted,
    (SELECT array_agg(c.task::text) FROM rdev.queue_cancelling c WHERE EXISTS (SELECT FROM rdev.queue_lease e WHERE e.worker = $1 AND c.task = ANY (e.ids))) AS cancel,
    (SELECT count(*) FROM rdev.queue_worker o, beat WHERE o.id <> $1 AND o.expires_at > clock_timestamp() AND o.kinds && beat.kinds AND (o.running, o.id) < ($3::int, $1::uuid))::int AS ahead,
    (SELECT count(*) FROM rdev.queue_worker o, beat WHERE o.id <> $1 AND o.expires_at > clock_timestamp() AND o.kinds && beat.kinds)::int + 1 AS workers`
const progressSql = `
  INSERT INTO rdev.queue_progress (task, fence, value)
  SELECT t.task, t.fence, t.value FROM unnest($1::uuid[], $2::bigint[], $3::json[]) t(task, fence, value)
  WHERE EXISTS (SELECT FROM rdev.queue_lease e WHERE e.token = t.fence AND e.worker = $4 AND get_bit(e.done, array_position(e.ids, t.task) - 1) = 0 FOR SHARE)
  ON CONFLICT (task) DO UPDATE SET fence = excluded.fence, value = excluded.value`
const returnSql = "SELECT rdev.queue_return_unheld($1, $2::bigint[], $3::float8 * interval '1 millisecond') AS returned"
const deregisterSql = "DELETE FROM rdev.queue_worker WHERE id = $1"
const workersSql = `
  SELECT id, name, version, capacity, labels, kinds, running, floor(extract(epoch FROM beat_at) * 1000)::float8 AS beat_at
  FROM rdev.queue_worker WHERE expires_at > clock_timestamp() ORDER BY id`
const lostSql =
  "SELECT o_token, o_worker, floor(extract(epoch FROM o_claimed_at) * 1000)::float8 AS claimed_at, o_id, o_lane, o_priority, o_payload, o_extra, o_state FROM rdev.queue_take_lost($1)"

interface WorkerRow extends Record<string, unknown>, Omit<WorkerInfo, "id"> {
  readonly id: string
  readonly running: number
  readonly beat_at: number
}
interface LostRow extends Record<string, unknown> {
  readonly o_token: number
  readonly o_worker: string
  readonly claimed_at: number
  readonly o_id: string
  readonly o_lane: number
  readonly o_priority: number
  readonly o_payload: Schema.Json
  readonly o_extra: TaskRows.Extra | null
  readonly o_state: unknown
}
type Store = WorkQueueStore["Service"]

export interface WorkerRows extends Pick<Store, "register" | "beat" | "deregister" | "workers" | "takeLost"> {
  /** Tasks of leases older than `ageMillis` that are not among those the worker holds go back to the queue; how many. */
  returnUnheld(worker: WorkerId, held: ReadonlyArray<number>, ageMillis: number): Effect.Effect<number, StoreError>
}

export const make = (query: Connections["query"], lanes: Lanes): WorkerRows => ({
  register: (worker, leaseMillis) =>
    Effect.asVoid(
      query(
        registerSql,
        [toUuid(worker.id), worker.name, worker.version, worker.capacity, worker.labels, worker.kinds, leaseMillis],
        { prepare: true }
      )
    ),
  beat: (id, leaseMillis, running, progress) =>
    Effect.gen(function* () {
      const rows = yield* query<
        WorkerRank & { readonly accepted: boolean; readonly cancel: ReadonlyArray<string> | null }
      >(beatSql, [toUuid(id), leaseMillis, running], { prepare: true })
      const beat: Beat = {
        accepted: rows[0]?.accepted === true,
        cancel: (rows[0]?.cancel ?? []).map(TaskRows.taskId),
        ahead: rows[0]?.ahead ?? 0,
        workers: rows[0]?.workers ?? 0
      }
      if (!beat.accepted || progress.length === 0) return beat
      yield* query(
        progressSql,
        [
          ArrayLiteral.plain(progress.map((entry) => toUuid(entry.id))),
          ArrayLiteral.plain(progress.map((entry) => String(entry.fence))),
          ArrayLiteral.texts(progress.map((entry) => JSON.stringify(entry.value))),
          toUuid(id)
        ],
        { prepare: true }
      )
      return beat
    }),
  returnUnheld: (worker, held, ageMillis) =>
    Effect.map(
      query<{ readonly returned: number }>(returnSql, [toUuid(worker), ArrayLiteral.plain(held), ageMillis], {
        prepare: true
      }),
      (rows) => rows[0]?.returned ?? 0
    ),
  deregister: (id) => Effect.asVoid(query(deregisterSql, [toUuid(id)], { prepare: true })),
  workers: Effect.map(query<WorkerRow>(workersSql, [], { prepare: true }), (rows) =>
    rows.map(({ id, beat_at, ...row }) => ({
      id: TaskRows.workerId(id),
      name: row.name,
      version: row.version,
      capacity: row.capacity,
      labels: row.labels,
      kinds: row.kinds,
      running: row.running,
      lastHeartbeatAtMillis: beat_at
    }))
  ),
  takeLost: (limit): Effect.Effect<ReadonlyArray<Lost>, StoreError> =>
    Effect.gen(function* () {
      const rows = yield* query<LostRow>(lostSql, [limit], { prepare: true })
      if (rows.length === 0) return []
      const known = yield* lanes.load(
        query,
        rows.map((row) => row.o_lane)
      )
      return yield* decodingEach(
        rows,
        (row) => {
          const worker = TaskRows.workerId(row.o_worker)
          const task = TaskRows.pending(
            {
              id: row.o_id,
              lane: row.o_lane,
              priority: row.o_priority,
              payload: row.o_payload,
              extra: row.o_extra,
              state: row.o_state
            },
            known
          )
          return {
            task: Transition.started(task, worker, row.claimed_at),
            fence: BigInt(row.o_token),
            workerId: worker
          }
        },
        (row) => known.get(row.o_lane)?.owner
      )
    })
})
