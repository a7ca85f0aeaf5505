import type { Loader, Rlimit } from "./SandboxLoader.ts"

/** What a sandbox is asked to run, and what every way of isolating must supply. */
export type Network = "none" | "loopback" | "internet"

/** Bounds of one command, of all its processes together; file size holds per file. */
export interface Limits {
  readonly memoryBytes: number
  readonly processes: number
  readonly fileBytes: number
}

/** The folders on the host that a command may see besides the read-only system. */
export interface Folders {
  /** Seen as `workDir`. */
  readonly files: string
  /** Seen as `$HOME`. */
  readonly home: string
  readonly filesReadOnly: boolean
}

export interface SandboxRequest {
  readonly folders: Folders
  readonly argv: ReadonlyArray<string>
  /** Absolute, as seen from inside. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly stdin: Uint8Array | string | null
  readonly network: Network
  readonly limits: Limits
  /** null = none. */
  readonly timeoutMillis: number | null
  /** Files of control groups that the launched process writes `0` into before anything else. */
  readonly join: ReadonlyArray<string>
}

export interface Launch {
  readonly program: string
  readonly args: ReadonlyArray<string>
  /** Environment of the launcher alone; the command's own goes over a pipe, so that no process list shows it. */
  readonly env: Readonly<Record<string, string>>
  /** Written to descriptor 5, which the launcher then has. */
  readonly feed?: Uint8Array
  /** Removes what the launch needed only to start. */
  readonly cleanUp: () => Promise<void>
}

/** A program or folder of the host that the inside may read. */
export interface ReadOnlyMount {
  readonly hostPath: string
  readonly path: string
}

/** What stands between the set-up and the command. */
export interface LastStep {
  /** null: the set-up's shell becomes the command itself. */
  readonly loader: Loader | null
  /** Refused system calls, for the loader or, without one, for a launcher that loads filters; null = none are refused. */
  readonly filter: Buffer | null
}

export interface Backend {
  /** Shown to people: `namespaces`, `bubblewrap`, `sandbox-exec`, `none (unsafe)`. */
  readonly isolation: string
  /** User that must own what the inside may write; null = the server's own. */
  readonly owner: { readonly uid: number; readonly gid: number } | null
  readonly networks: ReadonlyArray<Network>
  /** Where the folders are seen inside. */
  inside(folders: Folders): { readonly workDir: string; readonly home: string; readonly path: string }
  /** Of the kernel, per process. */
  rlimits(limits: Limits): ReadonlyArray<Rlimit>
  /** Shell line that sets them on the shell `$$`, where there is no loader; must fail when it cannot. */
  limit(limits: Limits): string
  readonly last: LastStep
  launch(request: SandboxRequest): Promise<Launch>
  /**
   * `namespace`: ending the launcher ends everything. `group`: processes share a process group and, on Linux, are found again by
   * the marker in their environment.
   */
  readonly containment: "namespace" | "group"
}
