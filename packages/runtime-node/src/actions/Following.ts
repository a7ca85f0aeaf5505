/**
 * Follows a run: polls, quickly at first and ever slower while nothing new comes, and tells what its log has more than before. A failure
 * of the server's that passes is waited out; what follows is told from where it was.
 */
import type { CiEvent, CiRun } from "@rdev/core/ports/infra/Ci"
import { isRetryable } from "@rdev/core/ports/infra/PortReason"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { Effect, Stream } from "effect"
import type { Failure } from "./ActionsServer.ts"
import type { Ended, Found, Over } from "./Runs.ts"
import type { WorkflowLog } from "./WorkflowLog.ts"

const delays = { first: 300, most: 5_000, factor: 1.5 }
/** A server that is away is asked this many times before whoever follows is told; with the delays above, about two minutes. */
const maxFailures = 30
/** The end of a log may come after the end of its run: it is read this often again before what is missing counts as lost. */
const maxSettling = 4

/** Where one who follows stands. What was read stays read when a later question fails. */
interface Cursor {
  readonly over: Over<Failure>
  readonly target: RepositoryTarget
  readonly reader: WorkflowLog
  readonly steps: ReadonlyArray<{ readonly name: string; readonly ignoreFailure: boolean; readonly runs: boolean }>
  readonly tidy: (end: Ended) => Effect.Effect<void>
  there: Found
  read: number
  events: Array<CiEvent>
  delay: number
  failures: number
  settling: number
  ended: boolean
}

/** One look: the run, then its log, so that a log that is read after the end is whole. */
const look = Effect.fnUntraced(function* (cursor: Cursor) {
  const { over, reader, steps, target } = cursor
  const there = (yield* over.runs.named(target, cursor.there.run.id, "same")) ?? cursor.there
  const taken = there.found?.status === "running" || there.found?.status === "completed"
  const job = taken && there.found !== null ? yield* over.server.job(target, there.found.number) : null
  if (job !== null)
    yield* over.runs.more(target, job.number, cursor.read, (bytes) => {
      cursor.read += bytes.byteLength
      cursor.events.push(...reader.push(bytes))
    })
  // A log that comes when the job has ended: that it has begun is said by the server.
  const begun = (job?.steps[1]?.status ?? "pending") !== "pending"
  if (cursor.read === 0 && begun && steps[0]?.runs === true) cursor.events.push(...reader.firstRuns())
  const log = cursor.read === 0 ? null : reader.summary
  const before = cursor.there.found?.status
  cursor.there = there
  return { run: yield* over.runs.verdict(target, there, { steps, job, log }), changed: before !== there.found?.status }
})

const end = Effect.fnUntraced(function* (cursor: Cursor, run: CiRun) {
  cursor.ended = true
  cursor.events.push(...cursor.reader.end())
  yield* cursor.tidy({ run, url: cursor.there.found?.url ?? null })
  cursor.events.push({ _tag: "Ended", run })
})

const next = Effect.fnUntraced(function* (cursor: Cursor) {
  if (cursor.delay > 0) yield* cursor.over.waits(cursor.target, cursor.there.run.id, cursor.delay)
  const seen = yield* Effect.result(look(cursor))
  if (seen._tag === "Failure") {
    const { reason } = seen.failure
    if (!isRetryable(reason) || cursor.failures >= maxFailures) return yield* Effect.fail(seen.failure)
    cursor.failures += 1
    const asked = reason._tag === "RateLimited" ? (reason.retryAfterMillis ?? 0) : 0
    cursor.delay = Math.max(asked, Math.min(delays.most, Math.max(cursor.delay, delays.first) * 2))
  } else {
    const { changed, run } = seen.success
    cursor.failures = 0
    const quiet = cursor.events.length === 0 && !changed
    cursor.delay = quiet ? Math.min(delays.most, Math.max(delays.first, cursor.delay * delays.factor)) : delays.first
    // What the first step said of itself is not waited for.
    const { start } = cursor.reader.summary
    const incomplete =
      run.status === "infra" && cursor.there.found?.conclusion === "failure" && start !== "broken" && start !== "late"
    if (incomplete && cursor.settling < maxSettling) cursor.settling += 1
    else if (run.status !== "running") yield* end(cursor, run)
  }
  const events = cursor.events
  cursor.events = []
  return events
})

export const follow = (
  over: Over<Failure>,
  target: RepositoryTarget,
  there: Found,
  tidy: (end: Ended) => Effect.Effect<void>
): Stream.Stream<CiEvent, Failure> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const steps = yield* over.runs.steps(target, there.run)
      const names = steps.map(({ name }) => name)
      const reader = yield* over.runs.reader(target, there.run, names)
      const cursor: Cursor = {
        over,
        target,
        reader,
        steps,
        tidy,
        there,
        read: 0,
        events: [],
        delay: 0,
        failures: 0,
        settling: 0,
        ended: false
      }
      return Stream.unfold(cursor, (at) =>
        at.ended ? Effect.succeed(undefined) : Effect.map(next(at), (events) => [events, at] as const)
      ).pipe(Stream.flatMap(Stream.fromIterable))
    })
  )
