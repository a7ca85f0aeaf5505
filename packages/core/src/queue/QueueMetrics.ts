/** What an autoscaler and an operator watch. Names follow Prometheus; times are seconds. */
import { Effect, Metric } from "effect"
import type { QueueStats } from "../ports/stores/WorkQueueStore.ts"

const seconds = Metric.boundariesFromIterable([
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200
])

export const pending = Metric.gauge("rdev_queue_pending", { description: "Tasks that could run now" })
export const delayed = Metric.gauge("rdev_queue_delayed", {
  description: "Tasks that wait for a time, a dependency or capacity"
})
export const parked = Metric.gauge("rdev_queue_parked", { description: "Tasks that wait for a human" })
export const running = Metric.gauge("rdev_queue_running", { description: "Tasks handed out to workers" })
export const oldest = Metric.gauge("rdev_queue_oldest_pending_seconds", {
  description: "Age of the oldest task that could run now"
})
export const workers = Metric.gauge("rdev_workers", { description: "Workers that beat" })
export const capacity = Metric.gauge("rdev_workers_capacity", { description: "Tasks all workers can run at once" })
export const utilisation = Metric.gauge("rdev_workers_utilisation_ratio", { description: "Running tasks by capacity" })
export const claimed = Metric.counter("rdev_queue_claimed_total", {
  description: "Deliveries to this process",
  incremental: true
})
export const fenced = Metric.counter("rdev_queue_fenced_total", {
  description: "Settlements refused because the task had gone to another worker",
  incremental: true
})
export const leasesLost = Metric.counter("rdev_worker_leases_lost_total", {
  description: "Times a worker stopped its work because its lease had ended",
  incremental: true
})
const outcomes = Metric.counter("rdev_queue_outcomes_total", {
  description: "Ended deliveries by outcome and error class",
  incremental: true
})
export const claimSeconds = Metric.histogram("rdev_queue_claim_seconds", {
  description: "Duration of a claim",
  boundaries: seconds
})
export const waitSeconds = Metric.histogram("rdev_queue_wait_seconds", {
  description: "From enqueue to start of the first delivery, sampled once per claim",
  boundaries: seconds
})
export const runSeconds = Metric.histogram("rdev_queue_run_seconds", {
  description: "From start to end of a delivery, sampled once per settlement",
  boundaries: seconds
})

export const outcome = (name: string, errorClass: string | null) =>
  Metric.withAttributes(outcomes, { outcome: name, class: errorClass ?? "none" })

/** Makes the series of a worker, at zero: an increase is only seen where there was a value before. */
export const begin = Effect.forEach(
  [claimed, fenced, leasesLost, outcome("completed", null), claimSeconds, waitSeconds],
  (metric: Metric.Metric<number, unknown>) => Metric.value(metric),
  { discard: true }
)

export const observe = (stats: QueueStats) =>
  [
    Metric.update(pending, stats.pending),
    Metric.update(delayed, stats.delayed),
    Metric.update(parked, stats.parked),
    Metric.update(running, stats.running),
    Metric.update(oldest, stats.oldestPendingSeconds)
  ] as const
