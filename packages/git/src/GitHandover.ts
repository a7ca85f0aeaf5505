/**
 * Makes the commit that brings a workspace's work onto a branch. Of the work only the tree is taken: author, message, dates and parents
 * are the server's to say, so that nothing of an agent's history, and nobody else's name, comes along.
 */
import type { Sha } from "@rdev/core/ports/infra/Forge"
import type { Handover, Prepared } from "@rdev/core/ports/infra/GitObjects"
import { Effect } from "effect"
import type { Git } from "./Git.ts"
import { incoming } from "./GitBundle.ts"
import * as GitCommit from "./GitCommit.ts"
import * as GitMerge from "./GitMerge.ts"
import { isSha, updateRefs } from "./GitRefs.ts"
import { conflict, invalid, notFound } from "./GitError.ts"

interface Commit {
  readonly tree: Sha
  readonly parents: ReadonlyArray<Sha>
}

/** Tree and parents of commits by their ids. */
const read = Effect.fnUntraced(function* (git: Git, directory: string, shas: ReadonlyArray<Sha>) {
  const text = yield* git.text(directory, ["rev-list", "--no-walk=unsorted", "--format=%H %T %P", ...shas, "--"])
  const commits = new Map<Sha, Commit>()
  for (const line of text.split("\n")) {
    const [sha = "", tree = "", ...parents] = line.trim().split(" ")
    if (isSha(sha)) commits.set(sha, { tree, parents })
  }
  return commits
})

/** `upstream` = head of the branch that the work may have merged; null = none. */
export const prepare = Effect.fn("GitHandover.prepare")(function* (
  git: Git,
  directory: string,
  head: Sha,
  handover: Handover,
  upstream: Sha | null
) {
  const { author, base, message, work } = handover
  for (const [field, sha] of [
    ["head", head],
    ["work", work],
    ["base", base]
  ] as const) {
    if (!isSha(sha)) return yield* invalid(field, `${JSON.stringify(sha)} is not a commit id`)
  }
  const commits = yield* read(git, directory, [...new Set([work, base])])
  const [made, before] = [commits.get(work), commits.get(base)]
  if (made === undefined || before === undefined)
    return yield* notFound(`commit ${made === undefined ? work : base} does not exist`)
  const [first, merges = null, ...more] = made.parents
  if (first !== base || more.length > 0) return yield* invalid("work", `${work} is not one commit on ${base}`)
  if (merges !== null && (upstream === null || !(yield* GitMerge.isAncestor(git, directory, merges, upstream)))) {
    return yield* invalid("work", `${work} merges ${merges}, which is not part of the branch that it may merge`)
  }
  if (head !== base && !(yield* GitMerge.isAncestor(git, directory, base, head)))
    return yield* conflict(`${base}, where the work began, is no longer part of the branch`)
  const merged = merges === null || (yield* GitMerge.isAncestor(git, directory, merges, base)) ? null : merges
  if (merged === null && made.tree === before.tree) return { sha: head, merged: null } satisfies Prepared
  const own = yield* GitCommit.ofTree(git, directory, {
    tree: made.tree,
    parents: merged === null ? [base] : [base, merged],
    message,
    author
  })
  const sha =
    head === base
      ? own
      : yield* GitMerge.mergeCommit(git, directory, head, own, `Merge what was handed over: ${message}`)
  yield* updateRefs(git, directory, [
    { ref: incoming(sha), to: sha },
    ...(sha === work ? [] : [{ ref: incoming(work), to: null }])
  ])
  return { sha, merged } satisfies Prepared
})
