/** What the commits of a repository changed: trees, lines of first parents, patch ids. Reads only; hooks and external diffs are off (see Git). */
import * as Patch from "../repo/Patch.ts"
import { raw, read } from "./Git.ts"

const trees = new Map<string, Patch.Tree>()
const mostTrees = 64

/** Files of a commit without `.sdlc/`; kept for a while, because a commit never changes. Empty when git cannot read it. */
export const tree = (root: string, revision: string): Patch.Tree => {
  const key = `${root}\0${revision}`
  const known = trees.get(key)
  if (known !== undefined) return known
  const listing = raw(root, ["ls-tree", "-r", "-z", "--end-of-options", revision])
  const found = listing === null ? new Map<string, string>() : Patch.parseTree(listing.toString("utf8"))
  if (/^[0-9a-f]{40,64}$/.test(revision)) {
    if (trees.size >= mostTrees) trees.delete(trees.keys().next().value ?? "")
    trees.set(key, found)
  }
  return found
}

const words = (text: string | null): ReadonlyArray<string> => (text ?? "").split(/\s+/).filter((word) => word !== "")
const below = (paths: ReadonlyArray<string>): ReadonlyArray<string> =>
  paths.length === 0 ? [] : ["--", ...paths.map((path) => `:(literal)${path}`)]

/** The line of first parents that ends in `to`, newest first, without what `from` reaches; with paths, only commits that touch them. */
export const firstParents = (
  root: string,
  to: string,
  limit: number,
  from?: string,
  paths: ReadonlyArray<string> = []
): ReadonlyArray<string> =>
  words(
    read(
      root,
      "rev-list",
      "--first-parent",
      "--full-history",
      `--max-count=${limit}`,
      "--end-of-options",
      from === undefined ? to : `${from}..${to}`,
      ...below(paths)
    )
  )

/** Commits between two, without merges, newest first. */
export const commits = (root: string, from: string, to: string, limit: number): ReadonlyArray<string> =>
  words(read(root, "rev-list", "--no-merges", `--max-count=${limit}`, "--end-of-options", `${from}..${to}`))

export const parents = (root: string, commit: string): ReadonlyArray<string> =>
  words(read(root, "rev-list", "--parents", "--max-count=1", "--end-of-options", commit)).slice(1)

export const message = (root: string, commit: string): string =>
  read(root, "log", "-1", "--format=%B", "--end-of-options", commit) ?? ""

/** Who wrote a commit and when: what cherry-picks and rebases keep. */
export const authorship = (root: string, commit: string): string =>
  read(root, "log", "-1", "--format=%an%x00%ae%x00%at", "--end-of-options", commit) ?? commit

/** The commit of a line of first parents that first held a path, and the one before it. */
export const addedBy = (
  root: string,
  to: string,
  path: string
): { readonly sha: string; readonly parent: string | null } | null => {
  const sha = words(
    read(root, "rev-list", "--first-parent", "--diff-merges=first-parent", "--end-of-options", to, ...below([path]))
  ).at(-1)
  return sha === undefined ? null : { sha, parent: parents(root, sha)[0] ?? null }
}

const plain = [
  "-p",
  "-r",
  "--no-ext-diff",
  "--no-textconv",
  "--no-color",
  "--no-renames",
  "--src-prefix=a/",
  "--dst-prefix=b/",
  "--unified=3"
]
const code = ["--", ".", ":(exclude).sdlc"]

const idsOf = (root: string, diff: Buffer | null): ReadonlyMap<string, string> => {
  const lines = diff === null || diff.length === 0 ? null : raw(root, ["patch-id", "--stable"], diff)
  const pairs = (lines?.toString("utf8") ?? "").split("\n").flatMap((line) => {
    const [id, commit] = line.split(" ")
    return id === undefined || commit === undefined ? [] : [[commit, id] as const]
  })
  return new Map(pairs)
}

/** Patch ids (git's, without whitespace and line numbers) of what each commit changed outside of `.sdlc/`; a merge counts by its first parent. */
export const patchIds = (root: string, shas: ReadonlyArray<string>): ReadonlyMap<string, string> =>
  shas.length === 0
    ? new Map()
    : idsOf(
        root,
        raw(root, ["diff-tree", "--stdin", "--diff-merges=first-parent", ...plain, ...code], `${shas.join("\n")}\n`)
      )

/** Patch id of everything that one commit changes of another. */
export const patchId = (root: string, from: string, to: string): string | null =>
  [...idsOf(root, raw(root, ["diff-tree", ...plain, from, to, ...code])).values()][0] ?? null
