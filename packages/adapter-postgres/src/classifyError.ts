/**
 * Foreign failure → StoreError. Pure, and the only place that looks at SQLSTATEs, driver codes and driver messages.
 * `Unknown` is a gap to close: add the case here and to the table in test/classifyError.test.ts.
 */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import { StoreError, type StoreReason } from "@rdev/core/ports/stores/StoreError"

const field = (cause: unknown, name: string): string | undefined => {
  if (typeof cause !== "object" || cause === null) return undefined
  const value: unknown = Reflect.get(cause, name)
  return typeof value === "string" ? value : undefined
}

/** Codes of node:net, node:dns and node:tls for a server that cannot be reached (now). */
const unreachable: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT",
  "ERR_SOCKET_CLOSED",
  "ERR_STREAM_DESTROYED"
])
/** The driver gives these no code. */
const driverMessages: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /^timeout exceeded when trying to connect$|^Connection terminated due to connection timeout$/,
    "no connection became free or could be opened in time; where that happens often, raise RDEV_DATABASE_MAX_CONNECTIONS (and the pool of a pooler in between)"
  ],
  [/^Query read timeout$/, "the database did not answer in time"],
  [
    /^Connection terminated|^Client has encountered a connection error|^Client was closed|^Connection ended|^Client has already been connected/,
    "the connection to the database was lost"
  ],
  [/^Cannot use a pool after calling end/, "the database is being closed"]
]

/** Poolers give all of theirs one code (08P01). What to raise is theirs, and said. */
const poolerMessages: ReadonlyArray<readonly [RegExp, (found: string) => StoreReason]> = [
  [
    /^unsupported startup parameter(?: in options)?: (.+)$/,
    (name) =>
      invalid(
        "RDEV_DATABASE_URL",
        `the pooler refuses the setting ${name} at the start of a session: take it out of the URL, or name it in the pooler's ignore_startup_parameters`
      )
  ],
  [
    /^(query_wait_timeout)/,
    () =>
      unavailable(
        "the pooler had no connection to the server in time: raise its default_pool_size, or lower RDEV_DATABASE_MAX_CONNECTIONS of the processes that share it"
      )
  ],
  [
    /^(no more connections allowed)/,
    () =>
      unavailable(
        "the pooler takes no more clients: raise its max_client_conn, or lower RDEV_DATABASE_MAX_CONNECTIONS of the processes that share it"
      )
  ],
  [
    /^(client_idle_timeout|idle transaction timeout|query_timeout|server_lifetime|pgbouncer .*|the database system is .*)/i,
    (what) => unavailable(`the pooler ended the connection (${what}); it is opened again`)
  ],
  [
    /^no such database: (.+)$/,
    (name) =>
      invalid(
        "RDEV_DATABASE_URL",
        `the pooler knows no database ${name}: name it in the pooler's [databases], or correct the URL`
      )
  ],
  [
    /^(no such user|.*authentication failed.*)/i,
    (what) => invalid("RDEV_DATABASE_URL", `the pooler refuses the user or password (${what})`)
  ],
  [
    /(transaction blocks not allowed in statement pooling mode)/i,
    () =>
      invalid(
        "RDEV_DATABASE_URL",
        "the pooler is in statement mode, which allows no transactions: set pool_mode = transaction (or session) for this database"
      )
  ]
]
const ofPooler = (message: string): StoreReason | undefined => {
  for (const [pattern, reason] of poolerMessages) {
    const found = pattern.exec(message)
    if (found !== null) return reason(found[1] ?? message)
  }
  return undefined
}

const invalid = (name: string, message: string): StoreReason => ({ _tag: "Invalid", field: name, message })
const unavailable = (message: string): StoreReason => ({ _tag: "Unavailable", message })

/** PostgreSQL's "Key (name)=(acme) already exists." names the columns and values. */
const key = (cause: unknown): string =>
  /^Key \((.*)\)=\((.*)\) /.exec(field(cause, "detail") ?? "")?.[2] ?? field(cause, "constraint") ?? "?"

