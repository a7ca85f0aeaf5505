/**
 * From a commit to something that can be released: a folder or an image, and how it is run. It is the same for every environment, so what
 * was looked at in staging is what goes to production: variables of an environment are the Deployer's.
 */
import { Context, type Effect, type Option, Schema } from "effect"
import type { ArtifactId, ProjectId } from "../../domain/Ids.ts"
import type { RepositoryTarget, Sha } from "./Forge.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class BuilderError extends Schema.TaggedError<BuilderError>()("BuilderError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}

export type Content =
  /**
   * Files in a folder of this machine, written by what was built: links in it may lead anywhere. Who runs from it keeps it by a file of its
   * own in `<path>.pins/`; a builder does not tidy away a folder that has one.
   */
  | { readonly _tag: "Folder"; readonly path: string }
  /** By digest, e.g. `registry.example.org/hello@sha256:…`: a tag may be moved. */
  | { readonly _tag: "Image"; readonly reference: string }

/** How it is run, as the commit says it. `health`: the path that answers 2xx when it is well. */
export type Run =
  | { readonly kind: "static"; readonly publish: string; readonly health: string }
  | {
      readonly kind: "node"
      /** The command; it listens on `$PORT`. Empty = what an image says itself. */
      readonly start: string
      readonly health: string
      /** After how many minutes without a request it sleeps; left out = as the installation has it. */
      readonly idle?: "never" | number
    }

export interface Artifact {
  readonly id: ArtifactId
  readonly sha: Sha
  readonly content: Content
  readonly run: Run
  readonly builtAtMillis: number
}

export class Builder extends Context.Service<
  Builder,
  {
    /**
     * The artifact of a commit, built if it is not there: the same commit is built once, however many ask. What cannot be built is Invalid
     * with the end of what the build said, and leaves nothing behind.
     */
    build(target: RepositoryTarget, request: { readonly sha: Sha }): Effect.Effect<Artifact, BuilderError>
    /** What was built of a commit and is still there. */
    observe(target: RepositoryTarget, sha: Sha): Effect.Effect<Option.Option<Artifact>, BuilderError>
    /** Everything that was built of the project. */
    remove(target: RepositoryTarget): Effect.Effect<void, BuilderError>
    /** Projects that something is there of. */
    list: Effect.Effect<
      ReadonlyArray<{ readonly projectId: ProjectId; readonly externalId: string; readonly createdAtMillis: number }>,
      BuilderError
    >
  }
>()("rdev/ports/Builder") {}
