/**
 * What the local git repository says about a feature: head, code tree, relation to the base.
 *
 * Promises to run only commands that read objects and refs, with hooks, filesystem monitors and pagers switched off. An
 * answer git cannot give is `null`, not an exception.
 */
import { codeTreeDigest } from "../repo/CodeTree.ts"
import * as Decode from "../repo/Decode.ts"
import * as Layout from "../repo/Layout.ts"
import type { Tree } from "../repo/Disk.ts"
import { Failure } from "./Failure.ts"
import { forget, maxBuffer, raw, read, safe, spawnSync } from "./GitRead.ts"
import { commit, named, refs, remoteDefault } from "./GitRefs.ts"

export { forget, raw, read } from "./GitRead.ts"
export { commit } from "./GitRefs.ts"

export const currentBranch = (root: string): string | null => read(root, "symbolic-ref", "--quiet", "--short", "HEAD")

/** What a work tree stands on: a branch (also one without a commit), a detached head, or no repository at all. */
export type CheckedOut =
  | { readonly kind: "branch"; readonly branch: string }
  | { readonly kind: "detached" }
  | { readonly kind: "none" }

export const checkedOut = (root: string): CheckedOut => {
  const branch = read(root, "symbolic-ref", "--quiet", "HEAD")
  if (branch !== null) return { kind: "branch", branch: branch.replace(/^refs\/heads\//, "") }
  return read(root, "rev-parse", "--git-dir") === null ? { kind: "none" } : { kind: "detached" }
}

export interface InProgress {
  readonly what: "rebase" | "am" | "merge" | "cherry-pick" | "revert" | "bisect"
  /** The branch it is about, when git keeps its name. */
  readonly branch: string | null
  /** While it lasts no branch is checked out. */
  readonly detaches: boolean
}

const states: ReadonlyArray<readonly [file: string, what: InProgress["what"], detaches: boolean]> = [
  ["rebase-merge", "rebase", true],
  ["rebase-apply/rebasing", "rebase", true],
  ["rebase-apply", "am", false],
  ["MERGE_HEAD", "merge", false],
  ["CHERRY_PICK_HEAD", "cherry-pick", false],
  ["REVERT_HEAD", "revert", false],
  ["BISECT_LOG", "bisect", true]
]

/** The operation that git was left in the midst of, if any. */
export const inProgress = (root: string): InProgress | null => {
  const dir = read(root, "rev-parse", "--absolute-git-dir")
  const fs = process.getBuiltinModule("node:fs")
  const found = dir === null ? undefined : states.find(([file]) => fs.existsSync(`${dir}/${file}`))
  if (dir === null || found === undefined) return null
  const names = ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"].map((file) => `${dir}/${file}`)
  const name = names.find((file) => found[2] && fs.existsSync(file))
  return {
    what: found[1],
    branch:
      name === undefined
        ? null
        : fs
            .readFileSync(name, "utf8")
            .trim()
            .replace(/^refs\/heads\//, ""),
    detaches: found[2]
  }
}

/** Folder of another work tree in which a branch is checked out. */
export const workTreeOf = (root: string, branch: string): string | null => {
  const entries = (read(root, "worktree", "list", "--porcelain") ?? "").split("\n\n")
  const entry = entries.find((one) => one.split("\n").includes(`branch refs/heads/${branch}`))
  return entry === undefined ? null : (/^worktree (.*)$/m.exec(entry)?.[1] ?? null)
}

/** Paths below a folder in a revision; none when there is no such revision. */
export const lists = (root: string, revision: string, dir: string): ReadonlyArray<string> => {
  const sha = commit(root, revision)
  const listing = sha === null ? null : raw(root, ["ls-tree", "-r", "-z", "--name-only", sha, "--", dir])
  return (listing?.toString("utf8") ?? "").split("\0").filter((path) => path !== "")
}

/** Whether `ancestor` is reached from `of`. */
export const reaches = (root: string, of: string, ancestor: string): boolean => {
  const [from, to] = [commit(root, of), commit(root, ancestor)]
  if (from === null || to === null) return false
  return from === to || raw(root, ["merge-base", "--is-ancestor", to, from]) !== null
}

/** Full name of a branch: the local one, else that of a remote; `null` when it is gone everywhere. */
export const refOf = (root: string, branch: string): string | null =>
  commit(root, `refs/heads/${branch}`) === null ? (named(root, branch)[0] ?? null) : `refs/heads/${branch}`

export const exists = (root: string, branch: string): boolean => refOf(root, branch) !== null

export interface Head {
  readonly sha: string
  readonly tree: string
}

/** Commit and code tree of a revision. */
export const head = (root: string, revision: string): Head | null => {
  const sha = commit(root, revision)
  if (sha === null) return null
  const listing = raw(root, ["ls-tree", "-r", "-z", sha])
  return listing === null ? null : { sha, tree: codeTreeDigest(listing.toString("utf8")) }
}

/** Branches of features, which nothing is merged into. */
const ofFeature = /^(?:sdlc|feature)\//

/**
 * The branch that features are merged into: the given one, the remote's default, main or master, what this git calls the first branch of
 * a repository, else the one branch that is no feature's. `null` when that leaves several, or none.
 */
export const base = (root: string, wanted?: string): string | null => {
  const remote = remoteDefault(root)
  const known = [
    wanted,
    wanted === undefined ? null : refOf(root, wanted),
    remote?.replace(/^origin\//, ""),
    "main",
    "master",
    remote
  ].find((name) => name !== undefined && name !== null && commit(root, name) !== null)
  return known ?? guessed(root)
}

const guessed = (root: string): string | null => {
  const first = read(root, "config", "init.defaultBranch")
  const fetched = ["main", "master", "trunk", first].flatMap((name) =>
    name === null || name === undefined || name === "" ? [] : (refOf(root, name) ?? [])
  )
  const local = [...refs(root).keys()]
    .filter((name) => name.startsWith("refs/heads/"))
    .map((name) => name.slice("refs/heads/".length))
    .filter((name) => !ofFeature.test(name))
  const named = fetched[0]?.replace(/^refs\/heads\//, "")
  return named ?? (local.length === 1 ? (local[0] ?? null) : null)
}

/** A branch and what was fetched of it: `main`, `refs/remotes/origin/main`. */
export const knownAs = (root: string, branch: string): ReadonlyArray<string> => [branch, ...named(root, branch)]

export interface Relation {
  readonly relation: "ok" | "behind" | "conflict"
  readonly behind: number
  readonly conflicts: ReadonlyArray<string>
}

/** How a branch stands to its base: up to date, behind, or in conflict with it. */
export const relation = (root: string, branch: string, onto: string): Relation | null => {
  const [head, base] = [commit(root, branch), commit(root, onto)]
  if (head === null || base === null) return null
  const behind =
    mergeBase(root, base, head) === base ? 0 : Number(read(root, "rev-list", "--count", `${head}..${base}`) ?? "NaN")
  if (!Number.isInteger(behind)) return null
  if (behind === 0) return { relation: "ok", behind, conflicts: [] }
  const result = spawnSync(
    "git",
    [...safe, "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", onto, branch],
    { cwd: root, maxBuffer }
  )
  if (result.status === 0) return { relation: "behind", behind, conflicts: [] }
  if (result.status !== 1) return null
  const names = result.stdout
    .toString("utf8")
    .split("\0")
    .slice(1)
    .filter((name) => name !== "")
  return { relation: "conflict", behind, conflicts: [...new Set(names)] }
}

/** `.sdlc` and the given other paths as they stand in a commit. */
export const readTree = (root: string, revision: string, paths: ReadonlyArray<string> = []): Tree | null => {
  const listing = raw(root, ["ls-tree", "-r", "-z", "--end-of-options", revision, "--", ".sdlc", ...paths])?.toString(
    "utf8"
  )
  if (listing === undefined) return null
  const tree: Tree = new Map()
  const blobs = listing.split("\0").flatMap((line) => {
    const match = /^(\d{6}) (?:blob|commit) ([0-9a-f]+)\t([^]+)$/.exec(line)
    if (match === null) return []
    const [, mode = "", id = "", path = ""] = match
    if (/^100(?:644|755)$/.test(mode)) return [{ id, path }]
    // A link in place of a state file would be followed by nobody; it is named like one on a disk.
    if (path.startsWith(".sdlc/"))
      tree.set(path, Decode.unreadable(mode === "120000" ? "it is a link" : "it is not a regular file"))
    return []
  })
  const out = raw(root, ["cat-file", "--batch"], blobs.map((blob) => `${blob.id}\n`).join(""))
  if (out === null) return null
  let at = 0
  for (const blob of blobs) {
    const end = out.indexOf(10, at)
    const size = Number(out.subarray(at, end).toString("latin1").split(" ")[2])
    if (!Number.isInteger(size)) return null
    tree.set(blob.path, out.subarray(end + 1, end + 1 + size))
    at = end + 2 + size
  }
  return tree
}

/** Objects by their names in a revision, such as `main:.sdlc/policy.yaml`, as git stores them; those that are not there are left out. */
export const objects = (root: string, names: ReadonlyArray<string>): ReadonlyMap<string, Buffer> => {
  const found = new Map<string, Buffer>()
  const asked = names.filter((name) => !/[\n\0]/.test(name))
  const out = asked.length === 0 ? null : raw(root, ["cat-file", "--batch"], `${asked.join("\n")}\n`)
  if (out === null) return found
  let at = 0
  for (const name of asked) {
    const end = out.indexOf(10, at)
    if (end < 0) return found
    const size = /^[0-9a-f]+ \w+ (\d+)$/.exec(out.subarray(at, end).toString("latin1"))?.[1]
    if (size === undefined) {
      at = end + 1
      continue
    }
    found.set(name, out.subarray(end + 1, end + 1 + Number(size)))
    at = end + 2 + Number(size)
  }
  return found
}

/** What a merge queue stacked on a base: for each commit of its first-parent line, oldest first, the commit and its parents. */
export const stacked = (
  root: string,
  from: string,
  to: string
): ReadonlyArray<{ readonly sha: string; readonly parents: ReadonlyArray<string> }> =>
  (read(root, "rev-list", "--first-parent", "--reverse", "--parents", "--end-of-options", `${from}..${to}`) ?? "")
    .split("\n")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [sha = "", ...parents] = entry.split(" ")
      return { sha, parents }
    })

/**
 * Paths that a commit changed since it left another. Renames count as what they are, a removal and an addition: a folder that was
 * renamed away must not escape.
 */
const differing = (
  root: string,
  from: string,
  to: string,
  below: ReadonlyArray<string>,
  ...options: ReadonlyArray<string>
): ReadonlyArray<string> =>
  (
    read(
      root,
      "diff",
      "--name-only",
      "-z",
      "--no-renames",
      "--no-ext-diff",
      "--no-textconv",
      ...options,
      "--end-of-options",
      `${from}...${to}`,
      "--",
      ...below
    ) ?? ""
  )
    .split("\0")
    .filter((path) => path !== "")

/** Slugs of the features whose folder differs between two commits. */
export const changedFeatures = (root: string, from: string, to: string): ReadonlyArray<string> =>
  [
    ...new Set(
      differing(root, from, to, [Layout.featuresDir]).flatMap(
        (path) => /^\.sdlc\/features\/([^/]+)\//.exec(path)?.[1] ?? []
      )
    )
  ].toSorted()

/** Event and evidence files of a feature that a commit changed or removed since it left another. */
export const rewritten = (root: string, from: string, to: string, slug: string): ReadonlyArray<string> =>
  differing(
    root,
    from,
    to,
    ["events", "evidence"].map((name) => `${Layout.featureDir(slug)}${name}`),
    "--diff-filter=a"
  )

/** The commit at which two lines of history parted. */
export const mergeBase = (root: string, a: string, b: string): string | null => {
  const [one, other] = [commit(root, a), commit(root, b)]
  if (one === null || other === null) return null
  return one === other ? one : read(root, "merge-base", one, other)
}

/** Whether a part of the history was left out when the repository was cloned. */
export const isShallow = (root: string): boolean => read(root, "rev-parse", "--is-shallow-repository") === "true"

/** Version of the git in use, such as `2.43.0`. */
export const version = (root: string): string | null =>
  /(\d+\.\d+(?:\.\d+)?)/.exec(read(root, "--version") ?? "")?.[1] ?? null

/** Name and address that commits carry. */
export const user = (root: string): { readonly name: string; readonly email: string } | null => {
  const email = read(root, "config", "user.email")
  return email === null || email === "" ? null : { email, name: read(root, "config", "user.name") ?? email }
}

/** Runs a git command that changes the repository, with the repository's own configuration. Used by `sdlc apply` alone. */
export const change = (root: string, ...args: ReadonlyArray<string>): void => {
  const result = spawnSync("git", args, { cwd: root, maxBuffer })
  forget()
  const said = result.stderr.length > 0 ? result.stderr : result.stdout
  if (result.status !== 0)
    throw new Failure(
      `git ${args[0] ?? ""} failed: ${said.toString("utf8").trim().split("\n").slice(-3).join(" ")}`,
      "solve it by hand, then run the command again."
    )
}

/** Refuses to go on while files outside the feature state differ from HEAD. */
export const requireClean = (root: string): void => {
  const status =
    raw(root, ["status", "--porcelain=v1", "-z", "--untracked-files=normal", "--no-renames"])?.toString("utf8") ?? ""
  const dirty = status
    .split("\0")
    .map((entry) => entry.slice(3))
    .filter((path) => path !== "" && !path.startsWith(".sdlc/"))
  if (dirty[0] !== undefined)
    throw new Failure(
      `The work tree has uncommitted changes: ${dirty.slice(0, 3).join(", ")}${dirty.length > 3 ? ", \u2026" : ""}.`,
      "commit them: results hold for a commit."
    )
}
