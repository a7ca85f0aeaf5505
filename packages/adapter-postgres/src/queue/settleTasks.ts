/**
 * Writes the ends of deliveries: whole leases in one statement when everything left in them simply completed, else task by task. The
 * former are marked at once and filed into history a moment later, see sql/queue/finish.sql.
 */
import type { TaskId, WorkerId } from "@rdev/core/domain/Ids"
import type { Delivery } from "@rdev/core/domain/WorkTask"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import type { Settlement } from "@rdev/core/ports/stores/WorkQueueStore"
import { Effect } from "effect"
import type { Connections } from "../engine/Driver.ts"
import { realPause } from "../engine/realPause.ts"
import * as ArrayLiteral from "./ArrayLiteral.ts"
import * as TaskRows from "./TaskRows.ts"
import { toUuid } from "./TaskUuid.ts"

const finishSql = "SELECT rdev.queue_finish($1::bigint[]) AS tokens"
const fileSql = "SELECT rdev.queue_file($1::bigint[])"
/** What another process left, or this one forgot. */
const unfiledSql =
  "SELECT token, cardinality(ids) AS tasks FROM rdev.queue_lease WHERE ended_at < clock_timestamp() - interval '10 seconds' LIMIT 10000"
export const fileAllSql =
  "SELECT rdev.queue_file((SELECT array_agg(token) FROM rdev.queue_lease WHERE ended_at IS NOT NULL))"
/** Filed with one statement, about 5 ms of it: the embedded engine answers nobody else meanwhile. */
const tasksPerFiling = 500
/** Between two of them, by the time the first took: what runs now comes first, as long as no more than so many leases wait. */
const restPerFiling = 2
const waitingLeases = 100
/** Leases remembered for filing; `adopt` finds any others. */
const maxUnfiled = 10_000
const settleSql =
  "SELECT rdev.queue_settle($1::bigint[], $2::uuid[], $3::smallint[], $4::json[], $5::json[], $6::json[], $7::int[], $8::bigint[], $9::text[]) AS places"

interface Lease {
  readonly worker: WorkerId
  /** Its tasks in the order in which they were handed out, which is mostly that of their ends. */
  readonly ids: ReadonlyArray<TaskId>
  /** Those not ended yet; null as long as none has. */
  left: Set<TaskId> | null
}
const leftOf = (lease: Lease): Set<TaskId> => (lease.left ??= new Set(lease.ids))

/** Whether these are the plain completions of everything left in a lease. */
const isWhole = (lease: Lease, group: ReadonlyArray<Settlement>): boolean => {
  if (group.length !== (lease.left?.size ?? lease.ids.length) || !group.every(isBare)) return false
  if (lease.left === null && group.every((entry, i) => entry.id === lease.ids[i])) return true
  const ended = new Set(group.map((entry) => entry.id))
  return [...leftOf(lease)].every((id) => ended.has(id))
}

export interface Settles {
  /** Leases handed out by this process: which ends make a whole one is known here alone. */
  handedOut(worker: WorkerId, claim: ReadonlyArray<Delivery>): void
  forget(worker: WorkerId): void
  /** The tokens of leases a worker was handed out here and has not ended. */
  held(worker: WorkerId): ReadonlyArray<number>
  /** Files what was marked here or adopted, until nothing is left; with rests as long as there is little. */
  file(query: Connections["query"], rests: boolean): Effect.Effect<void, StoreError>
  /** Takes over what has been marked for ten seconds, by whomever. */
  adopt(query: Connections["query"]): Effect.Effect<void, StoreError>
  settle(
    query: Connections["query"],
    settlements: ReadonlyArray<Settlement>
  ): Effect.Effect<ReadonlyArray<TaskId>, StoreError>
}

const codes = { Again: 0, Completed: 1, Failed: 2, Cancelled: 3 } as const
const isBare = ({ outcome }: Settlement) =>
  outcome._tag === "Completed" && outcome.result === null && outcome.progress === null
const json = (value: unknown) => (value === null ? null : JSON.stringify(value))

