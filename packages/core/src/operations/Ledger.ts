/**
 * Writes of a held operation: each is one transaction of rows, events and, at its end, the audit entry and our own records. A write is
 * repeated while the database is away, and refused for good once somebody else holds the operation.
 */
import { Clock, Data, Effect, Metric, Option, Schedule, type Schema } from "effect"
import type { NewAuditEntry } from "../domain/Audit.ts"
import { type NewEvent, ofProject, system } from "../domain/Event.ts"
import { type Operation, type OperationStatus, OperationStep, type StepError, terminal } from "../domain/Operation.ts"
import type { AuditStore } from "../ports/stores/AuditStore.ts"
import type { EventLog } from "../ports/stores/EventLog.ts"
import type { Notifier } from "../ports/stores/Notifier.ts"
import type { Held, LedgerChange, OperationStore } from "../ports/stores/OperationStore.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import type { UnitOfWork } from "../ports/stores/UnitOfWork.ts"
import { Redaction } from "../services/redaction/Redaction.ts"
import type { Definition } from "./Definition.ts"

/** Somebody else holds the operation now: this run of it is over. */
export class LeaseLost extends Data.TaggedError("LeaseLost")<{ readonly operationId: string }> {}
/** A cancel came before a step began. */
export class CancelledFirst extends Data.TaggedError("CancelledFirst")<{ readonly operation: Operation }> {}

/** How long a write is repeated while the store cannot be reached. The fence makes a late one harmless. */
export const retryMillis = 60_000

export interface RunnerContext {
  readonly store: OperationStore["Service"]
  readonly unitOfWork: UnitOfWork["Service"]
  readonly log: EventLog["Service"]
  readonly audit: AuditStore["Service"]
  readonly notifier: Notifier["Service"]
}

export const operations = Metric.counter("rdev_operations_total", {
  incremental: true,
  description: "Operations that ended or parked, by kind and status"
})

export const streamOf = (operation: Pick<Operation, "projectId">) =>
  operation.projectId === null ? system : ofProject(operation.projectId)
export const event = (
  operation: Pick<Operation, "id">,
  type: string,
  data: Readonly<Record<string, Schema.Json>>
): NewEvent => ({ type, subject: { operationId: operation.id }, data })
export const heldOf = (operation: Operation): Held => ({ id: operation.id, epoch: operation.leaseEpoch })

/** The status people see of a step: what became of its undo stands above what became of itself. */
export const shownStatus = (row: OperationStep, undo: OperationStep | undefined): string => {
  if (undo?.status === "done") return "compensated"
  return undo?.status === "failed" ? "compensation_failed" : row.status === "done" ? "completed" : row.status
}

export const auditSteps = (rows: ReadonlyArray<OperationStep>): NewAuditEntry["steps"] =>
  rows
    .filter((row) => row.phase === "do")
    .map((row) => ({
      name: row.key,
      status: shownStatus(
        row,
        rows.find((other) => other.phase === "undo" && other.key === row.key)
      ),
      durationMillis:
        row.startedAtMillis === null || row.endedAtMillis === null ? null : row.endedAtMillis - row.startedAtMillis
    }))

export const auditEntry = (
  operation: Operation,
  outcome: NewAuditEntry["outcome"],
  rows: ReadonlyArray<OperationStep>
): NewAuditEntry => ({
  projectId: operation.projectId,
  operationId: operation.id,
  type: operation.kind,
  actor: operation.actor,
  requestId: operation.requestId,
  sourceAddress: operation.sourceAddress,
  outcome,
  steps: auditSteps(rows),
  data: operation.error === null ? {} : { error: { ...operation.error } }
})

/** A definition's records may be changed by others at the same time; the ledger itself says Conflict only for a lost lease. */
const passes = (error: StoreError): boolean =>
  error.retryable || (error.reason._tag === "Conflict" && error.operation !== "OperationStore.record")
const repeated = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")]).pipe(
  Schedule.upTo({ duration: retryMillis })
)

/** Runs the transaction until it is written. `written` tells after a failure whether it was after all: a lost answer to a commit. */
const retryUntil = <A, E>(
  held: Held,
  transaction: Effect.Effect<A, StoreError | E>,
  written: Effect.Effect<Option.Option<A>, StoreError>
): Effect.Effect<A, StoreError | E | LeaseLost> => {
  let tried = false
  const isStore = (error: unknown): error is StoreError =>
    typeof error === "object" && error !== null && "_tag" in error && error._tag === "StoreError"
  const attempt = Effect.suspend(() => {
    if (!tried) {
      tried = true
      return transaction
    }
    return Effect.flatMap(
      written,
      Option.match({ onNone: () => transaction, onSome: (value) => Effect.succeed(value) })
    )
  })
  return attempt.pipe(
    Effect.retry({ schedule: repeated, while: (error) => isStore(error) && passes(error) }),
    Effect.mapError((error) =>
      isStore(error) &&
      error.operation === "OperationStore.record" &&
      (error.reason._tag === "Conflict" || error.reason._tag === "NotFound")
        ? new LeaseLost({ operationId: held.id })
        : error
    )
  )
}

