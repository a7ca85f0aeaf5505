/**
 * Identifiers: a prefix that names the kind and a ULID, so that ids sort by the time they were made.
 * Generation reads Effect's Clock; it never looks at a store.
 */
import { Clock, Effect, Schema } from "effect"
import { randomFillSync } from "node:crypto"
import { decodeTime, monotonicFactory } from "ulid"

const pattern = (prefix: string) =>
  Schema.String.check(
    Schema.isPattern(new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`, "u"), {
      message: `expected an id like ${prefix}_01J…: the prefix "${prefix}_" and a ULID`
    })
  )

export const ProjectId = pattern("proj").pipe(Schema.brand("rdev/proj"))
export type ProjectId = typeof ProjectId.Type
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
export const WorkerId = pattern("wrk").pipe(Schema.brand("rdev/wrk"))
export type WorkerId = typeof WorkerId.Type
export const AuditId = pattern("aud").pipe(Schema.brand("rdev/aud"))
export type AuditId = typeof AuditId.Type
export const WorkspaceId = pattern("ws").pipe(Schema.brand("rdev/ws"))
export type WorkspaceId = typeof WorkspaceId.Type
export const WebhookId = pattern("whk").pipe(Schema.brand("rdev/whk"))
export type WebhookId = typeof WebhookId.Type

export interface Ids {
  readonly proj: ProjectId
  readonly feat: FeatureId
  readonly task: TaskId
  readonly op: OperationId
  readonly run: RunId
  readonly exec: ExecId
  readonly sess: SessionId
  readonly key: KeyId
  readonly rel: ReleaseId
  readonly wrk: WorkerId
  readonly aud: AuditId
  readonly ws: WorkspaceId
  readonly whk: WebhookId
}
export type Prefix = keyof Ids

/** Random bytes for 64 ids at a time: asking the system for each of an id's sixteen characters took 170 µs on an idle machine. */
const pool = new Uint8Array(1_024)
let taken = pool.length
const random = (): number => {
  if (taken === pool.length) {
    randomFillSync(pool)
    taken = 0
  }
  return (pool[taken++] ?? 0) / 256
}
const nextUlid = monotonicFactory(random)

/** A bare ULID at the current time of the Clock, greater than every earlier one of this process in the same millisecond. */
export const ulid: Effect.Effect<string> = Effect.map(Clock.currentTimeMillis, (now) => nextUlid(now))

/** A new id of the given kind, made at this time. */
export const makeAt = <P extends Prefix>(prefix: P, nowMillis: number): Ids[P] =>
  `${prefix}_${nextUlid(nowMillis)}` as Ids[P]

/** A new id of the given kind: `make("task")` gives `task_01J…`. */
export const make = <P extends Prefix>(prefix: P): Effect.Effect<Ids[P]> =>
  Effect.map(Clock.currentTimeMillis, (now) => makeAt(prefix, now))

/** When an id was made, epoch milliseconds. */
export const ulidTimeMillis = (id: string): number => decodeTime(id.slice(-26))
