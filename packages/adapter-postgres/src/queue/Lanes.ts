/** Lanes by their attributes and by number, remembered for as long as retention leaves them alone. Bounded. */
import type { OwnerId } from "@rdev/core/domain/Owner"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import type { NewTask } from "@rdev/core/ports/stores/WorkQueueStore"
import { Effect } from "effect"
import type { Database } from "../engine/Database.ts"
import type { Connections } from "../engine/Driver.ts"

export interface Lane {
  readonly owner: OwnerId
  readonly kind: string
  readonly requires: ReadonlyArray<string>
  readonly gate: string | null
  readonly concurrencyKey: string | null
  readonly concurrencyLimit: number
  readonly maxAttempts: number
  readonly timeoutMillis: number
}
interface Row extends Record<string, unknown> {
  readonly no: number
  readonly owner: OwnerId
  readonly kind: string
  readonly requires: ReadonlyArray<string>
  readonly gate: string | null
  readonly concurrency_key: string | null
  readonly concurrency_limit: number
  readonly max_attempts: number
  readonly timeout_millis: number
}

const capacity = 10_000
/** Retention spares a lane for two days after its last use, so an hour is far from meeting it. */
const rememberMillis = 3_600_000

const numberSql = "SELECT rdev.queue_lane_no($1, $2, $3, $4, $5, $6, $7, $8) AS no"
const rowsSql = `
  SELECT l.no, p.id AS owner, l.kind, l.requires, l.gate, l.concurrency_key, l.concurrency_limit, l.max_attempts, l.timeout_millis
  FROM rdev.queue_lane l JOIN rdev.queue_project p ON p.no = l.project WHERE l.no = ANY ($1)`

const nameOf = (task: NewTask) =>
  `${task.owner} ${task.kind} ${task.maxAttempts} ${task.timeoutMillis}` +
  (task.requires.length === 0 && task.gate === null && task.concurrencyKey === null
    ? ""
    : JSON.stringify([task.requires, task.gate, task.concurrencyKey, task.concurrencyLimit]))

const remember = <K, V>(map: Map<K, V>, key: K, value: V) => {
  map.set(key, value)
  if (map.size > capacity)
    for (const oldest of map.keys()) {
      map.delete(oldest)
      break
    }
}

export interface Lanes {
  /** The number of each task's lane, in order; null when one has to be looked up. */
  known(tasks: ReadonlyArray<NewTask>): ReadonlyArray<number> | null
  /** The same, looked up where it has to be. */
  numbers(tasks: ReadonlyArray<NewTask>): Effect.Effect<ReadonlyArray<number>, StoreError>
  /** Loads what is not known yet of these lanes. */
  load(query: Connections["query"], numbers: Iterable<number>): Effect.Effect<ReadonlyMap<number, Lane>, StoreError>
}

export const make = (database: Database["Service"], nowMillis: () => number): Lanes => {
  const known = new Map<string, { readonly no: number; readonly until: number }>()
  const byNumber = new Map<number, Lane>()
  let last: {
    readonly owner: string
    readonly kind: string
    readonly maxAttempts: number
    readonly timeoutMillis: number
    readonly name: string
  } | null = null

  /** Many tasks in a row are alike. */
  const name = (task: NewTask): string => {
    if (task.requires.length > 0 || task.gate !== null || task.concurrencyKey !== null) return nameOf(task)
    if (
      last === null ||
      last.owner !== task.owner ||
      last.kind !== task.kind ||
      last.maxAttempts !== task.maxAttempts ||
      last.timeoutMillis !== task.timeoutMillis
    ) {
      last = {
        owner: task.owner,
        kind: task.kind,
        maxAttempts: task.maxAttempts,
        timeoutMillis: task.timeoutMillis,
        name: nameOf(task)
      }
    }
    return last.name
  }

  const find = (key: string, task: NewTask) =>
    Effect.gen(function* () {
      const params = [
        task.owner,
        task.kind,
        task.requires,
        task.gate,
        task.concurrencyKey,
        task.concurrencyKey === null ? 1 : task.concurrencyLimit,
        task.maxAttempts,
        task.timeoutMillis
      ]
      const rows = yield* database.query<{ readonly no: number }>(numberSql, params, { prepare: true })
      const no = rows[0]?.no ?? 0
      // A lane made in a transaction that rolls back never was.
      yield* database.afterCommit(Effect.sync(() => remember(known, key, { no, until: nowMillis() + rememberMillis })))
      return no
    })

  const findAll = (tasks: ReadonlyArray<NewTask>, now: number) =>
    Effect.gen(function* () {
      const found = new Map<string, number>()
      const numbers: Array<number> = []
      for (const task of tasks) {
        const key = name(task)
        const hit = known.get(key)
        const no = hit !== undefined && hit.until > now ? hit.no : (found.get(key) ?? (yield* find(key, task)))
        found.set(key, no)
        numbers.push(no)
      }
      return numbers
    })

  const allKnown = (tasks: ReadonlyArray<NewTask>): ReadonlyArray<number> | null => {
    const now = nowMillis()
    const numbers: Array<number> = []
    for (const task of tasks) {
      const hit = known.get(name(task))
      if (hit === undefined || hit.until <= now) return null
      numbers.push(hit.no)
    }
    return numbers
  }

  return {
    known: allKnown,
    numbers: (tasks) =>
      Effect.suspend(() => {
        const numbers = allKnown(tasks)
        return numbers === null ? findAll(tasks, nowMillis()) : Effect.succeed(numbers)
      }),
    load: (query, numbers) =>
      Effect.suspend(() => {
        const missing = [...new Set(numbers)].filter((no) => !byNumber.has(no))
        if (missing.length === 0) return Effect.succeed(byNumber)
        return Effect.map(query<Row>(rowsSql, [missing], { prepare: true }), (rows) => {
          for (const row of rows) {
            remember(byNumber, row.no, {
              owner: row.owner,
              kind: row.kind,
              requires: row.requires,
              gate: row.gate,
              concurrencyKey: row.concurrency_key,
              concurrencyLimit: row.concurrency_limit,
              maxAttempts: row.max_attempts,
              timeoutMillis: row.timeout_millis
            })
          }
          return byNumber
        })
      })
  }
}
