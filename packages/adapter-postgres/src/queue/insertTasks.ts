/**
 * Adds tasks. Plain ones go into `ready` with one statement; single inserts that arrive while others are under way share the next
 * statement. The wake-up rides the insert, at most once per millisecond (a NOTIFY takes a lock of the whole server at commit), with
 * one trailing notification outside any transaction.
 */
import { StoreError } from "@rdev/core/ports/StoreError"
import { type Inserted, maxBatch, type NewTask } from "@rdev/core/ports/WorkQueueStore"
import { Effect, Exit, Fiber, type Scope } from "effect"
import type { Database } from "../Database.ts"
import * as ArrayLiteral from "./ArrayLiteral.ts"
import type { Lanes } from "./Lanes.ts"
import { taskId } from "./TaskRows.ts"
import { toUuid } from "./TaskUuid.ts"
import type { Bell } from "./wakes.ts"

interface Statements {
  readonly plain: string
  /** Carries a notification. */
  readonly ringing: string
  /** Workers see the tasks while the disk is still being waited for, see migrations 0034 and 0035. */
  readonly early: string
}
const one: Statements = {
  plain: "INSERT INTO queue.ready (lane, priority, id, payload) VALUES ($1, $2, $3, $4)",
  ringing: "INSERT INTO queue.ready (lane, priority, id, payload) VALUES ($1, $2, $3, $4) RETURNING pg_notify($5, 'work')",
  early: "CALL queue.add_one_early($1, $2, $3, $4, $5)"
}
const manySql = `
  INSERT INTO queue.ready (lane, priority, id, payload)
  SELECT t.lane, t.priority, t.id, t.payload
  FROM ROWS FROM (unnest($1::int[]), unnest($2::smallint[]), unnest($3::uuid[]), json_array_elements($4::json)) t(lane, priority, id, payload)`
const many: Statements = {
  plain: manySql,
  ringing: `WITH i AS (${manySql}) SELECT pg_notify($5, 'work')`,
  early: "CALL queue.add_early($1, $2, $3, $4, $5)"
}
/** Its second commit costs a producer in a hurry more than it gains: not for many tasks, nor soon after the last notification. */
const maxEarly = 8
const quietMillis = 2
const specialSql = `SELECT queue.insert_special($1, $2::smallint, $3, $4::json, $5::json, $6, to_timestamp($7::float8 / 1000), $8::uuid[]) AS id`

export const isPlain = (task: NewTask): boolean => task.dedupeKey === null && task.runAtMillis === null && task.dependsOn.length === 0

const columns = (tasks: ReadonlyArray<NewTask>, lanes: ReadonlyArray<number>): ReadonlyArray<unknown> => {
  const [first] = tasks
  if (first !== undefined && tasks.length === 1) return [lanes[0], 0 - first.priority, toUuid(first.id), JSON.stringify(first.payload)]
  return [
    ArrayLiteral.plain(lanes),
    ArrayLiteral.plain(tasks.map((task) => 0 - task.priority)),
    ArrayLiteral.plain(tasks.map((task) => toUuid(task.id))),
    `[${tasks.map((task) => JSON.stringify(task.payload)).join(",")}]`
  ]
}

const writePlain = (database: Database["Service"], bell: Bell, tasks: ReadonlyArray<NewTask>, lanes: ReadonlyArray<number>, alone: boolean) => Effect.suspend(() => {
  const statements = tasks.length === 1 ? one : many
  const params = columns(tasks, lanes)
  const ring = bell.ring("work")
  const quiet = alone ? bell.rides() : null
  if (quiet === null) return Effect.tap(database.query(statements.plain, params, { prepare: true }), database.afterCommit(ring))
  const sql = quiet >= quietMillis && tasks.length <= maxEarly ? statements.early : statements.ringing
  // It may have failed with the tasks added.
  return Effect.onError(database.query(sql, [...params, bell.channel], { prepare: true }), () => ring)
})

