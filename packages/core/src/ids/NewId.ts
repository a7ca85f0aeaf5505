/**
 * Makes identifiers (see domain/Ids): a prefix that names the kind and a ULID, so that ids sort by the time they were made. Reads
 * Effect's Clock and the platform's random numbers; it never looks at a store.
 */
import { Clock, Effect } from "effect"
import { decodeTime, monotonicFactory } from "ulid"
import type { Ids, Prefix } from "../domain/Ids.ts"

/** Random bytes for 64 ids at a time: asking the system for each of an id's sixteen characters took 170 µs on an idle machine. */
const pool = new Uint8Array(1_024)
let taken = pool.length
const random = (): number => {
  if (taken === pool.length) {
    globalThis.crypto.getRandomValues(pool)
    taken = 0
  }
  return (pool[taken++] ?? 0) / 256
}
const nextUlid = monotonicFactory(random)

/** A bare ULID at the current time of the Clock, greater than every earlier one of this process in the same millisecond. */
export const ulid: Effect.Effect<string> = Effect.map(Clock.currentTimeMillis, (now) => nextUlid(now))

/** A new id of the given kind, made at this time. */
export const makeAt = <P extends Prefix>(prefix: P, nowMillis: number): Ids[P] =>
  `${prefix}_${nextUlid(nowMillis)}` as Ids[P]

/** A new id of the given kind: `make("task")` gives `task_01J…`. */
export const make = <P extends Prefix>(prefix: P): Effect.Effect<Ids[P]> =>
  Effect.map(Clock.currentTimeMillis, (now) => makeAt(prefix, now))

/** When an id was made, epoch milliseconds. */
export const timeMillis = (id: string): number => decodeTime(id.slice(-26))
