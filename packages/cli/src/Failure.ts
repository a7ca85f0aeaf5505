/** How a command ends: one message that names what is wrong and what to do, and an exit code that scripts can tell apart. */
import * as Data from "effect/Data"

export const exitCodes = {
  failed: 1,
  /** Wrong flags or arguments, or input that the server refuses. */
  usage: 2,
  /** No key, a wrong one, or one that may not do this. */
  denied: 3,
  notFound: 4,
  /** The state of things does not allow it: a name is taken, nothing waits for approval. */
  conflict: 5,
  /** No server answers, or it cannot work now. */
  unavailable: 6
} as const

export class CliFailure extends Data.TaggedError("CliFailure")<{
  readonly message: string
  readonly exitCode: number
}> {}

export const fail = (kind: keyof typeof exitCodes, message: string) =>
  new CliFailure({ message, exitCode: exitCodes[kind] })

export const kindOfStatus = (status: number): keyof typeof exitCodes => {
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
    case 428:
      return "usage"
    case 401:
    case 403:
    case 421:
      return "denied"
    case 404:
      return "notFound"
    case 409:
    case 412:
      return "conflict"
    case 429:
    case 503:
      return "unavailable"
    default:
      return "failed"
  }
}
