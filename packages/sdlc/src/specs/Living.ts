/**
 * The living specs, what they require now, and whether what a feature says about them is true. Pure.
 *
 * Promises a finding with file, line and the nearest header for every change of something that is not there, and for every addition of
 * something that is. Living specs are `.sdlc/specs/<capability>/spec.md`, and `openspec/specs/` for changes kept there.
 */
import type { LintFinding } from "../lint/Finding.ts"
import * as Markdown from "../lint/Markdown.ts"
import type { Change } from "./Delta.ts"
import { type Header, keyOf, nameIn, nearest } from "./Header.ts"

export interface LivingSpec {
  readonly path: string
  readonly capability: string
  readonly requirements: ReadonlyArray<Header>
}

export interface Place extends Header {
  readonly spec: LivingSpec
}

export interface Living {
  readonly specs: ReadonlyArray<LivingSpec>
  readonly byKey: ReadonlyMap<string, ReadonlyArray<Place>>
  readonly byCapability: ReadonlyMap<string, ReadonlyArray<LivingSpec>>
}

/** A change with the file it stands in, and the living spec that its place tells. */
export interface Told extends Change {
  readonly file: string
  /** Folder of living specs that it is about before others, such as `openspec/specs/`. */
  readonly folder: string | null
}

const livingPath = /^(.*?(?:^|\/)(?:\.sdlc|openspec)\/specs\/)(.+?)(?:\/spec)?\.md$/

/** Folder and capability of a living spec's path, or `null`. */
export const parsePath = (path: string): { readonly folder: string; readonly capability: string } | null => {
  const match = livingPath.exec(path)
  return match === null ? null : { folder: match[1] ?? "", capability: match[2] ?? "" }
}

const readSpec = (path: string, capability: string, text: string): LivingSpec => ({
  path,
  capability,
  requirements: Markdown.scan(text).lines.flatMap((line) => {
    if (line.code) return []
    const said = /^(?: {0,3}#{2,6}|\s*(?:[-*+]|\d{1,9}[.)]))\s+(.*)$/.exec(line.text)?.[1]
    const name = said === undefined ? null : nameIn(said)
    return name === null ? [] : [{ name, key: keyOf(name), line: line.number }]
  })
})

const push = <T>(lists: Map<string, Array<T>>, key: string, one: T): void => {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [one])
  else list.push(one)
}

/** Reads the living specs out of texts by path; other files are passed over. */
export const read = (texts: ReadonlyMap<string, string>): Living => {
  const specs = [...texts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, text]) => {
      const place = parsePath(path)
      return place === null ? [] : [readSpec(path, place.capability, text)]
    })
  const byKey = new Map<string, Array<Place>>()
  for (const spec of specs) for (const one of spec.requirements) push(byKey, one.key, { ...one, spec })
  const byCapability = new Map<string, Array<LivingSpec>>()
  for (const spec of specs) push(byCapability, keyOf(spec.capability), spec)
  return { specs, byKey, byCapability }
}

/** The living specs that a change can be about; all of them when it does not say which. */
const specsFor = (living: Living, { capability, folder }: Told): ReadonlyArray<LivingSpec> => {
  if (capability === null) return living.specs
  const named = living.byCapability.get(keyOf(capability)) ?? []
  const near = named.filter((spec) => folder !== null && spec.path.startsWith(folder))
  const own = named.filter((spec) => spec.path.startsWith(".sdlc/"))
  return near.length > 0 ? near : own.length > 0 ? own : named
}

const placesOf = (living: Living, told: Told, key: string): ReadonlyArray<Place> => {
  const places = living.byKey.get(key) ?? []
  if (told.capability === null || places.length === 0) return places
  const specs = new Set(specsFor(living, told))
  return places.filter((place) => specs.has(place.spec))
}

/** The one living spec that a change is about: named, or the only one that has the requirement. */
export const specOf = (living: Living, told: Told): string | null => {
  const found = new Set(placesOf(living, told, told.key).map((place) => place.spec.path))
  if (found.size === 1) return [...found][0] ?? null
  return told.capability === null
    ? null
    : (specsFor(living, told)[0]?.path ?? `${told.folder ?? ""}${keyOf(told.capability)}`)
}

const at = (place: Place): string => `${place.spec.path}:${place.line}`

const missing = (living: Living, told: Told): { readonly why: string; readonly fix: string } => {
  const specs = specsFor(living, told)
  const elsewhere = living.byKey.get(told.key)?.[0]
  const where =
    specs.length === 0
      ? told.capability === null
        ? "there is no living spec"
        : `there is no living spec "${told.capability}"`
      : specs.length === 1
        ? `${specs[0]?.path ?? ""} has no such requirement`
        : `none of the ${specs.length} living specs has such a requirement`
  const candidates = specs.flatMap((spec) => spec.requirements.map((one): Place => ({ ...one, spec })))
  const close = nearest(told.key, candidates) ?? null
  const capability = nearest(
    keyOf(told.capability ?? ""),
    living.specs.map((spec) => ({ key: keyOf(spec.capability), spec }))
  )
  const fix =
    elsewhere !== undefined
      ? `it stands in ${at(elsewhere)}: name that living spec, "${elsewhere.spec.capability}".`
      : close !== null
        ? `did you mean "${close.name}" (${at(close)})?`
        : specs.length === 0 && capability !== null
          ? `did you mean the living spec "${capability.spec.capability}"?`
          : told.operation === "modified"
            ? "write the header as it stands in the living spec, or put it below ADDED if it is new."
            : "write the header as it stands in the living spec, or leave it out."
  return { why: where, fix }
}

