/**
 * One attempt of one step, forwards or backwards: look, write down what begins, call, write down what came out. Every exit leaves the
 * row in a state from which another runner can go on. Interruption (a lost lease, a stop) writes nothing: the row then says
 * `started`, and whoever comes next looks at the world first.
 */
import { Cause, Clock, Effect, Exit, Option, Result, Schema } from "effect"
import { type Operation, OperationResource, OperationStep, type StepChange } from "../domain/Operation.ts"
import type { NewEvent } from "../domain/Event.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import { CancelledFirst, type RunnerContext, event, type LeaseLost, streamOf, write } from "./Ledger.ts"
import { decide } from "./Plan.ts"
import {
  failure,
  type Observed,
  type Step,
  type StepContext,
  StepFailure,
  type StepRef,
  type StepResult,
  toError
} from "./Step.ts"

/** What a saga knows of its operation; rows are replaced as they are written. */
export interface Run {
  readonly runner: RunnerContext
  readonly steps: ReadonlyArray<Step>
  operation: Operation
  readonly rows: Map<string, OperationStep>
  readonly undo: Map<string, OperationStep>
  answers: ReadonlyMap<string, Schema.Json>
}

type Written<A = void> = Effect.Effect<A, StoreError | LeaseLost | CancelledFirst>

const set = (row: OperationStep, fields: Partial<OperationStep>): OperationStep =>
  OperationStep.make({ ...row, ...fields })

const contextOf = (run: Run, step: Step, row: OperationStep, nowMillis: number): StepContext => ({
  operationId: run.operation.id,
  projectId: run.operation.projectId,
  idempotencyKey: `${run.operation.id}/${step.key}`,
  attempt: row.attempt,
  epoch: run.operation.leaseEpoch,
  output: <A>(ref: StepRef<A>) => {
    const recorded = run.rows.get(ref.key)?.output ?? null
    return recorded === null ? Option.none<A>() : Result.getSuccess(Schema.decodeResult(ref.output)(recorded))
  },
  answer: Option.fromUndefinedOr(run.answers.get(step.key)),
  startedAtMillis: row.startedAtMillis ?? nowMillis,
  progress: (data) =>
    run.runner.log
      .append(streamOf(run.operation), [event(run.operation, "step.progress", { key: step.key, ...data })])
      .pipe(
        Effect.asVoid,
        Effect.catch((error) =>
          Effect.logWarning(`operation ${run.operation.id}: progress of ${step.key} is not recorded: ${error.message}`)
        )
      )
})

/** The call's result with defects and overlong calls as failures. Only interruption from outside passes through. */
const guarded = <A>(step: Step, call: Effect.Effect<A, StepFailure>): Effect.Effect<Exit.Exit<A, StepFailure>> =>
  Effect.exit(
    call.pipe(
      Effect.timeoutOrElse({
        duration: step.timeoutMillis,
        orElse: () =>
          Effect.fail(
            new StepFailure({
              code: "Timeout",
              message: `no answer within ${step.timeoutMillis / 1000} s`,
              retryable: true,
              retryAfterMillis: null
            })
          )
      }),
      Effect.catchDefect((defect) =>
        Effect.fail(
          new StepFailure({
            code: "Defect",
            message: `the step is broken: ${defect instanceof Error ? defect.message : String(defect)}`,
            // Nobody knows how far it came: again where that can be seen or does no harm.
            retryable: step.repeatable || step.observe !== null,
            retryAfterMillis: null
          })
        )
      )
    )
  ).pipe(
    Effect.flatMap((exit) =>
      Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
        ? Effect.failCause(exit.cause as Cause.Cause<never>)
        : Effect.succeed(exit)
    )
  )

const failureOf = (exit: Exit.Failure<unknown, StepFailure>): StepFailure =>
  Option.getOrElse(Cause.findErrorOption(exit.cause), () => failure("Unknown", Cause.pretty(exit.cause)))

const keep = (run: Run, row: OperationStep) => (row.phase === "do" ? run.rows : run.undo).set(row.key, row)
const save = (
  run: Run,
  rows: ReadonlyArray<OperationStep>,
  resources: ReadonlyArray<OperationResource>,
  events: ReadonlyArray<NewEvent>,
  unlessCancelled = false
): Written =>
  Effect.map(write(run.runner, run.operation, { steps: rows, resources }, events, unlessCancelled), (after) => {
    run.operation = after
    for (const row of rows) keep(run, row)
  })

const resource = (
  run: Run,
  step: Step,
  state: OperationResource["state"],
  externalId?: string
): ReadonlyArray<OperationResource> =>
  step.resource === null
    ? []
    : [
        OperationResource.make({
          operationId: run.operation.id,
          key: step.key,
          provider: step.resource.provider,
          externalId: externalId ?? step.resource.externalId,
          state
        })
      ]

const duration = (row: OperationStep, now: number) => now - (row.startedAtMillis ?? now)

