/**
 * What is wrong with a request before anybody looks at what it asks for: a target with two meanings, a header that stands twice where
 * only one can count. Pure; used by Gateway for everything that goes to the API.
 */
import * as Problem from "@rdev/api/Problem"

export interface Line {
  readonly method: string
  readonly url: string
  /** Names and values in turn, as they arrived. */
  readonly rawHeaders: ReadonlyArray<string>
}
/** The target in origin form, and the host that it names itself; or why the request is refused. */
export type Target =
  | { readonly _tag: "Target"; readonly url: string; readonly host: string | null }
  | { readonly _tag: "Refused"; readonly problem: Problem.Problem }

/** Headers of which the first, the last or all could be meant. */
const single: ReadonlySet<string> = new Set([
  "host",
  "authorization",
  "content-length",
  "content-type",
  "content-encoding",
  "transfer-encoding",
  "idempotency-key",
  "if-match",
  "prefer",
  "origin",
  "last-event-id",
  "x-request-id",
  "expect"
])

const oneThing = "One thing is wrong with the input"
const more = "stands more than once; send it once"
const refuse = (code: Problem.Code, detail: string, at?: string, what = detail): Problem.Problem =>
  Problem.make(code, { detail, ...(at === undefined ? {} : { errors: [{ pointer: at, detail: what }] }) })

const twice = (rawHeaders: ReadonlyArray<string>): string | null => {
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase()
    if (!single.has(name)) continue
    if (seen.has(name)) return name
    seen.add(name)
  }
  return null
}

/** Null: not percent-encoded UTF-8, or something that no name holds. */
const decoded = (text: string): string | null => {
  try {
    const plain = decodeURIComponent(text)
    // oxlint-disable-next-line no-control-regex
    return /[\u0000-\u001f\u007f]/.test(plain) ? null : plain
  } catch {
    return null
  }
}

const wrongQuery = (query: string): Problem.Problem | null => {
  const seen = new Set<string>()
  for (const part of query.split("&")) {
    if (part === "") continue
    const [rawName = "", ...rest] = part.replaceAll("+", " ").split("=")
    const name = decoded(rawName)
    if (name === null)
      return refuse(
        "invalid-input",
        "The query is not percent-encoded UTF-8 without control characters",
        "/query",
        `${JSON.stringify(rawName.slice(0, 60))} cannot be decoded`
      )
    const at = `/query/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`
    if (decoded(rest.join("=")) === null)
      return refuse("invalid-input", oneThing, at, "expected percent-encoded UTF-8 without control characters")
    if (seen.has(name)) return refuse("invalid-input", oneThing, at, more)
    seen.add(name)
  }
  return null
}

/** Segments that a path of the API can have; an empty one would turn a thing's route into that of its list. */
const wrongPath = (pathname: string): Problem.Problem | null => {
  if (pathname === "/" || pathname === "") return null
  for (const segment of pathname.slice(1).split("/")) {
    const plain = decoded(segment)
    if (plain === null)
      return refuse(
        "not-found",
        "There is nothing under this path: it is not percent-encoded UTF-8 without control characters"
      )
    if (plain === "" || plain === "." || plain === "..")
      return refuse("no-route", "No route answers this path: a segment of it is empty or a dot; see /openapi.json")
  }
  return null
}

const absolute = /^https?:\/\/([^/?#@]+)(\/[^#]*|\?[^#]*)?$/i

/** Whom the request is for: Host once, or the authority of a target in absolute form, which counts before it (RFC 9112, 3.2.2). */
export const authority = ({ rawHeaders, url }: Omit<Line, "method">): Target => {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.length === 4 && rawHeaders[i]?.toLowerCase() === "host") hosts++
  if (hosts > 1) return { _tag: "Refused", problem: refuse("invalid-input", oneThing, "/header/host", more) }
  const whole = absolute.exec(url)
  return whole === null
    ? { _tag: "Target", url, host: null }
    : { _tag: "Target", url: (whole[2] ?? "/").replace(/^\?/, "/?"), host: whole[1] ?? null }
}

/** The target as routes are to read it. In a path a semicolon is a character like others (RFC 3986, 3.3); the router takes it for the end. */
export const routed = (url: string): string => {
  const end = url.indexOf("?")
  return end === -1 ? url.replaceAll(";", "%3B") : `${url.slice(0, end).replaceAll(";", "%3B")}${url.slice(end)}`
}

/** Null when there is nothing to say against it. */
export const wrong = ({ method, rawHeaders, url }: Line): Problem.Problem | null => {
  const doubled = twice(rawHeaders)
  if (doubled !== null) return refuse("invalid-input", oneThing, `/header/${doubled}`, more)
  if (url === "*") return method === "OPTIONS" ? null : refuse("malformed-request", "Only OPTIONS can be asked of *")
  if (!url.startsWith("/") || !/^[\x21-\x7e]*$/.test(url) || url.includes("#"))
    return refuse("malformed-request", "The request's target is not a path in visible ASCII characters")
  const end = url.indexOf("?")
  return wrongPath(end === -1 ? url : url.slice(0, end)) ?? (end === -1 ? null : wrongQuery(url.slice(end + 1)))
}
