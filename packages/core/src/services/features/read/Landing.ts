/**
 * Whether a feature's changes came into the default branch without the controller: merged, squashed, rebased or picked by somebody with
 * git. Reads commits only; what a pull request says is asked elsewhere.
 */
import type { Landed } from "@rdev/sdlc/model/Observed"
import * as Layout from "@rdev/sdlc/repo/Layout"
import * as Patch from "@rdev/sdlc/repo/Patch"
import type * as Repo from "@rdev/sdlc/repo/Repo"
import { Effect } from "effect"
import type { BranchName, RepositoryTarget, Sha } from "../../../ports/infra/Forge.ts"
import type { LineCommit } from "../../../ports/infra/GitObjects.ts"
import { RepositoryReader } from "./RepositoryReader.ts"
import { takenBack } from "./Reverts.ts"

/** Commits of the default branch that are looked at; a pass every 30 seconds has seen what is older. */
const window = 100

export interface At {
  readonly target: RepositoryTarget
  readonly slug: string
  readonly main: BranchName
  readonly mainSha: Sha
  readonly branch: BranchName
  readonly sha: Sha
  /** The feature as its own branch has it. */
  readonly loaded: Repo.Loaded
  /** Tasks are still to be done: equal content alone is no proof then. */
  readonly unfinished: boolean
}

interface Hit {
  readonly sha: Sha
  readonly how: Landed["how"]
  readonly own: Patch.Changes
  readonly before: Patch.Tree
}

const code = Effect.fnUntraced(function* (at: At, sha: Sha) {
  return (yield* (yield* RepositoryReader).commit(at.target, sha)).code
})

const compared = Effect.fnUntraced(function* (at: At, base: Sha, head: Sha) {
  return yield* (yield* RepositoryReader).compare(
    at.target,
    { branch: at.main, sha: base },
    { branch: at.branch, sha: head }
  )
})

const recordsOf = Effect.fnUntraced(function* (at: At, sha: Sha) {
  const { entries } = yield* (yield* RepositoryReader).commit(at.target, sha)
  const dir = `${Layout.featureDir(at.slug)}events/`
  return new Set(entries.map((entry) => entry.path).filter((path) => path.startsWith(dir)))
})

const provisionOf = (loaded: Repo.Loaded) => loaded.events.findLast((event) => event.type === "branch-provisioned")

/** The default branch reaches `sha`: which of its commits brought it, and what did that one bring? */
const byAncestry = Effect.fnUntraced(function* (at: At, sha: Sha, started: Sha, provision: string) {
  // A branch on which nothing was done yet is a part of its base, too; and one that took in what others did, without work of its own.
  if (sha === started || !(yield* recordsOf(at, sha)).has(provision)) return null
  const reader = yield* RepositoryReader
  const line = yield* reader.line(at.target, at.mainSha, { since: null, limit: window })
  const forward = line.some((one) => one.sha === sha)
  let merge: LineCommit | undefined = line.find((one) =>
    forward ? one.sha === sha : one.parents.slice(1).includes(sha)
  )
  if (merge === undefined) {
    for (const one of line) {
      if ((yield* compared(at, one.sha, sha)).ahead > 0) break
      merge = one
    }
  }
  const onto = forward ? started : merge?.parents[0]
  if (merge === undefined || onto === undefined) return null
  const left = forward ? started : (yield* compared(at, onto, sha)).mergeBase
  if (left === null) return null
  const own = Patch.changes(yield* code(at, left), yield* code(at, sha))
  return own.size === 0
    ? null
    : ({ sha: merge.sha, how: forward ? "fast-forward" : "merge", own, before: yield* code(at, onto) } satisfies Hit)
})

/** Whether a message says that the commit was made of one of these: `git cherry-pick -x`, or a trailer. */
const names = (message: string, commits: ReadonlySet<Sha>) =>
  [...message.matchAll(/(?:cherry picked from commit |^Sdlc-Head:\s*)([0-9a-f]{40,64})/gm)].some((match) =>
    commits.has(match[1] ?? "")
  )

