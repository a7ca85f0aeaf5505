/** All workers and the queue before them (see domain/WorkerPool); looking also sets the gauges of QueueMetrics. */
import { Context, Effect, Layer, Metric } from "effect"
import type { Pool } from "../domain/WorkerPool.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import { WorkQueueStore } from "../ports/stores/WorkQueueStore.ts"
import * as QueueMetrics from "./QueueMetrics.ts"
import { WorkQueue } from "./WorkQueue.ts"

export class WorkerPool extends Context.Service<
  WorkerPool,
  {
    /** Counts are up to two seconds old. */
    readonly pool: Effect.Effect<Pool, StoreError>
  }
>()("rdev/queue/WorkerPool") {}

export const layer: Layer.Layer<WorkerPool, never, WorkQueue | WorkQueueStore> = Layer.effect(
  WorkerPool,
  Effect.gen(function* () {
    const store = yield* WorkQueueStore
    const queue = yield* WorkQueue
    const pool = Effect.gen(function* () {
      const [rows, stats] = yield* Effect.all([store.workers, queue.stats])
      const capacity = rows.reduce((sum, row) => sum + row.capacity, 0)
      const running = rows.reduce((sum, row) => sum + row.running, 0)
      yield* Effect.all(
        [
          ...QueueMetrics.observe(stats),
          Metric.update(QueueMetrics.workers, rows.length),
          Metric.update(QueueMetrics.capacity, capacity),
          Metric.update(QueueMetrics.utilisation, capacity === 0 ? 0 : running / capacity)
        ],
        { discard: true }
      )
      return {
        workers: rows.map((row) => ({
          id: row.id,
          name: row.name,
          version: row.version,
          capacity: row.capacity,
          running: row.running,
          last_heartbeat_at: new Date(row.lastHeartbeatAtMillis).toISOString(),
          labels: row.labels,
          kinds: row.kinds
        })),
        capacity,
        running,
        queue: {
          pending: stats.pending,
          delayed: stats.delayed,
          parked: stats.parked,
          running: stats.running,
          oldest_pending_seconds: stats.oldestPendingSeconds,
          by_owner: stats.byOwner
        }
      }
    }).pipe(Effect.withSpan("WorkerPool.pool"))
    return WorkerPool.of({ pool })
  })
)
