/** Events of the life of a feature: creation, phase, pause, cancel, archive. */
import { Schema } from "effect"
import { FeatureKind } from "../Feature.ts"
import { phases } from "../../Phase.ts"
import { Slug } from "../Scalars.ts"
import { event, maybeText, text } from "./Event.ts"

const Phase = Schema.Literals(phases)

export const FeatureCreated = event("feature-created", {
  slug: Slug,
  title: text,
  kind: FeatureKind,
  preset: maybeText,
  deps: Schema.optionalKey(Schema.Array(Slug))
})
/** Work that another tool calls finished: the feature starts as released, on that tool's word alone. Counts only as the first thing that happens to a feature. */
export const FeatureImported = event("feature-imported", {
  from: text,
  says: text,
  evidence: Schema.Literal("imported, unverified")
})
export const FeatureAmended = event("feature-amended", {
  title: maybeText,
  deps: Schema.optionalKey(Schema.Array(Slug))
})
/** Applied only while the feature is in `from`; a forward move of more than one phase is ignored. */
export const PhaseMoved = event("phase-moved", {
  from: Phase,
  to: Phase,
  rule: text,
  reason: text,
  policyRev: maybeText,
  cause: Schema.optionalKey(Schema.Literal("base"))
})
export const Paused = event("paused", { reason: text })
export const Resumed = event("resumed", { reason: maybeText })
export const Cancelled = event("cancelled", { reason: text })
export const Archived = event("archived", {})

export const LifeEvents = [
  FeatureCreated,
  FeatureImported,
  FeatureAmended,
  PhaseMoved,
  Paused,
  Resumed,
  Cancelled,
  Archived
] as const
