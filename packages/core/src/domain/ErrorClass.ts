/**
 * Why work failed, in the terms that decide what happens next (see queue/RetryPolicy). Harnesses and ports translate their
 * foreign failures into one of these; stores and workers never look at a message.
 */
import { Schema } from "effect"
import { QueueName } from "./QueueName.ts"

const detail = { message: Schema.String }

export const ErrorClass = Schema.TaggedUnion({
  /** The provider asks to slow down; `retryAfterMillis` is the server's own time where it gave one. Does not count as an attempt. */
  RateLimited: { ...detail, gate: Schema.NullOr(QueueName), retryAfterMillis: Schema.NullOr(Schema.Int) },
  /** The account is used up until `resetAtMillis` (epoch). Does not count. */
  AccountLimit: { ...detail, gate: Schema.NullOr(QueueName), resetAtMillis: Schema.Int },
  /** Credentials are refused: fails at once and notifies. */
  AuthFailed: detail,
  /** The work outran its limit: again with twice the time, capped. Counts. */
  Timeout: { ...detail, afterMillis: Schema.Int },
  /** The worker vanished or lost its lease. Separate crash counter. */
  StaleWorker: detail,
  /** No capacity (disk, memory, slots): waits for capacity. Does not count. */
  ResourceExhausted: { ...detail, resource: QueueName },
  /** Somebody else changed the same thing: short retry, does not count at first. */
  Conflict: detail,
  /** The input is wrong: failed, no retry. */
  Invalid: { ...detail, field: Schema.NullOr(Schema.String) },
  PolicyDenied: detail,
  /** The run would cost more than its cap: parked for a human. */
  Budget: detail,
  /** An action needs a human's approval: parked for a human. */
  NeedsApproval: detail,
  /** The agent did the work wrongly or not at all: failed; the life cycle decides about another attempt. */
  AgentFault: detail,
  /** The handler itself is broken (it died): again after a backoff, as another process or version may do it. Counts. */
  Defect: detail,
  /** Anything else: backoff, or what the handler knows to be a good time. Counts. */
  Unknown: { ...detail, retryAfterMillis: Schema.optionalKey(Schema.Int) }
})
export type ErrorClass = typeof ErrorClass.Type
export type ErrorClassTag = ErrorClass["_tag"]

const permanent: { readonly [T in ErrorClassTag]: boolean } = {
  AuthFailed: true,
  Invalid: true,
  RateLimited: false,
  AccountLimit: false,
  Timeout: false,
  StaleWorker: false,
  ResourceExhausted: false,
  Conflict: false,
  // Of an agent's work, which may be better the next time; for a human, who has been asked.
  PolicyDenied: false,
  Budget: false,
  NeedsApproval: false,
  AgentFault: false,
  Defect: false,
  Unknown: false
}
/** Whether the same thing fails the same way until somebody changes something: an agent that is not installed, a refused key, a bad setting. */
export const isPermanent = (error: ErrorClass): boolean => permanent[error._tag]
