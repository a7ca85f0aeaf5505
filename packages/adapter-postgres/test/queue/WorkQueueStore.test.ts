import * as WorkQueueSuite from "@rdev/conformance/WorkQueueSuite"
import { Effect, Layer } from "effect"
import { Database, layerEmbedded } from "../../src/Database.ts"
import * as PgWorkQueueStore from "../../src/queue/PgWorkQueueStore.ts"
import * as TestPostgres from "../../src/testing/TestPostgres.ts"

/** Time passes by moving every time in the tables towards the past. */
const advance = (millis: number) => Effect.gen(function*() {
  const database = yield* Database
  const back = `${millis} * interval '1 millisecond'`
  yield* database.query(`UPDATE queue.later SET run_at = run_at - ${back} WHERE isfinite(run_at)`)
  yield* database.query(`UPDATE queue.worker SET expires_at = expires_at - ${back}`)
  yield* database.query(`UPDATE queue.gate SET open_at = open_at - ${back}`)
})

// The model knows no marks, so claims are full; fast ones are compared by the drain tests.
const store = PgWorkQueueStore.layerWith({ fullClaimMillis: 0 })
WorkQueueSuite.suite("PostgreSQL", store.pipe(Layer.provideMerge(TestPostgres.layerDatabase())), { advance, model: { runs: 25, steps: 60 } })
WorkQueueSuite.suite("embedded", store.pipe(Layer.provideMerge(layerEmbedded({ memory: true }))), { advance, model: { runs: 10, steps: 60 } })