const ofSqlState = (state: string, cause: unknown): StoreReason | undefined => {
  const message = field(cause, "message") ?? state
  const column = field(cause, "column") ?? field(cause, "constraint") ?? "value"
  switch (state) {
    case "23505":
      return { _tag: "AlreadyExists", entity: field(cause, "table") ?? "row", id: key(cause) }
    case "42710":
    case "42P04":
      return {
        _tag: "AlreadyExists",
        entity: state === "42710" ? "role" : "database",
        id: /"([^"]+)"/.exec(message)?.[1] ?? "?"
      }
    case "2BP01":
      return { _tag: "Conflict", message: `${message} (${field(cause, "detail") ?? "other objects depend on it"})` }
    // Two sessions altered the same catalogue row; there is no SQLSTATE of its own for it.
    case "XX000":
      return message.includes("concurrently updated") ? unavailable(`${message}; it may be tried again`) : undefined
    case "23503":
      return { _tag: "Conflict", message: `${message} (${field(cause, "detail") ?? "foreign key"})` }
    case "23P01":
      return { _tag: "Conflict", message }
    case "40001":
    case "40P01":
    case "40003":
      return unavailable(`${message}; the transaction was rolled back and may be tried again`)
    case "55P03":
    case "55006":
      return unavailable(`${message}; another session holds the lock`)
    case "57014":
      return unavailable(`${message}; the statement took longer than its limit or was cancelled`)
    case "25P03":
    case "25P04":
      return unavailable(`${message}; the transaction was left open for too long and was rolled back`)
    case "25006":
      return unavailable(`${message}; this server is a read-only standby: point the URL at the primary`)
    case "28000":
    case "28P01":
      return invalid("url", `the database refuses the user or password: ${message}`)
    case "3D000":
      return invalid("url", `${message}: create it first, or correct the URL`)
    case "42501":
      return invalid("role", `${message}: grant the role what it lacks`)
    case "42P01":
    case "42703":
    case "42883":
    case "3F000":
      return {
        _tag: "Corrupt",
        message: `${message}: the schema is not the one this version made; was it changed by hand?`
      }
    case "26000":
    case "42P05":
      return invalid(
        "RDEV_DATABASE_POOLING",
        `${message}: a pooler gives each transaction another connection; set RDEV_DATABASE_POOLING=transaction (auto asks the pooler)`
      )
    case "53300":
      return unavailable(
        `${message}: raise max_connections of the server, or lower RDEV_DATABASE_MAX_CONNECTIONS of the processes that share it`
      )
    case "08P01":
      return ofPooler(message) ?? unavailable(message)
    case "0A000":
      return unavailable(`${message}; the schema changed under an open connection, which will be replaced`)
  }
  switch (state.slice(0, 2)) {
    case "08":
    case "53":
      return unavailable(message)
    case "57":
    case "58":
      return unavailable(`${message}; the server is stopping, starting or short of a resource`)
    case "22":
    case "23":
      return invalid(column, message)
    case "XX":
      return state === "XX000" ? undefined : { _tag: "Corrupt", message }
    default:
      return undefined
  }
}

const reasonOf = (cause: unknown): StoreReason => {
  const code = field(cause, "code")
  if (code !== undefined && unreachable.has(code))
    return unavailable(`the database cannot be reached: ${field(cause, "message") || code}`)
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code)) {
    const reason = ofSqlState(code, cause)
    if (reason !== undefined) return reason
  }
  const message = field(cause, "message") ?? String(cause)
  for (const [pattern, meaning] of driverMessages) if (pattern.test(message)) return unavailable(meaning)
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0])
  return { _tag: "Unknown", message: code === undefined ? message : `${message} (${code})` }
}

/** `operation` is `Port.method`. A StoreError keeps its reason and takes the new operation. */
export const classifyError = (operation: string, cause: unknown): StoreError =>
  cause instanceof StoreError
    ? new StoreError({ operation, reason: cause.reason, cause: cause.cause })
    : new StoreError({ operation, reason: reasonOf(cause), cause })

/** The detail with which a function of ours raised this SQLSTATE, e.g. `RQ001`; undefined for any other failure. */
export const raised = (error: StoreError, state: string): string | undefined =>
  field(error.cause, "code") === state ? (field(error.cause, "detail") ?? "") : undefined

/** The same failure in the terms of the ports that reach out to infrastructure. */
export const portReason = (error: StoreError): PortReason => {
  const { reason } = error
  const state = field(error.cause, "code") ?? ""
  switch (reason._tag) {
    case "NotFound":
      return { _tag: "NotFound", message: error.message }
    case "AlreadyExists":
      return { _tag: "AlreadyExists", message: error.message }
    case "Conflict":
      return { _tag: "Conflict", message: reason.message }
    case "Invalid":
      return state.startsWith("28") || state === "42501"
        ? { _tag: "Unauthorized", message: reason.message }
        : { _tag: "Invalid", field: reason.field, message: reason.message }
    case "Unavailable":
      return state.startsWith("53")
        ? { _tag: "ResourceExhausted", message: reason.message }
        : { _tag: "Unavailable", message: reason.message }
    case "Locked":
    case "Corrupt":
    case "Unknown":
      return { _tag: "Unknown", message: reason.message }
  }
}

/** Whether the connection that failed so must not be used again. */
export const breaksConnection = (cause: unknown): boolean => {
  const state = field(cause, "code")
  if (state === undefined || !/^[0-9A-Z]{5}$/.test(state) || field(cause, "severity") === undefined) return true
  return (
    field(cause, "severity") === "FATAL" ||
    state.startsWith("08") ||
    state.startsWith("57P") ||
    state === "0A000" ||
    state.startsWith("XX")
  )
}
