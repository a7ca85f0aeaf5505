/**
 * One keyed part of an operation: how to look at the world (`observe`), change it (`do`) and take the change back (`undo`). All three
 * may be run more than once and must then come to the same: names and keys derive from the operation's id and the step's key, never
 * from a clock or a random number.
 */
import { Effect, Option, Result, Schema } from "effect"
import type { OperationId, ProjectId } from "../domain/Ids.ts"
import type { StepError } from "../domain/Operation.ts"
import type { PortReason } from "../ports/infra/PortReason.ts"
import { describe, isRetryable } from "../ports/infra/PortReason.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"

/** Why a step's call failed. `code` is the reason's tag of a port, or a word of the step's own. */
export class StepFailure extends Schema.TaggedError<StepFailure>()("StepFailure", {
  code: Schema.String,
  message: Schema.String,
  retryable: Schema.Boolean,
  /** What the provider asks to wait. */
  retryAfterMillis: Schema.NullOr(Schema.Int),
  cause: Schema.optional(Schema.Defect())
}) {}

/** A failure that no repetition mends. */
export const failure = (code: string, message: string): StepFailure =>
  new StepFailure({ code, message, retryable: false, retryAfterMillis: null })

interface PortError {
  readonly operation: string
  readonly reason: PortReason
  readonly message: string
}
/** The failure of an infrastructure port; `Unsupported` lets the step end as skipped. */
export const fromPort = (error: PortError): StepFailure =>
  new StepFailure({
    code: error.reason._tag,
    // The reason a human reads; the port's method name leads where something broke.
    message: error.reason._tag === "Unsupported" ? describe(error.reason) : error.message,
    retryable: isRetryable(error.reason),
    retryAfterMillis: error.reason._tag === "RateLimited" ? error.reason.retryAfterMillis : null,
    cause: error
  })
export const fromStore = (error: StoreError): StepFailure =>
  new StepFailure({
    code: `Store${error.reason._tag}`,
    message: error.message,
    retryable: error.retryable || error.reason._tag === "Conflict",
    retryAfterMillis: null,
    cause: error
  })

export const toError = (failed: StepFailure): StepError => ({
  code: failed.code,
  message: failed.message.slice(0, 2_000),
  retryable: failed.retryable
})

export type Observed<A> =
  | { readonly _tag: "Absent"; readonly detail?: string }
  /** It exists and is marked ours. `known`: our records have it already. `drift`: what differs from the wish, null when nothing does. */
  | {
      readonly _tag: "Present"
      readonly output: A
      readonly known: boolean
      readonly drift: string | null
      readonly detail: string
    }
  /** It exists and is somebody else's: refused. */
  | { readonly _tag: "Foreign"; readonly detail: string }

export type StepResult<A> =
  | { readonly _tag: "Done"; readonly output: A; readonly externalId?: string }
  /** Not finished: `do` is called again at the time, or when the answer to the question is there. */
  | { readonly _tag: "Wait"; readonly untilMillis: number | null; readonly reason: string; readonly question?: string }

export const done = <A>(output: A, externalId?: string): StepResult<A> => ({
  _tag: "Done",
  output,
  ...(externalId === undefined ? {} : { externalId })
})
export const wait = (untilMillis: number, reason: string): StepResult<never> => ({ _tag: "Wait", untilMillis, reason })
/** Waits for `Operations.answer`, until `untilMillis` at most when given; then `do` runs with what is there. */
export const ask = (question: string, untilMillis: number | null = null): StepResult<never> => ({
  _tag: "Wait",
  untilMillis,
  reason: "waits for an answer",
  question
})

export interface StepContext {
  readonly operationId: OperationId
  readonly projectId: ProjectId | null
  /** `<operation id>/<step key>`: hand it to providers that take an idempotency key. */
  readonly idempotencyKey: string
  /** 1 for the first call; 0 while planning. */
  readonly attempt: number
  /** Lease epoch: greater for every later runner of the operation. */
  readonly epoch: number
  /** Output of a step that this one depends on; none if it was skipped or has not run. */
  output<A>(step: StepRef<A>): Option.Option<A>
  /** Answer to this step's question. */
  readonly answer: Option.Option<Schema.Json>
  /** When this step began first, epoch milliseconds. */
  readonly startedAtMillis: number
  /** Tells readers of the event log; at most 16 KiB. */
  progress(data: Readonly<Record<string, Schema.Json>>): Effect.Effect<void>
}

