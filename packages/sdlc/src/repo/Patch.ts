/**
 * The patch of a feature: what its branch changes of the base it left, file by file, without the feature state.
 *
 * Promises that two heads with the same own changes have the same digest whatever else the base brought along, and that any other
 * content, mode or set of files has another one. A file that both sides changed is new content, so it counts as changed.
 */
import { sha256 } from "./Digest.ts"

/** Files of a commit without `.sdlc/`: path to mode and object id. */
export type Tree = ReadonlyMap<string, string>

/** Changed files: path to mode and object id, `null` when it was removed. */
export type Changes = ReadonlyMap<string, string | null>

export const treeOf = (
  entries: Iterable<{ readonly path: string; readonly mode: string; readonly oid: string }>
): Tree => {
  const tree = new Map<string, string>()
  for (const { mode, oid, path } of entries) if (!path.startsWith(".sdlc/")) tree.set(path, `${mode} ${oid}`)
  return tree
}

const line = /^(\d{6}) (?:blob|commit) ([0-9a-f]{40}|[0-9a-f]{64})\t([^]+)$/

/** The tree in the output of `git ls-tree -r -z <commit>`. Throws a `SyntaxError` on output of another form. */
export const parseTree = (lsTree: string): Tree =>
  treeOf(
    lsTree
      .split("\0")
      .filter((entry) => entry !== "")
      .map((entry) => {
        const match = line.exec(entry)
        if (match === null)
          throw new SyntaxError(`Not a line of "git ls-tree -r -z": ${JSON.stringify(entry.slice(0, 80))}`)
        return { mode: match[1] ?? "", oid: match[2] ?? "", path: match[3] ?? "" }
      })
  )

/** What `head` changes of `base`, the commit at which it left (or last took in) its base. */
export const changes = (base: Tree, head: Tree): Changes => {
  const found = new Map<string, string | null>()
  for (const [path, entry] of head) if (base.get(path) !== entry) found.set(path, entry)
  for (const path of base.keys()) if (!head.has(path)) found.set(path, null)
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** `patch1:` digest of changes; reviews, audits, QA and the approvals of people hold for it. */
export const digest = (own: Changes): string =>
  `patch1:${sha256([...own].map(([path, entry]) => `${entry ?? "removed"}\t${path}`).join("\0"))}`

/** Whether a commit holds all of these changes as they are. */
export const contains = (tree: Tree, own: Changes): boolean =>
  [...own].every(([path, entry]) => (tree.get(path) ?? null) === entry)

/** Paths on which two sets of changes differ: what somebody who saw the one has not seen of the other. */
export const differing = (before: Changes, after: Changes): ReadonlyArray<string> =>
  [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path) || before.has(path) !== after.has(path))
    .toSorted()
