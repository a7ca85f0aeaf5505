/**
 * What a call can fail with: one class per problem code of the server, and those that arise on the way to it. Each has a `_tag` for
 * `Effect.catchTag` and `switch`, is an `Error` with an `instanceof` of its own, and says which field is meant, what is wrong (`detail`), what
 * to do (`fix`) and under which request the server's log knows of it. Nothing here needs Effect.
 */
import type { Code } from "./Problem.ts"

export interface Details {
  /** What is wrong, in a sentence. */
  readonly detail: string
  /** Everything that is wrong with the input; a pointer is `/name`, `/query/limit`, `/path/project` or `/header/if-match`. */
  readonly errors?: ReadonlyArray<{ readonly pointer: string; readonly detail: string }>
  /** Of the answer; null when there was none. */
  readonly status?: number | null
  readonly requestId?: string | null
  /** When the server says to ask again. */
  readonly retryAfterMillis?: number | null
  /** What was asked for may have been done although this call failed. */
  readonly mayHaveHappened?: boolean
  readonly cause?: unknown
}

/** `/query/limit` → `limit`, `/env/NAME` → `env.NAME`. */
const fieldOf = (pointer: string): string =>
  pointer
    .replace(/^\/(?:query|header|path)(?=\/)/, "")
    .slice(1)
    .replaceAll("/", ".")
    .replaceAll("~1", "/")
    .replaceAll("~0", "~")

export abstract class RdevError extends Error {
  abstract readonly _tag: string
  /** The problem's code (docs/http-api.md); null where no server answered. */
  abstract readonly code: string | null
  /** What to do about it. */
  abstract readonly fix: string
  readonly detail: string
  readonly errors: ReadonlyArray<{ readonly pointer: string; readonly detail: string }>
  /** The first of the fields that are wrong; null when it is none's fault. */
  readonly field: string | null
  readonly status: number | null
  readonly requestId: string | null
  readonly retryAfterMillis: number | null
  readonly mayHaveHappened: boolean

  constructor(details: Details) {
    const errors = details.errors ?? []
    const more = errors
      .filter((one) => !details.detail.includes(one.detail))
      .map((one) => `\n  ${fieldOf(one.pointer)}: ${one.detail}`)
    super(`${details.detail}${more.join("")}`, details.cause === undefined ? undefined : { cause: details.cause })
    this.detail = details.detail
    this.errors = errors
    const [first] = errors
    this.field = first === undefined ? null : fieldOf(first.pointer)
    this.status = details.status ?? null
    this.requestId = details.requestId ?? null
    this.retryAfterMillis = details.retryAfterMillis ?? null
    this.mayHaveHappened = details.mayHaveHappened ?? false
  }
}

export interface Tagged<Tag extends string, C extends string | null> extends RdevError {
  readonly _tag: Tag
  readonly code: C
  readonly fix: string
}
type ErrorClass<Tag extends string, C extends string | null> = new (details: Details) => Tagged<Tag, C>

const tagged = <const Tag extends string, const C extends string | null>(
  tag: Tag,
  code: C,
  fix: string
): ErrorClass<Tag, C> => {
  class One extends RdevError {
    readonly _tag = tag
    readonly code = code
    readonly fix = fix
  }
  Object.defineProperty(One.prototype, "name", { value: tag })
  return One
}
const refusal = <const Tag extends string, const C extends Code>(tag: Tag, code: C, fix: string) =>
  tagged(tag, code, fix)