export interface StepRef<A> {
  readonly key: string
  readonly output: Schema.Codec<A, Schema.Json>
}

export interface RetryLimits {
  readonly maxAttempts: number
  readonly baseMillis: number
  readonly maxMillis: number
}
/** Six attempts over about 15 s: outages of seconds pass unseen, longer ones compensate. */
export const defaultRetry: RetryLimits = { maxAttempts: 6, baseMillis: 500, maxMillis: 30_000 }
export const defaultTimeoutMillis = 10 * 60_000

export interface StepSpec<A, R> {
  /** Unique within the operation; `[a-z0-9.-]`. */
  readonly key: string
  readonly title: string
  readonly dependsOn?: ReadonlyArray<string>
  /** `create` ends with the thing there, `delete` with it gone, `run` is an action. */
  readonly intent: "create" | "delete" | "run"
  /** Runs last, after success, failure and cancellation alike. */
  readonly always?: boolean
  readonly output: Schema.Codec<A, Schema.Json>
  /** Where and under what name it will exist. */
  readonly resource?: { readonly provider: string; readonly externalId: string }
  /** Read-only. Without it nothing can be planned or probed. */
  readonly observe?: (context: StepContext) => Effect.Effect<Observed<A>, StepFailure, R>
  readonly do: (context: StepContext) => Effect.Effect<StepResult<A>, StepFailure, R>
  /** Gets the output when there is one: after a crash the effect may be there without it. Of a missing thing, undo succeeds. */
  readonly undo?: (context: StepContext, output: Option.Option<A>) => Effect.Effect<void, StepFailure, R>
  /** A step that cannot be observed may be repeated after a crash; otherwise its unknown outcome parks the operation. */
  readonly repeatable?: boolean
  readonly retry?: Partial<RetryLimits>
  /** Of one call. A call that outruns it has an unknown outcome: it is observed, then tried again. */
  readonly timeoutMillis?: number
}

/** A step whose output type is forgotten: what plans and sagas work with. Outputs are JSON here. */
export interface Step<R = never> {
  readonly key: string
  readonly title: string
  readonly dependsOn: ReadonlyArray<string>
  readonly intent: "create" | "delete" | "run"
  readonly always: boolean
  readonly resource: { readonly provider: string; readonly externalId: string } | null
  readonly observe: ((context: StepContext) => Effect.Effect<Observed<Schema.Json>, StepFailure, R>) | null
  readonly do: (context: StepContext) => Effect.Effect<StepResult<Schema.Json>, StepFailure, R>
  readonly undo:
    | ((context: StepContext, output: Option.Option<Schema.Json>) => Effect.Effect<void, StepFailure, R>)
    | null
  /** What is wrong with a recorded output, or null. */
  readonly undecodable: (output: Schema.Json) => string | null
  readonly repeatable: boolean
  readonly retry: RetryLimits
  readonly timeoutMillis: number
}

export const make = <A, R = never>(spec: StepSpec<A, R>): Step<R> & StepRef<A> => {
  const encode = Schema.encodeSync(spec.output)
  const decode = Schema.decodeUnknownResult(spec.output)
  const { observe, undo } = spec
  const encoded = <T extends { readonly output: A }>(value: T) => ({ ...value, output: encode(value.output) })
  return {
    key: spec.key,
    title: spec.title,
    dependsOn: spec.dependsOn ?? [],
    intent: spec.intent,
    always: spec.always ?? false,
    output: spec.output,
    resource: spec.resource ?? null,
    observe:
      observe === undefined
        ? null
        : (context) =>
            Effect.map(observe(context), (seen): Observed<Schema.Json> =>
              seen._tag === "Present" ? encoded(seen) : seen
            ),
    do: (context) =>
      Effect.map(spec.do(context), (result): StepResult<Schema.Json> =>
        result._tag === "Done" ? encoded(result) : result
      ),
    undo:
      undo === undefined
        ? null
        : (context, output) =>
            undo(
              context,
              Option.flatMap(output, (json) => Result.getSuccess(decode(json)))
            ),
    undecodable: (output) =>
      Result.match(decode(output), { onFailure: (error) => error.message, onSuccess: () => null }),
    repeatable: spec.repeatable ?? false,
    retry: { ...defaultRetry, ...spec.retry },
    timeoutMillis: spec.timeoutMillis ?? defaultTimeoutMillis
  }
}
