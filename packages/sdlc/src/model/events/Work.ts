/** Events of tasks. A claim is a worker's word; only `task-verified` with evidence makes a task done. */
import type { TaskOrigin, TaskSpec } from "../Task.ts"

export interface WorkData {
  /** Replaces the plan's tasks; a task whose definition is unchanged keeps its status. `planHash` is the hash of tasks.md, or null without one. */
  readonly "tasks-materialised": { readonly planHash: string | null; readonly tasks: ReadonlyArray<TaskSpec> }
  readonly "fix-tasks-added": {
    readonly origin: TaskOrigin
    readonly tasks: ReadonlyArray<TaskSpec>
    readonly reason?: string
  }
  readonly "task-started": { readonly task: string }
  readonly "task-claimed": { readonly task: string; readonly sha?: string; readonly note?: string }
  readonly "task-verified": { readonly task: string; readonly evidence: string }
  readonly "task-failed": { readonly task: string; readonly reason: string }
  readonly "task-blocked": { readonly task: string; readonly reason: string }
  readonly "task-unblocked": { readonly task: string; readonly reason?: string }
}
