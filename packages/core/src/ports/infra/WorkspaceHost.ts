/**
 * Where commands of a project run: an isolated workspace with its own files, environment and network policy, and nothing of
 * the host's. A workspace survives its processes; a process does not survive its workspace.
 */
import { Context, type Effect, type Scope, type Stream, Schema } from "effect"
import type { ExecId, ProjectId, WorkspaceId } from "../../domain/Ids.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class WorkspaceError extends Schema.TaggedError<WorkspaceError>()("WorkspaceError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}

export interface WorkspaceSpec {
  readonly projectId: ProjectId
  /** Distinguishes the workspaces of one project, e.g. `main` or a feature's slug; `[a-z0-9-]{1,63}`. */
  readonly name: string
  /** `none`: no network. `loopback`: its own loopback only. `internet`: outward connections. Default `none`. */
  readonly network: "none" | "loopback" | "internet"
  readonly limits?: { readonly memoryBytes?: number; readonly processes?: number; readonly diskBytes?: number }
}
export interface Workspace {
  readonly id: WorkspaceId
  readonly projectId: ProjectId
  readonly name: string
  /** The folder as seen from inside, e.g. `/workspace`. */
  readonly workDir: string
  /** What isolates it: `bubblewrap`, `namespaces`, `sandbox-exec`, `none (unsafe)`, `memory`. */
  readonly isolation: string
}
export interface Command {
  /** Program and arguments; a shell only if the caller names one. */
  readonly argv: ReadonlyArray<string>
  /** Relative to workDir or absolute inside it. */
  readonly cwd?: string
  /** The whole environment besides PATH, HOME, LANG and TERM; nothing is inherited from the host. */
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: Uint8Array | string
  readonly timeoutMillis?: number
}
export interface OutputChunk {
  readonly stream: "stdout" | "stderr"
  readonly data: Uint8Array
}
/** `code` is null when a signal ended it; a lost connection is never success. */
export interface ExitStatus {
  readonly code: number | null
  readonly signal: string | null
  /** `oom`: memory was used up. `disk`: its files, or all files of the installation, took too much room. */
  readonly reason: "exited" | "signal" | "timeout" | "killed" | "oom" | "disk" | "connection_lost"
  /** For `oom` and `disk`: what was over, and the limit. */
  readonly detail?: string
}
export interface Process {
  readonly id: ExecId
  /** Ends when the process has ended and all output was read. Back-pressured. */
  readonly output: Stream.Stream<OutputChunk, WorkspaceError>
  readonly exit: Effect.Effect<ExitStatus, WorkspaceError>
  /** TERM, then KILL after five seconds; children too. */
  readonly kill: Effect.Effect<void, WorkspaceError>
}

export class WorkspaceHost extends Context.Service<
  WorkspaceHost,
  {
    ensure(spec: WorkspaceSpec): Effect.Effect<Workspace, WorkspaceError>
    /** Starts a command; closing the scope kills what still runs. A command that cannot start fails here with Invalid(argv). */
    start(workspace: Workspace, command: Command): Effect.Effect<Process, WorkspaceError, Scope.Scope>
    /** Paths are relative to workDir; an escape by `..` or a symbolic link is Invalid(path). */
    readFile(workspace: Workspace, path: string): Effect.Effect<Uint8Array, WorkspaceError>
    writeFile(workspace: Workspace, path: string, content: Uint8Array | string): Effect.Effect<void, WorkspaceError>
    /** Ends all processes and removes the files. A missing workspace is success. */
    destroy(projectId: ProjectId, name: string): Effect.Effect<void, WorkspaceError>
    list: Effect.Effect<ReadonlyArray<Workspace>, WorkspaceError>
  }
>()("rdev/ports/WorkspaceHost") {}
