/**
 * Operations as callers see them: plan, start, look at, cancel, answer, retry, wait for. Starting only writes rows, in the caller's
 * transaction if there is one; a runner (OperationRunner) does the work.
 */
import { Clock, Context, Effect, Layer, Option, Result, Schedule, type Schema, Stream } from "effect"
import * as NewId from "../ids/NewId.ts"
import type { OperationId, ProjectId } from "../domain/Ids.ts"
import { Operation, OperationResource, OperationStep, type OperationStatus, terminal } from "../domain/Operation.ts"
import { CurrentRequest } from "../domain/Principal.ts"
import { AuditStore } from "../ports/stores/AuditStore.ts"
import { EventLog } from "../ports/stores/EventLog.ts"
import { confirmed } from "../ports/stores/IdempotencyStore.ts"
import { Notifier } from "../ports/stores/Notifier.ts"
import { OperationStore } from "../ports/stores/OperationStore.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import { UnitOfWork } from "../ports/stores/UnitOfWork.ts"
import { Issuers } from "../services/Issuers.ts"
import { type Definition, type Identity, OperationDefinitions } from "./Definition.ts"
import * as InWhoseName from "./InWhoseName.ts"
import { auditEntry, event, streamOf } from "./Ledger.ts"
import { OperationError, type OperationReason } from "./OperationError.ts"
import * as Plan from "./Plan.ts"
import { failureOf } from "./Saga.ts"
import type { Step, StepContext } from "./Step.ts"

export interface StartRequest {
  readonly kind: string
  /** Default: the newest version. */
  readonly version?: number
  readonly projectId: ProjectId | null
  readonly input: Schema.Json
  /** The same key answers with the operation it started first. */
  readonly idempotencyKey: string
  /** A plan made for this input: every step that then finds the world otherwise fails instead of going on. */
  readonly plan?: Plan.OperationPlan
}

export interface ListRequest {
  readonly projectId?: string | null
  readonly status?: ReadonlyArray<OperationStatus> | null
  readonly kind?: string | null
  /** Last id of the page before (newest come first). */
  readonly after?: string | null
  readonly limit: number
}

export interface RetryOptions {
  /** From now on it acts for whoever retries it. */
  readonly inOwnName?: boolean
}

type Failure = OperationError | StoreError

export class Operations extends Context.Service<
  Operations,
  {
    /** Observes the world and says what each step would do. Changes nothing. */
    plan(kind: string, input: Schema.Json, projectId?: ProjectId | null): Effect.Effect<Plan.OperationPlan, Failure>
    /** Plans again and answers with that plan, if it still has the digest and no conflict; Conflict otherwise. For `start` in a transaction. */
    agreed(
      request: Pick<StartRequest, "kind" | "input" | "projectId">,
      digest: string
    ): Effect.Effect<Plan.OperationPlan, Failure>
    /** Plans again and starts exactly that plan, if it still has the digest and no conflict; Conflict otherwise. */
    apply(request: Omit<StartRequest, "plan">, digest: string): Effect.Effect<Operation, Failure>
    /** Stores the operation with its planned steps; it runs as soon as a runner is free. A step key used twice is a defect. */
    start(request: StartRequest): Effect.Effect<Operation, Failure>
    get(id: OperationId): Effect.Effect<Operation, Failure>
    /** The ledger's rows, those of undos among them. */
    steps(id: OperationId): Effect.Effect<ReadonlyArray<OperationStep>, Failure>
    resources(id: OperationId): Effect.Effect<ReadonlyArray<OperationResource>, Failure>
    /** Newest first. */
    list(request: ListRequest): Effect.Effect<ReadonlyArray<Operation>, Failure>
    /** Asks for a cancel: honoured before the next step begins; what was done is undone. Conflict when it has ended otherwise. */
    cancel(id: OperationId): Effect.Effect<Operation, Failure>
    /** Answers a waiting step's question. */
    answer(id: OperationId, key: string, value: Schema.Json): Effect.Effect<void, Failure>
    /**
     * Goes on with what stopped: a parked operation continues (a step of unknown outcome runs again), failed undos are tried again, failed
     * parts of a tear-down too. A failed or cancelled one that was undone is started anew: the answer is then another operation.
     * One that acts for its starter goes on in the starter's name, for whoever may do as much; else it is Forbidden, unless it is asked
     * for in the own name of who retries it.
     */
    retry(id: OperationId, options?: RetryOptions): Effect.Effect<Operation, Failure>
    /** Succeeds once it has ended or is parked. */
    await(id: OperationId): Effect.Effect<Operation, Failure>
  }
