/** Requests made from the contract and then broken, the same ones for the same seed. */
import { dereferenced, type Json, type Operation, type Schema } from "./Contract.ts"

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string>>>
  readonly body: string | Buffer | null
}
/** Things that are there: values for path parameters by name. */
export type Known = Readonly<Record<string, string>>

/** mulberry32: small, and good enough to pick cases. */
export const random = (seed: number) => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    chance: (p: number) => next() < p,
    below: (n: number) => Math.floor(next() * n),
    pick: <A>(items: ReadonlyArray<A>): A => items[Math.floor(next() * items.length)] as A
  }
}
type Random = ReturnType<typeof random>

const ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
/** As they stand in a URL. */
const hostileSegments = [
  "..",
  ".",
  "%2e%2e",
  "..%2f..%2fetc%2fpasswd",
  "%2F",
  "%5c..%5c",
  "%00",
  "a%00b",
  "%ff",
  "%c3%28",
  "%zz",
  "%",
  "%25",
  "%2525",
  "%0d%0aSet-Cookie:%20a=b",
  "%20",
  "+",
  "*",
  "~",
  ";a=b",
  "@",
  "a@b",
  ":",
  "::1",
  "'",
  "%22",
  "%3Cscript%3E",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "undefined",
  "NaN",
  "-1",
  "0",
  "1e999",
  "%F0%9F%92%A9",
  "%E2%80%AE",
  "%EF%BC%8E%EF%BC%8E",
  "-rf",
  "--upload-pack=x",
  "HEAD",
  "A",
  "a.",
  "-a",
  "a-",
  "x".repeat(64),
  "x".repeat(5000),
  `proj_${ulid}`,
  `task_${ulid}`,
  `op_${ulid}`,
  `exec_${ulid}`,
  `key_${ulid}`,
  `key_${ulid.toLowerCase()}`,
  "proj_",
  "task_%00",
  "op_../../x"
]
const hostileTexts = [
  "",
  " ",
  "\u0000",
  "\r\nX: y",
  "../../../etc/passwd",
  "..\\..",
  "-",
  "--help",
  "; rm -rf /",
  "$(id)",
  "`id`",
  "' OR 1=1 --",
  "{{7*7}}",
  "<script>alert(1)</script>",
  "\u202Eabc",
  "💩".repeat(50),
  "é".normalize("NFD"),
  "\ud800",
  "\udfff\ud800",
  "__proto__",
  "a".repeat(300),
  "a".repeat(70_000),
  "null",
  "NaN",
  "1e999",
  "0x7f.1",
  "2130706433",
  "refs/heads/-x",
  "%s%n",
  "\u001b[2J",
  "\ufeffx",
  "task-001",
  "scripted",
  "default",
  "memory",
  "spec",
  "admin",
  "projects:read",
  "2026-01-01T00:00:00Z",
  "99999-99-99T99:99:99Z",
  "10.0.0.0/8",
  "10.0.0.0/99",
  "::/0"
]
const nested = (depth: number): Json => {
  let value: Json = 1
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value }
  return value
}
const wrong = (r: Random): Json =>
  r.pick<() => Json>([
    () => null,
    () => true,
    () => false,
    () => 0,
    () => -1,
    () => 1.5,
    () => 1e21,
    () => 1e16,
    () => -0,
    () => [],
    () => ({}),
    () => [null],
    () => ({ a: 1 }),
    () => nested(60),
    () => [[[]]],
    () => r.pick(hostileTexts),
    () => Array.from({ length: 3000 }, () => "x")
  ])()

/** Fits what the document says, as far as it says it. */
const fitting = (r: Random, given: Schema): Json => {
  const schema = dereferenced(given)
  const any = schema["anyOf"] as ReadonlyArray<Schema> | undefined
  if (any !== undefined) return fitting(r, r.pick(any))
  if (schema["enum"] !== undefined) return r.pick(schema["enum"] as ReadonlyArray<Json>)
  switch (schema["type"]) {
    case "object": {
      const required = new Set((schema["required"] ?? []) as ReadonlyArray<string>)
      const fields = Object.entries((schema["properties"] ?? {}) as Readonly<Record<string, Schema>>).filter(
        ([name]) => required.has(name) || r.chance(0.4)
      )
      return Object.fromEntries(fields.map(([name, field]) => [name, fitting(r, field)]))
    }
    case "array":
      return Array.from({ length: 1 + r.below(3) }, () => fitting(r, (schema["items"] ?? {}) as Schema))
    case "string":
      return r.pick(["a", "true", "word", `x${r.below(1e6)}`, "2030-01-01T00:00:00Z", "task-001", ...hostileTexts])
    case "integer":
    case "number":
      return r.pick([0, 1, 2, 30, 60, Number(schema["minimum"] ?? 5), Number(schema["maximum"] ?? 7)])
    case "boolean":
      return r.chance(0.5)
    default:
      return null
  }
}

