/** Durable operations and their steps: start one on a project (or plan it), look at it, cancel, answer, retry. */
import { OperationId, ProjectId } from "@rdev/core/domain/Ids"
import { Operation, OperationStatus, OperationStep, StepError, StepWait } from "@rdev/core/domain/Operation"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Authorization, Idempotency, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import { waitingFor } from "../WaitingFor.ts"
import * as Wire from "../Wire.ts"
import { Accepted, PlanView } from "./Projects.ts"
import { TreeSource } from "./Trees.ts"

const fields = Operation.fields
const step = OperationStep.fields

export const StepErrorView = Wire.struct("StepError", StepError.fields)
export const StepWaitView = Wire.struct("StepWait", {
  kind: StepWait.fields.kind,
  until: Wire.OptionalTime,
  reason: Schema.String,
  question: StepWait.fields.question
})
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
  /** Why it waits and until when; with a `question`, for an answer. */
  wait: Schema.NullOr(StepWaitView),
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
  ...waitingFor,
  actor: fields.actor,
  requestId: fields.requestId,
  createdAt: Wire.Time,
  startedAt: Wire.OptionalTime,
  endedAt: Wire.OptionalTime
})
export type OperationView = typeof OperationView.Type
export const StepList = Wire.struct("StepList", { steps: Schema.Array(StepView) })
export const OperationPage = Wire.struct("OperationPage", {
  operations: Schema.Array(OperationView),
  ...Parameters.nextCursor
})

/** What can be started on a project. `project.provision` is not among them: creating a project starts it. */
export const StartableKind = Schema.Literals(["project.sync", "project.delete", "tree.run"])
const treeKind = "tree.run"
const others = StartableKind.literals.filter((kind) => kind !== treeKind)
const treeOfTreeRun: Wire.Relation = {
  holds: ({ kind, tree }) =>
    (kind === treeKind) === (tree !== undefined) || {
      path: ["tree"],
      issue: kind === treeKind ? "tree.run needs one: give its name or its text" : `${String(kind)} takes none`
    },
  described: {
    oneOf: [
      { properties: { kind: { enum: [treeKind] } }, required: ["tree"] },
      { properties: { kind: { enum: others } }, not: { required: ["tree"] } }
    ]
  }
}
export const NewOperation = Wire.struct(
  "NewOperation",
  {
    kind: StartableKind,
    /** Of a plan that was looked at: exactly that is done, or nothing. */
    planDigest: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(100))),
    /** Of `tree.run` alone, which needs it. */
    tree: Schema.optionalKey(TreeSource)
  },
  treeOfTreeRun
)
export const Answer = Wire.struct("Answer", {
  /** Key of the step that asks. */
  step: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100)),
  value: Schema.Json
})

const params = { operation: OperationId }
const verb = {
  params,
  headers: { ...Parameters.idempotency, ...Parameters.prefer },
  success: OperationView,
  error: Problem.write
}

export class OperationsGroup extends HttpApiGroup.make("operations")
  .add(
    HttpApiEndpoint.get("list", "/operations", {
      query: {
        ...Parameters.paging,
        project: Schema.optionalKey(Parameters.ProjectKey),
        status: Schema.optionalKey(OperationStatus),
        kind: Schema.optionalKey(Parameters.Kind)
      },
      success: OperationPage,
      error: Problem.read
    }).annotateMerge(requires("projects:read", { summary: "List operations" })),
    HttpApiEndpoint.post("start", "/projects/:project/operations", {
      params: Parameters.project,
      query: Parameters.dryRun,
      headers: { ...Parameters.idempotency, ...Parameters.prefer },
      payload: NewOperation,
      success: [Accepted.pipe(HttpApiSchema.status(202)), PlanView],
      error: Problem.write
    }).annotateMerge(
      requires("projects:execute", {
        summary: "Start an operation on a project",
        description:
          "`project.sync` makes what is missing of its infrastructure and keeps what is there, `project.delete` removes everything, `tree.run` runs a cookbook tree on it. `?dry_run=true` answers 200 with the plan and changes nothing; give its digest as `plan_digest` to run exactly that plan."
      })
    ),
    HttpApiEndpoint.get("get", "/operations/:operation", {
      params,
      headers: Parameters.prefer,
      success: OperationView,
      error: Problem.read
    }).annotateMerge(requires("projects:read", { summary: "Show an operation; `Prefer: wait=N` waits for its end" })),
    HttpApiEndpoint.get("steps", "/operations/:operation/steps", {
      params,
      success: StepList,
      error: Problem.read
    }).annotateMerge(requires("projects:read", { summary: "The operation's ledger" })),
    HttpApiEndpoint.post("cancel", "/operations/:operation/cancel", verb).annotateMerge(
      requires("projects:execute", { summary: "Cancel and undo" })
    ),
    HttpApiEndpoint.post("retry", "/operations/:operation/retry", {
      ...verb,
      query: {
        /** Of an operation that acts in a key's name, as trees do: from now on it acts in the name of who retries it. */
        in_own_name: Schema.optionalKey(Schema.Literals(["true", "false"]))
      }
    }).annotateMerge(
      requires("projects:execute", {
        summary: "Resume: go on with a failed or parked operation",
        description:
          "A parked operation goes on where it stopped, failed undos and failed parts of a tear-down are tried again. One that was undone is started anew: the answer is then another operation. A tree goes on in the name of the key that started it, for keys that may do as much; any other gets 403, or takes it over with `in_own_name=true`."
      })
    ),
    HttpApiEndpoint.post("answer", "/operations/:operation/answer", { ...verb, payload: Answer }).annotateMerge(
      requires("projects:execute", { summary: "Answer the question of a waiting step" })
    )
  )
  .middleware(Idempotency)
  .middleware(Authorization) {}
