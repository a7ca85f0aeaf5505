/**
 * Provisioning of projects on the embedded server, one after another: time from the request to `ready`, and when each step of the median
 * run began and ended, which shows that steps that do not depend on each other overlap. Argument: how many projects.
 */
import { quantile, serve } from "./Bench.ts"

const [projects = 9] = process.argv.slice(2).map(Number)
const barMillis = 2_000

interface StepRow {
  readonly key: string
  readonly phase: string
  readonly status: string
  readonly started_at: string
  readonly ended_at: string
  readonly depends_on: ReadonlyArray<string>
}
interface Run {
  readonly millis: number
  readonly steps: ReadonlyArray<StepRow>
}

const server = await serve()
const runs: Array<Run> = []
for (let i = 0; i <= projects; i++) {
  const began = performance.now()
  const made = (await server.call("POST", "/projects", { name: `bench-${i}` }, { prefer: "wait=60" })) as {
    readonly operation_id: string
    readonly project: { readonly status: string }
  }
  const millis = performance.now() - began
  if (made.project.status !== "ready") throw new Error(`bench-${i} is ${made.project.status}`)
  const { steps } = (await server.call("GET", `/operations/${made.operation_id}/steps`)) as unknown as {
    readonly steps: ReadonlyArray<StepRow>
  }
  // The first one warms code and statements up.
  if (i > 0) runs.push({ millis, steps: steps.filter((step) => step.phase === "do") })
}
runs.sort((a, b) => a.millis - b.millis)
const times = runs.map((run) => run.millis)
const p50 = quantile(times, 0.5)
console.log(
  `provisioning: ${projects} projects, request to ready  p50 ${p50.toFixed(0)} ms  max ${quantile(times, 1).toFixed(0)} ms   (bar: ≤ ${barMillis} ms)`
)

const { steps } = runs[Math.floor(runs.length / 2)] ?? { steps: [] }
const start = Math.min(...steps.map((step) => Date.parse(step.started_at)))
const spans = steps.map((step) => ({
  ...step,
  from: Date.parse(step.started_at) - start,
  to: Date.parse(step.ended_at) - start
}))
for (const { from, key, status, to } of spans.toSorted((a, b) => a.from - b.from))
  console.log(`  ${key.padEnd(12)} ${String(from).padStart(5)} → ${String(to).padStart(5)} ms  ${status}`)
const wall = Math.max(...spans.map((span) => span.to))
const together = spans.reduce((sum, span) => sum + span.to - span.from, 0)
const overlapping = spans.flatMap((a, i) =>
  spans
    .slice(i + 1)
    .filter((b) => a.from < b.to && b.from < a.to)
    .map((b) => `${a.key} with ${b.key}`)
)
console.log(
  `  the steps took ${together} ms one by one, and ${wall} ms as they ran; overlapping: ${overlapping.join(", ") || "none"}`
)
server.stop()
process.exit(p50 <= barMillis && overlapping.length > 0 ? 0 : 1)