const finding = (told: Told, line: number, rule: string, message: string, fix: string): LintFinding => ({
  rule,
  severity: "error",
  file: told.file,
  line,
  message,
  fix
})

const twice = (told: Told, places: ReadonlyArray<Place>): LintFinding => {
  const several = new Set(places.map((place) => place.spec.path)).size > 1
  return finding(
    told,
    told.line,
    "ambiguous-living-requirement",
    `${told.operation.toUpperCase()} "${told.name}" can be ${places.map(at).slice(0, 3).join(" or ")}.`,
    several
      ? `name the living spec: ## ${told.operation.toUpperCase()} Requirements: ${places[0]?.spec.capability ?? ""}.`
      : "give the two requirements of the living spec names of their own first."
  )
}

/** What is not true of the living specs as they are, before the feature's changes are folded into them. */
export const check = (living: Living, changes: ReadonlyArray<Told>): ReadonlyArray<LintFinding> => {
  const gone = new Set(
    changes.filter((one) => one.operation === "removed" || one.operation === "renamed").map((one) => one.key)
  )
  const becomes = new Set(changes.flatMap((one) => (one.to === undefined ? [] : [one.to.key])))
  const taken = (told: Told, header: Header): ReadonlyArray<LintFinding> => {
    const [place] = gone.has(header.key) ? [] : placesOf(living, told, header.key)
    return place === undefined
      ? []
      : [
          finding(
            told,
            header.line,
            "living-requirement-exists",
            `${told.operation.toUpperCase()} "${header.name}", but it is there already: ${at(place)}.`,
            told.operation === "added"
              ? `put it below MODIFIED, or give it another name${told.capability === null ? ", or name the living spec it belongs to" : ""}.`
              : "choose another new name."
          )
        ]
  }
  return changes.flatMap((told): ReadonlyArray<LintFinding> => {
    if (told.operation === "added") return taken(told, told)
    if (told.operation === "modified" && becomes.has(told.key)) return []
    const places = placesOf(living, told, told.key)
    const { fix, why } = places.length === 0 ? missing(living, told) : { fix: "", why: "" }
    return [
      ...(places.length === 0
        ? [
            finding(
              told,
              told.line,
              "unknown-living-requirement",
              `${told.operation.toUpperCase()} "${told.name}", but ${why}.`,
              fix
            )
          ]
        : places.length > 1
          ? [twice(told, places)]
          : []),
      ...(told.to === undefined || told.to.key === told.key ? [] : taken(told, told.to))
    ]
  })
}

/**
 * What is not true of the living specs once the feature's changes were folded into them. `before` are the living specs as they were at
 * commits before that; what none of them had was never there to be changed.
 */
export const settled = (
  living: Living,
  before: ReadonlyArray<Living>,
  changes: ReadonlyArray<Told>
): ReadonlyArray<LintFinding> => {
  const becomes = new Set(changes.flatMap((one) => (one.to === undefined ? [] : [one.to.key])))
  const stays = new Set(
    changes.flatMap((one) => (one.operation === "added" || one.operation === "modified" ? [one.key] : []))
  )
  return changes.flatMap((told): ReadonlyArray<LintFinding> => {
    const there = (key: string): Place | undefined => placesOf(living, told, key)[0]
    const was =
      becomes.has(told.key) || before.length === 0 || before.some((one) => placesOf(one, told, told.key).length > 0)
    const goes = told.operation === "removed" || told.operation === "renamed"
    const left =
      goes && !becomes.has(told.key) && !stays.has(told.key) && told.to?.key !== told.key ? there(told.key) : undefined
    const wanted = told.operation === "renamed" ? told.to : goes ? undefined : told
    const name = told.operation.toUpperCase()
    if (told.operation !== "added" && !was && there(told.key) === undefined) {
      const { fix, why } = missing(living, told)
      return [finding(told, told.line, "unknown-living-requirement", `${name} "${told.name}", but ${why}.`, fix)]
    }
    if (left !== undefined)
      return [
        finding(
          told,
          told.line,
          "living-spec-not-folded",
          `${name} "${told.name}", but it is still there: ${at(left)}.`,
          told.to === undefined ? "remove it from the living spec." : `write "${told.to.name}" in its place.`
        )
      ]
    if (wanted !== undefined && there(wanted.key) === undefined) {
      const [spec] = specsFor(living, told)
      return [
        finding(
          told,
          wanted.line,
          "living-spec-not-folded",
          `${name} "${wanted.name}", but ${spec === undefined || told.capability === null ? "no living spec has it" : `${spec.path} does not have it`}.`,
          told.operation === "modified" && told.capability === null
            ? `${missing(living, told).fix}`
            : "fold the change into the living spec, then run the command again."
        )
      ]
    }
    return []
  })
}
