/** Runs a repository's own pipeline on a commit. Results are kept by run id; a run that the provider lost answers NotFound. */
import { Context, type Effect, type Stream, Schema, type Option } from "effect"
import type { RunId } from "../../domain/Ids.ts"
import type { RepositoryTarget, Sha } from "./Forge.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class CiError extends Schema.TaggedError<CiError>()("CiError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}

/** `red`: the pipeline ran and a step failed. `infra`: it could not run; says nothing about the code. */
export type CiStatus = "running" | "green" | "red" | "infra" | "cancelled"
export interface CiStep {
  readonly name: string
  readonly status: "pending" | "running" | "success" | "failure" | "skipped"
  readonly exitCode: number | null
  readonly durationMillis: number | null
}
export interface CiRun {
  readonly id: RunId
  readonly sha: Sha
  readonly status: CiStatus
  readonly steps: ReadonlyArray<CiStep>
  /** Why it is red or infra, in a sentence that names the step. */
  readonly reason: string | null
  readonly durationMillis: number | null
}
export type CiEvent =
  | { readonly _tag: "StepStarted"; readonly step: string }
  | { readonly _tag: "Output"; readonly step: string; readonly stream: "stdout" | "stderr"; readonly line: string }
  | {
      readonly _tag: "StepEnded"
      readonly step: string
      readonly status: "success" | "failure" | "skipped"
      readonly exitCode: number | null
      readonly durationMillis: number
    }
  | { readonly _tag: "Ended"; readonly run: CiRun }

export class Ci extends Context.Service<
  Ci,
  {
    /** Activates the repository's pipeline. */
    ensure(target: RepositoryTarget): Effect.Effect<{ readonly externalId: string; readonly created: boolean }, CiError>
    /** Whether it is activated. */
    observe(target: RepositoryTarget): Effect.Effect<Option.Option<{ readonly externalId: string }>, CiError>
    remove(target: RepositoryTarget): Effect.Effect<void, CiError>
    /** Starts a run, or returns the one that this key started before. */
    start(
      target: RepositoryTarget,
      request: {
        readonly key: string
        readonly sha: Sha
        readonly branch: string
        readonly event: "push" | "pull_request" | "manual"
      }
    ): Effect.Effect<CiRun, CiError>
    get(target: RepositoryTarget, id: RunId): Effect.Effect<CiRun, CiError>
    /** From the beginning, replayed, to `Ended`. */
    follow(target: RepositoryTarget, id: RunId): Stream.Stream<CiEvent, CiError>
    cancel(target: RepositoryTarget, id: RunId): Effect.Effect<void, CiError>
  }
>()("rdev/ports/Ci") {}
