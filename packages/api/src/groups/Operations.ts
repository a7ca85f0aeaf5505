/** Durable operations and their steps. */
import { OperationId, ProjectId } from "@rdev/core/domain/Ids"
import { Operation, OperationStatus, OperationStep, StepError } from "@rdev/core/domain/Operation"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Authorization, Idempotency, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

const fields = Operation.fields
const step = OperationStep.fields

export const StepErrorView = Wire.struct("StepError", StepError.fields)
export const StepView = Wire.struct("Step", {
  key: step.key,
  phase: step.phase,
  title: step.title,
  change: step.change,
  changeReason: step.changeReason,
  dependsOn: step.dependsOn,
  status: step.status,
  attempt: step.attempt,
  error: Schema.NullOr(StepErrorView),
  startedAt: Wire.OptionalTime,
  endedAt: Wire.OptionalTime,
  durationMs: Schema.NullOr(Schema.Int)
})
export const OperationView = Wire.struct("Operation", {
  id: OperationId,
  kind: fields.kind,
  version: fields.version,
  projectId: Schema.NullOr(ProjectId),
  status: OperationStatus,
  output: fields.output,
  error: Schema.NullOr(StepErrorView),
  cancelRequested: fields.cancelRequested,
  actor: fields.actor,
  requestId: fields.requestId,
  createdAt: Wire.Time,
  startedAt: Wire.OptionalTime,
  endedAt: Wire.OptionalTime
})
export type OperationView = typeof OperationView.Type
export const StepList = Wire.struct("StepList", { steps: Schema.Array(StepView) })
export const OperationPage = Wire.struct("OperationPage", { operations: Schema.Array(OperationView), ...Parameters.nextCursor })

const params = { operation: OperationId }
const verb = { params, headers: { ...Parameters.idempotency, ...Parameters.prefer }, success: OperationView, error: Problem.write }

export class OperationsGroup extends HttpApiGroup.make("operations").add(
  HttpApiEndpoint.get("list", "/operations", {
    query: { ...Parameters.paging, project: Schema.optionalKey(Parameters.ProjectKey) }, success: OperationPage, error: Problem.read
  }).annotateMerge(requires("projects:read", { summary: "List operations" })),
  HttpApiEndpoint.get("get", "/operations/:operation", { params, headers: Parameters.prefer, success: OperationView, error: Problem.read })
    .annotateMerge(requires("projects:read", { summary: "Show an operation; `Prefer: wait=N` waits for its end" })),
  HttpApiEndpoint.get("steps", "/operations/:operation/steps", { params, success: StepList, error: Problem.read })
    .annotateMerge(requires("projects:read", { summary: "The operation's ledger" })),
  HttpApiEndpoint.post("cancel", "/operations/:operation/cancel", verb).annotateMerge(requires("projects:execute", { summary: "Cancel and undo" })),
  HttpApiEndpoint.post("retry", "/operations/:operation/retry", verb).annotateMerge(requires("projects:execute", { summary: "Go on with a failed or parked operation" }))
).middleware(Idempotency).middleware(Authorization) {}
