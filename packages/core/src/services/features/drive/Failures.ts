/** Pure: what a failure of a port or store means for the queue's retries. */
import type { ErrorClass } from "../../../domain/ErrorClass.ts"
import type { PortReason } from "../../../ports/infra/PortReason.ts"
import { errorClass } from "../../../ports/infra/PortReason.ts"
import type { StoreError } from "../../../ports/stores/StoreError.ts"
import { TaskFailure } from "../../../queue/TaskHandlers.ts"

interface PortFailure {
  readonly _tag: string
  readonly operation: string
  readonly reason: PortReason
  readonly message: string
}

const ofStore = (error: StoreError): ErrorClass =>
  error.reason._tag === "Conflict"
    ? { _tag: "Conflict", message: error.message }
    : error.reason._tag === "Invalid"
      ? { _tag: "Invalid", message: error.message, field: error.reason.field }
      : { _tag: "Unknown", message: error.message }

/** Keeps a TaskFailure as it is. */
export const toTaskFailure = (
  error: TaskFailure | StoreError | PortFailure | { readonly _tag: "WorkQueueError"; readonly message: string }
): TaskFailure => {
  if (error instanceof TaskFailure) return error
  if (error._tag === "StoreError") return new TaskFailure({ reason: ofStore(error as StoreError), cause: error })
  if (error._tag === "WorkQueueError")
    return new TaskFailure({ reason: { _tag: "Unknown", message: error.message }, cause: error })
  const port = error as PortFailure
  const reason = errorClass(port.reason)
  return new TaskFailure({ reason: { ...reason, message: `${port.operation}: ${reason.message}` }, cause: error })
}
