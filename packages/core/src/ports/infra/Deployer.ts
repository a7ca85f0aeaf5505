/** Releases of a commit to an environment, with a health check and a way back. */
import { Context, type Effect, type Option, Schema } from "effect"
import type { ProjectId, ReleaseId } from "../../domain/Ids.ts"
import type { RepositoryTarget, Sha } from "./Forge.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class DeployerError extends Schema.TaggedError<DeployerError>()("DeployerError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}

export type EnvironmentName = "staging" | "production"
export interface Release {
  readonly id: ReleaseId
  readonly environment: EnvironmentName
  readonly sha: Sha
  readonly status: "live" | "superseded" | "failed"
  readonly url: string
  readonly deployedAtMillis: number
}
export interface Health {
  readonly healthy: boolean
  readonly checks: ReadonlyArray<{ readonly name: string; readonly ok: boolean; readonly detail: string }>
}

export class Deployer extends Context.Service<
  Deployer,
  {
    /** Builds and switches atomically; a release that does not become healthy is not switched to and answers Invalid or Unavailable with why. The same key answers with its release. */
    deploy(
      target: RepositoryTarget,
      request: {
        readonly key: string
        readonly environment: EnvironmentName
        readonly sha: Sha
        readonly env: Readonly<Record<string, string>>
      }
    ): Effect.Effect<Release, DeployerError>
    /** The live release. */
    observe(
      target: RepositoryTarget,
      environment: EnvironmentName
    ): Effect.Effect<Option.Option<Release>, DeployerError>
    verify(target: RepositoryTarget, environment: EnvironmentName): Effect.Effect<Health, DeployerError>
    /** Switches to the release before the live one; NotFound when there is none. */
    rollback(target: RepositoryTarget, environment: EnvironmentName): Effect.Effect<Release, DeployerError>
    /** Stops and removes all releases of the project. */
    remove(target: RepositoryTarget): Effect.Effect<void, DeployerError>
    list: Effect.Effect<
      ReadonlyArray<{ readonly projectId: ProjectId; readonly externalId: string; readonly createdAtMillis: number }>,
      DeployerError
    >
  }
>()("rdev/ports/Deployer") {}
