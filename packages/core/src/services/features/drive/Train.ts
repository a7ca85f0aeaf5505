/**
 * The merge train of a project: which feature takes in the default branch, is tested and lands next, and which ones wait for it.
 *
 * One at a time, because each that lands makes the others update and test again: ten at once would do so 45 times. Hotfixes go first, then the
 * oldest. A feature that waits for a person holds nobody up. Nothing is remembered: the order follows from the index and the repository.
 */
import { decide } from "@rdev/sdlc/derive/Decide"
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import type { FeatureState } from "@rdev/sdlc/model/FeatureState"
import * as Patch from "@rdev/sdlc/repo/Patch"
import { stateOf } from "@rdev/sdlc/repo/State"
import { Clock, Effect, Option } from "effect"
import type { FeatureIndex } from "../../../domain/FeatureIndex.ts"
import { FeatureStore } from "../../../ports/stores/FeatureStore.ts"
import { BranchName } from "../../../ports/infra/Forge.ts"
import { GitObjects } from "../../../ports/infra/GitObjects.ts"
import type { Snapshot } from "../read/FeatureFiles.ts"
import { RepositoryReader } from "../read/RepositoryReader.ts"

/** Rules that bring a branch up to date, test and land it. */
const landing: ReadonlySet<string> = new Set(["M6", "M7a", "M7b", "M8", "M9"])
/** Work in flight stands before the rule it is done for. */
const inFlight = "G1"

/** What the train has to know of a feature. */
export interface Car {
  readonly slug: string
  readonly hotfix: boolean
  readonly createdAtMillis: number
  readonly phase: FeatureIndex["phase"]
  /** The last decision that was made for it. */
  readonly rule: string | null
  readonly kind: string | null
  readonly action: string | null
}

export const carOf = (index: FeatureIndex): Car => ({
  slug: index.slug,
  hotfix: index.kind === "hotfix",
  createdAtMillis: index.createdAtMillis,
  phase: index.phase,
  rule: index.decision?.rule ?? null,
  kind: index.decision?.kind ?? null,
  action: index.decision?.action ?? null
})

/** Hotfixes first, then the oldest; the name decides between equals. */
export const before = (a: Car, b: Car): boolean =>
  a.hotfix !== b.hotfix
    ? a.hotfix
    : a.createdAtMillis !== b.createdAtMillis
      ? a.createdAtMillis < b.createdAtMillis
      : a.slug < b.slug

/** It is being updated, tested or landed now. */
export const boarding = (car: Car): boolean =>
  car.phase === "merge" && car.rule !== null && (landing.has(car.rule) || car.rule === inFlight)

const waiting = (car: Car): boolean => car.phase === "merge" && car.action === "wait-merge"

/** It waits for a person, for another feature or for a date, so that nobody should wait for it. */
export const resting = (car: Car): boolean =>
  car.kind === null ||
  car.kind === "hold" ||
  car.kind === "done" ||
  car.kind === "approve" ||
  car.action === "wait-dependency" ||
  car.action === "wait-freeze" ||
  car.action === "wait-slot"

const between: ReadonlySet<string> = new Set(["implementation", "review", "audit", "qa"])

/** Features that land before `me`, were it about to land: the one on board, and those that wait and go first. */
export const ahead = (me: Car, others: ReadonlyArray<Car>): ReadonlyArray<string> =>
  boarding(me)
    ? others.filter((other) => boarding(other) && before(other, me)).map((other) => other.slug)
    : others
        .filter((other) => !resting(other) && (boarding(other) || (waiting(other) && before(other, me))))
        .toSorted((a, b) => (before(a, b) ? -1 : 1))
        .map((other) => other.slug)

/** Older features on their way to the merge, which may meet `me` in the same files. */
export const elders = (me: Car, others: ReadonlyArray<Car>): ReadonlyArray<Car> =>
  others.filter(
    (other) => (between.has(other.phase) || other.phase === "merge") && before(other, me) && !resting(other)
  )

/** Whether its last way back was the base's doing: it was about to land, and lands first once it is ready again. */
const displaced = (state: FeatureState): boolean => {
  const fallen = state.history.findLastIndex(
    (move) => move.rule === "P2" && move.from === "merge" && move.cause === "base"
  )
  return fallen >= 0 && !state.history.slice(fallen).some((move) => move.to === "merge")
}

