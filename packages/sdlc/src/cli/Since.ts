/** What happened to the code of a branch since it had a certain tree. Reads the repository only; `null` when the tree is not among the latest commits. */
import { spawnSync } from "node:child_process"
import type { Since } from "../explain/Words.ts"
import * as Git from "./Git.ts"

/** Commits that are looked at; each costs a listing of its tree. */
const farthest = 40

const read = (root: string, args: ReadonlyArray<string>): ReadonlyArray<string> | null => {
  const result = spawnSync("git", ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", ...args], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, GIT_OPTIONAL_LOCKS: "0", LC_ALL: "C" }
  })
  return result.status === 0
    ? result.stdout
        .split("\0")
        .map((part) => part.trim())
        .filter((part) => part !== "")
    : null
}

const commitWith = (root: string, head: string, tree: string): string | undefined =>
  (read(root, ["log", "-z", `--max-count=${farthest}`, "--format=%H", "--end-of-options", head]) ?? []).find(
    (sha) => Git.head(root, sha)?.tree === tree
  )

/** `sha`: the commit of that tree, when it is known. `own`: the files in which the feature's own changes differ, when that is known. */
export const since = (
  root: string,
  head: string,
  tree: string,
  sha?: string,
  own?: ReadonlyArray<string>
): Since | null => {
  const from = (sha === undefined ? null : Git.commit(root, sha)) ?? commitWith(root, head, tree)
  if (from === undefined) return null
  const files =
    own ??
    read(root, [
      "diff",
      "--name-only",
      "-z",
      "--no-renames",
      "--no-ext-diff",
      "--no-textconv",
      "--end-of-options",
      from,
      head,
      "--",
      ".",
      ":(exclude).sdlc"
    ])
  const authors = read(root, [
    "log",
    "-z",
    "--format=%an",
    "--end-of-options",
    `${from}..${head}`,
    "--",
    ...(own === undefined ? [".", ":(exclude).sdlc"] : own.map((path) => `:(literal)${path}`))
  ])
  return files === null || authors === null ? null : { files, commits: authors.length, by: [...new Set(authors)] }
}

/** The feature's code changes against its base as a patch, or `null` when git cannot tell. */
export const patch = (root: string, onto: string, head: string): string | null => {
  const result = spawnSync(
    "git",
    [
      "-c",
      "core.fsmonitor=false",
      "-c",
      "core.quotePath=false",
      "diff",
      "--stat",
      "--patch",
      "--no-color",
      "--no-ext-diff",
      "--no-textconv",
      "--end-of-options",
      `${onto}...${head}`,
      "--",
      ".",
      ":(exclude).sdlc"
    ],
    {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
      env: { ...process.env, GIT_OPTIONAL_LOCKS: "0", LC_ALL: "C" }
    }
  )
  return result.status === 0 ? result.stdout : null
}
