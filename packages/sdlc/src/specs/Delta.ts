/**
 * What a spec changes in the living specs: its sections `ADDED`, `MODIFIED`, `REMOVED` and `RENAMED Requirements`, in any language of the
 * table. Pure and linear.
 *
 * Promises every header of such a section with its line, and findings for what contradicts itself within one spec. What stands outside of
 * such sections is new or changed, as the spec's readers see fit, and is told apart as `plain`.
 */
import * as Headings from "../language/Headings.ts"
import type { Collector } from "../lint/Finding.ts"
import * as Markdown from "../lint/Markdown.ts"
import { type Header, isScenario, keyOf, nameIn, nearest } from "./Header.ts"

export type Operation = keyof typeof Headings.operations

export interface Change extends Header {
  readonly operation: Operation
  /** The new name of a renamed requirement. */
  readonly to?: Header
  /** The living spec that is meant, as the section or the front matter names it; `null` = it is not said. */
  readonly capability: string | null
}

export interface Delta {
  readonly changes: ReadonlyArray<Change>
  /** Requirements outside of any section. */
  readonly plain: ReadonlyArray<Header>
}

export const nothing: Delta = { changes: [], plain: [] }

const names = Object.keys(Headings.operations) as ReadonlyArray<Operation>
const tail = "(?:\\s*(?:[:\\uff1a\\u2013\\u2014-]\\s*(?<named>.+?)|[(\\uff08](?<bracketed>[^)\\uff09]+)[)\\uff09]))?"
const patterns = names.map((operation) => {
  const [verb, what] = [Headings.operations[operation], Headings.requirement]
  return {
    operation,
    whole: new RegExp(`^(?:${verb}\\s*(?:の|de |di )?\\s*${what}|${what}\\s*(?:の)?\\s*${verb})${tail}$`, "iu"),
    bare: new RegExp(`^${operation}$`, "i")
  }
})
const anyOperation = new RegExp(Object.values(Headings.operations).join("|"), "iu")
const looksLikeSection = /^(\p{L}{4,12})\s+requirements?$/iu

