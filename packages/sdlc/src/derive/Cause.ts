/**
 * Why a gate that once held no longer does: because of the feature, or because its base moved on.
 *
 * A regression that others brought about is no rework of this feature. Pure.
 */
import { floor } from "../classify/Gates.ts"
import type { Facts } from "../model/Facts.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import type { Phase } from "../model/Phase.ts"
import { phaseIndex } from "../model/Phase.ts"

const beyond = (facts: Facts, fallen: Phase): boolean => {
  const found = floor(facts)
  return found === undefined || phaseIndex[found] > phaseIndex[fallen]
}

/** Whether nothing but a conflict with the base keeps the gate shut to which the feature falls back. */
export const conflictAlone = (facts: Facts): boolean => {
  const fallen = facts.branch === "conflict" ? floor(facts) : undefined
  return fallen !== undefined && beyond({ ...facts, branch: "behind" }, fallen)
}

/**
 * "base" when the regression that these facts ask for would not be asked for had the base not moved: a conflict alone stands in the way, or the
 * results held for the changes as they were before the base was taken in. `deriveFor` gives the facts of the state with another patch.
 */
export const causeOf = (
  state: FeatureState,
  facts: Facts,
  deriveFor: (state: FeatureState) => Facts
): "base" | undefined => {
  const fallen = floor(facts)
  if (fallen === undefined) return undefined
  if (conflictAlone(facts)) return "base"
  const { head } = state.observed
  let patch = head?.patch
  for (const update of state.updates.toReversed()) {
    if (head === undefined || patch === undefined || update.to !== patch) continue
    patch = update.from
    if (beyond(deriveFor({ ...state, observed: { ...state.observed, head: { ...head, patch } } }), fallen))
      return "base"
  }
  return undefined
}
