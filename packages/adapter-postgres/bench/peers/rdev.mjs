// The work queue of rdev through its public API, with everything on: records, history, fences, leases, fairness between ten projects.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import pg from "pg"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as TaskHandlers from "@rdev/core/queue/TaskHandlers"
import * as Worker from "@rdev/core/queue/Worker"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { layerPostgres } from "@rdev/adapter-postgres/engine/Database"
import * as PgWorkQueueStore from "@rdev/adapter-postgres/queue/PgWorkQueueStore"

const kind = "t"
const project = (n) => `proj_01J0000000000000000000000${"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[n]}`
const store = (url) =>
  Layer.merge(PgWorkQueueStore.layer.pipe(Layer.provide(layerPostgres({ url }))), TaskEvents.layerNone)
const queue = (url) => WorkQueue.layer.pipe(Layer.provideMerge(store(url)))
const spec = (payload) => ({ projectId: project(payload.tenant ?? Math.abs(payload.n) % 10), kind, payload })
const sql = async (url, text) => {
  const c = new pg.Client({ connectionString: url })
  await c.connect()
  try {
    return (await c.query(text)).rows
  } finally {
    await c.end()
  }
}

export default {
  kind: "pg",
  async setup({ url }) {
    const runtime = ManagedRuntime.make(queue(url))
    await runtime.runPromise(Effect.void)
    await runtime.dispose()
  },
  async client({ url }) {
    const runtime = ManagedRuntime.make(queue(url))
    const work = await runtime.runPromise(Effect.service(WorkQueue.WorkQueue))
    return {
      add: (payload) => Effect.runPromise(work.enqueue(spec(payload))),
      addMany: (payloads) => Effect.runPromise(work.enqueueAll(payloads.map(spec))),
      close: () => runtime.dispose()
    }
  },
  // The rows that enqueueing would have written.
  async seed(n, { url }) {
    const d = WorkQueue.defaults
    const lanes = await sql(
      url,
      `select rdev.queue_lane_no(p, '${kind}', '{}', null, null, 1, ${d.maxAttempts}, ${d.timeoutMillis}) no from unnest(array['${Array.from({ length: 10 }, (_, i) => project(i)).join("','")}']) p`
    )
    for (let at = 0; at < n; at += 250_000) {
      await sql(
        url,
        `insert into rdev.queue_ready (lane, priority, id, payload)
        select (array[${lanes.map((row) => row.no)}])[1 + i % 10], 0, (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || lpad(to_hex(i), 20, '0'))::uuid, json_build_object('n', i, 't', 0, 'pad', repeat('x', 64))
        from generate_series(${at}, ${Math.min(n, at + 250_000) - 1}) i`
      )
    }
  },
  seedCompleted: () => `
    insert into rdev.queue_history (id, lane, priority, status, fence, ended_at, payload) select id, lane, priority, 1, 1, now(), payload from rdev.queue_ready;
    truncate rdev.queue_ready`,
  unfinished:
    "select ((select count(*) from rdev.queue_ready) + (select count(*) from rdev.queue_later) + (select coalesce(sum(cardinality(ids) - bit_count(done)), 0) from rdev.queue_lease))::int n",
  async work({ url }, { concurrency, handler, leaseMs = 30_000 }) {
    const handlers = TaskHandlers.layer({
      [kind]: ({ task }) => {
        const result = handler(task.payload)
        return result instanceof Promise
          ? Effect.as(
              Effect.promise(() => result),
              null
            )
          : Effect.succeed(null)
      }
    })
    Effect.runFork(
      Layer.launch(
        Worker.layer({ capacity: concurrency, leaseMillis: leaseMs }).pipe(
          Layer.provide(Layer.merge(store(url), handlers))
        )
      )
    )
  }
}
