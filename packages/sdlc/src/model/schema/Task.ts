/** Tasks of a feature. Definitions come from the approved plan or from fixes; status comes from events alone, and `done` needs evidence. */
import { Schema } from "effect"
import { Digest, TaskId } from "./Scalars.ts"

export const TaskOrigin = Schema.Literals(["plan", "review", "audit", "qa", "ci", "rollback"])
export type TaskOrigin = typeof TaskOrigin.Type

export const TaskSpec = Schema.Struct({
  id: TaskId,
  title: Schema.String,
  deps: Schema.Array(TaskId),
  /** Requirement ids (REQ-001) that the task helps to fulfil. */
  covers: Schema.Array(Schema.String),
  /** Globs of the files it may write; tasks with disjoint globs may run side by side. */
  writes: Schema.Array(Schema.String),
  /** Shell commands that must exit 0 before the task counts as done. */
  verify: Schema.Array(Schema.String)
})
export type TaskSpec = typeof TaskSpec.Type

export const TaskStatus = Schema.Literals(["todo", "running", "claimed", "done", "failed", "blocked"])
export type TaskStatus = typeof TaskStatus.Type

export const Task = Schema.Struct({
  ...TaskSpec.fields,
  origin: TaskOrigin,
  status: TaskStatus,
  /** Failures since the last advance or human answer. */
  failures: Schema.Int,
  /** Why it failed or is blocked. */
  reason: Schema.optionalKey(Schema.String),
  evidence: Schema.optionalKey(Digest),
  /** The event that gave it its present status. */
  event: Schema.String
})
export type Task = typeof Task.Type
