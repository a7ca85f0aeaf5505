/**
 * Identifiers: a prefix that names the kind and a ULID, so that ids sort by the time they were made. Schemas only; ids/NewId makes
 * them.
 */
import { Schema } from "effect"

const pattern = (prefix: string) =>
  Schema.String.check(
    Schema.isPattern(new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`, "u"), {
      message: `expected an id like ${prefix}_01J…: the prefix "${prefix}_" and a ULID`
    })
  )

export const ProjectId = pattern("proj").pipe(Schema.brand("rdev/proj"))
export type ProjectId = typeof ProjectId.Type
export const EnvironmentId = pattern("env").pipe(Schema.brand("rdev/env"))
export type EnvironmentId = typeof EnvironmentId.Type
export const FeatureId = pattern("feat").pipe(Schema.brand("rdev/feat"))
export type FeatureId = typeof FeatureId.Type
export const TaskId = pattern("task").pipe(Schema.brand("rdev/task"))
export type TaskId = typeof TaskId.Type
export const OperationId = pattern("op").pipe(Schema.brand("rdev/op"))
export type OperationId = typeof OperationId.Type
export const RunId = pattern("run").pipe(Schema.brand("rdev/run"))
export type RunId = typeof RunId.Type
export const ExecId = pattern("exec").pipe(Schema.brand("rdev/exec"))
export type ExecId = typeof ExecId.Type
export const SessionId = pattern("sess").pipe(Schema.brand("rdev/sess"))
export type SessionId = typeof SessionId.Type
export const KeyId = pattern("key").pipe(Schema.brand("rdev/key"))
export type KeyId = typeof KeyId.Type
export const ReleaseId = pattern("rel").pipe(Schema.brand("rdev/rel"))
export type ReleaseId = typeof ReleaseId.Type
export const ArtifactId = pattern("art").pipe(Schema.brand("rdev/art"))
export type ArtifactId = typeof ArtifactId.Type
export const WorkerId = pattern("wrk").pipe(Schema.brand("rdev/wrk"))
export type WorkerId = typeof WorkerId.Type
export const AuditId = pattern("aud").pipe(Schema.brand("rdev/aud"))
export type AuditId = typeof AuditId.Type
export const WorkspaceId = pattern("ws").pipe(Schema.brand("rdev/ws"))
export type WorkspaceId = typeof WorkspaceId.Type
/** Where a project's forge posts to. */
export const HookId = pattern("hook").pipe(Schema.brand("rdev/hook"))
export type HookId = typeof HookId.Type
export const WebhookId = pattern("whk").pipe(Schema.brand("rdev/whk"))
export type WebhookId = typeof WebhookId.Type

export interface Ids {
  readonly proj: ProjectId
  readonly env: EnvironmentId
  readonly feat: FeatureId
  readonly task: TaskId
  readonly op: OperationId
  readonly run: RunId
  readonly exec: ExecId
  readonly sess: SessionId
  readonly key: KeyId
  readonly rel: ReleaseId
  readonly art: ArtifactId
  readonly wrk: WorkerId
  readonly aud: AuditId
  readonly ws: WorkspaceId
  readonly whk: WebhookId
  readonly hook: HookId
}
export type Prefix = keyof Ids
