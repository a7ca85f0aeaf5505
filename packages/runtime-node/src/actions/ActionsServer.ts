/** What a server of Actions is asked for; an adapter supplies the calls, `ActionsCi` all the rest. Every verb is safe to run twice. */
import type { RunId } from "@rdev/core/domain/Ids"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import type { Effect } from "effect"

export interface Failure {
  readonly reason: PortReason
}
export interface ServerRun {
  readonly number: number
  /** First line of the commit that it runs on. */
  readonly title: string
  /** `waiting`: somebody has to approve it. */
  readonly status: "queued" | "waiting" | "running" | "completed"
  /** `success`, `failure`, `cancelled`, `timed_out`, …; null until it is completed. */
  readonly conclusion: string | null
  readonly startedAtMillis: number | null
  readonly completedAtMillis: number | null
  /** Where people look at it. */
  readonly url: string
}
export interface ServerJob {
  readonly number: number
  /** In the workflow's order, the one that fetches the commit first; empty where the server does not say what became of single steps. */
  readonly steps: ReadonlyArray<{
    readonly status: "pending" | "running" | "success" | "failure" | "skipped"
    readonly durationMillis: number | null
  }>
}
export interface ActionsServer<F extends Failure> {
  /** As people call it, e.g. `Gitea`. */
  readonly name: string
  /** Where it looks for workflows. */
  readonly workflowPath: string
  /** Switches Actions on and marks the repository: `false` = it was. */
  activate(target: RepositoryTarget): Effect.Effect<{ readonly externalId: string; readonly created: boolean }, F>
  /** null = it has no mark, or no Actions. A repository that is not there has none. */
  active(target: RepositoryTarget): Effect.Effect<string | null, F>
  /** Takes the mark away. */
  deactivate(target: RepositoryTarget): Effect.Effect<void, F>
  /** Of one branch, or all of them; of all at most the newest few hundred. */
  runs(target: RepositoryTarget, branch: string | null): Effect.Effect<ReadonlyArray<ServerRun>, F>
  /** The one job of a run of ours; null until there is one. */
  job(target: RepositoryTarget, run: number): Effect.Effect<ServerJob | null, F>
  /** The log from this byte on, a part of it at a time; null where there is none (yet, or any more). */
  log(target: RepositoryTarget, job: number, from: number): Effect.Effect<Uint8Array | null, F>
  /** null: the server has no such thing in its API, and says instead what a person can do. */
  readonly cancel: ((target: RepositoryTarget, run: number) => Effect.Effect<void, F>) | { readonly instead: string }
  /** Of one that has ended. */
  forget(target: RepositoryTarget, run: number): Effect.Effect<void, F>
}
/** Told by whoever hears of a change (a webhook): whoever polls this project's runs looks at once. */
export type Waits = (target: RepositoryTarget, id: RunId, millis: number) => Effect.Effect<void>
