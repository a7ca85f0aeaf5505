/** Identity of a feature. */

export type FeatureKind = "feature" | "bugfix" | "refactor" | "hotfix"

export type Lifecycle = "active" | "paused" | "cancelled" | "archived"

export interface Feature {
  /** Id of its `feature-created` event. */
  readonly id: string
  readonly slug: string
  readonly title: string
  readonly kind: FeatureKind
  /** Named preset of the policy that it asks for, besides the preset of its kind. */
  readonly preset?: string
  /** Slugs of the features that must be released first. */
  readonly deps: ReadonlyArray<string>
  readonly created: string
}