const single = (query: Connections["query"], entries: ReadonlyArray<Settlement>) =>
  Effect.gen(function* () {
    const column = <A>(of: (outcome: Settlement["outcome"]) => A) => entries.map((entry) => of(entry.outcome))
    const rows = yield* query<{ readonly places: ReadonlyArray<number> }>(
      settleSql,
      [
        ArrayLiteral.plain(entries.map((entry) => String(entry.fence))),
        ArrayLiteral.plain(entries.map((entry) => toUuid(entry.id))),
        ArrayLiteral.plain(column((o) => codes[o._tag])),
        ArrayLiteral.texts(column((o) => (o._tag === "Completed" ? json(o.result) : null))),
        ArrayLiteral.texts(column((o) => (o._tag === "Completed" ? json(o.progress) : null))),
        ArrayLiteral.texts(column((o) => (o._tag === "Completed" ? null : TaskRows.stateText(o.state)))),
        ArrayLiteral.plain(column((o) => (o._tag === "Completed" ? 0 : o.state.crashes))),
        ArrayLiteral.plain(
          column((o) => (o._tag !== "Again" ? 0 : o.state.parked !== null ? -1 : Math.max(0, Math.ceil(o.delayMillis))))
        ),
        ArrayLiteral.texts(column((o) => (o._tag === "Again" ? o.state.awaits : null)))
      ],
      { prepare: true }
    )
    const accepted = new Set(rows[0]?.places ?? [])
    return entries.filter((_, i) => !accepted.has(i + 1)).map((entry) => entry.id)
  })

export const make = (): Settles => {
  const leases = new Map<number, Lease>()
  const unfiled: Array<{ readonly token: number; readonly tasks: number }> = []

  /** By token, in order. */
  const grouped = (settlements: ReadonlyArray<Settlement>) => {
    const byToken = new Map<number, Array<Settlement>>()
    let last: bigint | undefined
    let group: Array<Settlement> = []
    for (const entry of settlements) {
      if (entry.fence !== last) {
        const token = Number((last = entry.fence))
        byToken.set(token, (group = byToken.get(token) ?? []))
      }
      group.push(entry)
    }
    return byToken
  }
  /** Splits into whole leases and the rest. */
  const sort = (settlements: ReadonlyArray<Settlement>) => {
    const byToken = grouped(settlements)
    const whole = new Map<number, ReadonlyArray<Settlement>>()
    const rest: Array<Settlement> = []
    for (const [token, entries] of byToken) {
      const lease = leases.get(token)
      if (lease !== undefined && isWhole(lease, entries)) whole.set(token, entries)
      else for (const entry of entries) rest.push(entry)
    }
    return { byToken, whole, rest }
  }

  return {
    // One claim is one lease.
    handedOut: (worker, claim) => {
      const [first] = claim
      if (first !== undefined)
        leases.set(Number(first.fence), { worker, ids: claim.map(({ task }) => task.id), left: null })
    },
    forget: (worker) => {
      for (const [token, lease] of leases) if (lease.worker === worker) leases.delete(token)
    },
    held: (worker) => [...leases].flatMap(([token, lease]) => (lease.worker === worker ? [token] : [])),
    file: (query, rests) =>
      Effect.gen(function* () {
        while (unfiled.length > 0) {
          let tasks = 0
          const end = unfiled.findIndex((lease) => (tasks += lease.tasks) >= tasksPerFiling)
          const some = unfiled.splice(0, end < 0 ? unfiled.length : end + 1)
          const began = performance.now()
          yield* query(fileSql, [ArrayLiteral.plain(some.map(({ token }) => token))], { prepare: true })
          if (rests && unfiled.length > 0 && unfiled.length <= waitingLeases)
            yield* realPause(restPerFiling * (performance.now() - began))
        }
      }),
    adopt: (query) =>
      Effect.map(query<{ readonly token: string | number; readonly tasks: number }>(unfiledSql), (rows) => {
        const known = new Set(unfiled.map(({ token }) => token))
        for (const row of rows)
          if (!known.has(Number(row.token)) && unfiled.length < maxUnfiled)
            unfiled.push({ token: Number(row.token), tasks: row.tasks })
      }),
    settle: (query, settlements) =>
      Effect.gen(function* () {
        const { byToken, whole, rest } = sort(settlements)
        const refused: Array<TaskId> = []
        if (whole.size > 0) {
          const rows = yield* query<{ readonly tokens: ReadonlyArray<string | number> }>(
            finishSql,
            [ArrayLiteral.plain([...whole.keys()])],
            { prepare: true }
          )
          const held = new Set((rows[0]?.tokens ?? []).map(Number))
          for (const [token, entries] of whole) {
            if (!held.has(token)) for (const entry of entries) refused.push(entry.id)
            else if (unfiled.length < maxUnfiled) unfiled.push({ token, tasks: entries.length })
          }
        }
        if (rest.length > 0) for (const id of yield* single(query, rest)) refused.push(id)
        for (const [token, entries] of byToken) {
          const lease = leases.get(token)
          if (lease === undefined) continue
          if (!whole.has(token)) for (const entry of entries) leftOf(lease).delete(entry.id)
          if (whole.has(token) || lease.left?.size === 0) leases.delete(token)
        }
        return refused
      })
  }
}
