/** Writes the ends of deliveries: whole leases in one statement when everything left in them simply completed, else task by task. */
import type { TaskId, WorkerId } from "@rdev/core/domain/Ids"
import type { Delivery } from "@rdev/core/domain/WorkTask"
import type { StoreError } from "@rdev/core/ports/StoreError"
import type { Settlement } from "@rdev/core/ports/WorkQueueStore"
import { Effect } from "effect"
import type { Connections } from "../Driver.ts"
import * as ArrayLiteral from "./ArrayLiteral.ts"
import * as TaskRows from "./TaskRows.ts"
import { toUuid } from "./TaskUuid.ts"

const finishSql = "SELECT queue.finish($1::bigint[]) AS tokens"
const settleSql = "SELECT queue.settle($1::bigint[], $2::uuid[], $3::smallint[], $4::json[], $5::json[], $6::json[], $7::int[], $8::bigint[], $9::text[]) AS places"

interface Lease { readonly worker: WorkerId; /** Not ended yet. */ readonly left: Set<TaskId> }
export interface Settles {
  /** Leases handed out by this process: which ends make a whole one is known here alone. */
  handedOut(worker: WorkerId, deliveries: ReadonlyArray<Delivery>): void
  forget(worker: WorkerId): void
  /** The tokens of leases a worker was handed out here and has not ended. */
  held(worker: WorkerId): ReadonlyArray<number>
  settle(query: Connections["query"], settlements: ReadonlyArray<Settlement>): Effect.Effect<ReadonlyArray<TaskId>, StoreError>
}

const codes = { Again: 0, Completed: 1, Failed: 2, Cancelled: 3 } as const
const isBare = ({ outcome }: Settlement) => outcome._tag === "Completed" && outcome.result === null && outcome.progress === null
const json = (value: unknown) => value === null ? null : JSON.stringify(value)

const single = (query: Connections["query"], entries: ReadonlyArray<Settlement>) => Effect.gen(function*() {
  const column = <A>(of: (outcome: Settlement["outcome"]) => A) => entries.map((entry) => of(entry.outcome))
  const rows = yield* query<{ readonly places: ReadonlyArray<number> }>(settleSql, [
    ArrayLiteral.plain(entries.map((entry) => String(entry.fence))),
    ArrayLiteral.plain(entries.map((entry) => toUuid(entry.id))),
    ArrayLiteral.plain(column((o) => codes[o._tag])),
    ArrayLiteral.texts(column((o) => o._tag === "Completed" ? json(o.result) : null)),
    ArrayLiteral.texts(column((o) => o._tag === "Completed" ? json(o.progress) : null)),
    ArrayLiteral.texts(column((o) => o._tag === "Completed" ? null : TaskRows.stateText(o.state))),
    ArrayLiteral.plain(column((o) => o._tag === "Completed" ? 0 : o.state.crashes)),
    ArrayLiteral.plain(column((o) => o._tag !== "Again" ? 0 : o.state.parked !== null ? -1 : Math.max(0, Math.ceil(o.delayMillis)))),
    ArrayLiteral.texts(column((o) => o._tag === "Again" ? o.state.awaits : null))
  ], { prepare: true })
  const accepted = new Set(rows[0]?.places ?? [])
  return entries.filter((_, i) => !accepted.has(i + 1)).map((entry) => entry.id)
})

export const make = (): Settles => {
  const leases = new Map<number, Lease>()

  /** Splits into whole leases and the rest. */
  const sort = (settlements: ReadonlyArray<Settlement>) => {
    const byToken = new Map<number, Array<Settlement>>()
    for (const entry of settlements) {
      const token = Number(entry.fence)
      const group = byToken.get(token)
      if (group === undefined) byToken.set(token, [entry])
      else group.push(entry)
    }
    const whole = new Map<number, ReadonlyArray<Settlement>>()
    const rest: Array<Settlement> = []
    for (const [token, group] of byToken) {
      const left = leases.get(token)?.left
      if (left?.size === group.length && group.every((entry) => isBare(entry) && left.has(entry.id))) whole.set(token, group)
      else for (const entry of group) rest.push(entry)
    }
    return { byToken, whole, rest }
  }

  return {
    handedOut: (worker, deliveries) => {
      let token = 0
      let lease: Lease | undefined
      for (const { fence, task } of deliveries) {
        if (lease === undefined || token !== Number(fence)) leases.set(token = Number(fence), lease = { worker, left: new Set() })
        lease.left.add(task.id)
      }
    },
    forget: (worker) => { for (const [token, lease] of leases) if (lease.worker === worker) leases.delete(token) },
    held: (worker) => [...leases].flatMap(([token, lease]) => lease.worker === worker ? [token] : []),
    settle: (query, settlements) => Effect.gen(function*() {
      const { byToken, whole, rest } = sort(settlements)
      const refused: Array<TaskId> = []
      if (whole.size > 0) {
        const rows = yield* query<{ readonly tokens: ReadonlyArray<string | number> }>(finishSql, [ArrayLiteral.plain([...whole.keys()])], { prepare: true })
        const held = new Set((rows[0]?.tokens ?? []).map(Number))
        for (const [token, group] of whole) if (!held.has(token)) for (const entry of group) refused.push(entry.id)
      }
      if (rest.length > 0) for (const id of yield* single(query, rest)) refused.push(id)
      for (const [token, group] of byToken) {
        const lease = leases.get(token)
        if (lease === undefined) continue
        if (whole.has(token)) leases.delete(token)
        else for (const entry of group) lease.left.delete(entry.id)
        if (lease.left.size === 0) leases.delete(token)
      }
      return refused
    })
  }
}
