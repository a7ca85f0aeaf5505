/**
 * Whether a merge was taken back on the default branch. What proves it is a commit that names the merge and touches its files: files that are
 * as they were before it prove nothing, because a later feature may rightly remove them.
 */
import * as Patch from "@rdev/sdlc/repo/Patch"
import { Effect } from "effect"
import type { RepositoryTarget, Sha } from "../../../ports/infra/Forge.ts"
import type { LineCommit } from "../../../ports/infra/GitObjects.ts"
import { RepositoryReader } from "./RepositoryReader.ts"

/** Commits of the default branch that are looked at, newest first: each push to it is looked at. */
const window = 100
/** Commits of a merged branch that are looked at for what they take back. */
const branchWindow = 50

/** Commits that a message says it takes back, as `git revert` and the forges' buttons write it; ids may be shortened. */
export const revertedIn = (message: string): ReadonlyArray<Sha> =>
  [...message.matchAll(/\bThis reverts commit ([0-9a-f]{7,64})\b/gi)].map((match) => (match[1] ?? "").toLowerCase())

/** A commit that took changes back. */
export interface Taker {
  readonly sha: Sha
  /** First line of its message. */
  readonly subject: string
}

/** What a commit of the line takes back: by its own message, or by the commits that it merged. */
const takes = Effect.fnUntraced(function* (target: RepositoryTarget, { message, parents }: LineCommit) {
  const [onto, merged] = parents
  const own = revertedIn(message)
  if (own.length > 0 || onto === undefined || merged === undefined) return own
  const branch = yield* (yield* RepositoryReader).line(target, merged, { since: onto, limit: branchWindow })
  return branch.flatMap((one) => revertedIn(one.message))
})

/** Paths of the code that a commit of the line changes. */
const touched = Effect.fnUntraced(function* (target: RepositoryTarget, { parents, sha }: LineCommit) {
  const reader = yield* RepositoryReader
  const before = parents[0] === undefined ? new Map() : (yield* reader.commit(target, parents[0])).code
  return Patch.changes(before, (yield* reader.commit(target, sha)).code)
})

const search = Effect.fnUntraced(function* (target: RepositoryTarget, main: Sha, merge: Sha, own?: Patch.Changes) {
  const reader = yield* RepositoryReader
  const line = yield* reader.line(target, main, { since: merge, limit: window })
  let taker: Taker | null = null
  let brought = own
  for (const commit of line.toReversed()) {
    const taken = yield* takes(target, commit)
    const names = (sha: Sha) => taken.some((id) => sha.startsWith(id))
    if (taker !== null && names(taker.sha)) taker = null
    else if (names(merge)) {
      const [made] = brought === undefined ? yield* reader.line(target, merge, { since: null, limit: 1 }) : []
      const paths: Patch.Changes = brought ?? (made === undefined ? new Map() : yield* touched(target, made))
      brought = paths
      if ([...(yield* touched(target, commit)).keys()].some((path) => paths.has(path)))
        taker = { sha: commit.sha, subject: commit.message.split("\n", 1)[0] ?? "" }
    }
  }
  return taker
})

/**
 * The commit after `merge` that took it back and was not taken back itself; null when there is none. `own`: what the merge brought, read
 * from it when it is not given. A merge that the repository does not have says nothing: records name commits as their writers know them.
 */
export const takenBack = (target: RepositoryTarget, main: Sha, merge: Sha, own?: Patch.Changes) =>
  search(target, main, merge, own).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "NotFound" || error.reason._tag === "Invalid",
      () => Effect.succeed<Taker | null>(null)
    ),
    Effect.withSpan("Reverts.takenBack")
  )

/** Whether any commit after `since` says that it takes another one back. */
export const any = Effect.fn("Reverts.any")(function* (target: RepositoryTarget, head: Sha, since: Sha | null) {
  const line = yield* (yield* RepositoryReader).line(target, head, { since, limit: window })
  for (const commit of line) if ((yield* takes(target, commit)).length > 0) return true
  return false
})
