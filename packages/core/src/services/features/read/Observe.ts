/** What a feature's files cannot know: its branch's relation to the base, its pull request, other features' slots and progress, work in flight. */
import { dependencyStatuses } from "@rdev/sdlc/derive/Dependencies"
import type { Observed } from "@rdev/sdlc/model/Observed"
import * as Patch from "@rdev/sdlc/repo/Patch"
import type * as Repo from "@rdev/sdlc/repo/Repo"
import { Effect } from "effect"
import type { FeatureIndex } from "../../../domain/FeatureIndex.ts"
import type { Project } from "../../../domain/Project.ts"
import { FeatureStore } from "../../../ports/stores/FeatureStore.ts"
import { BranchName, type RepositoryTarget, type Sha } from "../../../ports/infra/Forge.ts"
import { RepositoryReader } from "./RepositoryReader.ts"

/** What the caller knows already. */
export interface KnownFacts {
  /** A task of the queue that works on the feature. */
  readonly lease?: { readonly holder: string; readonly untilMillis: number }
}

interface At {
  readonly project: Project
  readonly index: FeatureIndex
  readonly target: RepositoryTarget
  readonly branch: BranchName
  readonly sha: Sha
  readonly mainSha: Sha
  readonly tree: string
  readonly loaded: Repo.Loaded
}

const relation = Effect.fn("Observe.relation")(function* (at: At) {
  const main = BranchName.make(at.project.defaultBranch)
  // The branch is there from the start; for the classifier it counts once the workspace was provisioned.
  if (at.branch === main || !at.loaded.events.some((event) => event.type === "branch-provisioned")) return undefined
  const reader = yield* RepositoryReader
  const compared = yield* reader.compare(
    at.target,
    { branch: main, sha: at.mainSha },
    { branch: at.branch, sha: at.sha }
  )
  const own = compared.mergeBase === null ? null : yield* changesOf(at.target, compared.mergeBase, at.sha)
  const bound = {
    patch: own === null ? null : Patch.digest(own),
    since: own === null ? {} : yield* sinceResults(at, main, own),
    mergeBase: compared.mergeBase
  }
  if (compared.conflicts.length > 0)
    return {
      ...bound,
      branch: { relation: "conflict" as const, behind: compared.behind, conflicts: compared.conflicts }
    }
  return {
    ...bound,
    branch: { relation: compared.behind > 0 ? ("behind" as const) : ("ok" as const), behind: compared.behind }
  }
})

/** What a branch changes of the commit at which it left, or last took in, its base. */
const changesOf = Effect.fnUntraced(function* (target: RepositoryTarget, mergeBase: Sha, sha: Sha) {
  const reader = yield* RepositoryReader
  const [before, after] = yield* Effect.all([reader.commit(target, mergeBase), reader.commit(target, sha)])
  return Patch.changes(before.code, after.code)
})

/** Its digest. */
export const patchOf = Effect.fn("Observe.patchOf")(function* (target: RepositoryTarget, mergeBase: Sha, sha: Sha) {
  return Patch.digest(yield* changesOf(target, mergeBase, sha))
})

const fullSha = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/

/** Commits that the latest review, audit and QA hold for, as far as the code is another by now. */
const judgedBefore = (at: At): ReadonlyArray<Sha> => {
  const last = new Map<string, { readonly sha?: string; readonly tree: string }>()
  for (const event of at.loaded.events)
    if (event.type === "review-recorded" || event.type === "audit-recorded" || event.type === "qa-recorded")
      last.set(event.type, event.data)
  return [
    ...new Set(
      [...last.values()].flatMap(({ sha, tree }) =>
        sha === undefined || tree === at.tree || !fullSha.test(sha) ? [] : [sha]
      )
    )
  ]
}

/**
 * Per commit that an earlier result holds for, the files in which the feature's changes are others now: what has to be looked at again.
 * Events name commits as their writers know them; one that is not in the repository says nothing.
 */
const sinceResults = Effect.fnUntraced(function* (at: At, main: BranchName, own: Patch.Changes) {
  const reader = yield* RepositoryReader
  const found = yield* Effect.forEach(judgedBefore(at), (sha) =>
    Effect.gen(function* () {
      const { mergeBase } = yield* reader.compare(
        at.target,
        { branch: main, sha: at.mainSha },
        { branch: at.branch, sha }
      )
      const before = mergeBase === null ? null : yield* changesOf(at.target, mergeBase, sha)
      return before === null ? [] : [[sha, Patch.differing(before, own)] as const]
    }).pipe(
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound" || error.reason._tag === "Invalid",
        () => Effect.succeed([])
      )
    )
  )
  return Object.fromEntries(found.flat().filter(([, files]) => files.length > 0))
})

/** Number of the pull request that was opened last; null without one. */
export const openedPullRequest = (loaded: Repo.Loaded): number | null =>
  loaded.events.findLast((event) => event.type === "pr-opened")?.data.number ?? null

const pullRequest = Effect.fn("Observe.pullRequest")(function* (at: At) {
  const opened = openedPullRequest(at.loaded)
  return opened === null ? null : yield* (yield* RepositoryReader).pull(at.target, opened)
})

/** A merge is on record only if it was recorded after the pull request was opened: a reopened feature has another one. */
const mergeRecorded = (loaded: Repo.Loaded) =>
  loaded.events.findLastIndex((event) => event.type === "merged") >
  loaded.events.findLastIndex((event) => event.type === "pr-opened")

const pageSize = 500

/** All features of the project; read in pages. */
export const siblings = Effect.fn("Observe.siblings")(function* (at: { readonly project: Project }) {
  const store = yield* FeatureStore
  const all: Array<FeatureIndex> = []
  for (let after: string | null = null; ;) {
    const page: ReadonlyArray<FeatureIndex> = yield* store.list(at.project.id, { after, limit: pageSize })
    all.push(...page)
    if (page.length < pageSize) return all
    after = page.at(-1)?.id ?? null
  }
})

export const observe = Effect.fn("Observe.observe")(function* (at: At, given: KnownFacts) {
  const [related, pr, others] = yield* Effect.all([relation(at), pullRequest(at), siblings(at)])
  const observed: Observed = {
    head: {
      sha: at.sha,
      tree: at.tree,
      ...(related === undefined || related.patch === null ? {} : { patch: related.patch }),
      ...(related === undefined || Object.keys(related.since).length === 0 ? {} : { since: related.since })
    },
    wip: { used: others.filter((other) => other.slug !== at.index.slug && other.claimed && other.live).length },
    deps: dependencyStatuses(others)[at.index.slug] ?? {},
    ...(related === undefined ? {} : { branch: related.branch }),
    ...(pr === null
      ? {}
      : { pr: { number: pr.number, state: pr.state, ...(pr.mergeSha === null ? {} : { sha: pr.mergeSha }) } }),
    ...(given.lease === undefined
      ? {}
      : { lease: { holder: given.lease.holder, until: new Date(given.lease.untilMillis).toISOString() } })
  }
  return {
    observed,
    mergeBase: related?.mergeBase ?? null,
    landedSha: pr !== null && pr.state === "merged" && !mergeRecorded(at.loaded) ? pr.mergeSha : null
  }
})
