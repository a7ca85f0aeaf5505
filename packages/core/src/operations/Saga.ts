/**
 * Runs a claimed operation over its ledger: starts every step whose dependencies are settled, in parallel; on an error or a cancel
 * undoes in reverse order; parks what it cannot read. It ends when the operation has ended, waits (the lease is given up, the wait
 * is a row) or is somebody else's. All it knows comes from the ledger, so any runner can go on where another stopped.
 */
import { Clock, Effect, Exit, Fiber, Option, Queue, Result, type Scope } from "effect"
import type { Operation, OperationStep, StepError } from "../domain/Operation.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import type { Definition, OperationDefinitions } from "./Definition.ts"
import { CancelledFirst, type RunnerContext, event, LeaseLost, settle, write } from "./Ledger.ts"
import * as Plan from "./Plan.ts"
import type { Step } from "./Step.ts"
import * as StepRun from "./StepRun.ts"

/** Wake time of an operation that waits for an answer alone: the last instant a Date can hold. */
export const indefinitelyMillis = 8_640_000_000_000_000

export interface Controls {
  /** Offers say "look again": a cancel, an answer, the end of a step. */
  readonly bell: Queue.Queue<void>
  /** No more steps are begun; the operation is given back once those running have ended. */
  readonly stopping: () => boolean
}

interface Loaded {
  readonly definition: Definition
  readonly steps: ReadonlyArray<Step>
  readonly run: StepRun.Run
}

const error = (code: string, message: string): StepError => ({ code, message, retryable: false })

const park = (runner: RunnerContext, operation: Operation, definition: Definition | null, why: StepError) =>
  settle(runner, operation, definition, { status: "parked", error: why, output: operation.output })

/** The steps in order; a definition that throws is one that cannot be read. */
const stepsOf = (definition: Definition, operation: Operation): Result.Result<ReadonlyArray<Step>, StepError> => {
  try {
    return Result.mapBoth(
      definition.steps(operation.input, {
        operationId: operation.id,
        projectId: operation.projectId,
        actor: operation.actor
      }),
      {
        onFailure: (message) => error("UndecodableInput", `the recorded input cannot be read: ${message}`),
        onSuccess: (steps) => Plan.ordered(steps)
      }
    )
  } catch (thrown) {
    return Result.fail(error("Defect", thrown instanceof Error ? thrown.message : String(thrown)))
  }
}

/** What the ledger holds, or why nobody should go on with it. */
const load = Effect.fn("Saga.load")(function* (
  runner: RunnerContext,
  definitions: OperationDefinitions["Service"],
  operation: Operation
) {
  const definition = definitions.find(operation.kind, operation.version)
  if (definition === undefined) {
    const known = definitions.latest(operation.kind)?.version
    return Result.fail(
      error(
        "UnknownVersion",
        `this installation cannot run ${operation.kind} version ${operation.version} (${known === undefined ? "it does not know the kind" : `it knows version ${known}`}); retry it on one that can`
      )
    )
  }
  const steps = stepsOf(definition, operation)
  if (Result.isFailure(steps)) return Result.fail(steps.failure)
  const stored = yield* runner.store.steps(operation.id)
  const rows = new Map(stored.filter((row) => row.phase === "do").map((row) => [row.key, row]))
  const drift = Plan.drift(steps.success, rows)
  if (drift !== null)
    return Result.fail(error("VersionDrift", `${operation.kind} version ${operation.version}: ${drift}`))
  const undo = new Map(stored.filter((row) => row.phase === "undo").map((row) => [row.key, row]))
  const run: StepRun.Run = {
    runner,
    steps: steps.success,
    operation,
    rows,
    undo,
    answers: yield* runner.store.answers(operation.id)
  }
  return Result.succeed<Loaded>({ definition, steps: steps.success, run })
})

