/** Reads and prints `feature.yaml`. */
import { stringify } from "yaml"
import type { Format } from "../importers/Foreign.ts"
import type { ArtifactKind } from "../model/Artifact.ts"
import type { FeatureKind } from "../model/Feature.ts"
import { featureFile } from "../model/JsonSchemas.ts"
import * as Decode from "./Decode.ts"
import { isInside } from "./Layout.ts"

/** Foreign files that stand in for our documents, in the format of the tool that owns them. Paths lie inside the repository. */
export type Sources = { readonly [K in ArtifactKind]?: ReadonlyArray<string> } & { readonly format: Format }

/** Who a feature is, never how far it has come. */
export interface FeatureFile {
  readonly v: 1
  /** Id of the feature's `feature-created` event. */
  readonly id: string
  readonly slug: string
  readonly title: string
  readonly kind: FeatureKind
  readonly created: string
  readonly sources?: Sources
}

export const parse = (text: string): Decode.Decoded<FeatureFile> => {
  const document = Decode.yaml(text)
  const decoded = document._tag === "Bad" ? document : Decode.against<FeatureFile>(featureFile, document.value)
  if (decoded._tag === "Bad" || decoded.value.sources === undefined) return decoded
  const { format: _format, ...kinds } = decoded.value.sources
  const outside = Object.entries(kinds).flatMap(([kind, paths]) =>
    paths
      .filter((path) => !isInside(path))
      .map((path) => `sources.${kind}: ${JSON.stringify(path)} is not a path inside the repository`)
  )
  return outside[0] === undefined ? decoded : Decode.bad(outside[0])
}

export const print = (feature: FeatureFile): string => stringify(feature, { lineWidth: 0 })
