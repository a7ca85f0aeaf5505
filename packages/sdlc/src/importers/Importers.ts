/** All importers by format, and the search for foreign feature folders in a repository. */
import * as Bmad from "./Bmad.ts"
import type { Candidate, Files, Format, Importer } from "./Foreign.ts"
import * as Kiro from "./Kiro.ts"
import * as Legacy from "./Legacy.ts"
import * as OpenSpec from "./OpenSpec.ts"
import * as SpecKit from "./SpecKit.ts"
import * as TaskMaster from "./TaskMaster.ts"

export const importers: Readonly<Record<Format, Importer>> = {
  "spec-kit": SpecKit.importer,
  "openspec": OpenSpec.importer,
  "kiro": Kiro.importer,
  "task-master": TaskMaster.importer,
  "bmad": Bmad.importer,
  "legacy": Legacy.importer
}

/** Everything that can be adopted, sorted by format and slug. */
export const find = (files: Files): ReadonlyArray<Candidate> =>
  Object.values(importers).flatMap((importer) => [...importer.find(files)].toSorted((a, b) => (a.slug < b.slug ? -1 : 1)))

/** The file behind a source path; Task Master's paths carry a tag after `#`. */
export const fileOf = (source: string): string => TaskMaster.splitTag(source).path