const plainHeading = (text: string): string =>
  text
    .replace(/^ {0,3}#{1,6}\s+/, "")
    .replace(/\s+#+\s*$/, "")
    .replace(/^(?:\*\*|__)|(?:\*\*|__)$/g, "")
    .normalize("NFKC")
    .replace(/\s+/g, " ")
    .trim()

interface Section {
  readonly operation: Operation
  readonly capability: string | null
}

/** The section that a heading opens, or `null`. */
export const sectionOf = (heading: string): Section | null => {
  const text = plainHeading(heading)
  if (!anyOperation.test(text)) return null
  for (const { bare, operation, whole } of patterns) {
    const groups = whole.exec(text)?.groups
    const capability = (groups?.["named"] ?? groups?.["bracketed"])?.replace(/^`|`$/g, "").trim()
    if (groups !== undefined || bare.test(text))
      return { operation, capability: capability === undefined || capability === "" ? null : capability }
  }
  return null
}

/** `capability: greeting` in the front matter, of its own or below `sdlc`. */
const capabilityOf = (document: Markdown.Document): string | null =>
  /(?:^|[\s{,])capability\s*:\s*["']?([^\s"',}]+)/m.exec(document.frontMatter?.lines.join("\n") ?? "")?.[1] ?? null

const side = (word: string): RegExp =>
  new RegExp(`^\\s*(?:[-*+]\\s+)?(?:\\*\\*|__)?${word}(?:\\*\\*|__)?\\s*[:\\uff1a]\\s*(?:\\*\\*|__)?\\s*(.+)$`, "iu")
const [fromLine, toLine] = [side(Headings.renamedFrom), side(Headings.renamedTo)]
const arrow = /^\s*(?:[-*+]|#{2,6})\s+(.+?)\s*(?:->|=>|\u2192)\s*(.+)$/

const header = (name: string, line: number): Header => ({ name, key: keyOf(name), line })
const named = (text: string, line: number): Header =>
  header(nameIn(text) ?? text.trim().replace(/^[`*]+|[`*]+$/g, ""), line)

type Say = Collector["error"]

/** Pairs `FROM:` and `TO:` lines, or `old → new`. */
const renames = (lines: ReadonlyArray<Markdown.Line>, section: Section, error: Say): ReadonlyArray<Change> => {
  const found: Array<Change> = []
  let from: Header | null = null
  const lonely = (one: Header, other: string): void =>
    error(
      "delta-renamed",
      one.line,
      `"${one.name}" is renamed, but its ${other} name is missing.`,
      "write two lines: - FROM: `### Requirement: <old name>` and - TO: `### Requirement: <new name>`."
    )
  for (const line of lines) {
    const [old, next] = [fromLine.exec(line.text)?.[1], toLine.exec(line.text)?.[1]]
    const both = old === undefined && next === undefined ? arrow.exec(line.text) : null
    if (old !== undefined) {
      if (from !== null) lonely(from, "new")
      from = named(old, line.number)
    } else if (next !== undefined) {
      const to = named(next, line.number)
      if (from === null) lonely(to, "old")
      else found.push({ ...from, operation: "renamed", capability: section.capability, to })
      from = null
    } else if (both !== null)
      found.push({
        ...named(both[1] ?? "", line.number),
        operation: "renamed",
        capability: section.capability,
        to: named(both[2] ?? "", line.number)
      })
  }
  if (from !== null) lonely(from, "new")
  return found
}

/** Headings and items that name a requirement. */
const headerAt = (line: Markdown.Line): Header | null => {
  if (!/REQ-\d|[:\uff1a]/i.test(line.text)) return null
  const text =
    /^ {0,3}#{2,6}\s+(.*)$/.exec(line.text)?.[1] ??
    /^\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[.\]\s+)?(.*)$/.exec(line.text)?.[1]
  const name = text === undefined ? null : nameIn(text)
  return name === null ? null : header(name, line.number)
}

interface Open extends Section {
  readonly level: number
  readonly line: number
  readonly lines: Array<Markdown.Line>
}

const changesOf = (section: Open, collect: Collector): ReadonlyArray<Change> => {
  if (section.operation === "renamed") return renames(section.lines, section, collect.error)
  return section.lines.flatMap((line): ReadonlyArray<Change> => {
    const one = headerAt(line)
    if (one !== null) return [{ ...one, operation: section.operation, capability: section.capability }]
    if (Markdown.headingLevel(line.text) === section.level + 1 && !isScenario(plainHeading(line.text)))
      collect.warning(
        "delta-header",
        line.number,
        `"${line.text.trim()}" stands below ${section.operation.toUpperCase()} and is no header of a requirement.`,
        "write ### REQ-001: <name> or ### Requirement: <name>, or move it out of the section."
      )
    return []
  })
}

/** Reads the delta of one spec; `capability` is the living spec that its place tells, such as the folder of an OpenSpec delta. */
export const read = (document: Markdown.Document, collect: Collector, capability: string | null = null): Delta => {
  const common = capability ?? capabilityOf(document)
  const changes: Array<Change> = []
  const plain: Array<Header> = []
  let open: Open | null = null
  const close = (): void => {
    if (open !== null) changes.push(...changesOf(open, collect))
    open = null
  }
  for (const line of document.lines) {
    if (line.code || line.text === "") continue
    const level = Markdown.headingLevel(line.text)
    if (level > 0 && (open === null || level <= (open as Open).level || sectionOf(line.text) !== null)) {
      close()
      const section = sectionOf(line.text)
      if (section !== null) {
        open = {
          operation: section.operation,
          capability: section.capability ?? common,
          level,
          line: line.number,
          lines: []
        }
        continue
      }
      misspelt(line, collect)
    }
    if (open !== null) (open as Open).lines.push(line)
    else {
      const one = headerAt(line)
      if (one !== null) plain.push(one)
    }
  }
  close()
  check(changes, collect)
  return { changes, plain }
}

const misspelt = (line: Markdown.Line, { error }: Collector): void => {
  const word = looksLikeSection.exec(plainHeading(line.text))?.[1]
  if (word === undefined) return
  const close = nearest(
    word.toLowerCase(),
    names.map((name) => ({ key: name as string }))
  )
  if (close !== null && close.key.slice(0, 2) === word.toLowerCase().slice(0, 2))
    error(
      "delta-section",
      line.number,
      `"${line.text.trim()}" opens no section that is known.`,
      `did you mean ## ${close.key.toUpperCase()} Requirements?`
    )
}

/** Contradictions within one spec: what one change says another must not take back. */
const check = (changes: ReadonlyArray<Change>, { error }: Collector): void => {
  const seen = new Map<string, Change>()
  const targets = new Map<string, Change>()
  const place = (capability: string | null, key: string): string =>
    `${capability === null ? "" : keyOf(capability)}\0${key}`
  for (const one of changes) {
    const at = place(one.capability, one.key)
    const earlier = seen.get(at)
    if (earlier === undefined) seen.set(at, one)
    else clash(one, earlier, error)
    if (one.to === undefined) continue
    const target = place(one.capability, one.to.key)
    if (one.to.key === one.key && one.to.name === one.name)
      error(
        "delta-renamed",
        one.line,
        `"${one.name}" is renamed to itself.`,
        "give it another name, or remove the lines."
      )
    const other = targets.get(target)
    if (other !== undefined)
      error(
        "delta-renamed",
        one.to.line,
        `"${one.to.name}" is already the new name of "${other.name}" (line ${other.line}).`,
        "give each its own name."
      )
    targets.set(target, one)
  }
  for (const one of changes) {
    if (one.operation !== "added") continue
    const taken = targets.get(place(one.capability, one.key))
    if (taken !== undefined)
      error(
        "delta-conflict",
        one.line,
        `"${one.name}" is added, and "${taken.name}" is renamed to it (line ${taken.line}).`,
        "describe what changes of it below MODIFIED, under the new name."
      )
  }
}

const clash = (one: Change, earlier: Change, error: Say): void => {
  const [a, b] = [earlier.operation, one.operation]
  if (a === b)
    return error(
      "delta-duplicate",
      one.line,
      `"${one.name}" stands below ${b.toUpperCase()} a second time; the first is on line ${earlier.line}.`,
      "keep one of them."
    )
  const renamed = a === "renamed" ? earlier : b === "renamed" ? one : null
  if (renamed !== null && (a === "added" || b === "added")) return
  error(
    "delta-conflict",
    one.line,
    `"${one.name}" stands below ${a.toUpperCase()} (line ${earlier.line}) and below ${b.toUpperCase()}.`,
    renamed !== null
      ? `use its new name, "${renamed.to?.name ?? ""}", everywhere else.`
      : [a, b].includes("removed")
        ? "decide whether it is to be there; to replace its text use MODIFIED."
        : "use ADDED for what is new and MODIFIED for what is there."
  )
}

/** Lines below REMOVED and RENAMED: nobody has to build what they name. */
export const goneLines = (document: Markdown.Document): ReadonlySet<number> => {
  const gone = new Set<number>()
  let level = 0
  for (const line of document.lines) {
    if (line.code) continue
    const depth = Markdown.headingLevel(line.text)
    const section = depth > 0 ? sectionOf(line.text) : null
    if (depth > 0 && (level === 0 || depth <= level || section !== null))
      level = section?.operation === "removed" || section?.operation === "renamed" ? depth : 0
    if (level > 0) gone.add(line.number)
  }
  return gone
}
