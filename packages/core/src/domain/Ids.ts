/**
 * Identifiers: a prefix that names the kind and a ULID, so that ids sort by the time they were made.
 * Generation reads Effect's Clock; it never looks at a store.
 */
import { Clock, Effect, Schema } from "effect"
import { monotonicFactory } from "ulid"

const idSchema = <P extends string>(prefix: P) =>
  Schema.String.check(
    Schema.isPattern(new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`), {
      message: `expected an id like ${prefix}_01J…: the prefix "${prefix}_" and a ULID`
    })
  ).pipe(Schema.brand(`rdev/${prefix}`))

export const ProjectId = idSchema("proj")
export type ProjectId = typeof ProjectId.Type
export const FeatureId = idSchema("feat")
export type FeatureId = typeof FeatureId.Type
export const TaskId = idSchema("task")
export type TaskId = typeof TaskId.Type
export const OperationId = idSchema("op")
export type OperationId = typeof OperationId.Type
export const RunId = idSchema("run")
export type RunId = typeof RunId.Type
export const ExecId = idSchema("exec")
export type ExecId = typeof ExecId.Type
export const SessionId = idSchema("sess")
export type SessionId = typeof SessionId.Type
export const KeyId = idSchema("key")
export type KeyId = typeof KeyId.Type
export const ReleaseId = idSchema("rel")
export type ReleaseId = typeof ReleaseId.Type
export const WorkerId = idSchema("wrk")
export type WorkerId = typeof WorkerId.Type
export const AuditId = idSchema("aud")
export type AuditId = typeof AuditId.Type
export const WorkspaceId = idSchema("ws")
export type WorkspaceId = typeof WorkspaceId.Type

const schemas = {
  proj: ProjectId,
  feat: FeatureId,
  task: TaskId,
  op: OperationId,
  run: RunId,
  exec: ExecId,
  sess: SessionId,
  key: KeyId,
  rel: ReleaseId,
  wrk: WorkerId,
  aud: AuditId,
  ws: WorkspaceId
} as const
export type Prefix = keyof typeof schemas
export type Id<P extends Prefix> = (typeof schemas)[P]["Type"]

const nextUlid = monotonicFactory()

/** A bare ULID at the current time of the Clock, greater than every earlier one of this process in the same millisecond. */
export const ulid: Effect.Effect<string> = Effect.map(Clock.currentTimeMillis, (now) => nextUlid(now))

/** A new id of the given kind: `make("task")` gives `task_01J…`. */
export const make = <P extends Prefix>(prefix: P): Effect.Effect<Id<P>> =>
  Effect.map(ulid, (u) => `${prefix}_${u}` as string as Id<P>)
