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

const unavailable = (message: string): PortReason => ({ _tag: "Unavailable", message })
/** What git says of another host, before what it says of itself: a transfer that was cut is an outage, not a bad object. */
const byRemoteMessage: typeof byGitMessage = [
  [
    /Authentication failed|could not read (?:Username|Password)|terminal prompts disabled|returned error: 40[13]/i,
    (message) => ({ _tag: "Unauthorized", message: `${message}; is the token still valid, and may it push?` })
  ],
  [/returned error: 429/i, (message) => ({ _tag: "RateLimited", message, retryAfterMillis: null })],
  [
    /returned error: (?:301|302|303|307|308|404|410)|repository .*not found|Unable to update url base from redirection/i,
    (message) => ({ _tag: "NotFound", message })
  ],
  [
    /fsck error|fsckObjects|missingEmail|badTree|hasDotgit/i,
    (message) => ({ _tag: "Invalid", field: "repository", message })
  ],
  [/No space left on device|Disk quota exceeded/i, (message) => ({ _tag: "ResourceExhausted", message })],
  [
    /unable to access|Could not resolve host|Failed to connect|Connection (?:refused|reset|timed out)|Operation too slow|Empty reply|RPC failed|early EOF|hung up unexpectedly|unexpected disconnect|invalid index-pack output|index-pack failed|expected flush|curl \d+/i,
    unavailable
  ]
]
const overNetwork: ReadonlySet<string> = new Set(["fetch", "push", "ls-remote"])

/** Whether a mirror's own files are damaged, so that it is better made anew. */
export const isBroken = (cause: unknown): boolean =>
  cause instanceof GitFailure &&
  /not a git repository|object file .* is empty|loose object .* is corrupt|unable to read (?:sha1|tree)|bad object|packfile .* (?:cannot be accessed|is)|does not point to a valid object|bad ref|broken ref/i.test(
    cause.stderr
  )

/** Whether git found a lock in its way. What it says of that is many lines, of which only the first names the file. */
export const lockInTheWay = (cause: unknown): string | null =>
  cause instanceof GitFailure ? (/Unable to create '([^']*\.lock)': File exists/.exec(cause.stderr)?.[1] ?? null) : null

export const classifyError = (cause: unknown): PortReason => {
  if (cause instanceof GitFailure) {
    const lock = lockInTheWay(cause)
    if (lock !== null)
      return { _tag: "Unavailable", message: `git ${cause.args[0] ?? ""}: ${lock} is held by another process` }
    const rule = [...(overNetwork.has(cause.args[0] ?? "") ? byRemoteMessage : []), ...byGitMessage].find(([pattern]) =>
      pattern.test(cause.stderr)
    )
    return rule === undefined ? { _tag: "Unknown", message: cause.message } : rule[1](cause.message)
  }
  return NodeError.classify(cause)
}
