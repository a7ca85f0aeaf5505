/**
 * What every importer supplies: where foreign feature folders are, and how their text reads in our own terms.
 *
 * Promises that a translation keeps the file and line of every line it came from, and that a foreign approval is at most
 * "submitted" and a ticked box at most "claimed", because neither carries a digest or an actor. Does not write anything.
 */
import * as Slug from "../model/Slug.ts"
import type { ArtifactKind } from "../model/Artifact.ts"
import * as Markdown from "../lint/Markdown.ts"

export type Format = "spec-kit" | "openspec" | "kiro" | "task-master" | "bmad" | "legacy"

export const formats: ReadonlyArray<Format> = ["spec-kit", "openspec", "kiro", "task-master", "bmad", "legacy"]

/** Repository paths (with `/`) to file texts. */
export type Files = ReadonlyMap<string, string>

export type Sources = { readonly [K in ArtifactKind]?: ReadonlyArray<string> }

export interface Candidate {
  readonly format: Format
  /** The folder or file it was found at. */
  readonly root: string
  readonly slug: string
  readonly title: string
  /** Foreign files per artifact, kept in place. */
  readonly sources: Sources
  /** Artifacts that the foreign tool calls approved. They arrive as submitted. */
  readonly approved: ReadonlyArray<ArtifactKind>
  /** Artifacts that the foreign tool says are not needed, with its reason. They arrive as a proposal to waive. */
  readonly waivers: ReadonlyArray<{ readonly kind: ArtifactKind; readonly reason: string }>
  /** Slugs of candidates this one waits for. */
  readonly dependsOn: ReadonlyArray<string>
  /** What a person should know. */
  readonly notes: ReadonlyArray<string>
  /** Parts of it that were not carried over. */
  readonly leftOut: ReadonlyArray<LeftOut>
  /** Who calls the work finished, such as `the manifest says "released"`; null = it goes on. */
  readonly finished: string | null
}

/** Something that was read and not adopted, and why. */
export interface LeftOut {
  readonly what: string
  readonly why: string
}

export interface Source {
  readonly path: string
  readonly text: string
}

export interface TranslatedLine {
  readonly text: string
  readonly file: string
  readonly line: number
}

export interface Translation {
  /** The artifact in our own Markdown, line by line. */
  readonly lines: ReadonlyArray<TranslatedLine>
  /** The text whose `md1` digest approvals bind to: everything that matters to a reviewer, nothing that is mere status. */
  readonly content: string
}

export interface Importer {
  readonly format: Format
  readonly find: (files: Files) => ReadonlyArray<Candidate>
  /** What looks like this format and can be no candidate. */
  readonly missed: (files: Files) => ReadonlyArray<LeftOut>
  /** `spec`: the sources of the feature's spec, for plans that refer to its parts; empty when there are none. */
  readonly translate: (kind: ArtifactKind, sources: ReadonlyArray<Source>, spec?: ReadonlyArray<Source>) => Translation
  /** What people call what has this id of ours, where their text does not show it. */
  readonly nameOf?: (id: string) => string | null
}

const definition = /^\s*(?:#{1,6}|[-*+]|\d{1,9}[.)])\s+(?:\[.\]\s+)?((?:REQ|SC|QA|task)-\d{3,9})\b[^:]*:?\s*(.*)$/

/** The id of ours that a translated line defines, or `null`. */
export const definedBy = (text: string): string | null => definition.exec(text)?.[1] ?? null

/**
 * What the author calls what a translated line defines: what stands before its title in the line it came from, such as `T012`, `FR-003`,
 * `Requirement 2` or `1.2`; where nothing does, the title in quotes.
 */
export const authorsName = (translated: string, source: string): string | null => {
  const [, id = "", title = ""] = definition.exec(translated) ?? []
  const plain = source
    .replace(/^\s*(?:>\s*)*(?:#{1,6}|[-*+])\s+/, "")
    .replace(/^\[.?\]\*?\s+/, "")
    .replace(/[*_`]/g, "")
    .trim()
  const at = title === "" ? -1 : plain.indexOf(title.replace(/[*_`]/g, "").slice(0, 24))
  const before = (at < 0 ? plain : plain.slice(0, at)).replace(/\[[^\]]*\]|\([^)]*\)/g, " ")
  const name = /^(?:[\p{L} ]{0,24}?\s)?[\p{L}-]{0,8}\d[\w.]{0,16}/u.exec(before.trim())?.[0].replace(/[.:]+$/, "")
  if (name !== undefined) return name === id ? null : name
  return title === "" ? null : `"${title.slice(0, 60)}"`
}

export const textOf = (translation: Translation): string => translation.lines.map((line) => line.text).join("\n")

/** A slug our own feature folders accept, whatever the name is. */
export const slugOf = (name: string): string => Slug.slugOf(name) || "feature"

