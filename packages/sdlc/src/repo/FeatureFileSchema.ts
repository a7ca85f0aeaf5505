/** Schema of `feature.yaml`: who a feature is, never how far it has come. */
import { Schema } from "effect"
import { formats } from "../importers/Foreign.ts"
import { FeatureKind } from "../model/schema/Feature.ts"
import { Instant, Slug, Ulid } from "../model/schema/Scalars.ts"

const paths = Schema.optionalKey(Schema.Array(Schema.String))

/** Foreign files that stand in for our documents, in the format of the tool that owns them. Paths lie inside the repository. */
export const Sources = Schema.Struct({
  format: Schema.Literals(formats),
  spec: paths,
  design: paths,
  tasks: paths,
  "qa-plan": paths,
  review: paths,
  audit: paths,
  "qa-report": paths
})

export const FeatureFile = Schema.Struct({
  v: Schema.Literal(1),
  /** Id of the feature's `feature-created` event. */
  id: Ulid,
  slug: Slug,
  title: Schema.String,
  kind: FeatureKind,
  created: Instant,
  sources: Schema.optionalKey(Sources)
})
