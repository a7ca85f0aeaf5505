/** How a command ends: one message that names what is wrong and what to do, and an exit code that scripts can tell apart. */
import type { ClientError } from "@rdev/api/ClientError"
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
  /** No server answers, or the connection broke. */
  unreachable: 6,
  /** A server answers and cannot do it: it failed, lacks something, or is of another version. */
  server: 7
} as const
export type Kind = keyof typeof exitCodes

export class CliFailure extends Data.TaggedError("CliFailure")<{
  readonly message: string
  readonly exitCode: number
  /** Of the client's error that it comes from. */
  readonly tag?: ClientError["_tag"]
}> {}

export const fail = (kind: Kind, message: string) => new CliFailure({ message, exitCode: exitCodes[kind] })

/** Every way in which a request fails, told apart for scripts. */
const kinds = {
  Unreachable: "unreachable",
  ConnectionLost: "unreachable",
  Timeout: "unreachable",
  InvalidInput: "usage",
  InvalidJson: "usage",
  InvalidCursor: "usage",
  MalformedRequest: "usage",
  TooLarge: "usage",
  HeadersTooLarge: "usage",
  UnsupportedMediaType: "usage",
  NotAcceptable: "usage",
  ExpectationFailed: "usage",
  Unprocessable: "usage",
  PreconditionRequired: "usage",
  IdempotencyMismatch: "usage",
  Unauthorized: "denied",
  Forbidden: "denied",
  BadSignature: "denied",
  ForbiddenOrigin: "denied",
  BadHost: "denied",
  NotFound: "notFound",
  Conflict: "conflict",
  AlreadyExists: "conflict",
  PreconditionFailed: "conflict",
  IdempotencyInFlight: "conflict",
  IdempotencyUnknown: "conflict",
  Internal: "server",
  Unavailable: "server",
  Unsupported: "server",
  RateLimited: "server",
  RequestTimeout: "server",
  NoRoute: "server",
  MethodNotAllowed: "server",
  UnknownProblem: "server",
  UnexpectedAnswer: "server"
} as const satisfies Readonly<Record<ClientError["_tag"], Kind>>

export const kindOf = (error: ClientError): Kind => kinds[error._tag]
