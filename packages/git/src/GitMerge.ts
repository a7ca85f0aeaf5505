/** Merges without a work tree, by `git merge-tree --write-tree`. */
import type { Sha } from "@rdev/core/ports/infra/Forge"
import { type Comparison, type LineCommit, messageLength } from "@rdev/core/ports/infra/GitObjects"
import { Effect } from "effect"
import type { Git } from "./Git.ts"
import * as GitCommit from "./GitCommit.ts"
import type { Move } from "./GitRefs.ts"
import { conflict, type GitError } from "./GitError.ts"

interface MergedTree {
  readonly tree: string
  readonly conflicts: ReadonlyArray<string>
}

/** The merge of theirs into ours as a tree, or the paths that conflict. Exit code 1 is git's word for a conflict. */
const mergeTree = (git: Git, directory: string, ours: Sha, theirs: Sha): Effect.Effect<MergedTree, GitError> =>
  Effect.map(
    git.run(
      directory,
      ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", "--allow-unrelated-histories", ours, theirs],
      { accept: [0, 1] }
    ),
    ({ code, stdout }) => {
      const [tree = "", ...paths] = stdout
        .toString("utf8")
        .split("\0")
        .map((part) => part.replace(/^\n/, ""))
      return { tree, conflicts: code === 0 ? [] : [...new Set(paths.filter((path) => path !== ""))].sort() }
    }
  )

export const isAncestor = (git: Git, directory: string, ancestor: Sha, of: Sha): Effect.Effect<boolean, GitError> =>
  Effect.map(
    git.run(directory, ["merge-base", "--is-ancestor", ancestor, of], { accept: [0, 1] }),
    ({ code }) => code === 0
  )

export const compare = Effect.fn("GitMerge.compare")(function* (git: Git, directory: string, base: Sha, head: Sha) {
  const counted = yield* git.text(directory, ["rev-list", "--left-right", "--count", `${base}...${head}`, "--"])
  const [behind = 0, ahead = 0] = counted.split(/\s+/).map(Number)
  const conflicts = behind === 0 || ahead === 0 ? [] : (yield* mergeTree(git, directory, base, head)).conflicts
  const parted = yield* git.run(directory, ["merge-base", base, head], { accept: [0, 1] })
  return {
    ahead,
    behind,
    conflicts,
    mergeBase: parted.code === 0 ? parted.stdout.toString("utf8").trim() : null
  } satisfies Comparison
})

/** Paths that the merge of head into base changes, conflicting ones among them. */
export const brings = Effect.fn("GitMerge.brings")(function* (git: Git, directory: string, base: Sha, head: Sha) {
  const { conflicts, tree } = yield* mergeTree(git, directory, base, head)
  const { stdout } = yield* git.run(directory, [
    "diff-tree",
    "-r",
    "-z",
    "--name-only",
    "--no-renames",
    base,
    tree,
    "--"
  ])
  const changed = stdout
    .toString("utf8")
    .split("\0")
    .filter((path) => path !== "")
  return [...new Set([...changed, ...conflicts])].sort()
})

/** The line of first parents that ends in a commit, newest first. */
export const line = (
  git: Git,
  directory: string,
  head: Sha,
  since: Sha | null,
  limit: number
): Effect.Effect<ReadonlyArray<LineCommit>, GitError> =>
  Effect.map(
    git.text(directory, [
      "log",
      "-z",
      "--first-parent",
      // Cut by git, in columns: a message may be as large as a push.
      `--format=%H %P%n%<(${2 * messageLength},trunc)%B`,
      `--max-count=${limit}`,
      since === null ? head : `${since}..${head}`,
      "--"
    ]),
    (text) =>
      text.split("\0").flatMap((entry) => {
        const [names = "", ...message] = entry.split("\n")
        const [sha = "", ...parents] = names.split(" ").filter((name) => name !== "")
        return sha === "" ? [] : [{ sha, parents, message: message.join("\n").slice(0, messageLength).trimEnd() }]
      })
  )

/** A merge commit of ours, on no branch yet (parents: ours, theirs); Conflict names the paths. */
export const mergeCommit = Effect.fn("GitMerge.mergeCommit")(function* (
  git: Git,
  directory: string,
  ours: Sha,
  theirs: Sha,
  message: string
) {
  const { tree, conflicts } = yield* mergeTree(git, directory, ours, theirs)
  if (conflicts.length > 0) return yield* conflict(`conflicting paths: ${conflicts.join(", ")}`)
  return yield* GitCommit.ofTree(git, directory, { tree, parents: [ours, theirs], message, author: GitCommit.platform })
})

/** Commits the merge of `theirs` onto the branch and moves it. */
export const mergeInto = Effect.fn("GitMerge.mergeInto")(function* (
  git: Git,
  directory: string,
  branch: string,
  ours: Sha,
  theirs: Sha,
  message: string,
  move: Move
) {
  const sha = yield* mergeCommit(git, directory, ours, theirs, message)
  yield* move([{ ref: `refs/heads/${branch}`, to: sha, old: ours }])
  return sha
})

/** The commit on `base` that merged `head`, if its first-parent history has one: found after a crash between merge and record. */
export const findMergeOf = (git: Git, directory: string, base: Sha, head: Sha): Effect.Effect<Sha | null, GitError> =>
  Effect.map(
    git.text(directory, ["rev-list", "--first-parent", "--merges", "--parents", "--max-count=1000", base, "--"]),
    (text) => {
      for (const line of text.split("\n")) {
        const [sha, , second] = line.split(" ")
        if (sha !== undefined && second === head) return sha
      }
      return null
    }
  )
