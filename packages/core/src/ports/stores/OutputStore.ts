/**
 * What processes printed, byte for byte: of each run one log of frames, of which either stream, or both in the order in which they
 * came, can be read from any byte on, while it runs and afterwards. It keeps what it is given; secrets are masked before.
 *
 * Bounded: of a run that prints more than the store keeps, the beginning and the end are kept, and how much between them was dropped
 * is said. An append that was answered survives the end of the server's process; after a failure of power its last seconds may be missing,
 * never changed. One process appends to a run, any reads.
 */
import { Context, type Effect, Schema } from "effect"
import type { Counts, OutputStream, OutputView } from "../../domain/OutputFrames.ts"
import type { ExecId, ProjectId } from "../../domain/Ids.ts"
import { describe, isRetryable, portErrorFields } from "../infra/PortReason.ts"

export class OutputStoreError extends Schema.TaggedError<OutputStoreError>()("OutputStoreError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}

/** Bytes of one run that are kept at most, unless an adapter is told otherwise. */
export const defaultMaxBytes = 64 * 1024 * 1024

export interface OutputRun {
  readonly projectId: ProjectId
  readonly execId: ExecId
}
export interface OutputPart {
  readonly stream: OutputStream
  readonly bytes: Uint8Array
}

export const OutputEnd = Schema.Struct({
  code: Schema.NullOr(Schema.Int),
  signal: Schema.NullOr(Schema.String),
  reason: Schema.String
})
/** How the process ended. */
export type OutputEnd = typeof OutputEnd.Type

/** `limit`: at most `maxPageBytes` are answered at once. */
export interface OutputRange {
  readonly view: OutputView
  readonly offset: number
  readonly limit: number
}
export interface OutputPage {
  readonly bytes: Uint8Array
  /** Where `bytes` begin: behind the offset that was asked for when that was dropped. */
  readonly offset: number
  /** Where to go on reading; at the end of what came so far the offset itself. */
  readonly next: number
  /** Of this view: all bytes that came so far, and how many of them were dropped. */
  readonly size: number
  readonly dropped: number
  /** Null while more may come. */
  readonly end: OutputEnd | null
}

export class OutputStore extends Context.Service<
  OutputStore,
  {
    /** After what was appended before; the first one begins the run. Conflict when the run has ended. */
    append(run: OutputRun, parts: ReadonlyArray<OutputPart>): Effect.Effect<void, OutputStoreError>
    /** Marks the end; a run that printed nothing exists from here on. Again: no change. */
    end(run: OutputRun, end: OutputEnd): Effect.Effect<void, OutputStoreError>
    /** NotFound for a run that has printed nothing yet, or is forgotten; Invalid(offset) beyond what came so far. */
    read(run: OutputRun, range: OutputRange): Effect.Effect<OutputPage, OutputStoreError>
    /** How much came so far, and how much of it was dropped. */
    size(
      run: OutputRun
    ): Effect.Effect<
      { readonly came: Counts; readonly dropped: Counts; readonly end: OutputEnd | null },
      OutputStoreError
    >
    /** Everything of a project, for good: what its runs print later is refused with NotFound. */
    remove(projectId: ProjectId): Effect.Effect<void, OutputStoreError>
    /** Runs that began before this time. */
    trim(beforeMillis: number): Effect.Effect<void, OutputStoreError>
  }
>()("rdev/ports/OutputStore") {}
