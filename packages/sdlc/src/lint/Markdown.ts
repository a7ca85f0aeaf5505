/**
 * A line scanner for the Markdown we reason about: front matter, code fences, HTML comments, headings, list items, ids.
 *
 * Promises linear time on any input and true line numbers, and that nothing inside a fence or a comment is ever read as
 * content. Does not render and does not know inline syntax beyond code spans.
 */

export interface Line {
  /** 1-based line number in the file. */
  readonly number: number
  /** The line as it stands in the file, without its line end. */
  readonly raw: string
  /** The line with comments removed; empty inside fences and comments. */
  readonly text: string
  /** Inside (or delimiting) a fenced code block. */
  readonly code: boolean
}

export interface Document {
  /** The lines between the two `---` that open the file, and the line number of the first of them. */
  readonly frontMatter: { readonly lines: ReadonlyArray<string>; readonly line: number } | null
  readonly lines: ReadonlyArray<Line>
}

const fence = /^\s*(?:>\s*)*(`{3,}|~{3,})(.*)$/

const withoutComments = (raw: string, open: boolean): { readonly text: string; readonly open: boolean } => {
  let text = ""
  let at = 0
  let inside = open
  for (;;) {
    const next = raw.indexOf(inside ? "-->" : "<!--", at)
    if (next < 0) return { text: inside ? text : text + raw.slice(at), open: inside }
    if (!inside) text += raw.slice(at, next)
    at = next + (inside ? 3 : 4)
    inside = !inside
  }
}

/** Splits a Markdown file into front matter and classified lines. Total: any string gives a document. */
export const scan = (markdown: string): Document => {
  const all = markdown.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)
  let start = 0
  let frontMatter: Document["frontMatter"] = null
  if (all[0]?.trimEnd() === "---") {
    const end = all.findIndex((line, index) => index > 0 && /^(---|\.\.\.)\s*$/.test(line))
    if (end > 0) {
      frontMatter = { lines: all.slice(1, end), line: 2 }
      start = end + 1
    }
  }
  const lines: Array<Line> = []
  let mark = ""
  let comment = false
  for (let index = start; index < all.length; index++) {
    const raw = all[index] ?? ""
    const number = index + 1
    const opening = comment ? null : fence.exec(raw)
    if (mark !== "") {
      lines.push({ number, raw, text: "", code: true })
      if (opening?.[1]?.startsWith(mark) === true && opening[2]?.trim() === "") mark = ""
      continue
    }
    if (opening !== null && !(opening[1]?.startsWith("`") === true && opening[2]?.includes("`") === true)) {
      mark = opening[1] ?? ""
      lines.push({ number, raw, text: "", code: true })
      continue
    }
    const stripped = withoutComments(raw, comment)
    comment = stripped.open
    lines.push({ number, raw, text: stripped.text.trimEnd(), code: false })
  }
  return { frontMatter, lines }
}

/** Text with `code spans` blanked out, so that a marker quoted in code is not taken for the marker itself. */
export const withoutCodeSpans = (text: string): string =>
  text.replace(/(`{1,3})[^`]+\1/g, (span) => " ".repeat(span.length))

/** A heading or list item that opens with an id, with everything that belongs to it. */
export interface Entry {
  readonly id: string
  readonly title: string
  readonly line: number
  /** `true` when the entry is a list item with a ticked box. */
  readonly ticked: boolean
  readonly body: ReadonlyArray<Line>
}

const heading = /^ {0,3}(#{1,6})\s+(.*)$/
const item = /^(\s*)(?:[-*+]|\d{1,9}[.)])\s+(?:\[(.)\]\s+)?(.*)$/

/** The heading level (1–6) of a line, or 0. */
export const headingLevel = (text: string): number => heading.exec(text)?.[1]?.length ?? 0

const opens = (
  text: string,
  ids: RegExp
): {
  readonly level: number
  readonly indent: number
  readonly ticked: boolean
  readonly id: string
  readonly title: string
} | null => {
  const head = heading.exec(text)
  const listed = head === null ? item.exec(text) : null
  const rest = head?.[2] ?? listed?.[3]
  if (rest === undefined) return null
  const match = ids.exec(rest.replace(/^(?:\*\*|__|`|\[.\]\s+)+/, ""))
  if (match === null) return null
  return {
    level: head?.[1]?.length ?? 7,
    indent: listed?.[1]?.length ?? -1,
    ticked: listed?.[2] === "x" || listed?.[2] === "X",
    id: match[1] ?? "",
    title: (match[2] ?? "").replace(/^(?:\*\*|__|`)?\s*[:.)\u2013\u2014-]?\s*(?:\*\*|__)?\s*/, "").trim()
  }
}

/**
 * All entries whose heading or list item starts with an id of the given prefixes, in file order. An entry reaches to the
 * next entry, the next heading of its own level or higher, or (for a list item) the next item that is not nested in it.
 */
export const entries = (document: Document, prefixes: ReadonlyArray<string>): ReadonlyArray<Entry> => {
  const ids = new RegExp(`^((?:${prefixes.join("|")})-\\d{1,6})(?![\\w-])(.*)$`, "i")
  const found: Array<Entry & { readonly body: Array<Line> }> = []
  let current: (Entry & { readonly body: Array<Line> }) | null = null
  let level = 0
  let indent = -1
  for (const line of document.lines) {
    const opened = line.code || line.text === "" ? null : opens(line.text, ids)
    if (opened !== null) {
      current = { id: opened.id, title: opened.title, line: line.number, ticked: opened.ticked, body: [] }
      found.push(current)
      level = opened.level
      indent = opened.indent
      continue
    }
    if (current === null) continue
    const depth = headingLevel(line.text)
    const listed = item.exec(line.text)
    if ((depth > 0 && depth <= level) || (indent >= 0 && listed !== null && (listed[1]?.length ?? 0) <= indent)) {
      current = null
      continue
    }
    current.body.push(line)
  }
  return found
}

export interface Field {
  readonly name: string
  /** The value on the line itself, or one value per nested list item. Empty strings are left out. */
  readonly values: ReadonlyArray<string>
  readonly line: number
}

/** `name: value` lines of an entry (list items or plain text, `_emphasised_` too), with names in lower case. */
export const fields = (entry: Entry): ReadonlyArray<Field> => {
  const result: Array<{ name: string; values: Array<string>; line: number; indent: number; open: boolean }> = []
  for (const line of entry.body) {
    const last = result.at(-1)
    const nested = /^(\s+)[-*+]\s+(.*)$/.exec(line.text)
    if (nested !== null && last?.open === true && (nested[1]?.length ?? 0) > last.indent) {
      last.values.push((nested[2] ?? "").trim())
      continue
    }
    const match = /^(\s*)(?:[-*+]\s+)?(?:\*\*|_)?([A-Za-z][A-Za-z -]{0,30}?)(?:\*\*)?\s*:(?:\*\*)?\s*(.*)$/.exec(
      line.text
    )
    if (match === null) {
      if (last !== undefined && line.text.trim() !== "") last.open = false
      continue
    }
    const value = (match[3] ?? "").replace(/_$/, "").trim()
    result.push({
      name: (match[2] ?? "").trim().toLowerCase(),
      values: value === "" ? [] : [value],
      line: line.number,
      indent: match[1]?.length ?? 0,
      open: value === ""
    })
  }
  return result.map(({ name, values, line }) => ({ name, values, line }))
}

/** The items of comma- or space-separated lists, code marks removed; a dash or "none" is the empty list. */
export const items = (values: ReadonlyArray<string>): ReadonlyArray<string> =>
  values.flatMap((value) => {
    const plain = value.replace(/`/g, "").trim()
    if (/^(none|-|\u2013|\u2014|n\/a)?$/i.test(plain)) return []
    return plain.split(/[,;\s]+/).filter((part) => part !== "" && part.toLowerCase() !== "and")
  })

/** The commands of a field: every code span, or the whole value where there is none. */
export const commands = (values: ReadonlyArray<string>): ReadonlyArray<string> =>
  values.flatMap((value) => {
    const spans = [...value.matchAll(/`([^`]+)`/g)]
      .map((match) => (match[1] ?? "").trim())
      .filter((span) => span !== "")
    return spans.length > 0 ? spans : [value.trim()]
  })

export interface Clarification {
  readonly line: number
  readonly question: string
}

/** Every open `[NEEDS CLARIFICATION: question]` outside code. */
export const clarifications = (document: Document): ReadonlyArray<Clarification> => {
  const open: Array<Clarification> = []
  for (const line of document.lines) {
    if (!line.text.toUpperCase().includes("[NEEDS")) continue
    for (const match of withoutCodeSpans(line.text).matchAll(/\[NEEDS[ _-]CLARIFICATION\s*:?\s*([^\]]*)\]?/gi)) {
      open.push({ line: line.number, question: (match[1] ?? "").trim() })
    }
  }
  return open
}
