/** Identity of a feature. */
import { Schema } from "effect"
import { Instant, Slug, Ulid } from "./Scalars.ts"

export const FeatureKind = Schema.Literals(["feature", "bugfix", "refactor", "hotfix"])
export type FeatureKind = typeof FeatureKind.Type

export const Lifecycle = Schema.Literals(["active", "paused", "cancelled", "archived"])
export type Lifecycle = typeof Lifecycle.Type

export const Feature = Schema.Struct({
  /** Id of its `feature-created` event. */
  id: Ulid,
  slug: Slug,
  title: Schema.String,
  kind: FeatureKind,
  /** Named preset of the policy that it asks for, besides the preset of its kind. */
  preset: Schema.optionalKey(Schema.String),
  /** Slugs of the features that must be released first. */
  deps: Schema.Array(Slug),
  created: Instant
})
export type Feature = typeof Feature.Type
