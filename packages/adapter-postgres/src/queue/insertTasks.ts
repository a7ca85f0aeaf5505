/**
 * Adds tasks. Plain ones go into `ready` with one statement; single inserts that arrive while others are under way share the next
 * statement. It carries its wake-up where there is a worker: one that follows takes a producer longer, and other statements notify at
 * most once per millisecond.
 */
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { type Inserted, maxBatch, type NewTask } from "@rdev/core/ports/stores/WorkQueueStore"
import { Effect, Exit, Fiber, type Scope } from "effect"
import { raised } from "../classifyError.ts"
import type { Database } from "../engine/Database.ts"
import * as ArrayLiteral from "./ArrayLiteral.ts"
import type { Lanes } from "./Lanes.ts"
import { taskId } from "./TaskRows.ts"
import { toUuid } from "./TaskUuid.ts"
import { anyWorkerSql, type Bell, type Way } from "./wakes.ts"

type Statements = Readonly<Record<Way, string>>
/** A worker that comes meanwhile looks for tasks before it listens, and polls. */
const anyWorker = `${anyWorkerSql} AS workers`
const insertOne = "INSERT INTO rdev.queue_ready (lane, priority, id, payload) VALUES ($1, $2, $3, $4)"
const one: Statements = {
  // Workers see the tasks, and are notified, while the disk is still being waited for, see sql/queue/add_early.sql: so the lock that a
  // NOTIFY takes of the whole server is not held for a disk.
  rides: "CALL rdev.queue_add_one_early($1, $2, $3, $4, $5)",
  asks: `${insertOne} RETURNING ${anyWorker}`,
  rings: insertOne
}
const insertMany = `
  INSERT INTO rdev.queue_ready (lane, priority, id, payload)
  SELECT t.lane, t.priority, t.id, t.payload
  FROM ROWS FROM (unnest($1::int[]), unnest($2::smallint[]), unnest($3::uuid[]), json_array_elements($4::json)) t(lane, priority, id, payload)`
const many: Statements = {
  rides: "CALL rdev.queue_add_early($1, $2, $3, $4, $5)",
  asks: `WITH added AS (${insertMany}) SELECT ${anyWorker}`,
  rings: insertMany
}
const statementsFor = (tasks: ReadonlyArray<NewTask>): Statements => (tasks.length === 1 ? one : many)
const specialSql = `SELECT rdev.queue_insert_special($1, $2::smallint, $3, $4::json, $5::json, $6, to_timestamp($7::float8 / 1000), $8::uuid[]) AS id`

export const isPlain = (task: NewTask): boolean =>
  task.dedupeKey === null && task.runAtMillis === null && task.dependsOn.length === 0

const columns = (tasks: ReadonlyArray<NewTask>, lanes: ReadonlyArray<number>): ReadonlyArray<unknown> => {
  const [first] = tasks
  if (first !== undefined && tasks.length === 1)
    return [lanes[0], 0 - first.priority, toUuid(first.id), JSON.stringify(first.payload)]
  return [
    ArrayLiteral.plain(lanes),
    ArrayLiteral.plain(tasks.map((task) => 0 - task.priority)),
    ArrayLiteral.plain(tasks.map((task) => toUuid(task.id))),
    `[${tasks.map((task) => JSON.stringify(task.payload)).join(",")}]`
  ]
}

const writeSpecial = (database: Database["Service"], task: NewTask, lane: number) => {
  const extra = JSON.stringify({
    ...(task.dedupeKey === null ? {} : { dedupeKey: task.dedupeKey }),
    ...(task.dependsOn.length === 0 ? {} : { dependsOn: task.dependsOn }),
    ...(task.runAtMillis === null ? {} : { runAtMillis: task.runAtMillis })
  })
  const params = [
    lane,
    0 - task.priority,
    toUuid(task.id),
    JSON.stringify(task.payload),
    extra,
    task.dedupeKey,
    task.runAtMillis,
    ArrayLiteral.plain(task.dependsOn.map(toUuid))
  ]
  return database.query<{ readonly id: string }>(specialSql, params, { prepare: true }).pipe(
    Effect.map((rows): Inserted => {
      const id = rows[0] === undefined ? task.id : taskId(rows[0].id)
      return { id, created: id === task.id }
    }),
    Effect.mapError(missingDependency)
  )
}

/** rdev.queue_insert_special raises RQ001 with the id in its detail. */
const missingDependency = (error: StoreError): StoreError => {
  const id = raised(error, "RQ001")
  return id === undefined
    ? error
    : new StoreError({
        operation: error.operation,
        reason: { _tag: "Invalid", field: "dependsOn", message: `task ${taskId(id)} does not exist` }
      })
}

interface Asked {
  readonly workers: boolean
}
/** Tasks of one call, and who waits for them. */
interface Entry {
  readonly tasks: ReadonlyArray<NewTask>
  readonly resume: (exit: Exit.Exit<ReadonlyArray<Inserted>, StoreError>) => void
}
type Done = (exit: Exit.Exit<unknown, StoreError>) => void
/** Statements in flight for small inserts; two keep the server busy while one's answer travels. */
const maxFlying = 2
/** A larger batch gains nothing from company. */
const maxShared = 100
const prepare = { prepare: true }
const created = (tasks: ReadonlyArray<NewTask>) => tasks.map((task): Inserted => ({ id: task.id, created: true }))

