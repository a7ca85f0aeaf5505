/**
 * The digest of what would be built: a commit's files without the feature state.
 *
 * Promises that commits which differ only under `.sdlc/` have the same digest, so that recording an event does not make a
 * review, a CI result or a QA run stale.
 */
import { sha256 } from "./Digest.ts"

const entry = /^(\d{6}) (blob|tree|commit) ([0-9a-f]{40}|[0-9a-f]{64})\t([^]+)$/

/**
 * `code1:` digest of the output of `git ls-tree -r -z <commit>`. Throws a `SyntaxError` on output of another form, because a
 * digest over half a tree would bless code nobody looked at.
 */
export const codeTreeDigest = (lsTree: string): string => {
  const kept: Array<string> = []
  for (const line of lsTree.split("\0")) {
    if (line === "") continue
    const match = entry.exec(line)
    if (match === null) throw new SyntaxError(`Not a line of "git ls-tree -r -z": ${JSON.stringify(line.slice(0, 80))}`)
    const path = match[4] ?? ""
    if (!path.startsWith(".sdlc/")) kept.push(`${match[1] ?? ""} ${match[3] ?? ""}\t${path}`)
  }
  return `code1:${sha256(kept.toSorted().join("\0"))}`
}