/** One place of the value is changed. */
const broken = (r: Random, value: Json): Json => {
  if (Array.isArray(value)) {
    if (value.length === 0 || r.chance(0.3)) return r.pick<Json>([wrong(r), [...value, wrong(r)], []])
    const at = r.below(value.length)
    return value.map((item: Json, i) => (i === at ? broken(r, item) : item))
  }
  if (value === null || typeof value !== "object") return wrong(r)
  const entries = Object.entries(value)
  if (entries.length === 0 || r.chance(0.25))
    return r.pick<() => Json>([
      () => wrong(r),
      () => ({ ...value, surprise: wrong(r) }),
      () => JSON.parse(JSON.stringify(value).replace(/^\{/, '{"__proto__":{"admin":true},').replace(",}", "}")) as Json
    ])()
  const at = r.below(entries.length)
  if (r.chance(0.25)) return Object.fromEntries(entries.filter((_, i) => i !== at))
  return Object.fromEntries(entries.map(([name, item], i) => [name, i === at ? broken(r, item) : item]))
}

/** Not JSON, or not only. */
const raw = (r: Random, body: string): string | Buffer =>
  r.pick<() => string | Buffer>([
    () => "",
    () => body.slice(0, -1),
    () => `${body}x`,
    () => `\ufeff${body}`,
    () => '{"a":NaN}',
    () => "{'a':1}",
    () => `${body.slice(0, -1)},"name":"twice","name":"thrice"}`,
    () => "[".repeat(20_000),
    () => `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`,
    () => Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    () => Buffer.from(body, "utf16le"),
    () => "null",
    () => '"text"',
    () => "1e999",
    () => "true",
    () => `{"x":"${"x".repeat(1_048_600)}"}`,
    () => "a=b&c=d",
    () => `{"name":"\u0000\u0001"}`
  ])()

const queryOf = (r: Random, operation: Operation): string => {
  const parts: Array<string> = []
  const encode = (text: string) => encodeURIComponent(text.isWellFormed() ? text : "x")
  for (const { in: place, name, schema } of operation.parameters) {
    if (place !== "query" || !r.chance(0.5)) continue
    // Waiting is tried elsewhere: here it would only take time.
    const value = r.chance(0.5)
      ? name === "wait"
        ? "0"
        : String(fitting(r, schema))
      : r.pick([
          "5",
          "0",
          "1",
          "-1",
          "101",
          "1.5",
          "NaN",
          "1e3",
          "99999999999999999999",
          "9007199254740991",
          "x,y",
          ",",
          "made.up",
          ...hostileTexts.filter((text) => text.length < 5000)
        ])
    const pair = `${name}=${encode(value)}`
    parts.push(pair)
    if (r.chance(0.1)) parts.push(r.pick([pair, `${name}=2`, `${name}[]=1`, `${name}[a]=1`, name]))
  }
  if (r.chance(0.2))
    parts.push(
      r.pick([
        "surprise=1",
        "=",
        "&&",
        "%",
        "%zz=1",
        "a=%ff",
        "__proto__=1",
        "limit[]=1",
        "?",
        "#x".replace("#", "%23"),
        "cursor=",
        "limit"
      ])
    )
  return parts.length === 0 ? r.pick(["", "", "", "?"]) : `?${parts.join("&")}`
}

const visible = (text: string): string => text.replace(/[^\u0020-\u00ff]/g, "?")
const headersOf = (r: Random, operation: Operation, key: string): Record<string, string | ReadonlyArray<string>> => {
  const headers: Record<string, string | ReadonlyArray<string>> = {}
  const bearer = r.chance(0.9)
    ? `Bearer ${key}`
    : r.pick([
        null,
        "",
        "Bearer",
        "Bearer ",
        `bearer ${key}`,
        `Basic ${Buffer.from(`x:${key}`).toString("base64")}`,
        "Bearer rdev_local_x",
        `Bearer ${key}x`,
        `Bearer ${key} ${key}`,
        `Bearer ${"x".repeat(5000)}`,
        "Bearer \u00e9"
      ])
  if (bearer !== null) headers["authorization"] = bearer
  if (r.chance(0.2))
    headers["accept"] = r.pick([
      "",
      "*/*",
      "application/json",
      "image/png",
      "text/event-stream",
      "text/event-stream;q=0",
      "application/json;q=0.1, text/event-stream",
      "APPLICATION/JSON",
      "a/b/c",
      ",",
      "*"
    ])
  for (const { in: place, name, schema } of operation.parameters) {
    if (place !== "header" || name === "accept" || !r.chance(0.3)) continue
    headers[name] = visible(
      r.pick([
        () => (name === "prefer" ? "wait=0" : String(fitting(r, schema)).slice(0, 200)),
        () =>
          r.pick([
            "",
            " ",
            "wait=",
            "wait=61",
            "wait=-1",
            "wait=0, respond-async",
            "respond-async",
            "*",
            'W/"x"',
            '"x", "y"',
            "\u00e9",
            "1",
            "-1",
            "1.5",
            "x".repeat(300)
          ])
      ])()
    ).trim()
  }
  if (r.chance(0.1))
    headers["x-request-id"] = r.pick(["mine", "x".repeat(200), "a b", "\u00e9", "../x", "1", '"', "<b>"])
  if (r.chance(0.05)) headers["origin"] = r.pick(["null", "http://evil.example", "http://localhost", "x", "file://"])
  if (r.chance(0.03))
    headers["host"] = r.pick(["evil.example", "", "127.0.0.1:1:1", "[::1", "localhost.", "LOCALHOST", "a b"])
  if (r.chance(0.03)) headers["expect"] = r.pick(["100-continue", "x"])
  if (r.chance(0.05))
    headers[
      r.pick([
        "content-encoding",
        "x-http-method-override",
        "x-forwarded-for",
        "x-original-url",
        "cookie",
        "range",
        "if-none-match",
        "te"
      ])
    ] = r.pick(["gzip", "DELETE", "10.0.0.1", "/admin", "a=b; c", "bytes=0-1", "*", "trailers"])
  return headers
}

/** One request that is about this operation, and nearly always wrong somewhere. */
export const make = (r: Random, operation: Operation, known: Known, key: string): Request => {
  const segments = operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    r.chance(0.75) ? (known[name] ?? ulid) : r.pick(hostileSegments)
  )
  const method = r.chance(0.95)
    ? operation.method
    : r.pick(["PUT", "OPTIONS", "HEAD", "TRACE", "PATCH", "DELETE", "PROPFIND", "POST", "GET"])
  const prefix = r.chance(0.1) ? "/api/v1" : ""
  const whole = `${prefix}${segments}${r.chance(0.03) ? r.pick(["/", "//", "/..", "/%2e", ";x", "/x", ".json"]) : ""}${queryOf(r, operation)}`
  // A request line that is too long is refused before its method is known, with a body, which an answer to HEAD cannot have.
  const path = method === "HEAD" ? whole.slice(0, 4000) : whole
  const headers = headersOf(r, operation, key)
  const takesBody = operation.body !== null || r.chance(0.1)
  if (!takesBody) return { method, path, headers, body: null }
  const fit = operation.body === null ? {} : fitting(r, operation.body)
  const value = r.chance(0.35) ? fit : broken(r, fit)
  const text = JSON.stringify(value)
  const body = r.chance(0.15) ? raw(r, text) : text
  headers["content-type"] = r.chance(0.93)
    ? "application/json"
    : r.pick([
        "text/plain",
        "application/xml",
        "application/json; charset=utf-16",
        "application/json;charset=utf-8",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "",
        "json",
        "application/merge-patch+json"
      ])
  if (r.chance(0.02)) delete headers["content-type"]
  return { method, path, headers, body }
}