/**
 * Others changed the same files: a commit has the feature when merging the feature's branch into it changes nothing. A file that is as it
 * was where the branch left would be changed by the merge, so that git is asked only where every file of the feature is another by now.
 */
const bringsNothing = Effect.fnUntraced(function* (at: At, left: Sha, own: Patch.Changes, sha: Sha) {
  const [before, now] = [yield* code(at, left), yield* code(at, sha)]
  if ([...own.keys()].some((path) => now.get(path) === before.get(path))) return false
  return (yield* (yield* RepositoryReader).brings(at.target, sha, at.sha, left)).length === 0
})

/** The same changes were made again in the default branch: the oldest commit that has them, because the branch left one that had not. */
const byContent = Effect.fnUntraced(function* (at: At, left: Sha, own: Patch.Changes, provision: string) {
  const reader = yield* RepositoryReader
  const line = (yield* reader.line(at.target, at.mainSha, { since: left, limit: window })).toReversed()
  const mine = yield* recordsOf(at, at.sha)
  const commits = new Set(
    at.unfinished ? (yield* reader.line(at.target, at.sha, { since: left, limit: window })).map(({ sha }) => sha) : []
  )
  let [has, said] = [false, false]
  for (const { message, parents, sha } of line) {
    const now = yield* code(at, sha)
    const parent = parents[0]
    const brought = parent === undefined ? own : Patch.changes(yield* code(at, parent), now)
    const records = yield* recordsOf(at, sha)
    said ||= names(message, commits)
    const all = [...own.keys()].every((path) => brought.has(path))
    if ([...own.keys()].some((path) => brought.has(path)))
      has = Patch.contains(now, own) || (yield* bringsNothing(at, left, own, sha))
    // Where a conflict was solved on the way the content differs; then the whole record says that it is this feature.
    const whole = all && [...mine].every((path) => records.has(path))
    if (!whole && !(has && (!at.unfinished || said || records.has(provision)))) continue
    // Where files have other names by now, the merge into the commit before says whether this one brought all of it.
    const once =
      all || (parent !== undefined && (yield* reader.brings(at.target, parent, at.sha, left)).length >= own.size)
    return { sha, how: once ? "squash" : "cherry-pick", own, before: yield* code(at, left) } satisfies Hit
  }
  return null
})

const search = Effect.fnUntraced(function* (at: At, started: Sha | undefined, provision: string) {
  const { behind, mergeBase } = yield* compared(at, at.mainSha, at.sha)
  if (mergeBase === null) return null
  const own = Patch.changes(yield* code(at, mergeBase), yield* code(at, at.sha))
  // Nothing but records since the default branch has the code: what matters is whether that code came from here.
  if (own.size === 0) return started === undefined ? null : yield* byAncestry(at, mergeBase, started, provision)
  return behind === 0 ? null : yield* byContent(at, mergeBase, own, provision)
})

/** null when the feature has a branch of its own to land from and did not. */
export const find = Effect.fn("Landing.find")(function* (at: At) {
  const event = provisionOf(at.loaded)
  if (event?.type !== "branch-provisioned") return null
  const provision = Layout.eventPath(at.slug, event.id, event.type)
  const hit = yield* search(at, event.data.sha, provision)
  if (hit === null) return null
  const tip = yield* code(at, at.mainSha)
  const said = yield* takenBack(at.target, at.mainSha, hit.sha, hit.own)
  const back = [...hit.own.keys()].every((path) => tip.get(path) === hit.before.get(path))
  const reverted = said?.sha ?? (back ? at.mainSha : null)
  return {
    sha: hit.sha,
    how: hit.how,
    records: (yield* recordsOf(at, at.mainSha)).has(provision),
    ...(reverted === null ? {} : { reverted })
  } satisfies Landed
})
