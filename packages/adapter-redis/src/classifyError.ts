/**
 * A failure of Redis or of the way to it, as the reason of a port. Pure, table-tested. Redis tells its errors by a first word in capitals;
 * everything else comes from the client or from the network, by code or by message.
 */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"

type Make = (message: string) => PortReason
const unavailable: Make = (message) => ({ _tag: "Unavailable", message })
const unauthorized: Make = (message) => ({ _tag: "Unauthorized", message })
const exhausted: Make = (message) => ({ _tag: "ResourceExhausted", message })
const unsupported: Make = (message) => ({ _tag: "Unsupported", message })
const url: Make = (message) => ({ _tag: "Invalid", field: "url", message })

/** The first word of what Redis answers. */
const words: Readonly<Record<string, Make>> = {
  NOAUTH: () => unauthorized("Redis asks for a user and a password, and the URL has none"),
  WRONGPASS: () => unauthorized("Redis refuses the user or the password of the URL"),
  NOPERM: (message) => unauthorized(`the user of the URL may not do this: ${message}`),
  LOADING: () => unavailable("Redis is starting and loads its data"),
  BUSY: () => unavailable("Redis is held up by a script that runs"),
  MASTERDOWN: () => unavailable("this Redis is a replica that has lost its primary"),
  CLUSTERDOWN: () => unavailable("the Redis cluster does not serve all of its slots"),
  TRYAGAIN: unavailable,
  NOREPLICAS: unavailable,
  MISCONF: () => unavailable("Redis cannot write its data to disk and refuses changes; see its log"),
  READONLY: () => url("this Redis is a read-only replica: name the primary, or redis+sentinel:// to have it found"),
  MOVED: () => url("this Redis is part of a cluster: write redis+cluster://"),
  ASK: () => url("this Redis is part of a cluster: write redis+cluster://"),
  CROSSSLOT: (message) => ({ _tag: "Unknown", message }),
  OOM: () => exhausted("Redis has used up its memory (maxmemory)"),
  NOSCRIPT: unavailable,
  EXECABORT: (message) => ({ _tag: "Conflict", message }),
  WRONGTYPE: (message) => ({ _tag: "Conflict", message })
}

/** Of `ERR …`, and of the client, which has no codes. */
const messages: ReadonlyArray<readonly [RegExp, Make]> = [
  [/max number of clients reached/i, () => exhausted("Redis has no connection left (maxclients)")],
  [/not configured to use an ACL file/i, unsupported],
  [/without a config file|Rewriting config file/i, unsupported],
  [/unknown command|unknown subcommand|Unknown command or wrong number|wrong number of arguments/i, unsupported],
  [/SETUSER.*(Syntax error|Unknown|Adding)|Error in ACL SETUSER/i, unsupported],
  [/invalid password|invalid username-password/i, () => unauthorized("Redis refuses the password of the URL")],
  [
    /AUTH.*called without any password|no password is set/i,
    () => url("this Redis asks for no password: leave it out of the URL")
  ],
  [/cluster support disabled/i, () => url("this Redis is no cluster: write redis:// instead of redis+cluster://")],
  [
    /DB index is out of range|SELECT is not allowed/i,
    (message) => url(`the number after the / of the URL: ${message}`)
  ],
  [/All sentinels are unreachable/i, () => unavailable("no Sentinel can be reached")],
  [
    /Failed to refresh slots cache|None of startup nodes|ClusterAllFailed/i,
    () => unavailable("no node of the cluster can be reached")
  ],
  [/Command timed out|Socket timeout/i, () => unavailable("Redis did not answer in time")],
  [/connect ETIMEDOUT/i, () => unavailable("Redis cannot be reached: no answer")],
  [
    /Connection is closed|isn't writeable|Reached the max retries|closed|reconnect|UNBLOCKED|not connected/i,
    () => unavailable("the connection to Redis is lost")
  ],
  [/Protocol error/i, () => unavailable("what answers there does not speak the protocol of Redis")]
]

const network: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Redis cannot be reached: nothing listens there",
  ENOTFOUND: "Redis cannot be reached: no such host",
  EAI_AGAIN: "Redis cannot be reached: its name cannot be looked up now",
  ECONNRESET: "the connection to Redis was reset",
  EPIPE: "the connection to Redis is lost",
  ETIMEDOUT: "Redis cannot be reached: no answer",
  EHOSTUNREACH: "Redis cannot be reached: no way to its host",
  ENETUNREACH: "Redis cannot be reached: no way to its network",
  ENOENT: "Redis cannot be reached: there is no such socket"
}
const isCertificate = (code: string) =>
  /^(CERT_|DEPTH_|UNABLE_TO_|SELF_SIGNED|ERR_TLS|ERR_SSL|HOSTNAME_MISMATCH)/.test(code)

const codeOf = (cause: unknown): string | null => {
  const code: unknown = typeof cause === "object" && cause !== null ? Reflect.get(cause, "code") : null
  return typeof code === "string" ? code : null
}

export const classifyError = (cause: unknown): PortReason => {
  if (cause instanceof AggregateError && cause.errors.length > 0) return classifyError(cause.errors[0])
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = codeOf(cause)
  if (code !== null && network[code] !== undefined) return unavailable(network[code])
  if (code !== null && isCertificate(code)) return url(`the certificate of Redis is not trusted here (${code})`)
  const word = words[/^([A-Z]+)\b/.exec(message)?.[1] ?? ""]
  if (word !== undefined) return word(message)
  for (const [pattern, make] of messages) if (pattern.test(message)) return make(message)
  return { _tag: "Unknown", message }
}
