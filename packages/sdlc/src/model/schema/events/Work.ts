/** Events of tasks. A claim is a worker's word; only `task-verified` with evidence makes a task done. */
import { Schema } from "effect"
import { Digest, TaskId } from "../Scalars.ts"
import { TaskOrigin, TaskSpec } from "../Task.ts"
import { event, maybeText, text } from "./Event.ts"

const task = { task: TaskId }

/** Replaces the plan's tasks; a task whose definition is unchanged keeps its status. `planHash` is the hash of tasks.md, or null without one. */
export const TasksMaterialised = event("tasks-materialised", {
  planHash: Schema.NullOr(Digest),
  tasks: Schema.Array(TaskSpec)
})
export const FixTasksAdded = event("fix-tasks-added", {
  origin: TaskOrigin,
  tasks: Schema.Array(TaskSpec),
  reason: maybeText
})
export const TaskStarted = event("task-started", task)
export const TaskClaimed = event("task-claimed", { ...task, sha: maybeText, note: maybeText })
export const TaskVerified = event("task-verified", { ...task, evidence: Digest })
export const TaskFailed = event("task-failed", { ...task, reason: text })
export const TaskBlocked = event("task-blocked", { ...task, reason: text })
export const TaskUnblocked = event("task-unblocked", { ...task, reason: maybeText })

export const WorkEvents = [
  TasksMaterialised,
  FixTasksAdded,
  TaskStarted,
  TaskClaimed,
  TaskVerified,
  TaskFailed,
  TaskBlocked,
  TaskUnblocked
] as const
