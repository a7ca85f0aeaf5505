/** Tasks of a feature. Definitions come from the approved plan or from fixes; status comes from events alone, and `done` needs evidence. */

export type TaskOrigin = "plan" | "review" | "audit" | "qa" | "ci" | "rollback"

export interface TaskSpec {
  readonly id: string
  readonly title: string
  readonly deps: ReadonlyArray<string>
  /** Requirement ids (REQ-001) that the task helps to fulfil. */
  readonly covers: ReadonlyArray<string>
  /** Globs of the files it may write; tasks with disjoint globs may run side by side. */
  readonly writes: ReadonlyArray<string>
  /** Shell commands that must exit 0 before the task counts as done. */
  readonly verify: ReadonlyArray<string>
}

export type TaskStatus = "todo" | "running" | "claimed" | "done" | "failed" | "blocked"

export interface Task extends TaskSpec {
  readonly origin: TaskOrigin
  readonly status: TaskStatus
  /** Failures since the last advance or human answer. */
  readonly failures: number
  /** Why it failed or is blocked. */
  readonly reason?: string
  readonly evidence?: string
  /** The event that gave it its present status. */
  readonly event: string
}