>()("rdev/operations/Operations") {}

const fail = (verb: string, reason: OperationReason) => new OperationError({ operation: `Operations.${verb}`, reason })

/** How often an awaited operation is looked at when no hint comes. */
const pollMillis = 500

const known = Effect.fnUntraced(function* (verb: string, kind: string, version: number | undefined) {
  const definitions = yield* OperationDefinitions
  const definition = version === undefined ? definitions.latest(kind) : definitions.find(kind, version)
  if (definition !== undefined) return definition
  return yield* fail(verb, {
    _tag: "Invalid",
    field: "kind",
    message: `there is no operation "${kind}"${version === undefined ? "" : ` of version ${version}`}; known are ${definitions.kinds.join(", ") || "none"}`
  })
})

const stepsOf = (verb: string, definition: Definition, input: Schema.Json, identity: Identity) => {
  const steps = definition.steps(input, identity)
  return Result.isFailure(steps)
    ? Effect.fail(fail(verb, { _tag: "Invalid", field: "input", message: steps.failure }))
    : Effect.sync(() => Plan.ordered(steps.success))
}

const observing = (
  operationId: OperationId,
  projectId: ProjectId | null,
  key: string,
  nowMillis: number
): StepContext => ({
  operationId,
  projectId,
  idempotencyKey: `${operationId}/${key}`,
  attempt: 0,
  epoch: 0,
  output: () => Option.none(),
  answer: Option.none(),
  startedAtMillis: nowMillis,
  progress: () => Effect.void
})

const lookAt = (step: Step, context: StepContext) =>
  step.observe === null
    ? Effect.succeed(Plan.decide(step, null))
    : step.observe(context).pipe(
        Effect.map((seen) => Plan.decide(step, seen)),
        Effect.catchIf(
          (error) => error.code === "Unsupported",
          (error) => Effect.succeed({ change: "no-op" as const, reason: `not available here: ${error.message}` })
        ),
        Effect.mapError((error) => fail("plan", { _tag: "Unobservable", key: step.key, message: error.message }))
      )

const plan = Effect.fn("Operations.plan")(function* (
  kind: string,
  input: Schema.Json,
  projectId: ProjectId | null = null
) {
  const definition = yield* known("plan", kind, undefined)
  const operationId = yield* NewId.make("op")
  const nowMillis = yield* Clock.currentTimeMillis
  const { principal } = yield* CurrentRequest
  const steps = yield* stepsOf("plan", definition, input, { operationId, projectId, actor: principal.id })
  const planned = yield* Effect.forEach(
    steps,
    (step) =>
      Effect.map(
        lookAt(step, observing(operationId, projectId, step.key, nowMillis)),
        ({ change, reason }): Plan.PlannedStep => ({
          key: step.key,
          title: step.title,
          change,
          reason,
          dependsOn: step.dependsOn,
          provider: step.resource?.provider ?? null,
          externalId: step.resource?.externalId ?? null
        })
      ),
    { concurrency: 8 }
  )
  return {
    kind,
    version: definition.version,
    steps: planned,
    digest: Plan.digest(kind, definition.version, input, planned)
  } satisfies Plan.OperationPlan
})

