/**
 * Whether a feature's changes came into its base without the flow: merged, fast-forwarded, squashed, rebased or cherry-picked, by hand or
 * by a forge. Reads only.
 *
 * Promises to say so only when all of the feature's own changes were in the base at one commit, and, where nothing but equal content
 * speaks for it, only with something else that ties that commit to the feature. A part that was picked is not a merge.
 */
import type { Landed } from "../model/Observed.ts"
import * as Layout from "../repo/Layout.ts"
import * as Patch from "../repo/Patch.ts"
import * as Git from "./Git.ts"
import * as History from "./History.ts"

/** Commits of the base that are looked at, newest first; what landed before that was seen before. */
const window = 500
const mostPaths = 200

export interface Subject {
  readonly slug: string
  /** Commits that may hold the feature's work, most telling first: the tip of its branch, else what results were recorded for. */
  readonly heads: ReadonlyArray<string>
  /** The base as it is known here: the branch, and what was fetched of it. */
  readonly bases: ReadonlyArray<string>
  /** The event that gave the feature its branch, and the commit it started from when that is on record. */
  readonly provisioned: { readonly event: string; readonly sha?: string }
  /** Whether tasks are still to be done: then equal content alone is no proof. */
  readonly unfinished: boolean
}

interface Hit {
  readonly sha: string
  readonly how: Landed["how"]
  readonly own: Patch.Changes
  /** The base just before. */
  readonly before: Patch.Tree
}

const eventPath = ({ provisioned, slug }: Subject): string =>
  Layout.eventPath(slug, provisioned.event, "branch-provisioned")

const hasRecords = (root: string, subject: Subject, revision: string): boolean =>
  Git.lists(root, revision, eventPath(subject)).length > 0

/** The oldest commit of the base's own line that reaches `sha`; the line is newest first, and reaching it is monotonic along it. */
const broughtBy = (root: string, line: ReadonlyArray<string>, sha: string): string | null => {
  let [low, high] = [0, line.length - 1]
  if (high < 0 || !Git.reaches(root, line[0] ?? "", sha)) return null
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (Git.reaches(root, line[middle] ?? "", sha)) low = middle
    else high = middle - 1
  }
  return line[low] ?? null
}

/** Everything of `sha` is in the base: by a merge, or because the base was moved forward to it. */
const byAncestry = (root: string, subject: Subject, sha: string, base: string): Hit | null => {
  const { provisioned } = subject
  const started = provisioned.sha
  // A branch on which nothing was done yet is a part of its base, too.
  if (started !== undefined ? Git.reaches(root, started, sha) : !hasRecords(root, subject, sha)) return null
  const line = History.firstParents(root, base, window * 4)
  const merge = line.includes(sha) ? sha : broughtBy(root, line, sha)
  if (merge === null) return null
  const forward = merge === sha
  const onto = forward
    ? (started ?? History.addedBy(root, base, eventPath(subject))?.parent ?? null)
    : (History.parents(root, merge)[0] ?? null)
  const left = onto === null ? null : forward ? onto : Git.mergeBase(root, onto, sha)
  if (onto === null || left === null) return null
  const own = Patch.changes(History.tree(root, left), History.tree(root, sha))
  return own.size === 0
    ? null
    : { sha: merge, how: forward ? "fast-forward" : "merge", own, before: History.tree(root, onto) }
}

const named = (message: string, commits: ReadonlySet<string>): boolean =>
  [...message.matchAll(/(?:cherry picked from commit |^Sdlc-Head:\s*)([0-9a-f]{40,64})/gm)].some((match) =>
    commits.has(match[1] ?? "")
  )

/** Whether something besides the content ties a commit to the feature. */
const tied = (
  root: string,
  subject: Subject,
  commit: string,
  own: ReadonlySet<string>,
  authored: ReadonlySet<string>
): boolean =>
  !subject.unfinished ||
  hasRecords(root, subject, commit) ||
  named(History.message(root, commit), own) ||
  authored.has(History.authorship(root, commit))