const finished = (
  run: Run,
  step: Step,
  row: OperationStep,
  output: Schema.Json | null,
  change: StepChange,
  reason: string,
  externalId?: string
) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const ended = set(row, {
      status: "done",
      output,
      change,
      changeReason: reason,
      error: null,
      wait: null,
      epoch: run.operation.leaseEpoch,
      startedAtMillis: row.startedAtMillis ?? now,
      endedAtMillis: now
    })
    const state = change === "delete" ? "deleted" : change === "adopt" || change === "no-op" ? "adopted" : "created"
    const resources =
      step.intent === "run" || (step.intent === "delete" && change === "no-op")
        ? []
        : resource(run, step, state, externalId)
    yield* save(run, [ended], resources, [
      event(run.operation, "step.completed", {
        key: step.key,
        title: step.title,
        change,
        reason,
        duration_ms: duration(ended, now)
      })
    ])
  })

const skipped = (run: Run, step: Step, row: OperationStep, reason: string) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const undo = run.undo.get(step.key)
    const rows = [
      set(row, {
        status: "skipped",
        changeReason: reason,
        error: null,
        wait: null,
        epoch: run.operation.leaseEpoch,
        startedAtMillis: row.startedAtMillis ?? now,
        endedAtMillis: now
      }),
      ...(undo === undefined ? [] : [set(undo, { status: "skipped", endedAtMillis: now })])
    ]
    yield* save(run, rows, resource(run, step, "unavailable"), [
      event(run.operation, "step.skipped", { key: step.key, title: step.title, reason })
    ])
  })

/** A poll that waits on for the same reason is not told again. */
const waits = (
  run: Run,
  row: OperationStep,
  wait: NonNullable<OperationStep["wait"]>,
  fields: Partial<OperationStep> = {}
) => {
  const told = row.status === "waiting" && row.wait?.kind === wait.kind && row.wait.reason === wait.reason
  return save(
    run,
    [set(row, { status: "waiting", wait, epoch: run.operation.leaseEpoch, ...fields })],
    [],
    told
      ? []
      : [
          event(run.operation, "step.waiting", {
            key: row.key,
            title: row.title,
            phase: row.phase,
            kind: wait.kind,
            reason: wait.reason,
            until: wait.untilMillis,
            question: wait.question
          })
        ]
  )
}

const failed = (run: Run, row: OperationStep, why: StepFailure) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const ended = set(row, {
      status: "failed",
      error: toError(why),
      wait: null,
      epoch: run.operation.leaseEpoch,
      startedAtMillis: row.startedAtMillis ?? now,
      endedAtMillis: now
    })
    yield* save(
      run,
      [ended],
      [],
      [
        event(run.operation, "step.failed", {
          key: row.key,
          title: row.title,
          phase: row.phase,
          error: { ...toError(why) },
          duration_ms: duration(ended, now)
        })
      ]
    )
  })

/** The wait before attempt `attempt + 1`: doubling from the base, or what the provider asks for. */
export const delayMillis = (
  step: Pick<Step, "retry">,
  attempt: number,
  why: Pick<StepFailure, "retryAfterMillis">
): number =>
  why.retryAfterMillis ?? Math.min(step.retry.maxMillis, step.retry.baseMillis * 2 ** Math.max(0, attempt - 1))

const failedOrAgain = (run: Run, step: Step, row: OperationStep, why: StepFailure) =>
  Effect.gen(function* () {
    if (row.phase === "do" && why.code === "Unsupported") return yield* skipped(run, step, row, why.message)
    if (!why.retryable || row.tries >= step.retry.maxAttempts) return yield* failed(run, row, why)
    const untilMillis = (yield* Clock.currentTimeMillis) + delayMillis(step, row.tries, why)
    return yield* waits(
      run,
      row,
      { kind: "retry", untilMillis, reason: why.message.slice(0, 500), question: null },
      { error: toError(why) }
    )
  })

/** Commits, before the call: that it starts, what it will make, and how that is taken back. */
const begin = (run: Run, step: Step, row: OperationStep, change: StepChange, reason: string) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const started = set(row, {
      status: "started",
      change,
      changeReason: reason,
      attempt: row.attempt + 1,
      tries: row.tries + 1,
      wait: null,
      error: null,
      epoch: run.operation.leaseEpoch,
      startedAtMillis: row.startedAtMillis ?? now
    })
    // What existed before is not ours to take away.
    const undoable = step.undo !== null && !run.undo.has(step.key) && change !== "update"
    const undo = undoable
      ? [
          set(started, {
            phase: "undo",
            status: "planned",
            change: "delete",
            changeReason: "it was made by this operation",
            attempt: 0,
            tries: 0,
            startedAtMillis: null,
            endedAtMillis: null,
            dependsOn: []
          })
        ]
      : []
    const resources = step.intent === "create" && change === "create" ? resource(run, step, "planned") : []
    yield* save(
      run,
      [started, ...undo],
      resources,
      [
        event(run.operation, "step.started", {
          key: step.key,
          title: step.title,
          change,
          reason,
          attempt: started.attempt
        })
      ],
      !step.always
    )
    return started
  })

