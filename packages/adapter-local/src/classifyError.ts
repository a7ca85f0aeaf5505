/** Pure: a failure of git, or of Node, as a port reason. The only place that reads git's messages; Node's codes are read by NodeError. */
import { lastLines } from "@rdev/core/domain/LineText"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import * as NodeError from "@rdev/runtime-node/NodeError"

/** A git command that did not exit 0. */
export class GitFailure extends Error {
  readonly args: ReadonlyArray<string>
  readonly exitCode: number | null
  readonly stderr: string
  constructor(args: ReadonlyArray<string>, exitCode: number | null, stderr: string) {
    super(
      `git ${args[0] ?? ""} ${exitCode === null ? "was killed" : `exited ${exitCode}`}: ${lastLines(stderr, 3).join(" ").slice(0, 500)}`
    )
    this.name = "GitFailure"
    this.args = args
    this.exitCode = exitCode
    this.stderr = stderr
  }
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
  return NodeError.classify(cause)
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
