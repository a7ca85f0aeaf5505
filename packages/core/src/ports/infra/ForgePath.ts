/** Which paths a commit may carry: the same rule for every forge, so that a path accepted in a test is accepted in production. */

const reserved = /^(?:\.git|git~1|\.{1,2})$/i
// eslint-disable-next-line no-control-regex -- control characters are what is refused here
const control = /[\u0000-\u001f\u007f]/

/** Why the path cannot be stored, or null when it can: relative, forward slashes, no empty, `.`, `..` or `.git` segment, at most 4096 bytes. */
export const invalid = (path: string): string | null => {
  if (path.length === 0) return "a path is empty"
  if (Buffer.byteLength(path) > 4096) return `${path.slice(0, 80)}… is longer than 4096 bytes`
  if (control.test(path)) return `${JSON.stringify(path)} contains a control character`
  if (path.startsWith("/")) return `${path} is absolute; give it relative to the repository`
  if (path.includes("\\")) return `${path} contains a backslash; use forward slashes`
  for (const segment of path.split("/")) {
    if (segment.length === 0) return `${path} has an empty segment`
    // HFS+ ignores these code points, so that ".g\u200cit" would be ".git" on a Mac.
    if (reserved.test(segment.replace(/[\u200b-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, "")))
      return `${path} contains the segment ${segment}`
  }
  return null
}