/** The operation's error: that of the first failed step, with the number of others. */
export const failureOf = (rows: ReadonlyMap<string, OperationStep>): StepError | null => {
  const failed = [...rows.values()].filter((row) => row.status === "failed")
  const first = failed[0]
  if (first === undefined || first.error === null) return null
  const others = failed.length - 1
  return {
    ...first.error,
    message: `${first.key}: ${first.error.message}${others > 0 ? ` (and ${others} more failed steps)` : ""}`
  }
}

const firstError = <E>(exits: ReadonlyArray<Exit.Exit<void, E>>) => exits.find(Exit.isFailure)

/** Runs ready steps until nothing is ready, running or due; answers with how that is. */
const drive = (loaded: Loaded, controls: Controls, scope: Scope.Scope, phase: "do" | "undo") =>
  Effect.gen(function* () {
    const { definition, run, steps } = loaded
    const running = new Map<string, Fiber.Fiber<void, StoreError | LeaseLost>>()
    const ended: Array<string> = []
    const rows = phase === "do" ? run.rows : run.undo
    const start = (step: Step, row: OperationStep) =>
      Effect.gen(function* () {
        const attempt = (phase === "do" ? StepRun.forwards(run, step, row) : StepRun.backwards(run, step, row)).pipe(
          Effect.catchIf(
            (problem) => problem instanceof CancelledFirst,
            (cancelled) =>
              Effect.sync(() => {
                run.operation = cancelled.operation
              })
          )
        )
        const fiber = yield* Effect.forkIn(
          Effect.ensuring(
            attempt,
            Effect.suspend(() => {
              ended.push(step.key)
              return Queue.offer(controls.bell, undefined)
            })
          ),
          scope
        )
        running.set(step.key, fiber)
      })
    const reap = Effect.gen(function* () {
      const fibers = ended.splice(0).flatMap((key) => {
        const fiber = running.get(key)
        running.delete(key)
        return fiber === undefined ? [] : [fiber]
      })
      const broken = firstError(yield* Effect.forEach(fibers, Fiber.await))
      if (broken !== undefined) return yield* Effect.failCause(broken.cause)
    })
    while (true) {
      yield* reap
      const nowMillis = yield* Clock.currentTimeMillis
      const standing = {
        steps,
        rows,
        running: new Set(running.keys()),
        answered: new Set(run.answers.keys()),
        nowMillis
      }
      const stopped =
        run.operation.cancelRequested || (definition.onFailure === "compensate" && failureOf(run.rows) !== null)
      const next =
        phase === "do"
          ? Plan.forwards(standing, { stopped, lenient: definition.onFailure === "continue" })
          : Plan.backwards(standing)
      const begun = controls.stopping() ? [] : next.ready
      for (const step of begun) {
        const row = rows.get(step.key)
        if (row !== undefined) yield* start(step, row)
      }
      if (running.size === 0) return { ...next, settled: next.settled && next.ready.length === 0 }
      const ring = Queue.take(controls.bell)
      yield* next.dueMillis === null ? ring : Effect.timeoutOption(ring, Math.max(1, next.dueMillis - nowMillis))
      if (ended.length === 0) yield* refresh(run)
    }
  })

/** What others may have written since: a cancel, answers. */
const refresh = (run: StepRun.Run) =>
  Effect.gen(function* () {
    const now = yield* run.runner.store.get(run.operation.id)
    if (Option.isSome(now) && now.value.leaseEpoch !== run.operation.leaseEpoch)
      return yield* new LeaseLost({ operationId: run.operation.id })
    if (Option.isSome(now)) run.operation = now.value
    run.answers = yield* run.runner.store.answers(run.operation.id)
  })

const release = (loaded: Loaded, status: "running" | "waiting" | "compensating", wakeAtMillis: number | null) =>
  write(loaded.run.runner, loaded.run.operation, { operation: { status, release: { wakeAtMillis } } }, [])

