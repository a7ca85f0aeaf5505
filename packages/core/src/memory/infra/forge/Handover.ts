/** What brings a workspace's work onto a branch, in memory. */
import type { Sha } from "../../../ports/infra/Forge.ts"
import type { Handover, Prepared } from "../../../ports/infra/GitObjects.ts"
import { ancestors, commitOf, conflict, merged, platform, refuse, type Repository, store } from "./Model.ts"
import type { Tree } from "./ObjectNames.ts"

/** See `GitObjects.prepareHandover`. */
export const prepare = (repo: Repository, head: Sha, handover: Handover, now: number): Prepared => {
  const { author, base, message, upstream, work } = handover
  const [first, merges = null, ...more] = commitOf(repo, work).parents
  const upstreamHead = upstream === null ? undefined : repo.branches.get(upstream)
  const known = merges === null || (upstreamHead !== undefined && ancestors(repo, upstreamHead).has(merges))
  if (first !== base || more.length > 0 || !known)
    refuse({ _tag: "Invalid", field: "work", message: `${work} is not one commit on ${base}` })
  if (!ancestors(repo, head).has(base)) conflict(`${base}, where the work began, is no longer part of the branch`)
  const took = merges === null || ancestors(repo, base).has(merges) ? null : merges
  const same = (a: Tree, b: Tree) =>
    a.size === b.size &&
    [...a].every(([path, entry]) => b.get(path)?.oid === entry.oid && b.get(path)?.mode === entry.mode)
  if (took === null && same(commitOf(repo, work).tree, commitOf(repo, base).tree)) return { sha: head, merged: null }
  const made = store(repo, {
    tree: commitOf(repo, work).tree,
    parents: took === null ? [base] : [base, took],
    author,
    message,
    timeMillis: now
  })
  if (head === base) return { sha: made, merged: took }
  const result = merged(repo, head, made)
  if (result.conflicts.length > 0) conflict(`conflicting paths: ${result.conflicts.join(", ")}`)
  return {
    sha: store(repo, {
      tree: result.tree,
      parents: [head, made],
      author: platform,
      message: `Merge what was handed over: ${message}`,
      timeMillis: now
    }),
    merged: took
  }
}
