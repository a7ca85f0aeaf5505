/** Pure: a failure of Node's file system, processes and requests, or of git, as a port reason. The only place that reads their codes and messages. */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"

/** A git command that did not exit 0. */
export class GitFailure extends Error {
  readonly args: ReadonlyArray<string>
  readonly exitCode: number | null
  readonly stderr: string
  constructor(args: ReadonlyArray<string>, exitCode: number | null, stderr: string) {
    super(
      `git ${args[0] ?? ""} ${exitCode === null ? "was killed" : `exited ${exitCode}`}: ${stderr.trim().split("\n").slice(-3).join(" ").slice(0, 500)}`
    )
    this.name = "GitFailure"
    this.args = args
    this.exitCode = exitCode
    this.stderr = stderr
  }
}

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

/** First match wins; git's messages are pinned to English by LC_ALL=C. */
const byGitMessage: ReadonlyArray<readonly [RegExp, (message: string) => PortReason]> = [
  [/No space left on device|Disk quota exceeded/i, (message) => ({ _tag: "ResourceExhausted", message })],
  [/Cannot allocate memory|out of memory|Too many open files/i, (message) => ({ _tag: "ResourceExhausted", message })],
  [
    /cannot lock ref .*(?:is at .* but expected|reference already exists|unable to resolve reference)/is,
    (message) => ({ _tag: "Conflict", message })
  ],
  [
    /cannot lock ref .*exists; cannot create/is,
    (message) => ({ _tag: "Invalid", field: "branch", message: `${message}; one branch cannot be a folder of another` })
  ],
  [/cannot lock ref/is, (message) => ({ _tag: "Unavailable", message })],
  [/lacks these prerequisite commits/i, (message) => ({ _tag: "Conflict", message })],
  [
    /does not look like a v\d.* bundle|is not a bundle|bundle .*(?:corrupt|is not)|bad pack header|pack (?:has|is) (?:bad|corrupt)|invalid (?:sha1|object)|index-pack (?:failed|died)|unpack.*(?:failed|error)|fsck error|early EOF|bad object|unrecognized header|inflate/i,
    (message) => ({ _tag: "Invalid", field: "bundle", message })
  ],
  [/Permission denied/i, (message) => ({ _tag: "Unauthorized", message })],
  [/not a git repository/i, (message) => ({ _tag: "NotFound", message })],
  [
    /Not a valid object name|bad revision|unknown revision|ambiguous argument|does not exist|not a tree object|not a commit|invalid object name|could not get object info|missing/i,
    (message) => ({ _tag: "NotFound", message })
  ]
]

/** Whether git found a lock in its way. What it says of that is many lines, of which only the first names the file. */
export const lockInTheWay = (cause: unknown): string | null =>
  cause instanceof GitFailure ? (/Unable to create '([^']*\.lock)': File exists/.exec(cause.stderr)?.[1] ?? null) : null

export const classifyError = (cause: unknown): PortReason => {
  if (cause instanceof GitFailure) {
    const lock = lockInTheWay(cause)
    if (lock !== null)
      return { _tag: "Unavailable", message: `git ${cause.args[0] ?? ""}: ${lock} is held by another process` }
    const rule = byGitMessage.find(([pattern]) => pattern.test(cause.stderr))
    return rule === undefined ? { _tag: "Unknown", message: cause.message } : rule[1](cause.message)
  }
  if (cause instanceof Error) {
    const code = "code" in cause && typeof cause.code === "string" ? cause.code : null
    const translate = code === null ? undefined : byErrno[code]
    if (translate !== undefined) return translate(cause.message)
    if (cause.name === "AbortError" || cause.name === "TimeoutError")
      return { _tag: "Unavailable", message: cause.message }
    return { _tag: "Unknown", message: cause.message }
  }
  return { _tag: "Unknown", message: String(cause) }
}

/** Of the machine, whatever was tried: another way to do the same would meet it too. */
const machineWide: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN"])
/** A permission that is missing for the server's own folders; that of a program, or to give a file away, may be this one way's matter. */
const ownFolders: ReadonlySet<string> = new Set(["mkdir", "open", "symlink", "write", "mkdtemp"])
/** What a shell prints of the first two and the third. */
const printedCauses: ReadonlyArray<
  readonly [RegExp, PortReason["_tag"] & ("ResourceExhausted" | "Unsupported"), string]
> = [
  [/No space left on device|Disk quota exceeded/i, "ResourceExhausted", "free some disk space"],
  [/Read-only file system/i, "Unsupported", "the data folder must be writable"]
]

/** The reason when a failure is the machine's trouble (a full or read-only disk, no permission, no descriptors) and no matter of what was tried. */
export const machineTrouble = (cause: unknown): PortReason | null => {
  if (!(cause instanceof Error && "code" in cause && typeof cause.code === "string")) return null
  const { code } = cause
  const denied = (code === "EACCES" || code === "EPERM") && "syscall" in cause && ownFolders.has(String(cause.syscall))
  return machineWide.has(code) || denied ? classifyError(cause) : null
}
/** The same for what a command printed that wrote into a folder of the server's. */
export const printedTrouble = (text: string): PortReason | null => {
  const rule = printedCauses.find(([pattern]) => pattern.test(text))
  return rule === undefined
    ? null
    : { _tag: rule[1], message: `a test command could not write: ${text.trim().slice(0, 200)}; ${rule[2]}` }
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
export const classifyRequestError = (cause: unknown, host: string): PortReason => {
  if (!(cause instanceof Error && "code" in cause && typeof cause.code === "string")) return classifyError(cause)
  const { code } = cause
  if (code === "ERR_INVALID_CHAR" || code === "ERR_INVALID_HTTP_TOKEN")
    return { _tag: "Invalid", field: "headers", message: cause.message }
  const rule = byRequestCode.find(([pattern]) => pattern.test(code))
  return rule === undefined ? classifyError(cause) : { _tag: "Unavailable", message: rule[1](host, code) }
}