/** Hands out `PREFIX-nnn` for foreign names: the wanted number when it is free, else the next free one from 1000 on. */
export const allocator = (prefix: string): ((name: string, wanted: number) => string) => {
  const given = new Map<string, string>()
  const taken = new Set<number>()
  let spare = 1000
  return (name, wanted) => {
    const known = given.get(name)
    if (known !== undefined) return known
    let number = wanted > 0 && wanted < 1_000_000 ? wanted : spare
    while (taken.has(number)) number = spare++
    taken.add(number)
    const id = `${prefix}-${String(number).padStart(3, "0")}`
    given.set(name, id)
    return id
  }
}

const looksLikeOurs = /^(\s*(?:#{1,6}|[-*+]|\d{1,9}[.)])\s+(?:\[.\]\s+)?(?:\*\*|__|`)*)(?=(?:REQ|SC|QA|task)-\d)/i

/** A line of prose that must not be mistaken for a definition of ours. */
export const prose = (text: string): string => text.replace(looksLikeOurs, "$1see ")

/** Rewrites the lines a `visit` recognises and keeps the others as prose. Lines inside code fences are kept as they stand. */
export const rewrite = (
  source: Source,
  visit: (line: Markdown.Line) => ReadonlyArray<string> | null
): ReadonlyArray<TranslatedLine> =>
  Markdown.scan(source.text).lines.flatMap((line) => {
    const lines = line.code ? [line.raw] : (visit(line) ?? [prose(line.text)])
    return lines.map((text) => ({ text, file: source.path, line: line.number }))
  })

/** Sources under their paths, so that moving text between files is a change. */
export const joined = (sources: ReadonlyArray<Source>): string =>
  sources.length === 1
    ? (sources[0]?.text ?? "")
    : sources.map((source) => `<!-- ${source.path} -->\n${source.text}`).join("\n")

/** An artifact that needs no rewriting. */
export const verbatim = (sources: ReadonlyArray<Source>): Translation => ({
  lines: sources.flatMap((source) => rewrite(source, () => null)),
  content: joined(sources)
})

export interface TaskParts {
  readonly id: string
  readonly title: string
  readonly ticked: boolean
  readonly deps?: ReadonlyArray<string>
  readonly covers?: ReadonlyArray<string>
  readonly writes?: ReadonlyArray<string>
  readonly verify?: ReadonlyArray<string>
  /** Its name in the foreign plan, where that is no number. */
  readonly alias?: string
}

const field = (name: string, values: ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  values === undefined || values.length === 0 ? [] : [`  - ${name}: ${values.join(", ")}`]

/** One task in our own notation. */
export const taskLines = (task: TaskParts): ReadonlyArray<string> => {
  return [
    `- [${task.ticked ? "x" : " "}] ${task.id}: ${task.title}`,
    ...field("depends", task.deps),
    ...field("covers", task.covers),
    ...field("writes", task.writes),
    ...field("alias", task.alias === undefined ? [] : [task.alias]),
    ...field(
      "verify",
      task.verify?.map((command) => `\`${command}\``)
    )
  ]
}

/** A checkbox item outside code. Only `x` and `X` tick; every other mark, known or not, is open. */
export const box = /^(\s*)[-*+]\s+\[([^\]]?)\](\*?)\s+(.*)$/

export const isTicked = (mark: string | undefined): boolean => mark === "x" || mark === "X"

/** Paths that a task's text mentions, such as `src/models/user.py`. */
export const pathsIn = (text: string): ReadonlyArray<string> => [
  ...new Set(
    [...text.matchAll(/(?<![\w/:.])((?:[\w.@-]{1,80}\/){1,12}[\w.@*-]{0,80}\.[A-Za-z0-9]{1,8})(?![\w/])/g)].map(
      (match) => match[1] ?? ""
    )
  )
]

/** First `#` heading without a leading kind such as "Tasks:", or the fallback. */
export const titleOf = (text: string | undefined, fallback: string): string => {
  for (const line of text === undefined ? [] : Markdown.scan(text).lines) {
    const match = /^#\s+(.+)$/.exec(line.text)
    if (match === null) continue
    const title = (match[1] ?? "").replace(/^[\p{L} ]{1,40}[:\uff1a]\s*/u, "").trim()
    return /^(requirements document|requirements|design document|implementation plan|tasks|proposal|\[feature name\])$/i.test(
      title
    )
      ? fallback
      : title
  }
  return fallback
}

/** Folders directly below `base` that hold at least one file, with the file names below them. */
export const foldersBelow = (files: Files, base: string): ReadonlyMap<string, ReadonlyArray<string>> => {
  const folders = new Map<string, Array<string>>()
  for (const path of files.keys()) {
    if (!path.startsWith(base)) continue
    const rest = path.slice(base.length)
    const at = rest.indexOf("/")
    if (at <= 0) continue
    const name = rest.slice(0, at)
    const names = folders.get(name)
    if (names === undefined) folders.set(name, [rest.slice(at + 1)])
    else names.push(rest.slice(at + 1))
  }
  return folders
}
