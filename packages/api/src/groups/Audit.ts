/**
 * The audit trail: what was done, by whom, step by step. One line per operation for reading; the entries of the hash chain, and the
 * chain as a file, for checking.
 */
import { AuditEntry } from "@rdev/core/domain/Audit"
import { AuditId, ProjectId } from "@rdev/core/domain/Ids"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Authorization, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

const fields = AuditEntry.fields
export const AuditStepView = Wire.struct("AuditStep", {
  name: Schema.String,
  status: Schema.String,
  durationMs: Schema.NullOr(Schema.Int)
})
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
export const AuditEntryPage = Wire.struct("AuditEntryPage", {
  entries: Schema.Array(AuditEntryView),
  ...Parameters.nextCursor
})
/** An operation as it ended, or as far as it is; a deed without an operation (a key was made, a gate opened) has no `operation_id`. */
export const AuditLineView = Wire.struct("AuditLine", {
  operationId: fields.operationId,
  type: fields.type,
  outcome: fields.outcome,
  steps: Schema.Array(AuditStepView),
  actor: fields.actor,
  requestId: fields.requestId,
  sourceAddress: fields.sourceAddress,
  time: Wire.Time,
  data: fields.data
})
export const AuditPage = Wire.struct("AuditPage", { operations: Schema.Array(AuditLineView), ...Parameters.nextCursor })
/** JSON lines, see AuditExport of core: entries in order, then the head. */
const file = HttpApiSchema.StreamUint8Array({ contentType: "application/x-ndjson" })

const project = { params: Parameters.project, error: Problem.read }
const system = { error: Problem.read }
const raw = "Entries of the hash chain, newest first"
const whole =
  "The whole hash chain as JSON lines with its head at the end: check it anywhere with `rdev audit verify`. A file without the head was cut off."

export class AuditGroup extends HttpApiGroup.make("audit")
  .add(
    HttpApiEndpoint.get("ofProject", "/projects/:project/audit", {
      ...project,
      query: Parameters.paging,
      success: AuditPage
    }).annotateMerge(
      requires("audit:read", { summary: "The project's audit trail: one line per operation, newest first" })
    ),
    HttpApiEndpoint.get("entriesOfProject", "/projects/:project/audit/entries", {
      ...project,
      query: Parameters.paging,
      success: AuditEntryPage
    }).annotateMerge(requires("audit:read", { summary: raw })),
    HttpApiEndpoint.get("exportOfProject", "/projects/:project/audit/export", {
      ...project,
      success: file
    }).annotateMerge(requires("audit:read", { summary: "The project's audit trail as a file", description: whole })),
    HttpApiEndpoint.get("ofSystem", "/audit", {
      ...system,
      query: Parameters.paging,
      success: AuditPage
    }).annotateMerge(
      requires("admin", { summary: "The installation's audit trail: one line per operation, newest first" })
    ),
    HttpApiEndpoint.get("entriesOfSystem", "/audit/entries", {
      ...system,
      query: Parameters.paging,
      success: AuditEntryPage
    }).annotateMerge(requires("admin", { summary: raw })),
    HttpApiEndpoint.get("exportOfSystem", "/audit/export", { ...system, success: file }).annotateMerge(
      requires("admin", { summary: "The installation's audit trail as a file", description: whole })
    )
  )
  .middleware(Authorization) {}
