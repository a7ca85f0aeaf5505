import { assert, it } from "@effect/vitest"
import * as Event from "@rdev/core/domain/Event"
import * as NewId from "@rdev/core/ids/NewId"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as TaskHandlers from "@rdev/core/queue/TaskHandlers"
import * as Worker from "@rdev/core/queue/Worker"
import * as WorkerPool from "@rdev/core/queue/WorkerPool"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Context, Effect, Layer, Stream } from "effect"
import { layerPostgres, layerUnitOfWork } from "../../src/engine/Database.ts"
import * as PgEnvironmentStore from "../../src/stores/PgEnvironmentStore.ts"
import * as PgEventLog from "../../src/stores/PgEventLog.ts"
import * as PgWorkQueueStore from "../../src/queue/PgWorkQueueStore.ts"
import * as TestPostgres from "../../src/testing/TestPostgres.ts"
import * as Fleet from "./Fleet.ts"

/** A process's view of one server: connections, store and events of its own. */
const replica = (url: string) =>
  Layer.fresh(
    WorkerPool.layer.pipe(
      Layer.provideMerge(WorkQueue.layer),
      Layer.provideMerge(TaskEvents.layer),
      Layer.provideMerge(
        Layer.mergeAll(PgWorkQueueStore.layer, PgEventLog.layer, PgEnvironmentStore.layer, layerUnitOfWork)
      ),
      Layer.provideMerge(layerPostgres({ url, maxConnections: 4 }))
    )
  )

it.live(
  "two replicas and three workers share the load, and either replica's readers see every event",
  () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* TestPostgres.make()
        const url = yield* server.createDatabase
        const first = yield* Layer.build(replica(url))
        const second = yield* Layer.build(replica(url))
        const counts = [0, 0, 0]
        for (const index of [0, 1, 2]) {
          const own = yield* Layer.build(replica(url))
          const handlers = TaskHandlers.layer({
            share: ({ task }) =>
              Effect.sync(() => {
                counts[index] = (counts[index] ?? 0) + 1
              }).pipe(Effect.andThen(Effect.sleep(20)), Effect.as(task.payload))
          })
          yield* Layer.build(
            Worker.layer({ capacity: 2, id: `w${index}` }).pipe(
              Layer.provide(handlers),
              Layer.provide(Layer.succeedContext(own))
            )
          )
        }
        const owner = yield* NewId.make("proj")
        const seen = [new Set<string>(), new Set<string>()]
        const listens = [false, false]
        for (const [i, context] of [first, second].entries()) {
          yield* Effect.forkScoped(
            Context.get(context, EventLog)
              .live()
              .pipe(
                Stream.runForEach((event) =>
                  Effect.sync(() => {
                    if (event.type === "probe") listens[i] = true
                    if (event.type === "task.completed") seen[i]?.add(event.subject.taskId ?? "")
                  })
                )
              )
          )
        }
        // A reader sees what comes after it began to listen, which takes a connection.
        const probe = Context.get(first, EventLog).append(Event.ofProject(owner), [
          { type: "probe", subject: {}, data: {} }
        ])
        yield* Fleet.until(
          "both readers listen",
          Effect.map(probe, () => listens.every(Boolean))
        )
        const count = 150
        for (let i = 0; i < count; i++)
          yield* Context.get(i % 2 === 0 ? first : second, WorkQueue.WorkQueue).enqueue({
            owner,
            kind: "share",
            payload: i
          })
        yield* Fleet.until(
          "every event at both readers",
          Effect.sync(() => seen.every((ids) => ids.size === count))
        )
        assert.strictEqual(
          counts.reduce((a, b) => a + b, 0),
          count
        )
        assert.isTrue(
          counts.every((n) => n > 0),
          `every worker has a share: ${counts}`
        )
        const log = Context.get(second, EventLog)
        const types: Array<string> = []
        for (let after = 0; ;) {
          const page = yield* log.read(`project:${owner}` as Parameters<typeof log.read>[0], after, 1_000)
          for (const event of page.events) types.push(event.type)
          if (!page.hasMore) break
          after = page.cursor
        }
        assert.strictEqual(types.filter((type) => type === "task.started").length, count)
        assert.strictEqual(types.filter((type) => type === "task.completed").length, count)
        const pool = yield* Context.get(first, WorkerPool.WorkerPool).pool
        assert.strictEqual(pool.workers.length, 3)
        assert.strictEqual(pool.capacity, 6)
      })
    ),
  120_000
)