const sameRow = (row: OperationStep, other: OperationStep) =>
  row.key === other.key &&
  row.phase === other.phase &&
  row.epoch === other.epoch &&
  row.status === other.status &&
  row.attempt === other.attempt
const writtenBefore = (runner: RunnerContext, operation: Operation, change: LedgerChange) =>
  Effect.gen(function* () {
    const stored = yield* runner.store.get(operation.id)
    if (Option.isNone(stored) || stored.value.leaseEpoch !== operation.leaseEpoch) return Option.none<Operation>()
    const rows = yield* runner.store.steps(operation.id)
    const has = (change.steps ?? []).every((row) => rows.some((other) => sameRow(row, other)))
    const status = change.operation?.status
    return has &&
      (status === undefined || stored.value.status === status) &&
      (change.operation?.release === undefined || stored.value.leaseOwner === null)
      ? Option.some(stored.value)
      : Option.none<Operation>()
  })

/**
 * What a step failed with, waits for or did, as it is kept: a provider's message may quote what it was given. Inputs and outputs stay as
 * they are: steps go on from them, and what is secret a step hands to the credential store.
 */
const masked = (operation: Operation, { operation: patch, steps, ...change }: LedgerChange) =>
  Effect.gen(function* () {
    const redactor = yield* (yield* Redaction).of(operation.projectId)
    return {
      ...change,
      ...(patch === undefined
        ? {}
        : { operation: patch.error == null ? patch : { ...patch, error: redactor.json({ ...patch.error }) } }),
      ...(steps === undefined
        ? {}
        : {
            steps: steps.map((row) =>
              OperationStep.make({
                ...row,
                changeReason: redactor.text(row.changeReason),
                error: row.error === null ? null : redactor.json({ ...row.error }),
                wait: row.wait === null ? null : { ...row.wait, reason: redactor.text(row.wait.reason) }
              })
            )
          })
    } satisfies LedgerChange
  })

/** Rows and events as one. With `unlessCancelled`, nothing is written once a cancel was asked for. */
export const write = (
  runner: RunnerContext,
  operation: Operation,
  change: LedgerChange,
  events: ReadonlyArray<NewEvent>,
  unlessCancelled = false
): Effect.Effect<Operation, StoreError | LeaseLost | CancelledFirst> =>
  retryUntil(
    heldOf(operation),
    runner.unitOfWork.transact(
      Effect.gen(function* () {
        const after = yield* runner.store.record(heldOf(operation), yield* masked(operation, change))
        if (unlessCancelled && after.cancelRequested) return yield* new CancelledFirst({ operation: after })
        if (events.length > 0) yield* runner.log.append(streamOf(operation), events)
        return after
      })
    ),
    writtenBefore(runner, operation, change)
  )

const outcomeOf = (status: OperationStatus): NewAuditEntry["outcome"] =>
  status === "completed" || status === "cancelled" || status === "parked" ? status : "failed"

/** The end of an operation, or its parking: the status, our own records, the audit entry and the event in one transaction. */
export const settle = Effect.fn("Ledger.settle")(function* (
  runner: RunnerContext,
  operation: Operation,
  definition: Definition | null,
  end: { readonly status: OperationStatus; readonly error: StepError | null; readonly output: Schema.Json | null }
) {
  const now = yield* Clock.currentTimeMillis
  const change: LedgerChange = {
    operation: {
      status: end.status,
      error: end.error,
      output: end.output,
      endedAtMillis: terminal.has(end.status) ? now : null,
      release: { wakeAtMillis: null }
    }
  }
  const events = [
    event(operation, `operation.${end.status}`, {
      kind: operation.kind,
      status: end.status,
      duration_ms: now - (operation.startedAtMillis ?? operation.createdAtMillis),
      ...(end.error === null ? {} : { error: { ...end.error } })
    })
  ]
  const after = yield* retryUntil(
    heldOf(operation),
    runner.unitOfWork.transact(
      Effect.gen(function* () {
        const ended = yield* runner.store.record(heldOf(operation), yield* masked(operation, change))
        const rows = yield* runner.store.steps(operation.id)
        if (definition !== null) yield* definition.settled(ended, rows)
        yield* runner.audit.append(auditEntry(ended, outcomeOf(end.status), rows))
        yield* runner.log.append(streamOf(operation), events)
        // Whoever looks after the installation reads one stream: what needs a human is told there too.
        if ((end.status === "parked" || end.status === "compensation_failed") && operation.projectId !== null)
          yield* runner.log.append(system, events)
        yield* runner.notifier.notify("operation", operation.id)
        return ended
      })
    ),
    writtenBefore(runner, operation, change)
  )
  yield* Metric.update(Metric.withAttributes(operations, { kind: operation.kind, status: end.status }), 1)
  if (end.status === "parked" || end.status === "compensation_failed")
    yield* Effect.logError(
      `operation ${operation.id} (${operation.kind}) is ${end.status}: ${end.error?.message ?? "see its steps"}`
    )
  return after
})
