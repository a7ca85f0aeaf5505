/**
 * What an answer of GitHub's means: the only code that looks at statuses, headers and messages. Pure. Sources: GitHub's "Troubleshooting
 * the REST API", "Rate limits for the REST API" and "Best practices for using the REST API".
 */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"

/** A request that did not end well. `status` null: no answer, or not a whole one. */
export interface Refusal {
  /** e.g. `PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge`. */
  readonly route: string
  readonly host: string
  readonly status: number | null
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | number | undefined>>
  readonly body: unknown
  /** Without an answer: what happened instead. */
  readonly problem: string
}

const secrets = /gh[a-z]_[A-Za-z0-9_.-]{6,}|github_pat_\w{6,}|eyJ[\w-]{8,}(?:\.[\w-]+){1,2}|(?<=:\/\/)[^\s/@]+(?=@)/g
/** Text of others', without what could be a credential in it, and not longer than a line or two. */
export const clean = (text: string): string =>
  text.replaceAll(secrets, "***").replaceAll(/\s+/g, " ").trim().slice(0, 500)

interface Detail {
  readonly resource: string
  readonly field: string
  readonly code: string
  readonly message: string
}
const textOf = (value: unknown): string => (typeof value === "string" ? value : "")
const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
const detailsOf = (body: unknown): ReadonlyArray<Detail> => {
  const { errors } = record(body)
  return (Array.isArray(errors) ? errors : []).map((error: unknown) => {
    if (typeof error === "string") return { resource: "", field: "", code: "", message: error }
    const { code, field, message, resource } = record(error)
    return { resource: textOf(resource), field: textOf(field), code: textOf(code), message: textOf(message) }
  })
}
const sentence = ({ body, headers, host, status }: Refusal): string => {
  const id = headers["x-github-request-id"]
  const details = detailsOf(body).map(({ code, field, message, resource }) =>
    message !== "" ? message : [resource, field, code].filter((part) => part !== "").join(" ")
  )
  const said = [textOf(record(body)["message"]), ...details].filter((part) => part !== "").join("; ")
  return clean(
    `${host} answered ${status}${said === "" ? "" : `: ${said}`}${id === undefined ? "" : ` (request ${String(id)})`}`
  )
}

/** Without a word of GitHub's: "wait for at least one minute". */
const minute = 60_000
const number = (value: string | number | undefined): number | null =>
  value !== undefined && /^\d{1,12}$/.test(String(value)) ? Number(value) : null
/** `retry-after` is in seconds, or a date where a proxy wrote it; `x-ratelimit-reset` is in seconds since 1970. */
const waitOf = ({ headers }: Refusal, now: number): number | null => {
  const after = headers["retry-after"]
  const seconds = number(after)
  if (seconds !== null) return seconds * 1000
  const date = typeof after === "string" ? Date.parse(after) : Number.NaN
  if (!Number.isNaN(date)) return Math.max(0, date - now)
  const reset = number(headers["x-ratelimit-reset"])
  return number(headers["x-ratelimit-remaining"]) === 0 && reset !== null ? Math.max(1_000, reset * 1000 - now) : null
}

const forbidden = (refusal: Refusal, said: string): PortReason => {
  if (/upgrade to github|not (?:available|supported) (?:for|on|in) (?:your|this) (?:plan|repository)/i.test(said))
    return { _tag: "Unsupported", message: `GitHub's plan of the owner does not have this: ${said}` }
  if (/archived/i.test(said))
    return { _tag: "Conflict", message: `${said}; unarchive the repository, or remove the project` }
  const needs = refusal.headers["x-accepted-github-permissions"]
  const fix = /saml|sso/i.test(said)
    ? "authorise the token for the organisation's single sign-on"
    : needs === undefined
      ? "give the App or the token the permissions of docs/adapters/github.md"
      : `it needs the permission ${clean(String(needs))}`
  return { _tag: "Unauthorized", message: `${said}; ${fix}` }
}

const unprocessable = (refusal: Refusal, said: string): PortReason => {
  const details = detailsOf(refusal.body)
  if (/submitted too quickly/i.test(said)) return { _tag: "RateLimited", message: said, retryAfterMillis: minute }
  if (/no commit found|not? commit found/i.test(said)) return { _tag: "NotFound", message: said }
  if (/maximum number of statuses/i.test(said)) return { _tag: "ResourceExhausted", message: said }
  if (/no commits between/i.test(said)) return { _tag: "Conflict", message: said }
  if (details.some(({ code }) => code === "already_exists") || /already exists/i.test(said))
    return { _tag: "AlreadyExists", message: said }
  if (details.some(({ code }) => code === "missing")) return { _tag: "NotFound", message: said }
  return { _tag: "Invalid", field: details.find(({ field }) => field !== "")?.field ?? "request", message: said }
}

const notAllowed = (said: string): PortReason =>
  /merge queue/i.test(said)
    ? {
        _tag: "Unsupported",
        message: `${said}; the branch has a merge queue, which alone merges into it: add the pull request to the queue on its page, or let the App bypass the rule. rdev sees the merge when it has happened`
      }
    : { _tag: "Conflict", message: said }

export const classifyError = (refusal: Refusal, now: number): PortReason => {
  const { headers, host, problem, status } = refusal
  if (status === null) return { _tag: "Unavailable", message: clean(`no whole answer from ${host}: ${problem}`) }
  const said = sentence(refusal)
  const limited =
    (status === 403 || status === 429) &&
    (status === 429 ||
      number(headers["x-ratelimit-remaining"]) === 0 ||
      headers["retry-after"] !== undefined ||
      /rate limit|abuse detection/i.test(said))
  if (limited) return { _tag: "RateLimited", message: said, retryAfterMillis: waitOf(refusal, now) ?? minute }
  // Not "there is none": whoever believed that would make it anew.
  if (status >= 300 && status < 400)
    return {
      _tag: "Conflict",
      message: `${said}: it is at another place now, and rdev goes to none but ${host}. Was the repository renamed or transferred, or does a proxy answer instead of GitHub?`
    }
  if (status >= 500) return { _tag: "Unavailable", message: said }
  switch (status) {
    case 401:
      return {
        _tag: "Unauthorized",
        message: `${said}; is the token still valid, is the private key the App's, and is this machine's clock right?`
      }
    case 403:
      return forbidden(refusal, said)
    case 404:
    case 410:
      return { _tag: "NotFound", message: said }
    case 405:
      return notAllowed(said)
    case 408:
      return { _tag: "Unavailable", message: said }
    case 409:
      return { _tag: "Conflict", message: said }
    case 422:
      return unprocessable(refusal, said)
    case 400:
    case 413:
      return { _tag: "Invalid", field: "request", message: said }
    case 451:
      return { _tag: "Unauthorized", message: said }
    default:
      return { _tag: "Unknown", message: said }
  }
}
