/** All importers by format, and the search for foreign feature folders in a repository. */
import * as Bmad from "./Bmad.ts"
import type { Candidate, Files, Format, Importer, LeftOut, Sources } from "./Foreign.ts"
import { slugOf } from "./Foreign.ts"
import * as Kiro from "./Kiro.ts"
import * as Legacy from "./Legacy.ts"
import * as OpenSpec from "./OpenSpec.ts"
import * as SpecKit from "./SpecKit.ts"
import * as TaskMaster from "./TaskMaster.ts"

export const importers: Readonly<Record<Format, Importer>> = {
  "spec-kit": SpecKit.importer,
  openspec: OpenSpec.importer,
  kiro: Kiro.importer,
  "task-master": TaskMaster.importer,
  bmad: Bmad.importer,
  legacy: Legacy.importer
}

/** Formats that have one place in a project; in a repository of several projects every one of them may have it. */
const placed: ReadonlyArray<readonly [Format, RegExp]> = [
  ["spec-kit", /^(.+?\/)(?:\.specify\/)?specs\/\d{3,}-[^/]*\//],
  ["openspec", /^(.+?\/)openspec\/changes\//],
  ["kiro", /^(.+?\/)\.kiro\/specs\//],
  ["task-master", /^(.+?\/)(?:\.taskmaster\/)?tasks\/tasks\.json$/]
]
/** Folders of a tool: what lies in them belongs to that tool's format. */
const owned = /(?:^|\/)(?:openspec|\.kiro|\.sdlc|\.specify|\.taskmaster|_bmad-output|specs)\//

/** Folders below the root that hold a project with specs of this format, such as `apps/web/`. */
const projectsOf = (files: Files, pattern: RegExp): ReadonlyArray<string> =>
  [...new Set([...files.keys()].flatMap((path) => pattern.exec(path)?.[1] ?? []))]
    .filter((prefix) => !owned.test(prefix))
    .toSorted()

const below = (files: Files, prefix: string): Files =>
  new Map(
    [...files].flatMap(([path, text]) => (path.startsWith(prefix) ? [[path.slice(prefix.length), text] as const] : []))
  )

const moved = (candidate: Candidate, prefix: string): Candidate => {
  const sources: Sources = Object.fromEntries(
    Object.entries(candidate.sources).map(([kind, paths]) => [kind, paths.map((path) => prefix + path)])
  )
  return {
    ...candidate,
    root: prefix + candidate.root,
    sources,
    leftOut: candidate.leftOut.map((one) => ({ ...one, what: prefix + one.what }))
  }
}

interface Scope {
  readonly importer: Importer
  readonly files: Files
  readonly prefix: string
}
const scopes = (files: Files): ReadonlyArray<Scope> =>
  Object.values(importers).flatMap((importer): ReadonlyArray<Scope> => {
    const pattern = placed.find(([format]) => format === importer.format)?.[1]
    const nested = pattern === undefined ? [] : projectsOf(files, pattern)
    return [
      { importer, files, prefix: "" },
      ...nested.map((prefix) => ({ importer, files: below(files, prefix), prefix }))
    ]
  })

/** Candidates of one name get the name of their project in front: `web-001-login` and `api-001-login`. */
const distinct = (candidates: ReadonlyArray<Candidate>): ReadonlyArray<Candidate> => {
  const count = new Map<string, number>()
  for (const { slug } of candidates) count.set(slug, (count.get(slug) ?? 0) + 1)
  return candidates.map((candidate) => {
    const project = /^(?:.*?\/)?([^/]+)\/(?:\.specify|\.kiro|\.taskmaster|openspec|specs|tasks)\//.exec(
      candidate.root
    )?.[1]
    return (count.get(candidate.slug) ?? 0) > 1 && project !== undefined
      ? { ...candidate, slug: slugOf(`${project}-${candidate.slug}`) }
      : candidate
  })
}

/** Everything that can be adopted, sorted by format and slug. */
export const find = (files: Files): ReadonlyArray<Candidate> => {
  const found = scopes(files).map(({ files: own, importer, prefix }) =>
    importer.find(own).map((candidate) => (prefix === "" ? candidate : moved(candidate, prefix)))
  )
  const order = Object.keys(importers)
  return distinct(found.flat()).toSorted(
    (a, b) => order.indexOf(a.format) - order.indexOf(b.format) || (a.slug < b.slug ? -1 : 1)
  )
}

/** What looks like specs and cannot be adopted, with the reason. */
export const missed = (files: Files): ReadonlyArray<LeftOut & { readonly format: Format }> =>
  scopes(files).flatMap(({ files: own, importer, prefix }) =>
    importer.missed(own).map((one) => ({ ...one, what: prefix + one.what, format: importer.format }))
  )

/** The file behind a source path; Task Master's paths carry a tag after `#`. */
export const fileOf = (source: string): string => TaskMaster.splitTag(source).path