export type Insert = (tasks: ReadonlyArray<NewTask>) => Effect.Effect<ReadonlyArray<Inserted>, StoreError>

export const make = (
  database: Database["Service"],
  lanes: Lanes,
  bell: Bell
): Effect.Effect<Insert, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    let waiting: Array<Entry> = []
    let flying = 0

    /**
     * In callbacks, as a producer that adds one task after the other waits for every step. `done` is called once, and not at all after what
     * this returns was called, which gives the statement up.
     */
    const send = (tasks: ReadonlyArray<NewTask>, numbers: ReadonlyArray<number>, done: Done): (() => void) => {
      let params: ReadonlyArray<unknown>
      try {
        params = columns(tasks, numbers)
      } catch (defect) {
        done(Exit.die(defect))
        return () => {}
      }
      const way = bell.way()
      const stop = database.start<Asked>(
        statementsFor(tasks)[way],
        way === "rides" ? [...params, bell.channel] : params,
        prepare,
        (exit) => {
          // It may have failed with the tasks added.
          if (Exit.isFailure(exit) || way === "rings") bell.ring("work")
          else if (way === "asks") bell.published(exit.value[0]?.workers ?? true)
          done(exit)
        }
      )
      return () => {
        stop()
        bell.ring("work")
      }
    }
    const lookUp = (tasks: ReadonlyArray<NewTask>, done: Done): (() => void) => {
      let gone = false
      let stop = () => {}
      const fiber = Fiber.runIn(fork(lanes.numbers(tasks)), scope)
      fiber.addObserver((exit) => {
        if (gone) return
        if (Exit.isSuccess(exit)) stop = send(tasks, exit.value, done)
        else done(exit)
      })
      return () => {
        gone = true
        fiber.interruptUnsafe()
        stop()
      }
    }
    const write = (tasks: ReadonlyArray<NewTask>, done: Done): (() => void) => {
      const numbers = lanes.known(tasks)
      return numbers === null ? lookUp(tasks, done) : send(tasks, numbers, done)
    }

    const answer = (entries: ReadonlyArray<Entry>, exit: Exit.Exit<unknown, StoreError>): void => {
      for (const { resume, tasks } of entries)
        resume(Exit.isSuccess(exit) ? Exit.succeed(created(tasks)) : Exit.failCause(exit.cause))
    }
    const land = (): void => {
      flying--
      takeOff()
    }
    const fly = (entries: ReadonlyArray<Entry>): (() => void) => {
      flying++
      return write(
        entries.flatMap((entry) => entry.tasks),
        (exit) => {
          land()
          answer(entries, exit)
        }
      )
    }
    const takeOff = (): void => {
      if (waiting.length === 0 || flying === maxFlying) return
      const batch: Array<Entry> = []
      for (
        let n = 0;
        waiting[batch.length] !== undefined && n < maxBatch;
        n += waiting[batch.length - 1]?.tasks.length ?? 0
      )
        batch.push(waiting[batch.length] as Entry)
      waiting = waiting.slice(batch.length)
      fly(batch)
    }

    /**
     * A statement of its own when there is room for one, else a place in the next. One bad neighbour cannot fail others: what a statement
     * refuses was checked before (sizes, shapes), so its failures are the database's.
     */
    const outside = (tasks: ReadonlyArray<NewTask>) =>
      Effect.callback<ReadonlyArray<Inserted>, StoreError>((resume) => {
        const entry = { tasks, resume }
        if (tasks.length > maxShared) return Effect.sync(write(tasks, (exit) => answer([entry], exit)))
        if (waiting.length > 0 || flying === maxFlying) {
          waiting.push(entry)
          return
        }
        const stop = fly([entry])
        return Effect.sync(() => {
          stop()
          land()
        })
      })

    const inside = (tasks: ReadonlyArray<NewTask>) =>
      Effect.gen(function* () {
        const numbers = yield* lanes.numbers(tasks)
        const entries = tasks.map((task, i) => ({ task, lane: numbers[i] ?? 0 }))
        const plain = entries.filter(({ task }) => isPlain(task))
        const plainTasks = plain.map(({ task }) => task)
        if (plain.length > 0)
          yield* database.query(
            statementsFor(plainTasks).rings,
            columns(
              plainTasks,
              plain.map(({ lane }) => lane)
            ),
            prepare
          )
        const inserted: Array<Inserted> = []
        for (const { lane, task } of entries)
          inserted.push(isPlain(task) ? { id: task.id, created: true } : yield* writeSpecial(database, task, lane))
        yield* database.afterCommit(Effect.sync(() => bell.ring("work")))
        return inserted
      })

    return (tasks) => {
      if (tasks.length === 0) return Effect.succeed([])
      if (!tasks.every(isPlain)) return database.transact(inside(tasks))
      // A caller's transaction needs the statement inside of it.
      return Effect.flatMap(database.inTransaction, (joins) => (joins ? inside(tasks) : outside(tasks)))
    }
  })
