/** What an answer or a broken connection means, as an error of ClientError. Pure. */
import * as ClientError from "../ClientError.ts"

interface ProblemBody {
  readonly code: string
  readonly detail: string
  readonly request_id?: unknown
  readonly errors?: unknown
}
const isProblem = (body: unknown): body is ProblemBody =>
  typeof body === "object" &&
  body !== null &&
  typeof Reflect.get(body, "code") === "string" &&
  typeof Reflect.get(body, "detail") === "string"

const isError = (one: unknown): one is { readonly pointer: string; readonly detail: string } =>
  typeof one === "object" &&
  one !== null &&
  typeof Reflect.get(one, "pointer") === "string" &&
  typeof Reflect.get(one, "detail") === "string"

export const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // Whoever asks says what was expected instead.
    return undefined
  }
}

/** Seconds, or a date. */
const millisOf = (retryAfter: string | null): number | null => {
  if (retryAfter === null) return null
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1_000
  const until = Date.parse(retryAfter)
  return Number.isNaN(until) ? null : Math.max(0, until - Date.now())
}

/** The error of a status of 400 and above. */
export const refusal = (url: string, status: number, headers: Headers, text: string): ClientError.ClientError => {
  const body = parse(text)
  const retryAfterMillis = millisOf(headers.get("retry-after"))
  const requestId = headers.get("x-request-id")
  if (!isProblem(body))
    return new ClientError.UnexpectedAnswer({
      detail: `${url} answered ${status} without saying why; is this an rdev server, and nothing in between?`,
      status,
      requestId,
      retryAfterMillis
    })
  const details = {
    detail: body.detail,
    errors: Array.isArray(body.errors) ? body.errors.filter(isError) : [],
    status,
    requestId: typeof body.request_id === "string" ? body.request_id : requestId,
    retryAfterMillis,
    cause: body
  }
  const Known = Object.hasOwn(ClientError.ofCode, body.code)
    ? ClientError.ofCode[body.code as keyof typeof ClientError.ofCode]
    : ClientError.UnknownProblem
  return new Known(details)
}

const codeOf = (cause: unknown): string | null => {
  const code =
    cause instanceof Error && typeof cause.cause === "object" && cause.cause !== null
      ? Reflect.get(cause.cause, "code")
      : null
  return typeof code === "string" ? code : null
}
/** Of Node's `fetch`: there was nobody to send it to. */
const unsent =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EACCES|UND_ERR_CONNECT_TIMEOUT|CERT_.*|.*_CERT(?:_.*)?|ERR_TLS_.*|ERR_SSL_.*)$/

/** `fetch` failed. Browsers do not tell whether a request was sent; Node does. */
export const unanswered = (origin: string, cause: unknown, isRead: boolean): ClientError.ClientError => {
  const code = codeOf(cause)
  if (code === null || unsent.test(code))
    return new ClientError.Unreachable({
      detail: `no server answers at ${origin}${code === null || code === "ECONNREFUSED" ? "" : ` (${code})`}`,
      mayHaveHappened: code === null && !isRead,
      cause
    })
  return broken(origin, cause, isRead)
}

export const broken = (origin: string, cause: unknown, isRead: boolean): ClientError.ConnectionLost => {
  const code = codeOf(cause)
  return new ClientError.ConnectionLost({
    detail: `the connection to ${origin} broke before the answer came${code === null ? "" : ` (${code})`}${isRead ? "" : ": it may have been done; look before you ask for it again"}`,
    mayHaveHappened: !isRead,
    cause
  })
}
