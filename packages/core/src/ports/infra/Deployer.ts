/** Releases of an artifact to an environment, with a health check and a way back. Which names lead there is the Router's. */
import { Context, type Effect, type Option, Schema } from "effect"
import type { ProjectId, ReleaseId } from "../../domain/Ids.ts"
import type { Artifact } from "./Builder.ts"
import type { RepositoryTarget, Sha } from "./Forge.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"
import type { Backend } from "./Router.ts"

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
  /** Where requests for it go, as long as it is live. */
  readonly backend: Backend
}
export interface Health {
  readonly healthy: boolean
  readonly checks: ReadonlyArray<{ readonly name: string; readonly ok: boolean; readonly detail: string }>
}

export class Deployer extends Context.Service<
  Deployer,
  {
    /** Brings the artifact up, checks it and switches atomically; a release that does not become healthy is not switched to and answers Invalid or Unavailable with why. The same key answers with its release. Content that this deployer cannot run is Unsupported. */
    deploy(
      target: RepositoryTarget,
      request: {
        readonly key: string
        readonly environment: EnvironmentName
        readonly artifact: Artifact
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
