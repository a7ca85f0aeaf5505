/** What an answer, or none, means for a delivery: over, again and when, or the end of the webhook. Pure. */
import type { ErrorClass } from "../../domain/ErrorClass.ts"
import type { WorkTask } from "../../domain/WorkTask.ts"
import type { WebhookAnswer, WebhookTransportError } from "../../ports/infra/WebhookTransport.ts"
import { fraction } from "../../queue/RetryPolicy.ts"

const minute = 60_000
const hour = 60 * minute
/** Waits after the first attempt, the second and so on: 71.6 hours in all. */
const waits = [5_000, minute, 5 * minute, 30 * minute, 2 * hour, 6 * hour, 12 * hour, 24 * hour, 27 * hour]
export const maxAttempts = waits.length + 1

/** The wait after the attempt that `task` is being delivered for, a tenth more or less, so that receivers that failed together are not tried together. */
export const waitAfter = (task: Pick<WorkTask, "id" | "attemptsCounted">): number => {
  const wait = waits[Math.min(task.attemptsCounted, waits.length - 1)] ?? 0
  return Math.round(wait * (0.9 + 0.2 * fraction(`${task.id}:${task.attemptsCounted}`)))
}

export type Verdict =
  | { readonly _tag: "Delivered"; readonly status: number }
  /** The receiver wants no more: the webhook is to be disabled. */
  | { readonly _tag: "Gone" }
  | { readonly _tag: "Failed"; readonly error: ErrorClass }

const again = (task: WorkTask, message: string, atLeastMillis = 0): Verdict => ({
  _tag: "Failed",
  error: { _tag: "Unknown", message, retryAfterMillis: Math.max(atLeastMillis, waitAfter(task)) }
})

/** A receiver's wish may delay an attempt up to the longest wait. */
export const ofAnswer = (task: WorkTask, { retryAfterMillis, status }: WebhookAnswer): Verdict => {
  if (status >= 200 && status < 300) return { _tag: "Delivered", status }
  if (status === 410) return { _tag: "Gone" }
  const redirect =
    status >= 300 && status < 400
      ? ", and redirects are not followed: give the webhook the address that it leads to"
      : ""
  return again(task, `the receiver answered ${status}${redirect}`, Math.min(retryAfterMillis ?? 0, waits.at(-1) ?? 0))
}

export const ofError = (task: WorkTask, { message, reason }: WebhookTransportError): Verdict => {
  switch (reason._tag) {
    case "Unauthorized":
      return { _tag: "Failed", error: { _tag: "PolicyDenied", message } }
    case "Invalid":
      return { _tag: "Failed", error: { _tag: "Invalid", field: reason.field, message } }
    default:
      return again(task, message)
  }
}