/** Files that another feature changes, and whether it was on the train before. */
const look = Effect.fn("Train.look")(function* (
  snapshot: Snapshot,
  other: Car,
  branchOf: (slug: string) => BranchName
) {
  const git = yield* GitObjects
  const reader = yield* RepositoryReader
  const main = BranchName.make(snapshot.project.defaultBranch)
  const branch = branchOf(other.slug)
  const [mainSha, sha] = yield* Effect.all([git.head(snapshot.target, main), git.head(snapshot.target, branch)])
  if (Option.isNone(sha) || Option.isNone(mainSha)) return null
  const { mergeBase } = yield* reader.compare(
    snapshot.target,
    { branch: main, sha: mainSha.value },
    { branch, sha: sha.value }
  )
  if (mergeBase === null) return null
  const own = Patch.changes(
    (yield* reader.commit(snapshot.target, mergeBase)).code,
    (yield* reader.commit(snapshot.target, sha.value)).code
  )
  const state = stateOf(yield* reader.feature(snapshot.target, sha.value, other.slug, snapshot.standing))
  return { paths: own, displaced: displaced(state) }
})

/** Elders that change one of these files; with `turn`, only those that had their turn already and lost it to the base. */
const meeting = Effect.fn("Train.meeting")(function* (
  snapshot: Snapshot,
  elder: ReadonlyArray<Car>,
  paths: ReadonlyArray<string>,
  turn: boolean,
  branchOf: (slug: string) => BranchName
) {
  const found: Array<string> = []
  for (const other of elder) {
    const seen = yield* look(snapshot, other, branchOf)
    if (seen !== null && (!turn || seen.displaced) && paths.some((path) => seen.paths.has(path))) found.push(other.slug)
  }
  return found
})

const asksToResolve = (decision: FeatureDecision): boolean =>
  decision.action === "resolve-conflicts" || (decision.rule === "P2" && decision.cause === "base")

/** The snapshot as the train lets it be seen: a conflict is not this feature's to solve before its turn, and landing waits for its turn. */
export const place = Effect.fn("Train.place")(function* (snapshot: Snapshot, branchOf: (slug: string) => BranchName) {
  const { phase } = snapshot.state
  if (!between.has(phase) && phase !== "merge") return snapshot
  const now = yield* Clock.currentTimeMillis
  let seen = snapshot
  let decision = decide(seen.state, seen.loaded.policy, now)
  const { branch } = snapshot.state.observed
  if (!asksToResolve(decision) && !landing.has(decision.rule)) return snapshot
  const live = yield* (yield* FeatureStore).live(snapshot.project.id)
  const me = carOf({ ...snapshot.index, phase } as FeatureIndex)
  const others = live.filter((other) => other.slug !== snapshot.index.slug && other.lifecycle === "active").map(carOf)
  const elder = elders(me, others)
  let behind: ReadonlyArray<string> = []
  if (branch?.relation === "conflict" && asksToResolve(decision)) {
    behind = yield* meeting(snapshot, elder, branch.conflicts ?? [], false, branchOf)
    if (behind.length === 0) return snapshot
    seen = {
      ...seen,
      state: { ...seen.state, observed: { ...seen.state.observed, branch: { ...branch, relation: "behind" } } }
    }
    decision = decide(seen.state, seen.loaded.policy, now)
  }
  if (!landing.has(decision.rule)) return seen
  const reader = yield* RepositoryReader
  const own =
    snapshot.mergeBase === null
      ? []
      : [
          ...Patch.changes(
            (yield* reader.commit(snapshot.target, snapshot.mergeBase)).code,
            (yield* reader.commit(snapshot.target, snapshot.sha)).code
          ).keys()
        ]
  const returning = elder.filter((other) => between.has(other.phase))
  const displacing = returning.length === 0 ? [] : yield* meeting(snapshot, returning, own, true, branchOf)
  const all = [...new Set([...ahead(me, others), ...behind, ...displacing])]
  return all.length === 0
    ? seen
    : {
        ...seen,
        state: { ...seen.state, observed: { ...seen.state.observed, train: { position: all.length, behind: all } } }
      }
})
