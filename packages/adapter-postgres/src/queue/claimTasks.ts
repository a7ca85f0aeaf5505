/**
 * Claims through queue.claim. Remembers for each worker how far it has come in each lane, so that a claim starts behind the dead index
 * entries of earlier ones; a full claim looks from the start when such a fast one comes back short, and at least every eight times as
 * long as a full claim takes, so that a task which appears behind a mark, or of a project that had none, waits no longer.
 */
import type { WorkerId } from "@rdev/core/domain/Ids"
import type { Delivery } from "@rdev/core/domain/WorkTask"
import { StoreError } from "@rdev/core/ports/StoreError"
import { type ClaimRequest, maxClaim } from "@rdev/core/ports/WorkQueueStore"
import { Effect, type Schema } from "effect"
import type { Connections } from "../Driver.ts"
import * as ArrayLiteral from "./ArrayLiteral.ts"
import type { Lanes } from "./Lanes.ts"
import { decoding } from "./readTasks.ts"
import * as TaskRows from "./TaskRows.ts"
import { toUuid } from "./TaskUuid.ts"

const claimSql = "SELECT * FROM queue.claim($1, $2, $3::text[], $4::text[], $5, $6, $7::int[], $8::smallint[], $9::uuid[])"

interface Row extends Record<string, unknown> {
  readonly o_token: number | null
  readonly o_id: string | null
  readonly o_lane: number
  readonly o_priority: number
  readonly o_payload: Schema.Json
  readonly o_extra: TaskRows.Extra | null
  readonly o_state: unknown
}
interface Mark { readonly priority: number; readonly id: string }
interface Place { after: number; marks: Map<number, Mark>; fullAtMillis: number }

export interface ClaimOptions {
  /** Longest time between full claims. Default 500; 0: every claim is full. */
  readonly fullClaimMillis?: number
}
export interface Claims {
  claim(request: ClaimRequest): Effect.Effect<ReadonlyArray<Delivery>, StoreError>
  forget(worker: WorkerId): void
}

/** The tasks of an answer by priority, then age. Mostly they are already: rows leave a table in the order in which they came. */
const sorted = (rows: ReadonlyArray<Row>): ReadonlyArray<Row> => {
  const tasks = rows.slice(1)
  const before = (a: Row, b: Row) => a.o_priority - b.o_priority || ((a.o_id ?? "") < (b.o_id ?? "") ? -1 : 1)
  for (let i = 1; i < tasks.length; i++) if (before(tasks[i - 1] as Row, tasks[i] as Row) > 0) return tasks.sort(before)
  return tasks
}

export const make = (session: Connections, lanes: Lanes, nowMillis: () => number, options: ClaimOptions): Claims => {
  const places = new Map<WorkerId, Place>()
  const maxFull = options.fullClaimMillis ?? 500

  const once = (request: ClaimRequest, place: Place, limit: number, full: boolean) => Effect.gen(function*() {
    const began = nowMillis()
    const marks = full ? null : [...place.marks]
    const rows = yield* session.query<Row>(claimSql, [
      toUuid(request.workerId),
      limit,
      request.kinds,
      request.labels,
      request.suspects,
      place.after,
      marks === null ? null : ArrayLiteral.plain(marks.map(([lane]) => lane)),
      marks === null ? null : ArrayLiteral.plain(marks.map(([, mark]) => mark.priority)),
      marks === null ? null : ArrayLiteral.plain(marks.map(([, mark]) => mark.id))
    ], { prepare: true })
    const head = rows[0]
    if (head === undefined) return yield* new StoreError({ operation: "WorkQueueStore.claim", reason: { _tag: "Conflict", message: `the lease of worker ${request.workerId} has ended` } })
    if (full) {
      place.after = Math.max(0, head.o_lane)
      const now = nowMillis()
      place.fullAtMillis = now + Math.min(maxFull, Math.max(20, 8 * (now - began)))
    }
    const tasks = sorted(rows)
    place.marks = new Map()
    for (const row of tasks) place.marks.set(row.o_lane, { priority: row.o_priority, id: row.o_id ?? "" })
    return tasks
  })

  const deliveries = (workerId: WorkerId, rows: ReadonlyArray<Row>) => Effect.gen(function*() {
    const token = rows[0]?.o_token ?? 0
    if (token === 0) return []
    const known = yield* lanes.load(session.query, rows.map((row) => row.o_lane))
    const fence = BigInt(token)
    // The token is the claim's time in microseconds, or a little more.
    const startedAtMillis = Math.floor(token / 1_000)
    return yield* decoding(() => rows.map((row): Delivery => ({ task: TaskRows.delivered(row.o_id ?? "", row.o_lane, row.o_priority, row.o_payload, row.o_extra, row.o_state, known, workerId, startedAtMillis), fence })))
  })

  return {
    claim: (request) => Effect.gen(function*() {
      let place = places.get(request.workerId)
      if (place === undefined) places.set(request.workerId, place = { after: 0, marks: new Map(), fullAtMillis: 0 })
      const limit = Math.min(request.limit, maxClaim)
      const full = request.suspects || place.marks.size === 0 || maxFull === 0 || nowMillis() >= place.fullAtMillis
      const rows = yield* once(request, place, limit, full)
      if (full || rows.length >= limit) return yield* deliveries(request.workerId, rows)
      // A fast claim came back short. What it found starts now and the next claim is full; with nothing to start, it is now.
      if (rows.length === 0) return yield* deliveries(request.workerId, yield* once(request, place, limit, true))
      place.fullAtMillis = 0
      return yield* deliveries(request.workerId, rows)
    }),
    forget: (worker) => { places.delete(worker) }
  }
}
