/** What can be wrong with a request about operations. */
import { Schema } from "effect"

export const OperationReason = Schema.TaggedUnion({
  NotFound: { id: Schema.String },
  Invalid: { field: Schema.String, message: Schema.String },
  /** The operation's status, or the state of the world, does not allow it. */
  Conflict: { message: Schema.String },
  /** Whoever asks may not have it go on in the name that it acts in. */
  Forbidden: { message: Schema.String },
  /** Observing for a plan failed; with the step that could not be observed. */
  Unobservable: { key: Schema.String, message: Schema.String }
})
export type OperationReason = typeof OperationReason.Type

export class OperationError extends Schema.TaggedError<OperationError>()("OperationError", {
  operation: Schema.String,
  reason: OperationReason
}) {
  override get message(): string {
    const r = this.reason
    switch (r._tag) {
      case "NotFound":
        return `operation ${r.id} does not exist`
      case "Invalid":
        return `${r.field}: ${r.message}`
      case "Conflict":
      case "Forbidden":
        return r.message
      case "Unobservable":
        return `step ${r.key} cannot be planned: ${r.message}`
    }
  }
}
