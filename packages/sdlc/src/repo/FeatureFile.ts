/** Reads and prints `feature.yaml`. */
import { stringify } from "yaml"
import { featureFile } from "../model/JsonSchemas.ts"
import * as Decode from "./Decode.ts"
import type { FeatureFile } from "./FeatureFileSchema.ts"
import { isInside } from "./Layout.ts"

export type { FeatureFile, Sources } from "./FeatureFileSchema.ts"

export const parse = (text: string): Decode.Decoded<FeatureFile> => {
  const document = Decode.yaml(text)
  const decoded = document._tag === "Bad" ? document : Decode.against<FeatureFile>(featureFile, document.value)
  if (decoded._tag === "Bad" || decoded.value.sources === undefined) return decoded
  const { format: _format, ...kinds } = decoded.value.sources
  const outside = Object.entries(kinds).flatMap(([kind, paths]) => paths.filter((path) => !isInside(path)).map((path) => `sources.${kind}: ${JSON.stringify(path)} is not a path inside the repository`))
  return outside[0] === undefined ? decoded : Decode.bad(outside[0])
}

export const print = (feature: FeatureFile): string => stringify(feature, { lineWidth: 0 })
