/** From what was loaded to what the classifier judges. */
import { fold } from "../derive/Fold.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import type { Observed } from "../model/Observed.ts"
import type { Loaded } from "./Repo.ts"

/**
 * The state of a loaded feature under live observations. Of a corrupt feature only its creation is folded, so that it never
 * shows a phase it may not have reached.
 */
export const stateOf = (loaded: Loaded, observed: Observed = {}): FeatureState => {
  const events =
    loaded.integrity === "ok"
      ? loaded.events
      : loaded.events
          .filter(
            (event) => event.type === "feature-created" && (loaded.feature === null || event.id === loaded.feature.id)
          )
          .slice(0, 1)
  const errors = [...(observed.errors ?? []), ...loaded.errors]
  const state = fold(events, loaded.artifacts, {
    ...observed,
    evidence: observed.evidence ?? loaded.evidence,
    ...(errors.length === 0 ? {} : { errors })
  })
  // Without its creation nothing else says which feature is broken.
  return events.length > 0 ? state : { ...state, feature: { ...state.feature, slug: loaded.slug } }
}