const row = (operationId: OperationId, step: Step, planned: Plan.PlannedStep | undefined): OperationStep =>
  OperationStep.make({
    operationId,
    key: step.key,
    phase: "do",
    title: step.title,
    change: planned?.change ?? (step.intent === "delete" ? "delete" : step.intent === "run" ? "run" : "create"),
    changeReason: planned?.reason ?? "not observed yet",
    dependsOn: [...step.dependsOn],
    status: "planned",
    attempt: 0,
    tries: 0,
    output: null,
    error: null,
    wait: null,
    epoch: 0,
    startedAtMillis: null,
    endedAtMillis: null
  })

const start = Effect.fn("Operations.start")(function* (request: StartRequest) {
  const definition = yield* known("start", request.kind, request.version)
  const { principal, requestId, sourceAddress } = yield* CurrentRequest
  const id = yield* NewId.make("op")
  const steps = yield* stepsOf("start", definition, request.input, {
    operationId: id,
    projectId: request.projectId,
    actor: principal.id
  })
  const planned = request.plan
  const operation = Operation.make({
    id,
    kind: request.kind,
    version: definition.version,
    projectId: request.projectId,
    input: request.input,
    output: null,
    idempotencyKey: request.idempotencyKey,
    planDigest: planned?.digest ?? null,
    status: "planned",
    direction: "do",
    error: null,
    cancelRequested: false,
    leaseOwner: null,
    leaseEpoch: 0,
    leaseUntilMillis: null,
    wakeAtMillis: null,
    wakeRequested: false,
    actor: principal.id,
    requestId,
    sourceAddress,
    createdAtMillis: yield* Clock.currentTimeMillis,
    startedAtMillis: null,
    endedAtMillis: null
  })
  const rows = steps.map((step) =>
    row(
      id,
      step,
      planned?.steps.find((other) => other.key === step.key)
    )
  )
  return yield* (yield* UnitOfWork).transact(
    Effect.gen(function* () {
      const stored = yield* (yield* OperationStore).insert(operation, rows)
      if (!stored.inserted) {
        if (stored.operation.kind === request.kind)
          return yield* Effect.as(confirmed({ operationId: stored.operation.id }), stored.operation)
        return yield* fail("start", {
          _tag: "Conflict",
          message: `the idempotency key was used for a ${stored.operation.kind} before`
        })
      }
      // The request's claim and the operation come into being together: a repeated request finds the one that was started.
      yield* confirmed({ operationId: id })
      yield* definition.started(operation)
      yield* (yield* AuditStore).append(auditEntry(operation, "started", rows))
      yield* (yield* EventLog).append(streamOf(operation), [
        event(operation, "operation.planned", {
          kind: operation.kind,
          version: operation.version,
          actor: operation.actor,
          steps: steps.map((step) => ({ key: step.key, title: step.title, depends_on: [...step.dependsOn] }))
        })
      ])
      yield* (yield* Notifier).notify("operation", id)
      return operation
    })
  )
})

const agreed = Effect.fn("Operations.agreed")(function* (
  request: Pick<StartRequest, "kind" | "input" | "projectId">,
  digest: string
) {
  const now = yield* plan(request.kind, request.input, request.projectId)
  const conflicts = now.steps.filter((step) => step.change === "conflict")
  if (conflicts.length > 0)
    return yield* fail("apply", {
      _tag: "Conflict",
      message: `the plan is refused: ${conflicts.map((step) => `${step.key}: ${step.reason}`).join("; ")}`
    })
  if (now.digest !== digest)
    return yield* fail("apply", {
      _tag: "Conflict",
      message:
        "what was planned is not what would be done now: the world has changed since, or something else is asked for; plan again"
    })
  return now
})

const apply = Effect.fn("Operations.apply")(function* (request: Omit<StartRequest, "plan">, digest: string) {
  return yield* start({ ...request, plan: yield* agreed(request, digest) })
})

