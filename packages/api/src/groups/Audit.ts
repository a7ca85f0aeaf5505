/** The audit trail: what was done, by whom, step by step, in a hash chain. */
import { AuditEntry } from "@rdev/core/domain/Audit"
import { AuditId, ProjectId } from "@rdev/core/domain/Ids"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Authorization, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

const fields = AuditEntry.fields
export const AuditStepView = Wire.struct("AuditStep", { name: Schema.String, status: Schema.String, durationMs: Schema.NullOr(Schema.Int) })
export const AuditEntryView = Wire.struct("AuditEntry", {
  id: AuditId,
  number: fields.number,
  time: Wire.Time,
  operationId: fields.operationId,
  projectId: Schema.NullOr(ProjectId),
  type: fields.type,
  actor: fields.actor,
  requestId: fields.requestId,
  sourceAddress: fields.sourceAddress,
  outcome: fields.outcome,
  steps: Schema.Array(AuditStepView),
  data: fields.data,
  previousHash: fields.previousHash,
  hash: fields.hash
})
export const AuditPage = Wire.struct("AuditPage", { operations: Schema.Array(AuditEntryView), ...Parameters.nextCursor })

export class AuditGroup extends HttpApiGroup.make("audit").add(
  HttpApiEndpoint.get("ofProject", "/projects/:project/audit", { params: Parameters.project, query: Parameters.paging, success: AuditPage, error: Problem.read })
    .annotateMerge(requires("audit:read", { summary: "The project's audit trail, newest first" })),
  HttpApiEndpoint.get("ofSystem", "/audit", { query: Parameters.paging, success: AuditPage, error: Problem.read })
    .annotateMerge(requires("admin", { summary: "The installation's audit trail, newest first" }))
).middleware(Authorization) {}
