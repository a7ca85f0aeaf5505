/**
 * The work queue on PostgreSQL and on the embedded engine, with the same SQL (migrations/0008_queue.sql and sql/queue; the claims and leases are
 * described there). Claims have a connection of their own, so that they never wait behind a producer, and wake-ups arrive on it.
 */
import type { WorkerId } from "@rdev/core/domain/Ids"
import type { OwnerId } from "@rdev/core/domain/Owner"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { type OwnerQueue, type Settlement, type Wake, WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import { Clock, Effect, Layer } from "effect"
import { Database } from "../engine/Database.ts"
import { operation } from "../stores/StoreOperation.ts"
import * as ClaimTasks from "./claimTasks.ts"
import * as InsertTasks from "./insertTasks.ts"
import * as Lanes from "./Lanes.ts"
import * as ReadTasks from "./readTasks.ts"
import * as SettleTasks from "./settleTasks.ts"
import * as TaskRows from "./TaskRows.ts"
import { toUuid } from "./TaskUuid.ts"
import * as Wakes from "./wakes.ts"
import * as WorkerRows from "./workerRows.ts"

export type Options = ClaimTasks.ClaimOptions

const maintainSql =
  "SELECT o_due AS due, o_quarantined AS quarantined, o_promoted AS promoted FROM rdev.queue_maintain(10000)"
const partitionsSql = "SELECT rdev.queue_make_partitions()"
const summarizeSql =
  "SELECT brin_summarize_new_values(c.oid) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'brin' AND c.relkind = 'i' AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'rdev.queue_history'::regclass)"
const cancelSql = "SELECT rdev.queue_cancel($1) AS status"
const requeueSql = "SELECT rdev.queue_requeue($1, $2::json) AS answer"
const releaseSql = "SELECT rdev.queue_release($1)"
const ownerSql = "SELECT paused, weight, max_running FROM rdev.queue_project WHERE id = $1"
const configureSql = `
  INSERT INTO rdev.queue_project AS p (id, paused, weight, max_running) VALUES ($1, coalesce($2, false), coalesce($3::float8, 1), $5)
  ON CONFLICT (id) DO UPDATE SET paused = coalesce($2, p.paused), weight = coalesce($3::float8, p.weight), max_running = CASE WHEN $4 THEN $5 ELSE p.max_running END
  RETURNING paused, weight, max_running`
const closeSql = `
  INSERT INTO rdev.queue_gate AS g (name, open_at) VALUES ($1, clock_timestamp() + $2::float8 * interval '1 millisecond')
  ON CONFLICT (name) DO UPDATE SET open_at = greatest(g.open_at, excluded.open_at)`
const openSql = "DELETE FROM rdev.queue_gate WHERE name = $1"
const gatesSql =
  "SELECT name, floor(extract(epoch FROM open_at) * 1000)::float8 AS open_at FROM rdev.queue_gate WHERE open_at > clock_timestamp() ORDER BY name LIMIT 1000"
const purgeSql = "SELECT rdev.queue_purge($1::float8 * interval '1 millisecond', $2) AS gone"

const statuses = ["pending", "completed", "failed", "cancelled", "running"] as const
const choresMillis = 60_000

interface OwnerRow extends Record<string, unknown> {
  readonly paused: boolean
  readonly weight: number
  readonly max_running: number | null
}
const ownerOf = (owner: OwnerId, row: OwnerRow | undefined): OwnerQueue => ({
  owner,
  paused: row?.paused ?? false,
  weight: row?.weight ?? 1,
  maxRunning: row?.max_running ?? null
})
const fail = (verb: string, reason: StoreError["reason"]) =>
  new StoreError({ operation: `WorkQueueStore.${verb}`, reason })

const make = (options: Options) =>
  Effect.gen(function* () {
    const database = yield* Database
    const clock = yield* Clock.Clock
    const scope = yield* Effect.scope
    const nowMillis = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000n) / 1_000
    const claiming = yield* database.session
    const lanes = Lanes.make(database, nowMillis)
    const bell = yield* Wakes.make(database, claiming)
    const ring = (wake: Wake) => Effect.sync(() => bell.ring(wake))
    const insert = yield* InsertTasks.make(database, lanes, bell)
    const claims = ClaimTasks.make(claiming, lanes, nowMillis, options)
    const settles = SettleTasks.make()
    const reads = ReadTasks.make(database.query, lanes)
    const workers = WorkerRows.make(database.query, lanes)
    let choresAt = Number.NEGATIVE_INFINITY
    // Partitions are needed for the first task that ends; the index can wait for some.
    const summarizeAt = nowMillis() + choresMillis
    // The data folder is this process's alone: workers of an earlier one are gone, and what they held need not wait for its lease.
    if (database.engine === "embedded") yield* database.query("DELETE FROM rdev.queue_worker")

    const chores = Effect.suspend(() => {
      if (nowMillis() < choresAt) return Effect.void
      choresAt = nowMillis() + choresMillis
      const always = Effect.andThen(database.query(partitionsSql), settles.adopt(database.query))
      return nowMillis() < summarizeAt ? always : Effect.andThen(always, database.query(summarizeSql))
    })
    const file = (rests: boolean) =>
      Effect.catch(settles.file(database.query, rests), (error) =>
        Effect.logWarning(`completed tasks are filed later: ${error.message}`)
      )
    let filing = false
    /** Beside everything else: after many ends it takes longer than other chores may wait. */
    const startFiling = Effect.suspend(() => {
      if (filing) return Effect.void
      filing = true
      return Effect.asVoid(
        Effect.forkIn(
          Effect.ensuring(
            file(true),
            Effect.sync(() => {
              filing = false
            })
          ),
          scope
        )
      )
    })
    const maintain = Effect.gen(function* () {
      yield* chores
      const row = (yield* database.query<{
        readonly due: number | null
        readonly quarantined: boolean
        readonly promoted: number
      }>(maintainSql, [], { prepare: true }))[0]
      if ((row?.promoted ?? 0) > 0) yield* ring("work")
      yield* startFiling
      return { nextDueMillis: row?.due ?? null, quarantined: row?.quarantined ?? false }
    })
    const ringAfter = <A, E>(effect: Effect.Effect<A, E>) => Effect.tap(effect, database.afterCommit(ring("work")))
    const configure: WorkQueueStore["Service"]["configure"] = (id, change) =>
      Effect.map(
        database.query<OwnerRow>(configureSql, [
          id,
          change.paused ?? null,
          change.weight ?? null,
          change.maxRunning !== undefined,
          change.maxRunning ?? null
        ]),
        (rows) => ownerOf(id, rows[0])
      )
    const cancel: WorkQueueStore["Service"]["cancel"] = (id) =>
      Effect.gen(function* () {
        const code = (yield* database.query<{ readonly status: number | null }>(cancelSql, [toUuid(id)], {
          prepare: true
        }))[0]?.status
        const status = code === null || code === undefined ? undefined : statuses[code]
        if (status === undefined) return yield* fail("cancel", { _tag: "NotFound", entity: "task", id })
        if (status === "running") yield* database.afterCommit(ring("cancel"))
        return status
      })
    const requeue: WorkQueueStore["Service"]["requeue"] = (id, state) =>
      Effect.gen(function* () {
        const answer =
          (yield* database.query<{ readonly answer: string }>(requeueSql, [toUuid(id), TaskRows.stateText(state)], {
            prepare: true
          }))[0]?.answer ?? "missing"
        if (answer === "missing") return yield* fail("requeue", { _tag: "NotFound", entity: "task", id })
        if (answer === "running" || answer === "completed")
          return yield* fail("requeue", { _tag: "Conflict", message: `task ${id} is ${answer}` })
        if (answer !== "ok")
          return yield* fail("requeue", {
            _tag: "Conflict",
            message: `task ${TaskRows.taskId(answer)} holds its dedupe key`
          })
      })
    const forget = (id: WorkerId) =>
      Effect.sync(() => {
        claims.forget(id)
        settles.forget(id)
      })
    const beat: WorkQueueStore["Service"]["beat"] = (id, leaseMillis, running, progress) =>
      Effect.gen(function* () {
        const answer = yield* workers.beat(id, leaseMillis, running, progress)
        if (!answer.accepted) {
          yield* forget(id)
          return answer
        }
        // An answer that has not come for as long as the lease is lost; should it come after all, its fences are old.
        if ((yield* workers.returnUnheld(id, settles.held(id), leaseMillis)) > 0) yield* ring("work")
        return answer
      })

    const settled = (settlements: ReadonlyArray<Settlement>) => settles.settle(database.query, settlements)
    // The server notifies by itself, and only of ends that let something run.
    const settle = Wakes.carriesNotifications(database)
      ? settled
      : (settlements: ReadonlyArray<Settlement>) => ringAfter(settled(settlements))

    return WorkQueueStore.of({
      insert: (tasks) => operation("WorkQueueStore.insert")(insert(tasks)),
      claim: (request) =>
        operation("WorkQueueStore.claim")(
          Effect.map(claims.claim(request), (claimed) => {
            settles.handedOut(request.workerId, claimed.deliveries)
            return claimed
          })
        ),
      settle: (settlements) => operation("WorkQueueStore.settle")(settle(settlements)),
      register: (worker, leaseMillis) => operation("WorkQueueStore.register")(workers.register(worker, leaseMillis)),
      beat: (id, leaseMillis, running, progress) =>
        operation("WorkQueueStore.beat")(beat(id, leaseMillis, running, progress)),
      deregister: (id) =>
        operation("WorkQueueStore.deregister")(
          Effect.andThen(Effect.andThen(forget(id), workers.deregister(id)), file(false))
        ),
      workers: operation("WorkQueueStore.workers")(workers.workers),
      takeLost: (limit) => operation("WorkQueueStore.takeLost")(workers.takeLost(limit)),
      maintain: operation("WorkQueueStore.maintain")(maintain),
      onWake: (heard) =>
        operation("WorkQueueStore.onWake")(
          bell.hear((wake) => {
            if (wake === "work") claims.hint()
            heard(wake)
          })
        ),
      get: (id) => operation("WorkQueueStore.get")(reads.get(id)),
      list: (query) => operation("WorkQueueStore.list")(reads.list(query)),
      cancel: (id) => operation("WorkQueueStore.cancel")(cancel(id)),
      requeue: (id, state) => operation("WorkQueueStore.requeue")(ringAfter(requeue(id, state))),
      release: (resource) =>
        operation("WorkQueueStore.release")(
          ringAfter(Effect.asVoid(database.query(releaseSql, [resource], { prepare: true })))
        ),
      owner: (id) =>
        operation("WorkQueueStore.owner")(
          Effect.map(database.query<OwnerRow>(ownerSql, [id], { prepare: true }), (rows) => ownerOf(id, rows[0]))
        ),
      configure: (id, change) => operation("WorkQueueStore.configure")(ringAfter(configure(id, change))),
      closeGate: (name, forMillis) =>
        operation("WorkQueueStore.closeGate")(
          Effect.asVoid(database.query(closeSql, [name, forMillis], { prepare: true }))
        ),
      openGate: (name) =>
        operation("WorkQueueStore.openGate")(
          ringAfter(Effect.asVoid(database.query(openSql, [name], { prepare: true })))
        ),
      gates: operation("WorkQueueStore.gates")(
        Effect.map(database.query<{ readonly name: string; readonly open_at: number }>(gatesSql), (rows) =>
          rows.map((row) => ({ name: row.name, openAtMillis: row.open_at }))
        )
      ),
      stats: operation("WorkQueueStore.stats")(reads.stats),
      purge: (olderThanMillis, maxRecords) =>
        operation("WorkQueueStore.purge")(
          Effect.andThen(
            database.query(SettleTasks.fileAllSql),
            Effect.map(database.query<{ readonly gone: number }>(purgeSql, [olderThanMillis, maxRecords]), (rows) =>
              Number(rows[0]?.gone ?? 0)
            )
          )
        )
    })
  })

export const layerWith = (options: Options): Layer.Layer<WorkQueueStore, StoreError, Database> =>
  Layer.effect(WorkQueueStore, make(options))
export const layer: Layer.Layer<WorkQueueStore, StoreError, Database> = layerWith({})
