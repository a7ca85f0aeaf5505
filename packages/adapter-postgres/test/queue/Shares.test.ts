/** A claim's shares are those of core's pure `Fairness`, whatever the weights: SQL reckons them by owner, the model task by task. */
import { assert, layer } from "@effect/vitest"
import type { OwnerId } from "@rdev/core/domain/Owner"
import * as NewId from "@rdev/core/ids/NewId"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as Fairness from "@rdev/core/queue/Fairness"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Effect } from "effect"
import * as fc from "fast-check"
import { Database } from "../../src/engine/Database.ts"
import * as PgWorkQueueStore from "../../src/queue/PgWorkQueueStore.ts"
import * as Fleet from "./Fleet.ts"

const weight = fc.oneof(fc.constant(1), fc.constantFrom(0.5, 2, 3, 10), fc.double({ min: 0.1, max: 20, noNaN: true }))
const scenario = fc.record({
  /** Projects that are there from the start, and those that come after the first claim. */
  weights: fc.array(weight, { minLength: 1, maxLength: 8 }),
  late: fc.array(weight, { maxLength: 3 }),
  limits: fc.array(fc.integer({ min: 17, max: 300 }), { minLength: 2, maxLength: 4 })
})
const seed = 20_261_126

layer(Fleet.queue(PgWorkQueueStore.layerWith({ fullClaimMillis: 0 })), { excludeTestServices: true, timeout: 120_000 })(
  "shares of a claim",
  (it) => {
    it.effect("are those of the model", () =>
      Effect.gen(function* () {
        const database = yield* Database
        const store = yield* WorkQueueStore
        const work = yield* WorkQueue.WorkQueue
        const worker = yield* NewId.make("wrk")
        let claims = 0
        for (const [run, { late, limits, weights }] of fc.sample(scenario, { numRuns: 40, seed }).entries()) {
          const kind = `k${run}`
          yield* store.register({ id: worker, name: "w", version: "1", capacity: 4, labels: [], kinds: [kind] }, 60_000)
          const most = limits.reduce((sum, limit) => sum + limit, 0)
          const lanes: Array<{ owner: OwnerId; weight: number; tasks: Array<string> }> = []
          const join = Effect.fnUntraced(function* (weight: number) {
            const owner = yield* NewId.make("proj")
            yield* work.configure(owner, { weight })
            const tasks = yield* work.enqueueAll(Array.from({ length: most }, () => ({ owner, kind, payload: null })))
            lanes.push({ owner, weight, tasks: [...tasks] })
          })
          for (const weight of weights) yield* join(weight)
          const now =
            (yield* database.query<{ readonly now: number }>("SELECT now FROM rdev.queue_fairness"))[0]?.now ?? 0
          let clock: Fairness.Clock = { now, finish: new Map() }
          for (const [i, limit] of limits.entries()) {
            if (i === 1) for (const weight of late) yield* join(weight)
            const model = Fairness.select(lanes, limit, clock)
            const { deliveries } = yield* store.claim({
              workerId: worker,
              limit,
              kinds: [kind],
              labels: [],
              quarantined: false
            })
            const ids = new Set<string>(deliveries.map(({ task }) => task.id))
            assert.deepStrictEqual([...ids].sort(), [...model.chosen].sort(), `run ${run}, claim ${i}`)
            clock = model.clock
            for (const lane of lanes) lane.tasks = lane.tasks.filter((id) => !ids.has(id))
            claims++
          }
          // Another run's worker has no business with what is left of this one.
          yield* database.query("DELETE FROM rdev.queue_ready")
        }
        assert.isAbove(claims, 80)
      })
    )
  }
)
