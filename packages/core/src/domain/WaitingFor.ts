/** What work that does not go on waits for. Schema only; queue/Waiting decides it. */
import { Schema } from "effect"

export const WaitingReason = Schema.Literals([
  /** No live worker can run it: none has its kind and labels. */
  "no-worker",
  /** All workers that can run it have as much as they take. */
  "busy",
  /** An account or provider is closed for a while. */
  "gate",
  /** Something is used up: disk, memory, a workspace. */
  "capacity",
  /** As many tasks of its key, or of its project, run as may at once. */
  "limit",
  /** Its project is paused. */
  "paused",
  /** Other tasks have to end first. */
  "dependency",
  /** A failed attempt is tried again. */
  "retry",
  /** A time that was set. */
  "timer",
  /** A person has to decide or answer. */
  "human"
])
export type WaitingReason = typeof WaitingReason.Type
export const WaitingFor = Schema.Struct({
  reason: WaitingReason,
  /** Since when it is as it is. */
  sinceMillis: Schema.Int,
  /** When it goes on at the latest, where that is known. */
  untilMillis: Schema.NullOr(Schema.Int),
  /** In a sentence, with what to do about it. */
  detail: Schema.String
})
export type WaitingFor = typeof WaitingFor.Type
