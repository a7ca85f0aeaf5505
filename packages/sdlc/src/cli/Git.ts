/**
 * What the local git repository says about a feature: head, code tree, relation to the base.
 *
 * Promises to run only commands that read objects and refs, with hooks, filesystem monitors and pagers switched off. An
 * answer git cannot give is `null`, not an exception.
 */
import type { SpawnSyncOptions, SpawnSyncReturns } from "node:child_process"
import { codeTreeDigest } from "../repo/CodeTree.ts"
import * as Decode from "../repo/Decode.ts"
import * as Layout from "../repo/Layout.ts"
import type { Tree } from "../repo/Disk.ts"
import { Failure } from "./Failure.ts"

const safe = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat", "-c", "core.quotePath=false"]
const maxBuffer = 256 * 1024 * 1024

/** Loaded when git is first asked, because loading it takes a tenth of what `sdlc next` may take. */
const spawnSync = (command: string, args: ReadonlyArray<string>, options: SpawnSyncOptions): SpawnSyncReturns<Buffer> =>
  process.getBuiltinModule("node:child_process").spawnSync(command, args, { ...options, encoding: "buffer" })

const raw = (root: string, args: ReadonlyArray<string>, input?: string): Buffer | null => {
  const result = spawnSync("git", [...safe, ...args], { cwd: root, ...(input === undefined ? {} : { input: Buffer.from(input) }), maxBuffer, env: { ...process.env, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0", LC_ALL: "C" } })
  if (result.error !== undefined && (result.error as { readonly code?: unknown }).code === "ENOENT") throw new Failure("git is not installed.", "install git and put it on the PATH.")
  return result.status === 0 ? result.stdout : null
}

const read = (root: string, ...args: ReadonlyArray<string>): string | null => raw(root, args)?.toString("utf8").trimEnd() ?? null

/** Commit id of a revision, or `null`. A leading dash is never passed on. */
export const commit = (root: string, revision: string): string | null =>
  revision.startsWith("-") ? null : read(root, "rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`)

export const currentBranch = (root: string): string | null => read(root, "symbolic-ref", "--quiet", "--short", "HEAD")

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

/** Local name of the branch that features are merged into: the given one, the remote's default, main or master. */
export const base = (root: string, wanted?: string): string | null => {
  const remote = read(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
  const candidates = [wanted, "main", "master", remote].filter((name) => name !== undefined && name !== null)
  return candidates.find((name) => commit(root, name) !== null) ?? null
}

export interface Relation {
  readonly relation: "ok" | "behind" | "conflict"
  readonly behind: number
  readonly conflicts: ReadonlyArray<string>
}

/** How a branch stands to its base: up to date, behind, or in conflict with it. */
export const relation = (root: string, branch: string, onto: string): Relation | null => {
  const behind = Number(read(root, "rev-list", "--count", "--end-of-options", `${branch}..${onto}`) ?? "NaN")
  if (!Number.isInteger(behind)) return null
  if (behind === 0) return { relation: "ok", behind, conflicts: [] }
  const result = spawnSync("git", [...safe, "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", onto, branch], { cwd: root, maxBuffer })
  if (result.status === 0) return { relation: "behind", behind, conflicts: [] }
  if (result.status !== 1) return null
  const names = result.stdout.toString("utf8").split("\0").slice(1).filter((name) => name !== "")
  return { relation: "conflict", behind, conflicts: [...new Set(names)] }
}

/** `.sdlc` and the given other paths as they stand in a commit. */
export const readTree = (root: string, revision: string, paths: ReadonlyArray<string> = []): Tree | null => {
  const listing = raw(root, ["ls-tree", "-r", "-z", "--end-of-options", revision, "--", ".sdlc", ...paths])?.toString("utf8")
  if (listing === undefined) return null
  const tree: Tree = new Map()
  const blobs = listing.split("\0").flatMap((line) => {
    const match = /^(\d{6}) (?:blob|commit) ([0-9a-f]+)\t([^]+)$/.exec(line)
    if (match === null) return []
    const [, mode = "", id = "", path = ""] = match
    if (/^100(?:644|755)$/.test(mode)) return [{ id, path }]
    // A link in place of a state file would be followed by nobody; it is named like one on a disk.
    if (path.startsWith(".sdlc/")) tree.set(path, Decode.unreadable(mode === "120000" ? "it is a link" : "it is not a regular file"))
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

/** What a merge queue stacked on a base: for each commit of its first-parent line, oldest first, the commit and its parents. */
export const stacked = (root: string, from: string, to: string): ReadonlyArray<{ readonly sha: string; readonly parents: ReadonlyArray<string> }> =>
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
const differing = (root: string, from: string, to: string, below: ReadonlyArray<string>, ...options: ReadonlyArray<string>): ReadonlyArray<string> =>
  (read(root, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", ...options, "--end-of-options", `${from}...${to}`, "--", ...below) ?? "").split("\0").filter((path) => path !== "")

/** Slugs of the features whose folder differs between two commits. */
export const changedFeatures = (root: string, from: string, to: string): ReadonlyArray<string> =>
  [...new Set(differing(root, from, to, [Layout.featuresDir]).flatMap((path) => /^\.sdlc\/features\/([^/]+)\//.exec(path)?.[1] ?? []))].toSorted()

/** Event and evidence files of a feature that a commit changed or removed since it left another. */
export const rewritten = (root: string, from: string, to: string, slug: string): ReadonlyArray<string> =>
  differing(root, from, to, ["events", "evidence"].map((name) => `${Layout.featureDir(slug)}${name}`), "--diff-filter=a")

/** The commit at which two lines of history parted. */
export const mergeBase = (root: string, a: string, b: string): string | null => read(root, "merge-base", "--end-of-options", a, b)

/** Version of the git in use, such as `2.43.0`. */
export const version = (root: string): string | null => /(\d+\.\d+(?:\.\d+)?)/.exec(read(root, "--version") ?? "")?.[1] ?? null

/** Name and address that commits carry. */
export const user = (root: string): { readonly name: string; readonly email: string } | null => {
  const email = read(root, "config", "user.email")
  return email === null || email === "" ? null : { email, name: read(root, "config", "user.name") ?? email }
}

/** Runs a git command that changes the repository, with the repository's own configuration. Used by `sdlc apply` alone. */
export const change = (root: string, ...args: ReadonlyArray<string>): void => {
  const result = spawnSync("git", args, { cwd: root, maxBuffer })
  const said = result.stderr.length > 0 ? result.stderr : result.stdout
  if (result.status !== 0) throw new Failure(`git ${args[0] ?? ""} failed: ${said.toString("utf8").trim().split("\n").slice(-3).join(" ")}`, "solve it by hand, then run the command again.")
}

/** Refuses to go on while files outside the feature state differ from HEAD. */
export const requireClean = (root: string): void => {
  const status = raw(root, ["status", "--porcelain=v1", "-z", "--untracked-files=normal", "--no-renames"])?.toString("utf8") ?? ""
  const dirty = status.split("\0").map((entry) => entry.slice(3)).filter((path) => path !== "" && !path.startsWith(".sdlc/"))
  if (dirty[0] !== undefined) throw new Failure(`The work tree has uncommitted changes: ${dirty.slice(0, 3).join(", ")}${dirty.length > 3 ? ", \u2026" : ""}.`, "commit them: results hold for a commit.")
}
