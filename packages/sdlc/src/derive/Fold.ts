/** fold: events, documents and observations → FeatureState. Pure; independent of the order of its input; duplicates count once. */
import type { Artifacts } from "../model/Artifact.ts"
import type { LoadedEvent } from "../model/FeatureEvent.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import type { Observed } from "../model/Observed.ts"

export declare const fold: (events: ReadonlyArray<LoadedEvent>, artifacts: Artifacts, observed: Observed) => FeatureState
