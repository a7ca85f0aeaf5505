import { assert, describe, it } from "@effect/vitest"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as TaskHandlers from "@rdev/core/queue/TaskHandlers"
import * as Worker from "@rdev/core/queue/Worker"
import { Clock, Effect, Layer, Ref } from "effect"
import * as net from "node:net"
import { Database, layerPostgres } from "../../src/engine/Database.ts"
import * as PgWorkQueueStore from "../../src/queue/PgWorkQueueStore.ts"
import * as TestPostgres from "../../src/testing/TestPostgres.ts"
import * as Fleet from "./Fleet.ts"

/** A server of its own for each test, since some of them break it. */
const onServer = <A, E>(body: (server: TestPostgres.TestServer, url: string) => Effect.Effect<A, E, never>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const server = yield* TestPostgres.make()
      return yield* body(server, yield* server.createDatabase)
    })
  )
const began = (ran: Effect.Effect<ReadonlyMap<number, number>>, count: number) =>
  Effect.map(ran, (map) => map.size >= count)

/** Passes bytes on until told to swallow them, to close one side, or to be slow. */
const proxy = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{
          readonly port: number
          mode: "pass" | "swallow"
          delayMillis: number
          readonly halfClose: () => void
          readonly close: () => void
        }>((resolve) => {
          const pairs = new Set<readonly [net.Socket, net.Socket]>()
          const server = net.createServer((near) => {
            const far = net.connect(port, "127.0.0.1")
            const pair = [near, far] as const
            pairs.add(pair)
            const forward = (from: net.Socket, to: net.Socket) =>
              from.on("data", (data) => {
                if (state.mode === "swallow") return
                if (state.delayMillis === 0) to.write(data)
                else setTimeout(() => to.write(data), state.delayMillis)
              })
            forward(near, far)
            forward(far, near)
            for (const [one, other] of [
              [near, far],
              [far, near]
            ] as const) {
              one.on("error", () => other.destroy())
              one.on("close", () => {
                other.destroy()
                pairs.delete(pair)
              })
            }
          })
          const state = {
            port: 0,
            mode: "pass" as "pass" | "swallow",
            delayMillis: 0,
            halfClose: () => {
              for (const [near] of pairs) near.end()
            },
            close: () => {
              for (const [near] of pairs) near.destroy()
              server.close()
            }
          }
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            state.port = typeof address === "object" && address !== null ? address.port : 0
            resolve(state)
          })
        })
    ),
    (state) => Effect.sync(() => state.close())
  )

