/**
 * Claims through rdev.queue_claim. Remembers for each worker how far it has come in each lane, so that a claim starts behind the dead index
 * entries of earlier ones; a full claim looks from the start when such a fast one comes back short, and at least every eight times as
 * long as a full claim takes (after a wake-up: twice), so that a task which appears behind a mark, or of an owner that had none, waits
 * no longer.
 */
import type { WorkerId } from "@rdev/core/domain/Ids"
import type { Delivery } from "@rdev/core/domain/WorkTask"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { type Claimed, type ClaimRequest, maxClaim } from "@rdev/core/ports/stores/WorkQueueStore"
import { Effect, type Schema } from "effect"
import { raised } from "../classifyError.ts"
import type { Connections } from "../engine/Driver.ts"
import * as ArrayLiteral from "./ArrayLiteral.ts"
import type { Lane, Lanes } from "./Lanes.ts"
import { decoding, decodingEach } from "./readTasks.ts"
import * as TaskRows from "./TaskRows.ts"
import { bytesOfHex, size, toUuid } from "./TaskUuid.ts"

const claimSql =
  "SELECT rdev.queue_claim($1, $2, $3::text[], $4::text[], $5, $6, $7::int[], $8::smallint[], $9::uuid[]) AS answer"

/** Asks again where a task was cancelled while it was claimed, see sql/queue/claim.sql. */
const undisturbed = <A>(claim: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  Effect.catchIf(
    claim,
    (error) => raised(error, "RQ002") !== undefined,
    () => undisturbed(claim)
  )

/** See sql/queue/claim.sql. */
interface Answer extends Partial<Columns> {
  readonly after: number
  readonly more: boolean
}
interface Columns {
  readonly token: number
  /** 32 hexadecimal digits each. */
  readonly ids: string
  readonly lanes: ReadonlyArray<number>
  readonly priorities: ReadonlyArray<number>
  readonly extras: ReadonlyArray<TaskRows.Extra | null> | null
  readonly states: ReadonlyArray<unknown> | null
  readonly payloads: ReadonlyArray<Schema.Json>
}
interface Mark {
  readonly priority: number
  readonly id: string
}
interface Place {
  after: number
  marks: Map<number, Mark>
  /** When the next claim has to be full; a hint brings it forward to `soonAtMillis`. */
  fullAtMillis: number
  soonAtMillis: number
}

export interface ClaimOptions {
  /** Longest time between full claims. Default 500; 0: every claim is full. */
  readonly fullClaimMillis?: number
}
export interface Claims {
  claim(request: ClaimRequest): Effect.Effect<Claimed, StoreError>
  /** Something new is there, perhaps of an owner that had nothing. */
  hint(): void
  forget(worker: WorkerId): void
}

interface Batch extends Columns {
  /** Places in the columns by priority, then age. */
  readonly order: ReadonlyArray<number>
}

/** A uuid without hyphens. */
const idAt = (ids: string, i: number): string => ids.slice(2 * size * i, 2 * size * (i + 1))

/** Mostly they are in order already: rows leave a table in the order in which they came. */
const orderOf = (ids: string, priorities: ReadonlyArray<number>): ReadonlyArray<number> => {
  const order = priorities.map((_, i) => i)
  const before = (a: number, b: number) =>
    (priorities[a] ?? 0) - (priorities[b] ?? 0) || (idAt(ids, a) < idAt(ids, b) ? -1 : 1)
  for (let i = 1; i < order.length; i++) if (before(i - 1, i) > 0) return order.sort(before)
  return order
}

/** The first of each owner, then the second of each: one that has many tasks in a batch keeps no other waiting behind them. */
const inTurns = (
  order: ReadonlyArray<number>,
  ownerOf: (place: number) => string | undefined
): ReadonlyArray<number> => {
  const taken = new Map<string | undefined, number>()
  const turns: Array<Array<number>> = []
  for (const place of order) {
    const owner = ownerOf(place)
    const turn = taken.get(owner) ?? 0
    taken.set(owner, turn + 1)
    const others = turns[turn]
    if (others === undefined) turns.push([place])
    else others.push(place)
  }
  return taken.size < 2 ? order : turns.flat()
}

const hasTasks = (answer: Answer): answer is Answer & Columns => answer.ids !== undefined
const batchOf = (answer: Answer): Batch | null =>
  hasTasks(answer) ? { ...answer, order: orderOf(answer.ids, answer.priorities) } : null

export const make = (session: Connections, lanes: Lanes, nowMillis: () => number, options: ClaimOptions): Claims => {
  const places = new Map<WorkerId, Place>()
  const maxFull = options.fullClaimMillis ?? 500

  /** What an answer says about the next claim. */
  const note = (place: Place, answer: Answer, batch: Batch | null, full: boolean, began: number) => {
    if (full) {
      place.after = Math.max(0, answer.after)
      const now = nowMillis()
      place.fullAtMillis = now + Math.min(maxFull, Math.max(20, 8 * (now - began)))
      place.soonAtMillis = now + Math.min(maxFull, Math.max(20, 2 * (now - began)))
    }
    place.marks = new Map()
    // After the last task the next claim has to look everywhere.
    if (!answer.more || batch === null) return
    const last = new Map<number, number>()
    for (const i of batch.order) last.set(batch.lanes[i] ?? 0, i)
    for (const [lane, i] of last) place.marks.set(lane, { priority: batch.priorities[i] ?? 0, id: idAt(batch.ids, i) })
  }

  const once = (request: ClaimRequest, place: Place, limit: number, full: boolean) =>
    Effect.suspend(() => {
      const began = nowMillis()
      const marks = full ? null : [...place.marks]
      const answered = session.query<{ readonly answer: string | null }>(
        claimSql,
        [
          toUuid(request.workerId),
          limit,
          request.kinds,
          request.labels,
          request.quarantined,
          place.after,
          marks === null ? null : ArrayLiteral.plain(marks.map(([lane]) => lane)),
          marks === null ? null : ArrayLiteral.plain(marks.map(([, mark]) => mark.priority)),
          marks === null ? null : ArrayLiteral.plain(marks.map(([, mark]) => mark.id))
        ],
        { prepare: true }
      )
      return Effect.flatMap(undisturbed(answered), (rows) =>
        decoding(() => {
          const text = rows[0]?.answer ?? null
          if (text === null)
            throw new StoreError({
              operation: "WorkQueueStore.claim",
              reason: { _tag: "Conflict", message: `the lease of worker ${request.workerId} has ended` }
            })
          const answer: Answer = JSON.parse(text)
          const batch = batchOf(answer)
          note(place, answer, batch, full, began)
          return { batch, more: answer.more }
        })
      )
    })

  const deliveries = (
    workerId: WorkerId,
    { extras, ids, lanes: laneOf, order, payloads, priorities, states, token }: Batch,
    known: ReadonlyMap<number, Lane>
  ): Effect.Effect<ReadonlyArray<Delivery>, StoreError> => {
    const fence = BigInt(token)
    // The token is the claim's time in microseconds, or a little more.
    const startedAtMillis = Math.floor(token / 1_000)
    const bytes = bytesOfHex(ids)
    const ownerOf = (i: number) => known.get(laneOf[i] ?? 0)?.owner
    return decodingEach(
      inTurns(order, ownerOf),
      (i): Delivery => ({
        task: TaskRows.delivered(
          bytes,
          size * i,
          laneOf[i] ?? 0,
          priorities[i] ?? 0,
          payloads[i] ?? null,
          extras?.[i] ?? null,
          states?.[i] ?? null,
          known,
          workerId,
          startedAtMillis
        ),
        fence
      }),
      ownerOf
    )
  }
  const claimed = (
    workerId: WorkerId,
    { batch, more }: { readonly batch: Batch | null; readonly more: boolean }
  ): Effect.Effect<Claimed, StoreError> =>
    batch === null
      ? Effect.succeed({ deliveries: [], more })
      : Effect.flatMap(lanes.load(session.query, batch.lanes), (known) =>
          Effect.map(deliveries(workerId, batch, known), (found) => ({ deliveries: found, more }))
        )

  return {
    claim: (request) =>
      Effect.suspend(() => {
        let place = places.get(request.workerId)
        if (place === undefined)
          places.set(request.workerId, (place = { after: 0, marks: new Map(), fullAtMillis: 0, soonAtMillis: 0 }))
        const at = place
        const limit = Math.min(request.limit, maxClaim)
        const full = request.quarantined || at.marks.size === 0 || maxFull === 0 || nowMillis() >= at.fullAtMillis
        return Effect.flatMap(once(request, at, limit, full), (found) => {
          if (!full && found.batch === null)
            return Effect.flatMap(once(request, at, limit, true), (found) => claimed(request.workerId, found))
          // A fast claim that came back short: what it found starts now, and the next claim is full.
          if (!full && (found.batch?.order.length ?? 0) < limit) at.fullAtMillis = 0
          return claimed(request.workerId, found)
        })
      }),
    hint: () => {
      for (const place of places.values()) place.fullAtMillis = Math.min(place.fullAtMillis, place.soonAtMillis)
    },
    forget: (worker) => {
      places.delete(worker)
    }
  }
}