const get = Effect.fn("Operations.get")(function* (verb: string, id: OperationId) {
  const found = yield* (yield* OperationStore).get(id)
  return Option.isSome(found) ? found.value : yield* fail(verb, { _tag: "NotFound", id })
})

const cancel = Effect.fn("Operations.cancel")(function* (id: OperationId) {
  const store = yield* OperationStore
  const operation = yield* get("cancel", id)
  if (operation.status === "cancelled") return operation
  if (terminal.has(operation.status))
    return yield* fail("cancel", {
      _tag: "Conflict",
      message: `operation ${id} has ended as ${operation.status} already`
    })
  const cancelled = yield* (yield* UnitOfWork).transact(
    Effect.gen(function* () {
      // A parked one is nobody's: it is taken up again, only to be undone.
      if (operation.status === "parked")
        yield* store.reopen(id, ["parked"], {
          operation: {
            status: operation.direction === "undo" ? "compensating" : "running",
            error: null,
            endedAtMillis: null
          }
        })
      const after = yield* store.requestCancel(id)
      yield* (yield* EventLog).append(streamOf(operation), [
        event(operation, "operation.cancel_requested", { actor: (yield* CurrentRequest).principal.id })
      ])
      return after
    })
  )
  yield* (yield* Notifier).notify("operation", id)
  return cancelled
})

/** In whose name it goes on from here; null = in the platform's, as everything does that carries infrastructure. */
const nameOf = Effect.fnUntraced(function* (
  operation: Operation,
  definition: Definition | undefined,
  inOwnName: boolean
) {
  if (definition?.actsAs !== "starter") return null
  const { principal } = yield* CurrentRequest
  const starter = yield* (yield* Issuers).principal(operation.actor)
  const answer = InWhoseName.decide(operation.actor, starter, principal, inOwnName)
  if (answer._tag === "Refused")
    return yield* fail("retry", { _tag: "Forbidden", message: `operation ${operation.id}: ${answer.message}` })
  return answer._tag === "Retrier" ? principal : Option.getOrElse(starter, () => principal)
})

const blank = { status: "planned", attempt: 0, tries: 0, error: null, wait: null, endedAtMillis: null } as const

const retry = Effect.fn("Operations.retry")(function* (id: OperationId, options: RetryOptions = {}) {
  const store = yield* OperationStore
  const operation = yield* get("retry", id)
  const rows = yield* store.steps(id)
  const definition = (yield* OperationDefinitions).find(operation.kind, operation.version)
  const name = yield* nameOf(operation, definition, options.inOwnName ?? false)
  const again = (phase: "do" | "undo", status: OperationStep["status"]) =>
    rows
      .filter((step) => step.phase === phase && step.status === status)
      .map((step) => OperationStep.make({ ...step, ...blank }))
  const reopen = (status: OperationStatus, steps: ReadonlyArray<OperationStep>, keepError: boolean) =>
    Effect.gen(function* () {
      const error = keepError
        ? failureOf(new Map(rows.filter((step) => step.phase === "do").map((step) => [step.key, step])))
        : null
      const opened = yield* (yield* UnitOfWork).transact(
        Effect.gen(function* () {
          const after = yield* store.reopen(id, [operation.status], {
            operation: { status, error, endedAtMillis: null },
            steps,
            ...(name === null || name.id === operation.actor ? {} : { actor: name.id })
          })
          if (terminal.has(operation.status) && definition !== undefined && status === "running")
            yield* definition.started(after)
          yield* (yield* EventLog).append(streamOf(operation), [
            event(operation, "operation.retried", {
              actor: (yield* CurrentRequest).principal.id,
              ...(name === null ? {} : { acts_for: name.id })
            })
          ])
          yield* (yield* Notifier).notify("operation", id)
          return after
        })
      )
      return opened
    })
  const undoing = operation.direction === "undo"
  if (operation.status === "parked")
    return yield* reopen(undoing ? "compensating" : "running", undoing ? [] : again("do", "unknown"), undoing)
  if (operation.status === "compensation_failed") return yield* reopen("compensating", again("undo", "failed"), true)
  if (operation.status !== "failed" && operation.status !== "cancelled")
    return yield* fail("retry", {
      _tag: "Conflict",
      message: `operation ${id} is ${operation.status}: only what failed, was cancelled or is parked can be retried`
    })
  if (operation.status === "failed" && definition?.onFailure === "continue")
    return yield* reopen("running", again("do", "failed"), false)
  const request = yield* CurrentRequest
  return yield* start({
    kind: operation.kind,
    // Its input is one of that version.
    version: operation.version,
    projectId: operation.projectId,
    input: operation.input,
    idempotencyKey: `retry-of/${id}`
  }).pipe(Effect.provideService(CurrentRequest, name === null ? request : { ...request, principal: name }))
})