/** The changes were made again in the base, in one commit or several. */
const byContent = (
  root: string,
  subject: Subject,
  sha: string,
  base: string,
  left: string,
  own: Patch.Changes
): Hit | null => {
  const paths = own.size > mostPaths ? [] : [...own.keys()]
  const candidates = History.firstParents(root, base, window, left, paths).toReversed()
  const commits = History.commits(root, left, sha, window)
  const mine = new Set(commits)
  const authored = new Set(commits.map((commit) => History.authorship(root, commit)))
  const before = History.tree(root, left)
  const said = candidates.find(
    (commit) =>
      named(History.message(root, commit), new Set([sha])) && /^Sdlc-Head:/m.test(History.message(root, commit))
  )
  if (said !== undefined) return { sha: said, how: "squash", own, before }
  const equal = candidates.find((commit) => Patch.contains(History.tree(root, commit), own))
  if (equal !== undefined) {
    const parent = History.parents(root, equal)[0]
    const whole =
      parent !== undefined &&
      Patch.contains(Patch.changes(History.tree(root, parent), History.tree(root, equal)) as Patch.Tree, own)
    return tied(root, subject, equal, mine, authored)
      ? { sha: equal, how: whole ? "squash" : "cherry-pick", own, before }
      : null
  }
  // Others changed the same files meanwhile: compare what was changed instead of what came out.
  const whole = History.patchId(root, left, sha)
  const ids = History.patchIds(root, candidates)
  const squash = candidates.find((commit) => whole !== null && ids.get(commit) === whole)
  if (squash !== undefined)
    return tied(root, subject, squash, mine, authored) ? { sha: squash, how: "squash", own, before } : null
  const wanted = new Set(History.patchIds(root, commits).values())
  const found = candidates.filter((commit) => wanted.has(ids.get(commit) ?? ""))
  const last = found.at(-1)
  const all = wanted.size > 0 && new Set(found.map((commit) => ids.get(commit))).size === wanted.size
  return all && last !== undefined && tied(root, subject, last, mine, authored)
    ? { sha: last, how: "cherry-pick", own, before }
    : null
}

const search = (root: string, subject: Subject, sha: string, base: string): Hit | null => {
  const left = Git.mergeBase(root, base, sha)
  if (left === null) return null
  if (left === sha) return byAncestry(root, subject, sha, base)
  const own = Patch.changes(History.tree(root, left), History.tree(root, sha))
  // Nothing but records since the base has the code: what matters is whether that code came from here.
  if (own.size === 0) return byAncestry(root, subject, left, base)
  return left === base ? null : byContent(root, subject, sha, base, left, own)
}

/** Neither the branch nor any commit of it is left: the records in the base tell which commit brought them, and code with them. */
const byRecords = (root: string, subject: Subject, base: string): Hit | null => {
  const added = History.addedBy(root, base, eventPath(subject))
  if (added === null || added.parent === null) return null
  const before = History.tree(root, added.parent)
  const own = Patch.changes(before, History.tree(root, added.sha))
  return own.size === 0
    ? null
    : { sha: added.sha, how: History.parents(root, added.sha).length > 1 ? "merge" : "squash", own, before }
}

/** The commit that took the changes back: at the tip the files are as they were before. */
const revertedBy = (root: string, base: string, { before, own, sha }: Hit): string | undefined => {
  const tip = History.tree(root, base)
  const back = [...own.keys()].every((path) => tip.get(path) === before.get(path))
  return back
    ? (History.firstParents(root, base, 1, sha, own.size > mostPaths ? [] : [...own.keys()])[0] ?? base)
    : undefined
}

export const find = (root: string, subject: Subject): Landed | null => {
  const tips = [...new Set(subject.bases.flatMap((name) => Git.commit(root, name) ?? []))]
  const heads = [...new Set(subject.heads.flatMap((name) => Git.commit(root, name) ?? []))].slice(0, 1)
  for (const tip of tips) {
    const hit = heads[0] === undefined ? byRecords(root, subject, tip) : search(root, subject, heads[0], tip)
    if (hit === null) continue
    const reverted = revertedBy(root, tip, hit)
    return {
      sha: hit.sha,
      how: hit.how,
      records: hasRecords(root, subject, tip),
      ...(reverted === undefined ? {} : { reverted })
    }
  }
  return null
}