describe("work queue under faults", () => {
  it.live(
    "loses nothing when workers are killed and the server crashes",
    () =>
      onServer((server, url) =>
        Effect.gen(function* () {
          const count = 4_000
          yield* Fleet.enqueue("k", count)
          const { hire, ran } = yield* Fleet.fleet(url, "k")
          let workers = [yield* hire(), yield* hire()]
          for (let kill = 1; kill <= 3; kill++) {
            yield* Fleet.until("progress before a kill", began(ran, kill * 300))
            yield* (workers[0] as Fleet.WorkerProcess).kill("SIGKILL")
            workers = [...workers.slice(1), yield* hire()]
          }
          yield* Fleet.until("progress before the crash", began(ran, 1_500))
          yield* server.stop("immediate")
          yield* server.start
          yield* Fleet.until(
            "an empty queue",
            Effect.map(Fleet.left, (n) => n === 0)
          )
          const counts = yield* ran
          assert.strictEqual(counts.size, count, "every task began")
          const ended = yield* Fleet.statuses("k")
          assert.strictEqual((ended["completed"] ?? 0) + (ended["failed"] ?? 0), count)
          // A task fails only when three workers vanished under it.
          assert.isAtMost(ended["failed"] ?? 0, 1)
        }).pipe(Effect.scoped, Effect.provide(Fleet.queueOn(url)), Effect.orDie)
      ),
    180_000
  )

  it.live(
    "refuses everything a stopped worker says after its lease",
    () =>
      onServer((_, url) =>
        Effect.gen(function* () {
          const store = yield* WorkQueueStore
          const { hire, ran } = yield* Fleet.fleet(url, "z")
          const zombie = yield* hire()
          yield* Fleet.enqueue("z", 1_000)
          yield* Fleet.until("the first worker works", began(ran, 50))
          yield* zombie.kill("SIGSTOP")
          const held = (yield* store.list({ owner: null, status: "running", kind: "z", after: null, limit: 1_000 }))
            .length
          yield* hire()
          yield* Fleet.until(
            "another worker finishes",
            Effect.map(Fleet.left, (n) => n === 0)
          )
          const before = yield* store.list({ owner: null, status: null, kind: "z", after: null, limit: 1_000 })
          const beats = (yield* store.workers).length
          yield* zombie.kill("SIGCONT")
          yield* Fleet.until(
            "the first worker registers anew",
            Effect.map(store.workers, (rows) => rows.length > beats)
          )
          const after = yield* store.list({ owner: null, status: null, kind: "z", after: null, limit: 1_000 })
          assert.deepStrictEqual(after, before)
          assert.isTrue(after.every((task) => task.status === "completed"))
          assert.isAtLeast(after.filter((task) => task.crashes > 0).length, held > 0 ? 1 : 0)
        }).pipe(Effect.scoped, Effect.provide(Fleet.queueOn(url)), Effect.orDie)
      ),
    180_000
  )

  it.live(
    "survives a network that swallows, delays and half-closes",
    () =>
      onServer((server, url) =>
        Effect.gen(function* () {
          const wire = yield* proxy(server.port)
          const through = url.replace(`:${server.port}/`, `:${wire.port}/`)
          const count = 1_500
          const runs = yield* Ref.make<ReadonlyMap<number, number>>(new Map())
          const handlers = TaskHandlers.layer({
            n: ({ task }) =>
              Ref.update(runs, (map) =>
                new Map(map).set(Number(task.payload), (map.get(Number(task.payload)) ?? 0) + 1)
              ).pipe(Effect.andThen(Effect.sleep(3)), Effect.as(null))
          })
          const worker = Worker.layer({ capacity: 5, leaseMillis: 4_000, drainMillis: 0 }).pipe(
            Layer.provide(
              Layer.mergeAll(
                // Fresh: the test's own store on the same server must not be shared with it.
                Layer.fresh(PgWorkQueueStore.layer).pipe(
                  Layer.provide(layerPostgres({ url: through, statementTimeoutMillis: 3_000 }))
                ),
                TaskEvents.layerNone,
                handlers
              )
            )
          )
          yield* Fleet.enqueue("n", count)
          yield* Effect.gen(function* () {
            const size = (n: number) =>
              Fleet.until(
                `${n} ran`,
                Effect.map(Ref.get(runs), (map) => map.size >= n),
                90_000
              )
            yield* size(100)
            wire.mode = "swallow"
            yield* Fleet.until(
              "the server gives the worker up",
              Effect.map(
                Effect.flatMap(WorkQueueStore, (store) => store.workers),
                (rows) => rows.length === 0
              )
            )
            wire.mode = "pass"
            yield* size(400)
            wire.halfClose()
            yield* size(700)
            wire.delayMillis = 40
            yield* size(900)
            wire.delayMillis = 0
            yield* Fleet.until(
              "an empty queue",
              Effect.map(Fleet.left, (n) => n === 0),
              90_000
            )
          }).pipe(Effect.provide(worker))
          assert.strictEqual((yield* Ref.get(runs)).size, count)
          assert.deepStrictEqual(yield* Fleet.statuses("n"), { completed: count })
        }).pipe(Effect.scoped, Effect.provide(Fleet.queueOn(url)), Effect.orDie)
      ),
    180_000
  )

  it.live(
    "hands each of 8,000 tasks to one of eight workers once, under a held snapshot and with clocks that jump",
    () =>
      onServer((_, url) =>
        Effect.gen(function* () {
          const database = yield* Database
          const runs = new Map<number, number>()
          const handlers = TaskHandlers.layer({
            once: ({ task }) =>
              Effect.sync(() => {
                runs.set(Number(task.payload), (runs.get(Number(task.payload)) ?? 0) + 1)
                return null
              })
          })
          const real = yield* Clock.Clock
          let jump = 0
          const jumping: Clock.Clock = {
            currentTimeMillisUnsafe: () => real.currentTimeMillisUnsafe() + jump,
            currentTimeNanosUnsafe: () => real.currentTimeNanosUnsafe() + BigInt(jump) * 1_000_000n,
            monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
            currentTimeMillis: Effect.sync(() => real.currentTimeMillisUnsafe() + jump),
            currentTimeNanos: Effect.sync(() => real.currentTimeNanosUnsafe() + BigInt(jump) * 1_000_000n),
            monotonicTimeNanos: real.monotonicTimeNanos,
            sleep: (duration) => real.sleep(duration)
          }
          const worker = () =>
            Worker.layer({ capacity: 4, leaseMillis: 20_000 }).pipe(
              Layer.provide(
                Layer.mergeAll(
                  Layer.fresh(PgWorkQueueStore.layer).pipe(Layer.provide(Layer.succeed(Database, database))),
                  TaskEvents.layerNone,
                  handlers
                )
              ),
              Layer.provide(Layer.succeed(Clock.Clock, jumping))
            )
          yield* database.session.pipe(
            Effect.flatMap((session) =>
              session.transact(
                Effect.gen(function* () {
                  yield* session.query("SELECT count(*) FROM rdev.queue_ready")
                  yield* Fleet.enqueue("once", 8_000)
                  yield* Effect.gen(function* () {
                    for (const hours of [1, -3, 24]) {
                      jump = hours * 3_600_000
                      const at = runs.size
                      yield* Fleet.until(
                        "progress after a jump",
                        Effect.sync(() => runs.size > at || runs.size === 8_000)
                      )
                    }
                    yield* Fleet.until(
                      "an empty queue",
                      Effect.map(Fleet.left, (n) => n === 0)
                    )
                  }).pipe(
                    Effect.provide(
                      Layer.mergeAll(worker(), worker(), worker(), worker(), worker(), worker(), worker(), worker())
                    )
                  )
                })
              )
            )
          )
          assert.strictEqual(runs.size, 8_000)
          assert.deepStrictEqual(
            [...runs.values()].filter((n) => n !== 1),
            []
          )
          assert.deepStrictEqual(yield* Fleet.statuses("once"), { completed: 8_000 })
        }).pipe(Effect.scoped, Effect.provide(Fleet.queueOn(url)), Effect.orDie)
      ),
    180_000
  )
})
