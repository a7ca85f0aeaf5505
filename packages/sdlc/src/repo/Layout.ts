/** Where feature state lives in a repository. The only place that knows these paths. */
import type { ArtifactKind } from "../model/Artifact.ts"
import { artifactKinds } from "../model/Names.ts"
import { slugPattern } from "../model/Slug.ts"

export const policyPath = ".sdlc/policy.yaml"
export const featuresDir = ".sdlc/features/"
export const specsDir = ".sdlc/specs/"
export const archiveDir = ".sdlc/archive/"
/** What helps and may be deleted; git ignores it. */
export const cacheDir = ".sdlc/cache/"
export const ignorePath = ".sdlc/.gitignore"

/** Files above this many bytes are refused in the feature state (documents have a limit of their own). */
export const maxStateBytes = 262_144

export { slugPattern }

export const featureDir = (slug: string): string => `${featuresDir}${slug}/`
export const featurePath = (slug: string): string => `${featureDir(slug)}feature.yaml`
export const documentPath = (slug: string, kind: ArtifactKind): string => `${featureDir(slug)}${kind}.md`
export const eventPath = (slug: string, id: string, type: string): string =>
  `${featureDir(slug)}events/${id}-${type}.json`
export const evidencePath = (slug: string, sha256: string): string =>
  `${featureDir(slug)}evidence/${sha256}.intoto.json`

const eventName = /^([0-7][0-9A-HJKMNP-TV-Z]{25})-([a-z][a-z-]{0,60})\.json$/

/** Id and type in the name of an event file, or `null`. */
export const parseEventName = (name: string): { readonly id: string; readonly type: string } | null => {
  const match = eventName.exec(name)
  return match === null ? null : { id: match[1] ?? "", type: match[2] ?? "" }
}

export const parseEvidenceName = (name: string): string | null =>
  /^([0-9a-f]{64})\.intoto\.json$/.exec(name)?.[1] ?? null

/** Folder of an archived feature: `<yyyy-mm-dd>-<slug>`. */
export const archivePath = (date: string, slug: string): string => `${archiveDir}${date}-${slug}`

/** Slug in the name of an archive folder, or `null`. */
export const parseArchiveName = (name: string): string | null => {
  const slug = /^\d{4}-\d{2}-\d{2}-(.+)$/.exec(name)?.[1]
  return slug !== undefined && slugPattern.test(slug) ? slug : null
}

/** The tree with an archived feature under the paths it had before; a feature that is not archived, or is there again, stays as it is. */
export const unarchived = <C>(files: ReadonlyMap<string, C>, slug: string): ReadonlyMap<string, C> => {
  const dir = featureDir(slug)
  const paths = [...files.keys()]
  if (paths.some((path) => path.startsWith(dir))) return files
  const folder = paths
    .filter((path) => path.startsWith(archiveDir))
    .map((path) => path.split("/")[2] ?? "")
    .filter((name) => parseArchiveName(name) === slug)
    .toSorted()
    .at(-1)
  if (folder === undefined) return files
  const from = `${archiveDir}${folder}/`
  return new Map(
    [...files].map(([path, content]) => [path.startsWith(from) ? `${dir}${path.slice(from.length)}` : path, content])
  )
}

/** The artifact a file name of a feature folder stands for. */
export const kindOf = (name: string): ArtifactKind | null => artifactKinds.find((kind) => name === `${kind}.md`) ?? null

/** A path inside the repository that cannot escape it. */
export const isInside = (path: string): boolean =>
  path !== "" &&
  !path.startsWith("/") &&
  !path.includes("\\") &&
  !path.includes("\0") &&
  !/^[A-Za-z]:/.test(path) &&
  !path.split("/").some((part) => part === ".." || part === "." || part === "" || part === ".git")
