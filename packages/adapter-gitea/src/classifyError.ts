/** Pure: what Gitea answered, or that it did not, as a port reason. The only place that looks at its statuses and words. */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"

export interface Answer {
  readonly status: number
  /** `message` of its body, or the beginning of a body that is none of Gitea's. */
  readonly message: string
  readonly retryAfterMillis: number | null
  /** Where it was sent on to. */
  readonly location?: string | null
}

const said = ({ message, status }: Answer) =>
  `Gitea answered ${status}${message === "" ? "" : `: ${message.replace(/\s+/g, " ").slice(0, 300)}`}`

/** An answer that no caller has a use for. 301 comes of a repository that was renamed, 405 and 409 of merges and of what is there already. */
export const classifyAnswer = (answer: Answer): PortReason => {
  const { message, retryAfterMillis, status } = answer
  const text = said(answer)
  if (status === 401)
    return { _tag: "Unauthorized", message: `${text}; make a new token and write it where the platform file names it` }
  if (status === 403)
    return { _tag: "Unauthorized", message: `${text}; docs/adapters/gitea.md lists the scopes that the token needs` }
  if (status === 404 || status === 410) return { _tag: "NotFound", message: text }
  if (status === 301 || status === 302 || status === 307 || status === 308)
    return { _tag: "NotFound", message: `${text}: it is elsewhere now; write the server's own address` }
  if (status === 405 || status === 409) return { _tag: "Conflict", message: text }
  if (status === 413 || status === 507) return { _tag: "ResourceExhausted", message: text }
  if (status === 423) return { _tag: "Unsupported", message: `${text}; the repository is archived` }
  if (status === 429) return { _tag: "RateLimited", message: text, retryAfterMillis }
  if (status === 422 || status === 400) {
    if (/already exist/i.test(message)) return { _tag: "AlreadyExists", message: text }
    return { _tag: "Invalid", field: /^\[([A-Za-z]+)\]/.exec(message)?.[1] ?? "request", message: text }
  }
  if (status >= 500) return { _tag: "Unavailable", message: text }
  return { _tag: "Unknown", message: text }
}

/** What Gitea says of the log of a job that has just begun and printed nothing. */
export const isNoLogYet = (answer: Answer | undefined): boolean =>
  answer !== undefined && answer.status === 500 && answer.message.startsWith("OpenLogs:")

/** No answer at all. Never with what was sent: that holds the token. */
export const classifyConnection = (cause: unknown, host: string): PortReason => {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  const code = inner instanceof Error && "code" in inner ? String(inner.code) : null
  if (cause instanceof Error && (cause.name === "TimeoutError" || cause.name === "AbortError"))
    return { _tag: "Unavailable", message: `${host} did not answer in time` }
  return { _tag: "Unavailable", message: `no answer from ${host}${code === null ? "" : ` (${code})`}` }
}
