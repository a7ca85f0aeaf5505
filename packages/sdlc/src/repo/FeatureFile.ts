/** `feature.yaml`: who a feature is, never how far it has come. */
import { Schema } from "effect"
import { stringify } from "yaml"
import { formats } from "../importers/Foreign.ts"
import { FeatureKind } from "../model/Feature.ts"
import { Instant, Slug, Ulid } from "../model/Scalars.ts"
import * as Decode from "./Decode.ts"
import { isInside } from "./Layout.ts"

const SourcePath = Schema.String.check(Schema.makeFilter((path: string) => isInside(path) || "a path inside the repository, without .. or a leading /"))
const paths = Schema.optionalKey(Schema.Array(SourcePath))

/** Foreign files that stand in for our documents, in the format of the tool that owns them. */
export const Sources = Schema.Struct({
  format: Schema.Literals(formats),
  "spec": paths, "design": paths, "tasks": paths, "qa-plan": paths, "review": paths, "audit": paths, "qa-report": paths
})
export type Sources = typeof Sources.Type

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
export type FeatureFile = typeof FeatureFile.Type

const decode = Decode.decoder(FeatureFile)

export const parse = (text: string): Decode.Decoded<FeatureFile> => {
  const document = Decode.yaml(text)
  return document._tag === "Bad" ? document : decode(document.value)
}

export const print = (feature: FeatureFile): string => stringify(feature, { lineWidth: 0 })
