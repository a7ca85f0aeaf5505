/**
 * What an answer of an ACME authority means: the only code that looks at statuses and problem types (RFC 8555, section 6.7). Pure. What the
 * authority says of a name is told with the record that it asked for.
 */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"

/** A problem document (RFC 7807) as authorities write it. */
export interface Problem {
  /** Without `urn:ietf:params:acme:error:`. */
  readonly type: string
  readonly detail: string
  /** Of several names at once. */
  readonly subproblems: ReadonlyArray<Problem & { readonly name: string | null }>
  /** Page that a person has to visit. */
  readonly instance: string | null
}
/** What went wrong, in a request or in the validation of a name. */
export interface Refusal {
  /** Host name of the authority. */
  readonly authority: string
  /** What was asked for, such as `order` or `_acme-challenge.shop.example.org TXT`. */
  readonly asked: string
  /** null: no answer, or not a whole one; or no request at all, but the state of an authorization. */
  readonly status: number | null
  readonly problem: Problem | null
  readonly retryAfter: string | null
  /** Without a problem document: what happened instead. */
  readonly said: string
}

const prefix = "urn:ietf:params:acme:error:"
const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
const textOf = (value: unknown): string => (typeof value === "string" ? value : "")
/** Text of others', not longer than a line or two, and without what could be a key. */
export const clean = (text: string): string =>
  text
    .replaceAll(/-----BEGIN[^-]*-----[\s\S]*?(?:-----END[^-]*-----|$)/g, "***")
    .replaceAll(/\s+/g, " ")
    .trim()
    .slice(0, 500)

/** null = it is none. */
export const problemOf = (value: unknown): Problem | null => {
  const { detail, instance, subproblems, type } = record(value)
  if (typeof type !== "string" && typeof detail !== "string") return null
  return {
    type: textOf(type).startsWith(prefix) ? textOf(type).slice(prefix.length) : textOf(type),
    detail: clean(textOf(detail)),
    instance: typeof instance === "string" ? clean(instance) : null,
    subproblems: (Array.isArray(subproblems) ? subproblems : []).flatMap((one: unknown) => {
      const found = problemOf(one)
      const name = record(record(one)["identifier"])["value"]
      return found === null ? [] : [{ ...found, name: typeof name === "string" ? name : null }]
    })
  }
}

/** Seconds or a date. */
export const waitOf = (header: string | null, now: number): number | null => {
  if (header === null) return null
  if (/^\d{1,9}$/.test(header.trim())) return Number(header.trim()) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}

type Make = (said: string, refusal: Refusal, now: number) => PortReason
const invalid =
  (field: string, hint = ""): Make =>
  (said) => ({ _tag: "Invalid", field, message: `${said}${hint}` })
const unavailable: Make = (message) => ({ _tag: "Unavailable", message })
const conflict: Make = (message) => ({ _tag: "Conflict", message })
const unauthorized =
  (hint: string): Make =>
  (said) => ({ _tag: "Unauthorized", message: `${said}; ${hint}` })
const limited: Make = (message, { retryAfter }, now) => ({
  _tag: "RateLimited",
  message,
  // Let's Encrypt's shortest limit is counted in hours.
  retryAfterMillis: waitOf(retryAfter, now) ?? 3_600_000
})

const byType: Readonly<Record<string, Make>> = {
  accountDoesNotExist: unauthorized("the authority has no such account"),
  alreadyRevoked: conflict,
  badCSR: (message) => ({ _tag: "Unknown", message }),
  badNonce: unavailable,
  badPublicKey: (message) => ({ _tag: "Unknown", message }),
  badSignatureAlgorithm: (message) => ({ _tag: "Unsupported", message }),
  caa: invalid(
    "host",
    ": a CAA record of the name or of one above it does not name this authority; add one that does, or remove it"
  ),
  connection: unavailable,
  dns: unavailable,
  externalAccountRequired: invalid("bindingId", ": give bindingId and bindingKey of your account there"),
  incorrectResponse: conflict,
  invalidContact: invalid("contact"),
  invalidProfile: invalid("profile"),
  malformed: invalid("request"),
  orderNotReady: conflict,
  rateLimited: limited,
  rejectedIdentifier: invalid("host", ": the authority makes no certificate for this name"),
  serverInternal: unavailable,
  tls: unavailable,
  unsupportedContact: invalid("contact"),
  unsupportedIdentifier: invalid("host"),
  userActionRequired: (said, { problem }) => ({
    _tag: "Unauthorized",
    message: `${said}; somebody has to ${problem?.instance === null || problem === null ? "accept the authority's new terms" : `visit ${problem.instance}`}`
  })
}

const ofStatus = (status: number): Make => {
  if (status === 429) return limited
  if (status >= 500 || status === 408) return unavailable
  if (status === 401 || status === 403) return unauthorized("the authority refuses the account")
  if (status === 404 || status === 410) return (message) => ({ _tag: "NotFound", message })
  if (status >= 300 && status < 400)
    return (said) => ({
      _tag: "Invalid",
      field: "directory",
      message: `${said}: it leads elsewhere; is directory right?`
    })
  return status === 409 ? conflict : (message) => ({ _tag: "Unknown", message })
}

const sentence = ({ asked, authority, problem, said, status }: Refusal): string => {
  const parts = [
    problem === null ? said : problem.detail,
    ...(problem?.subproblems ?? []).map(({ detail, name }) => (name === null ? detail : `${name}: ${detail}`))
  ].filter((part) => part !== "")
  const what = parts.length === 0 ? (status === null ? "no answer" : `it answered ${status}`) : parts.join("; ")
  return clean(
    `${asked}: ${authority} says: ${what}${problem === null || problem.type === "" ? "" : ` (${problem.type})`}`
  )
}

export const classifyError = (refusal: Refusal, now: number): PortReason => {
  const { problem, status } = refusal
  const said = sentence(refusal)
  // An account's refusal is told by 401 or 403, a name's by the authorization alone: what was found at the record was not what was asked for.
  if (problem?.type === "unauthorized")
    return (status === null ? conflict : unauthorized("the authority refuses the account"))(said, refusal, now)
  if (problem?.type === "malformed" && status === 404) return { _tag: "NotFound", message: said }
  const types = [problem?.type ?? "", ...(problem?.subproblems ?? []).map(({ type }) => type)]
  const known = types
    .map((type) => (Object.hasOwn(byType, type) ? byType[type] : undefined))
    .find((one) => one !== undefined)
  if (known !== undefined) return known(said, refusal, now)
  return status === null ? { _tag: "Unavailable", message: said } : ofStatus(status)(said, refusal, now)
}