const writeSpecial = (database: Database["Service"], task: NewTask, lane: number) => {
  const extra = JSON.stringify({
    ...(task.dedupeKey === null ? {} : { dedupeKey: task.dedupeKey }),
    ...(task.dependsOn.length === 0 ? {} : { dependsOn: task.dependsOn }),
    ...(task.runAtMillis === null ? {} : { runAtMillis: task.runAtMillis })
  })
  const params = [lane, 0 - task.priority, toUuid(task.id), JSON.stringify(task.payload), extra, task.dedupeKey, task.runAtMillis, ArrayLiteral.plain(task.dependsOn.map(toUuid))]
  return database.query<{ readonly id: string }>(specialSql, params, { prepare: true }).pipe(
    Effect.map((rows): Inserted => {
      const id = rows[0] === undefined ? task.id : taskId(rows[0].id)
      return { id, created: id === task.id }
    }),
    Effect.mapError(missingDependency)
  )
}

/** queue.insert_special raises RQ001 with the id in its detail. */
const missingDependency = (error: StoreError): StoreError => {
  const { cause } = error
  if (typeof cause !== "object" || cause === null || Reflect.get(cause, "code") !== "RQ001") return error
  return new StoreError({ operation: error.operation, reason: { _tag: "Invalid", field: "dependsOn", message: `task ${taskId(String(Reflect.get(cause, "detail")))} does not exist` } })
}

interface Waiting { readonly tasks: ReadonlyArray<NewTask>; readonly resume: (exit: Exit.Exit<void, StoreError>) => void }
/** Statements in flight for single inserts; two keep the server busy while one's answer travels. */
const maxFlying = 2

export type Insert = (tasks: ReadonlyArray<NewTask>) => Effect.Effect<ReadonlyArray<Inserted>, StoreError>

export const make = (database: Database["Service"], lanes: Lanes, bell: Bell): Effect.Effect<Insert, never, Scope.Scope> => Effect.gen(function*() {
  const scope = yield* Effect.scope
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let waiting: Array<Waiting> = []
  let flying = 0

  const write = (tasks: ReadonlyArray<NewTask>, alone: boolean) => Effect.flatMap(lanes.numbers(tasks), (numbers) => writePlain(database, bell, tasks, numbers, alone))

  const fly = Effect.suspend(() => {
    const batch: Array<Waiting> = []
    for (let n = 0; waiting[batch.length] !== undefined && n < maxBatch; n += waiting[batch.length - 1]?.tasks.length ?? 0) batch.push(waiting[batch.length] as Waiting)
    waiting = waiting.slice(batch.length)
    return Effect.onExit(write(batch.flatMap((entry) => entry.tasks), true), (exit) => Effect.sync(() => { for (const entry of batch) entry.resume(Exit.asVoid(exit)) }))
  })
  const land = (): void => {
    flying--
    takeOff()
  }
  const takeOff = (): void => {
    if (waiting.length === 0 || flying === maxFlying) return
    flying++
    Fiber.runIn(fork(fly), scope).addObserver(land)
  }

  /**
   * A statement of its own when there is room for one, else a place in the next. One bad neighbour cannot fail others: what a statement
   * refuses was checked before (sizes, shapes), so its failures are the database's.
   */
  const share = (tasks: ReadonlyArray<NewTask>): Effect.Effect<unknown, StoreError> => Effect.suspend(() => {
    if (waiting.length === 0 && flying < maxFlying) {
      flying++
      return Effect.onExit(write(tasks, true), () => Effect.sync(land))
    }
    return Effect.callback<void, StoreError>((resume) => { waiting.push({ tasks, resume }) })
  })

  const special = (tasks: ReadonlyArray<NewTask>) => database.transact(Effect.gen(function*() {
    const plain = tasks.filter(isPlain)
    if (plain.length > 0) yield* write(plain, false)
    const numbers = yield* lanes.numbers(tasks)
    const inserted: Array<Inserted> = []
    for (const [i, task] of tasks.entries()) inserted.push(isPlain(task) ? { id: task.id, created: true } : yield* writeSpecial(database, task, numbers[i] ?? 0))
    yield* database.afterCommit(bell.ring("work"))
    return inserted
  }))

  return (tasks) => {
    if (tasks.length === 0) return Effect.succeed([])
    if (!tasks.every(isPlain)) return special(tasks)
    // A caller's transaction needs the statement inside of it; a large batch gains nothing from company.
    const written = Effect.flatMap(database.inTransaction, (inside) => inside || tasks.length > 100 ? write(tasks, !inside) : share(tasks))
    return Effect.map(written, () => tasks.map((task): Inserted => ({ id: task.id, created: true })))
  }
})
