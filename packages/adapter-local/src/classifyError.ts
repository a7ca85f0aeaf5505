/** Pure: a failure of this machine or of a request to another host as a port reason. What git and Node's file system say is read by `@rdev/git`. */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import { classifyError } from "@rdev/git/classifyError"

export { classifyError, GitFailure } from "@rdev/git/classifyError"

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