export class InvalidInput extends refusal("InvalidInput", "invalid-input", "Put right what `errors` names.") {}
export class InvalidJson extends refusal("InvalidJson", "invalid-json", "Send one JSON object.") {}
export class InvalidCursor extends refusal(
  "InvalidCursor",
  "invalid-cursor",
  "Begin the list again without a cursor; a cursor belongs to one list and its filters."
) {}
export class MalformedRequest extends refusal(
  "MalformedRequest",
  "malformed-request",
  "Something on the way changed the request: ask the server without it."
) {}
export class BadHost extends refusal(
  "BadHost",
  "bad-host",
  "Call the server by one of its own names, or add this one to its RDEV_ALLOWED_HOSTS."
) {}
export class Unauthorized extends refusal("Unauthorized", "unauthorized", "Give a key that is valid.") {}
export class Forbidden extends refusal("Forbidden", "forbidden", "Use a key that has this scope and project.") {}
export class BadSignature extends refusal(
  "BadSignature",
  "bad-signature",
  "Give the forge the project's present secret: sync the project, or replace the secret."
) {}
export class ForbiddenOrigin extends refusal(
  "ForbiddenOrigin",
  "forbidden-origin",
  "Add the page's origin to the server's RDEV_ALLOWED_ORIGINS."
) {}
export class NotFound extends refusal(
  "NotFound",
  "not-found",
  "Look for its name or id in the list; what a key may not see does not exist for it."
) {}
export class NoRoute extends refusal("NoRoute", "no-route", "Use a server and a client of one version.") {}
export class MethodNotAllowed extends refusal(
  "MethodNotAllowed",
  "method-not-allowed",
  "Use a server and a client of one version."
) {}
export class NotAcceptable extends refusal("NotAcceptable", "not-acceptable", "Accept what the route answers with.") {}
export class RequestTimeout extends refusal("RequestTimeout", "request-timeout", "Send it again.") {}
export class Conflict extends refusal("Conflict", "conflict", "Look at its present state and ask for what fits it.") {}
export class AlreadyExists extends refusal(
  "AlreadyExists",
  "already-exists",
  "Choose another name, or use what is there."
) {}
export class IdempotencyInFlight extends refusal(
  "IdempotencyInFlight",
  "idempotency-in-flight",
  "Ask again with the same key."
) {}
export class IdempotencyUnknown extends refusal(
  "IdempotencyUnknown",
  "idempotency-unknown",
  "Look whether it took effect, and send what is still wanted with a new key."
) {}
export class PreconditionFailed extends refusal(
  "PreconditionFailed",
  "precondition-failed",
  "Read it again and change what is there now."
) {}
export class ExpectationFailed extends refusal("ExpectationFailed", "expectation-failed", "Send no Expect header.") {}
export class TooLarge extends refusal("TooLarge", "too-large", "Send at most 1 MiB.") {}
export class UnsupportedMediaType extends refusal(
  "UnsupportedMediaType",
  "unsupported-media-type",
  "Send JSON in UTF-8."
) {}
export class Unprocessable extends refusal("Unprocessable", "unprocessable", "Change what the detail names.") {}
export class IdempotencyMismatch extends refusal(
  "IdempotencyMismatch",
  "idempotency-mismatch",
  "Use a new key for a new request."
) {}
export class PreconditionRequired extends refusal(
  "PreconditionRequired",
  "precondition-required",
  "Read it first, and give its `etag` as `if_match`."
) {}
export class RateLimited extends refusal("RateLimited", "rate-limited", "Ask again after `retryAfterMillis`.") {}
export class HeadersTooLarge extends refusal("HeadersTooLarge", "headers-too-large", "Send fewer headers.") {}
export class Internal extends refusal("Internal", "internal", "Look into the server's log under `requestId`.") {}
export class Unsupported extends refusal(
  "Unsupported",
  "unsupported",
  "Use an installation that has what it needs: `GET /health` and `rdev doctor` say what is there."
) {}
export class Unavailable extends refusal(
  "Unavailable",
  "unavailable",
  "Ask again in a moment; `GET /health` says what cannot be reached."
) {}
/** A code that this client does not know: the server is newer. */
export class UnknownProblem extends tagged(
  "UnknownProblem",
  null,
  "Update the client; the detail says what is wrong."
) {}

/** Nobody answers at the address: nothing was done. */
export class Unreachable extends tagged("Unreachable", null, "Start the server, or say where it is.") {}
/** The connection was there and broke before the answer had come. */
export class ConnectionLost extends tagged(
  "ConnectionLost",
  null,
  "Where `mayHaveHappened` is true, look whether it was done before you ask again."
) {}
/** No answer came in time. */
export class Timeout extends tagged(
  "Timeout",
  null,
  "Allow more time; where `mayHaveHappened` is true, look whether it was done before you ask again."
) {}
/** What answered is no rdev server, or one of another version. */
export class UnexpectedAnswer extends tagged(
  "UnexpectedAnswer",
  null,
  "See that the address is an rdev server's, with no other server in between, and that its version is the client's."
) {}

/** Every code with its class. */
export const ofCode = {
  "invalid-input": InvalidInput,
  "invalid-json": InvalidJson,
  "invalid-cursor": InvalidCursor,
  "malformed-request": MalformedRequest,
  "bad-host": BadHost,
  unauthorized: Unauthorized,
  forbidden: Forbidden,
  "bad-signature": BadSignature,
  "forbidden-origin": ForbiddenOrigin,
  "not-found": NotFound,
  "no-route": NoRoute,
  "method-not-allowed": MethodNotAllowed,
  "not-acceptable": NotAcceptable,
  "request-timeout": RequestTimeout,
  conflict: Conflict,
  "already-exists": AlreadyExists,
  "idempotency-in-flight": IdempotencyInFlight,
  "idempotency-unknown": IdempotencyUnknown,
  "precondition-failed": PreconditionFailed,
  "expectation-failed": ExpectationFailed,
  "too-large": TooLarge,
  "unsupported-media-type": UnsupportedMediaType,
  unprocessable: Unprocessable,
  "idempotency-mismatch": IdempotencyMismatch,
  "precondition-required": PreconditionRequired,
  "rate-limited": RateLimited,
  "headers-too-large": HeadersTooLarge,
  internal: Internal,
  unsupported: Unsupported,
  unavailable: Unavailable
} as const satisfies { readonly [C in Code]: new (details: Details) => Tagged<string, C> }

/** Refusals by the server. */
export type Refusal = InstanceType<(typeof ofCode)[Code]> | UnknownProblem
export type ClientError = Refusal | Unreachable | ConnectionLost | Timeout | UnexpectedAnswer

export const is = (error: unknown): error is ClientError => error instanceof RdevError