const call = (run: Run, step: Step, row: OperationStep) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const exit = yield* restore(guarded(step, step.do(contextOf(run, step, row, now))))
      if (Exit.isFailure(exit)) return yield* failedOrAgain(run, step, row, failureOf(exit))
      const result: StepResult<Schema.Json> = exit.value
      if (result._tag === "Done")
        return yield* finished(run, step, row, result.output, row.change, row.changeReason, result.externalId)
      const question = result.question ?? null
      return yield* waits(run, row, {
        kind: question === null ? "timer" : "answer",
        untilMillis: result.untilMillis,
        reason: result.reason,
        question
      })
    })
  )

/** What is seen after a call whose outcome nobody wrote down. */
const probe = (run: Run, step: Step, row: OperationStep, seen: Observed<Schema.Json> | null) =>
  Effect.gen(function* () {
    if (seen === null) {
      if (step.repeatable || row.status === "waiting")
        return yield* call(run, step, yield* begin(run, step, row, row.change, row.changeReason))
      return yield* save(
        run,
        [
          set(row, {
            status: "unknown",
            epoch: run.operation.leaseEpoch,
            error: {
              code: "UnknownOutcome",
              message: "it was started, nobody knows how it ended, and it cannot be observed",
              retryable: false
            }
          })
        ],
        [],
        [event(run.operation, "step.unknown", { key: step.key, title: step.title })]
      )
    }
    if (step.intent === "delete") {
      if (seen._tag !== "Present") return yield* finished(run, step, row, null, "delete", "it is gone")
      return yield* call(run, step, yield* begin(run, step, row, row.change, row.changeReason))
    }
    if (seen._tag === "Foreign") return yield* failed(run, row, failure("Foreign", seen.detail))
    if (seen._tag === "Present" && seen.drift === null)
      return yield* finished(run, step, row, seen.output, row.change, row.changeReason)
    return yield* call(run, step, yield* begin(run, step, row, row.change, row.changeReason))
  })

const fresh = (run: Run, step: Step, row: OperationStep, seen: Observed<Schema.Json> | null) =>
  Effect.gen(function* () {
    const { change, reason } = decide(step, seen)
    if (change === "conflict")
      return yield* failed(run, set(row, { change, changeReason: reason }), failure("Foreign", reason))
    if (run.operation.planDigest !== null && change !== row.change) {
      return yield* failed(
        run,
        row,
        failure("PlanChanged", `the plan says ${row.change}, but now it would be ${change}: ${reason}; plan again`)
      )
    }
    if (change === "no-op" || change === "adopt")
      return yield* finished(run, step, row, seen?._tag === "Present" ? seen.output : null, change, reason)
    return yield* call(run, step, yield* begin(run, step, row, change, reason))
  })

/** One attempt forwards. A call made before, with no clear answer or by a runner that vanished, is looked for first. */
export const forwards = (run: Run, step: Step, row: OperationStep): Written =>
  Effect.gen(function* () {
    if (row.status === "waiting" && row.wait?.kind !== "retry") return yield* call(run, step, row)
    const now = yield* Clock.currentTimeMillis
    const exit =
      step.observe === null ? Exit.succeed(null) : yield* guarded(step, step.observe(contextOf(run, step, row, now)))
    if (Exit.isFailure(exit))
      return yield* failedOrAgain(
        run,
        step,
        set(row, { tries: row.tries + 1, startedAtMillis: row.startedAtMillis ?? now }),
        failureOf(exit)
      )
    return yield* row.attempt > 0 ? probe(run, step, row, exit.value) : fresh(run, step, row, exit.value)
  })

/** One attempt to take the step back. Of a thing that is not there, or not ours, nothing has to be taken back. */
export const backwards = (run: Run, step: Step, undo: OperationStep): Written =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const started = set(undo, {
      status: "started",
      attempt: undo.attempt + 1,
      tries: undo.tries + 1,
      wait: null,
      error: null,
      epoch: run.operation.leaseEpoch,
      startedAtMillis: undo.startedAtMillis ?? now
    })
    yield* save(
      run,
      [started],
      [],
      [event(run.operation, "step.compensating", { key: step.key, title: step.title, attempt: started.attempt })]
    )
    const output = Option.fromNullOr(run.rows.get(step.key)?.output ?? null)
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const exit = yield* restore(
          guarded(step, step.undo?.(contextOf(run, step, started, now), output) ?? Effect.void)
        )
        const why = Exit.isFailure(exit) ? failureOf(exit) : null
        if (why !== null && !["Foreign", "NotFound", "Unsupported"].includes(why.code))
          return yield* failedOrAgain(run, step, started, why)
        const ended = yield* Clock.currentTimeMillis
        yield* save(run, [set(started, { status: "done", endedAtMillis: ended })], resource(run, step, "deleted"), [
          event(run.operation, "step.compensated", {
            key: step.key,
            title: step.title,
            duration_ms: duration(started, ended)
          })
        ])
      })
    )
  })