/** Nothing runs any more, and not all is settled: wait as a row, be parked for a human, or be given back. */
const pause = (loaded: Loaded, next: Plan.Next, controls: Controls) =>
  Effect.gen(function* () {
    const { definition, run } = loaded
    const undoing = run.operation.direction === "undo"
    if (controls.stopping()) return yield* release(loaded, undoing ? "compensating" : "running", null)
    if (next.unknown.length > 0) {
      return yield* park(
        run.runner,
        run.operation,
        definition,
        error(
          "UnknownOutcome",
          `nobody knows how ${next.unknown.join(", ")} ended: look, then retry (it runs again) or cancel (the rest is undone)`
        )
      )
    }
    return yield* release(loaded, undoing ? "compensating" : "waiting", next.dueMillis ?? indefinitelyMillis)
  })

const compensate = (loaded: Loaded, controls: Controls, scope: Scope.Scope) =>
  Effect.gen(function* () {
    const { definition, run } = loaded
    if (run.operation.direction === "do") {
      const why = failureOf(run.rows)
      run.operation = yield* write(
        run.runner,
        run.operation,
        { operation: { direction: "undo", status: "compensating", error: why } },
        [
          event(run.operation, "operation.compensating", {
            kind: run.operation.kind,
            ...(why === null ? { reason: "cancelled" } : { error: { ...why } })
          })
        ]
      )
    }
    const next = yield* drive(loaded, controls, scope, "undo")
    if (!next.settled) return yield* pause(loaded, next, controls)
    const stuck = [...run.undo.values()].filter((row) => row.status === "failed")
    const why = failureOf(run.rows)
    if (stuck.length > 0) {
      const message = stuck.map((row) => `${row.key}: ${row.error?.message ?? "unknown"}`).join("; ")
      return yield* settle(run.runner, run.operation, definition, {
        status: "compensation_failed",
        error: error(
          "CompensationFailed",
          `${why === null ? "cancelled" : why.message}; not undone: ${message}`.slice(0, 4_000)
        ),
        output: null
      })
    }
    return yield* settle(run.runner, run.operation, definition, {
      status: why === null ? "cancelled" : "failed",
      error: why,
      output: null
    })
  })

const begin = (run: StepRun.Run) =>
  Effect.gen(function* () {
    const first = run.operation.startedAtMillis === null
    if (!first && run.operation.status !== "waiting" && run.operation.status !== "planned") return
    const startedAtMillis = run.operation.startedAtMillis ?? (yield* Clock.currentTimeMillis)
    run.operation = yield* write(
      run.runner,
      run.operation,
      { operation: { status: "running", startedAtMillis } },
      first
        ? [event(run.operation, "operation.started", { kind: run.operation.kind, version: run.operation.version })]
        : []
    )
  })

/** Runs a claimed operation as far as it goes. */
export const run = Effect.fn("Saga.run")(function* (
  runner: RunnerContext,
  definitions: OperationDefinitions["Service"],
  operation: Operation,
  controls: Controls
) {
  const read = yield* load(runner, definitions, operation)
  if (Result.isFailure(read)) return yield* park(runner, operation, null, read.failure)
  const loaded = read.success
  return yield* Effect.scoped(
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.gen(function* () {
        const { definition, run } = loaded
        if (run.operation.direction === "undo") return yield* compensate(loaded, controls, scope)
        yield* begin(run)
        const next = yield* drive(loaded, controls, scope, "do")
        if (!next.settled) return yield* pause(loaded, next, controls)
        const why = failureOf(run.rows)
        const open = [...run.undo.values()].some((row) => row.status !== "skipped")
        const undoes = run.operation.cancelRequested || (why !== null && definition.onFailure === "compensate")
        if (undoes && open) return yield* compensate(loaded, controls, scope)
        if (why !== null)
          return yield* settle(runner, run.operation, definition, { status: "failed", error: why, output: null })
        if (run.operation.cancelRequested)
          return yield* settle(runner, run.operation, definition, { status: "cancelled", error: null, output: null })
        const outputs = new Map(
          [...run.rows].flatMap(([key, row]) => (row.output === null ? [] : [[key, row.output] as const]))
        )
        return yield* settle(runner, run.operation, definition, {
          status: "completed",
          error: null,
          output: definition.result(outputs)
        })
      })
    )
  )
})
