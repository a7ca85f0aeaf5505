/** One entry of a project's audit trail. Entries form a hash chain per project; see services/Audit. */
import { Schema } from "effect"
import { AuditId, ProjectId } from "./Ids.ts"

export const AuditStep = Schema.Struct({
  name: Schema.String,
  status: Schema.String,
  durationMillis: Schema.NullOr(Schema.Int)
})

export const NewAuditEntry = Schema.Struct({
  projectId: Schema.NullOr(ProjectId),
  operationId: Schema.NullOr(Schema.String),
  /** e.g. `project.provision`, `feature.approve`, `key.create`. */
  type: Schema.String,
  actor: Schema.String,
  requestId: Schema.NullOr(Schema.String),
  sourceAddress: Schema.NullOr(Schema.String),
  outcome: Schema.Literals(["started", "completed", "failed", "cancelled", "parked", "refused"]),
  steps: Schema.Array(AuditStep),
  /** JSON detail; never a secret. */
  data: Schema.Record(Schema.String, Schema.Json)
})
export type NewAuditEntry = typeof NewAuditEntry.Type

export class AuditEntry extends Schema.Class<AuditEntry>("rdev/AuditEntry")({
  id: AuditId,
  /** 1, 2, 3 … within the project's chain. */
  number: Schema.Int,
  timeMillis: Schema.Int,
  ...NewAuditEntry.fields,
  /** Lower-case hex SHA-256 of the previous entry; 64 zeros for the first. */
  previousHash: Schema.String,
  /** SHA-256 over the canonical JSON of everything above. */
  hash: Schema.String
}) {}
