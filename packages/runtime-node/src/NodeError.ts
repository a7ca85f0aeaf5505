/** Pure: a failure of Node's file system, processes and requests as a port reason. The only place that reads their codes. */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"

const byErrno: Readonly<Record<string, (message: string) => PortReason>> = {
  ENOENT: (message) => ({ _tag: "NotFound", message }),
  ENOTDIR: (message) => ({ _tag: "NotFound", message }),
  EEXIST: (message) => ({ _tag: "AlreadyExists", message }),
  ENOTEMPTY: (message) => ({ _tag: "Conflict", message }),
  EBUSY: (message) => ({ _tag: "Unavailable", message }),
  EACCES: (message) => ({
    _tag: "Unauthorized",
    message: `${message}; the server's user needs access to its data folder`
  }),
  EPERM: (message) => ({
    _tag: "Unauthorized",
    message: `${message}; the server's user needs access to its data folder`
  }),
  EROFS: (message) => ({ _tag: "Unsupported", message: `${message}; the data folder must be writable` }),
  ELOOP: (message) => ({ _tag: "Invalid", field: "path", message }),
  ENAMETOOLONG: (message) => ({ _tag: "Invalid", field: "path", message }),
  EISDIR: (message) => ({ _tag: "Invalid", field: "path", message }),
  ENOSPC: (message) => ({ _tag: "ResourceExhausted", message: `${message}; free some disk space` }),
  EDQUOT: (message) => ({ _tag: "ResourceExhausted", message: `${message}; the disk quota is used up` }),
  EFBIG: (message) => ({ _tag: "ResourceExhausted", message }),
  EMFILE: (message) => ({
    _tag: "ResourceExhausted",
    message: `${message}; raise the limit of open files (ulimit -n)`
  }),
  ENFILE: (message) => ({ _tag: "ResourceExhausted", message }),
  ENOMEM: (message) => ({ _tag: "ResourceExhausted", message }),
  EAGAIN: (message) => ({ _tag: "ResourceExhausted", message: `${message}; the limit of processes is reached` }),
  E2BIG: (message) => ({
    _tag: "Invalid",
    field: "argv",
    message: `${message}; arguments and environment are too large`
  }),
  ETIMEDOUT: (message) => ({ _tag: "Unavailable", message }),
  ECONNREFUSED: (message) => ({ _tag: "Unavailable", message }),
  ECONNRESET: (message) => ({ _tag: "Unavailable", message }),
  EPIPE: (message) => ({ _tag: "Unavailable", message }),
  EADDRINUSE: (message) => ({ _tag: "Unavailable", message })
}

/** What Node threw, or whatever else. */
export const classify = (cause: unknown): PortReason => {
  if (!(cause instanceof Error)) return { _tag: "Unknown", message: String(cause) }
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : null
  const translate = code === null ? undefined : byErrno[code]
  if (translate !== undefined) return translate(cause.message)
  const late = cause.name === "AbortError" || cause.name === "TimeoutError"
  return { _tag: late ? "Unavailable" : "Unknown", message: cause.message }
}

/** All of them Unavailable: the other side, or the way to it, may be better later. */
const byRequestCode: ReadonlyArray<readonly [RegExp, (host: string, code: string) => string]> = [
  [/^ENOTFOUND$/, (host) => `${host} has no address; check its spelling and its DNS record`],
  [/^EAI_/, (host, code) => `the name server gave no answer about ${host} (${code}); check this machine's DNS`],
  [/^ECONNREFUSED$/, (host) => `${host} refused the connection; nothing listens on that port`],
  [/^(?:ECONNRESET|ECONNABORTED|EPIPE)$/, (host) => `${host} closed the connection before it answered`],
  [/^ETIMEDOUT$/, (host) => `${host} did not accept the connection in time; a firewall may drop it`],
  [
    /^(?:EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|EAFNOSUPPORT)$/,
    (host, code) => `this machine has no route to ${host} (${code})`
  ],
  [/^(?:EACCES|EPERM)$/, (host) => `this machine's firewall forbids a connection to ${host}`],
  [
    /CERT|^(?:UNABLE_TO_|INVALID_(?:CA|PURPOSE)$|HOSTNAME_MISMATCH$|PATH_LENGTH_EXCEEDED$)/,
    (host, code) =>
      `the certificate of ${host} is refused (${code}); it must be current, for that name and from an authority that this machine trusts`
  ],
  [
    /^(?:EPROTO$|ERR_SSL_|ERR_TLS_)/,
    (host, code) => `no TLS connection with ${host} (${code}); check the port and its TLS settings`
  ],
  [/^HPE_/, (host, code) => `${host} did not answer in HTTP (${code}); check the port`]
]

/** A failed look-up, connection or exchange with another host. */
export const classifyRequest = (cause: unknown, host: string): PortReason => {
  if (!(cause instanceof Error && "code" in cause && typeof cause.code === "string")) return classify(cause)
  const { code } = cause
  if (code === "ERR_INVALID_CHAR" || code === "ERR_INVALID_HTTP_TOKEN")
    return { _tag: "Invalid", field: "headers", message: cause.message }
  const rule = byRequestCode.find(([pattern]) => pattern.test(code))
  return rule === undefined ? classify(cause) : { _tag: "Unavailable", message: rule[1](host, code) }
}