const awaited = Effect.fn("Operations.await")(function* (id: OperationId) {
  const over = (operation: Operation) => terminal.has(operation.status) || operation.status === "parked"
  const hints = Stream.filter((yield* Notifier).subscribe("operation"), (key) => key === id)
  const looks = Stream.merge(hints, Stream.fromSchedule(Schedule.spaced(pollMillis)))
  const now = yield* get("await", id)
  if (over(now)) return now
  const ended = yield* looks.pipe(
    Stream.mapEffect(() => get("await", id)),
    Stream.filter(over),
    Stream.runHead
  )
  return Option.isSome(ended) ? ended.value : yield* get("await", id)
})

type Needs = AuditStore | EventLog | Notifier | OperationDefinitions | OperationStore | UnitOfWork

export const layer: Layer.Layer<Operations, never, Needs> = Layer.effect(
  Operations,
  Effect.gen(function* () {
    const context = yield* Effect.context<Needs>()
    const store = yield* OperationStore
    const bound =
      <A extends ReadonlyArray<unknown>, B, E>(verb: (...args: A) => Effect.Effect<B, E, Needs>) =>
      (...args: A): Effect.Effect<B, E> =>
        Effect.provideContext(verb(...args), context)
    return Operations.of({
      plan: bound(plan),
      agreed: bound(agreed),
      apply: bound(apply),
      start: bound(start),
      get: bound((id: OperationId) => get("get", id)),
      steps: bound((id: OperationId) => Effect.andThen(get("steps", id), store.steps(id))),
      resources: bound((id: OperationId) => Effect.andThen(get("resources", id), store.resources(id))),
      list: ({ after, kind, limit, projectId, status }) =>
        store.list({
          projectId: projectId ?? null,
          status: status ?? null,
          kind: kind ?? null,
          after: after ?? null,
          limit
        }),
      cancel: bound(cancel),
      answer: bound(
        Effect.fn("Operations.answer")(function* (id: OperationId, key: string, value: Schema.Json) {
          const operation = yield* get("answer", id)
          if (terminal.has(operation.status))
            return yield* fail("answer", {
              _tag: "Conflict",
              message: `operation ${id} has ended as ${operation.status}`
            })
          const waiting = (yield* store.steps(id)).find(
            (step) =>
              step.key === key && step.phase === "do" && step.status === "waiting" && step.wait?.kind === "answer"
          )
          if (waiting === undefined)
            return yield* fail("answer", { _tag: "Conflict", message: `step ${key} of operation ${id} asks nothing` })
          yield* (yield* UnitOfWork).transact(
            Effect.gen(function* () {
              yield* store.answer(id, key, value)
              yield* (yield* EventLog).append(streamOf(operation), [
                event(operation, "step.answered", { key, actor: (yield* CurrentRequest).principal.id })
              ])
              yield* (yield* Notifier).notify("operation", id)
            })
          )
        })
      ),
      retry: bound(retry),
      await: bound(awaited)
    })
  })
)
