/** Pure: a failure of Node's file system and processes, or of git, as a port reason. The only place that reads their codes and messages. */
import type { PortReason } from "@rdev/core/ports/PortReason"

/** A git command that did not exit 0. */
export class GitFailure extends Error {
  readonly args: ReadonlyArray<string>
  readonly exitCode: number | null
  readonly stderr: string
  constructor(args: ReadonlyArray<string>, exitCode: number | null, stderr: string) {
    super(`git ${args[0] ?? ""} ${exitCode === null ? "was killed" : `exited ${exitCode}`}: ${stderr.trim().split("\n").slice(-3).join(" ").slice(0, 500)}`)
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
  EACCES: (message) => ({ _tag: "Unauthorized", message: `${message}; the server's user needs access to its data folder` }),
  EPERM: (message) => ({ _tag: "Unauthorized", message: `${message}; the server's user needs access to its data folder` }),
  EROFS: (message) => ({ _tag: "Unsupported", message: `${message}; the data folder must be writable` }),
  ELOOP: (message) => ({ _tag: "Invalid", field: "path", message }),
  ENAMETOOLONG: (message) => ({ _tag: "Invalid", field: "path", message }),
  EISDIR: (message) => ({ _tag: "Invalid", field: "path", message }),
  ENOSPC: (message) => ({ _tag: "ResourceExhausted", message: `${message}; free some disk space` }),
  EDQUOT: (message) => ({ _tag: "ResourceExhausted", message: `${message}; the disk quota is used up` }),
  EFBIG: (message) => ({ _tag: "ResourceExhausted", message }),
  EMFILE: (message) => ({ _tag: "ResourceExhausted", message: `${message}; raise the limit of open files (ulimit -n)` }),
  ENFILE: (message) => ({ _tag: "ResourceExhausted", message }),
  ENOMEM: (message) => ({ _tag: "ResourceExhausted", message }),
  EAGAIN: (message) => ({ _tag: "ResourceExhausted", message: `${message}; the limit of processes is reached` }),
  E2BIG: (message) => ({ _tag: "Invalid", field: "argv", message: `${message}; arguments and environment are too large` }),
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
  [/cannot lock ref .*(?:is at .* but expected|reference already exists|unable to resolve reference)/is, (message) => ({ _tag: "Conflict", message })],
  [/cannot lock ref .*exists; cannot create/is, (message) => ({ _tag: "Invalid", field: "branch", message: `${message}; one branch cannot be a folder of another` })],
  [/Unable to create '.*\.lock': File exists|cannot lock ref/is, (message) => ({ _tag: "Unavailable", message })],
  [/lacks these prerequisite commits/i, (message) => ({ _tag: "Conflict", message })],
  [/does not look like a v\d.* bundle|is not a bundle|bundle .*(?:corrupt|is not)|bad pack header|pack (?:has|is) (?:bad|corrupt)|invalid (?:sha1|object)|index-pack (?:failed|died)|unpack.*(?:failed|error)|fsck error|early EOF|bad object|unrecognized header|inflate/i, (message) => ({ _tag: "Invalid", field: "bundle", message })],
  [/Permission denied/i, (message) => ({ _tag: "Unauthorized", message })],
  [/not a git repository/i, (message) => ({ _tag: "NotFound", message })],
  [/Not a valid object name|bad revision|unknown revision|ambiguous argument|does not exist|not a tree object|not a commit|invalid object name|could not get object info|missing/i, (message) => ({ _tag: "NotFound", message })]
]

export const classifyError = (cause: unknown): PortReason => {
  if (cause instanceof GitFailure) {
    const rule = byGitMessage.find(([pattern]) => pattern.test(cause.stderr))
    return rule === undefined ? { _tag: "Unknown", message: cause.message } : rule[1](cause.message)
  }
  if (cause instanceof Error) {
    const code = "code" in cause && typeof cause.code === "string" ? cause.code : null
    const translate = code === null ? undefined : byErrno[code]
    if (translate !== undefined) return translate(cause.message)
    if (cause.name === "AbortError" || cause.name === "TimeoutError") return { _tag: "Unavailable", message: cause.message }
    return { _tag: "Unknown", message: cause.message }
  }
  return { _tag: "Unknown", message: String(cause) }
}
