/** Tasks of the work queue and the workers that run them. */
import { ErrorClass } from "@rdev/core/domain/ErrorClass"
import { ProjectId, TaskId } from "@rdev/core/domain/Ids"
import { OwnerId } from "@rdev/core/domain/Owner"
import { Pool } from "@rdev/core/domain/WorkerPool"
import { TaskSpec, TaskStatus, WorkTask } from "@rdev/core/domain/WorkTask"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Authorization, Idempotency, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import { waitingFor } from "../WaitingFor.ts"
import * as Wire from "../Wire.ts"

const fields = WorkTask.fields

export const TaskError = Wire.struct("TaskError", {
  class: Schema.Literals(Object.keys(ErrorClass.cases) as [keyof typeof ErrorClass.cases]),
  message: Schema.String
})
export const AttemptView = Wire.struct("Attempt", {
  number: Schema.Int,
  workerId: Schema.String,
  startedAt: Wire.Time,
  endedAt: Wire.OptionalTime,
  /** Whether it counts towards `max_attempts`. */
  counted: Schema.Boolean,
  error: Schema.NullOr(TaskError)
})
export const TaskView = Wire.struct("Task", {
  id: TaskId,
  owner: OwnerId,
  /** Null when it is no project's own. */
  projectId: Schema.NullOr(ProjectId),
  kind: fields.kind,
  status: TaskStatus,
  payload: fields.payload,
  result: fields.result,
  priority: fields.priority,
  workerId: fields.workerId,
  progress: fields.progress,
  error: Schema.NullOr(TaskError),
  /** Why it waits for a human. */
  parked: fields.parked,
  deliveries: fields.deliveries,
  attemptsCounted: fields.attemptsCounted,
  maxAttempts: fields.maxAttempts,
  timeoutMs: Schema.Int,
  dependsOn: fields.dependsOn,
  cancelRequested: fields.cancelRequested,
  ...waitingFor,
  attempts: Schema.Array(AttemptView),
  createdAt: Wire.Time,
  startedAt: Wire.OptionalTime,
  endedAt: Wire.OptionalTime
})
export type TaskView = typeof TaskView.Type
export const TaskPage = Wire.struct("TaskPage", { tasks: Schema.Array(TaskView), ...Parameters.nextCursor })

const params = { task: TaskId }
const verb = { params, headers: Parameters.idempotency, success: TaskView, error: Problem.write }
const filter = { status: Schema.optionalKey(TaskStatus), kind: Schema.optionalKey(TaskSpec.fields.kind) }

export class TasksGroup extends HttpApiGroup.make("tasks")
  .add(
    HttpApiEndpoint.get("list", "/tasks", {
      query: { ...Parameters.paging, ...filter, project: Schema.optionalKey(Parameters.ProjectKey) },
      success: TaskPage,
      error: Problem.read
    }).annotateMerge(requires("queue:read", { summary: "List tasks" })),
    HttpApiEndpoint.get("listOfProject", "/projects/:project/tasks", {
      params: Parameters.project,
      query: { ...Parameters.paging, ...filter },
      success: TaskPage,
      error: Problem.read
    }).annotateMerge(requires("queue:read", { summary: "List tasks of a project" })),
    HttpApiEndpoint.get("get", "/tasks/:task", { params, success: TaskView, error: Problem.read }).annotateMerge(
      requires("queue:read", { summary: "Show a task" })
    ),
    HttpApiEndpoint.post("cancel", "/tasks/:task/cancel", verb).annotateMerge(
      requires("queue:write", { summary: "Cancel a task" })
    ),
    HttpApiEndpoint.post("retry", "/tasks/:task/retry", verb).annotateMerge(
      requires("queue:write", { summary: "Run a failed, cancelled or parked task again" })
    ),
    HttpApiEndpoint.get("pool", "/workers/pool", {
      success: Pool.annotate({ identifier: "WorkerPool" }),
      error: Problem.read
    }).annotateMerge(requires("queue:read", { summary: "Workers and the queue before them" }))
  )
  .middleware(Idempotency)
  .middleware(Authorization) {}
