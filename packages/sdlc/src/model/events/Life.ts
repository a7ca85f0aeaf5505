/** Events of the life of a feature: creation, phase, pause, cancel, archive. */
import type { FeatureKind } from "../Feature.ts"
import type { Phase } from "../Phase.ts"

export interface LifeData {
  readonly "feature-created": {
    readonly slug: string
    readonly title: string
    readonly kind: FeatureKind
    readonly preset?: string
    readonly deps?: ReadonlyArray<string>
  }
  /** Work that another tool calls finished: the feature starts as released, on that tool's word alone. Counts only as the first thing that happens to a feature. */
  readonly "feature-imported": {
    readonly from: string
    readonly says: string
    readonly evidence: "imported, unverified"
  }
  readonly "feature-amended": { readonly title?: string; readonly deps?: ReadonlyArray<string> }
  /** cause: a regression that the base brought about (a conflict, an update); it is no rework. Applied only while the feature is in `from`; a forward move of more than one phase is ignored. */
  readonly "phase-moved": {
    readonly from: Phase
    readonly to: Phase
    readonly rule: string
    readonly reason: string
    readonly policyRev?: string
    readonly cause?: "base"
  }
  readonly paused: { readonly reason: string }
  readonly resumed: { readonly reason?: string }
  readonly cancelled: { readonly reason: string }
  readonly archived: {}
}
