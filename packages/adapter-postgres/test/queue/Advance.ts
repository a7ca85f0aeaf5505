import { Effect } from "effect"
import { Database } from "../../src/engine/Database.ts"

/** Time passes by moving every time in the tables towards the past. */
export const by = (millis: number) =>
  Effect.gen(function* () {
    const database = yield* Database
    const back = `${millis} * interval '1 millisecond'`
    yield* database.query(`UPDATE rdev.queue_later SET run_at = run_at - ${back} WHERE isfinite(run_at)`)
    yield* database.query(`UPDATE rdev.queue_worker SET expires_at = expires_at - ${back}`)
    yield* database.query(`UPDATE rdev.queue_gate SET open_at = open_at - ${back}`)
  })
