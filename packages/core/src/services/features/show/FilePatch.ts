/** One changed file as a patch in git's form, which `git apply` takes; its bounds are the caller's. Pure. */
import { structuredPatch } from "diff"

/** A file on one side. */
export interface Side {
  readonly path: string
  readonly mode: string
  /** Its text; null where it has none (see `textOf`). */
  readonly text: string | null
}
export interface FilePatch {
  /** Null where a side is no text. */
  readonly added: number | null
  readonly removed: number | null
  readonly text: string
}

const context = 3
/** Texts that differ in more lines than this are shown as one replaced by the other: the search for less takes the square of it. */
const maxEdits = 1_000
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Null for bytes that are no text: NUL is what git goes by, too; what is not UTF-8 cannot be shown either. */
export const textOf = (content: Uint8Array): string | null => {
  if (content.includes(0)) return null
  try {
    return decoder.decode(content)
  } catch {
    // Not UTF-8.
    return null
  }
}

const escapes: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
  '"': '\\"',
  "\\": "\\\\"
}
// oxlint-disable-next-line no-control-regex -- git quotes a path with control characters
const special = /[\u0000-\u001f"\\\u007f]/g
/** As git writes it with core.quotePath off. */
const quoted = (path: string): string =>
  path.search(special) === -1
    ? path
    : `"${path.replace(special, (one) => escapes[one] ?? `\\${one.charCodeAt(0).toString(8).padStart(3, "0")}`)}"`
/** In the lines that name the sides a tab ends a name with a space in it. */
const sideName = (letter: "a" | "b", side: Side | null): string => {
  if (side === null) return "/dev/null"
  const name = quoted(`${letter}/${side.path}`)
  return name.includes(" ") && !name.startsWith('"') ? `${name}\t` : name
}

const linesOf = (text: string): ReadonlyArray<string> => (text === "" ? [] : text.split(/(?<=\n)/))
interface Hunk {
  readonly oldStart: number
  readonly oldLines: number
  readonly newStart: number
  readonly newLines: number
  readonly lines: ReadonlyArray<string>
}
const noEnd = "\\ No newline at end of file"
const marked = (sign: "-" | "+", lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.flatMap((line) => (line.endsWith("\n") ? [`${sign}${line.slice(0, -1)}`] : [`${sign}${line}`, noEnd]))
/** All of one text for all of the other. */
const replaced = (before: string, after: string): Hunk => {
  const [was, is] = [linesOf(before), linesOf(after)]
  return {
    oldStart: 1,
    oldLines: was.length,
    newStart: 1,
    newLines: is.length,
    lines: [...marked("-", was), ...marked("+", is)]
  }
}
const hunksOf = (before: string, after: string): ReadonlyArray<Hunk> => {
  if (before === after) return []
  if (before === "" || after === "") return [replaced(before, after)]
  const found = structuredPatch("", "", before, after, "", "", { context, maxEditLength: maxEdits })
  return found === undefined ? [replaced(before, after)] : found.hunks
}
/** Of no lines the line before them is named. */
const range = (start: number, lines: number) => `${lines === 0 ? start - 1 : start},${lines}`
const hunkText = (hunk: Hunk): string =>
  [`@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`, ...hunk.lines, ""].join(
    "\n"
  )
const count = (hunks: ReadonlyArray<Hunk>, sign: string) =>
  hunks.reduce((sum, { lines }) => sum + lines.filter((line) => line.startsWith(sign)).length, 0)

const modes = (before: Side | null, after: Side | null): ReadonlyArray<string> =>
  before === null
    ? [`new file mode ${after?.mode ?? ""}`]
    : after === null
      ? [`deleted file mode ${before.mode}`]
      : before.mode === after.mode
        ? []
        : [`old mode ${before.mode}`, `new mode ${after.mode}`]

const one = (before: Side | null, after: Side | null): FilePatch => {
  const [from, to] = [before ?? after, after ?? before] as [Side, Side]
  const head = [
    `diff --git ${quoted(`a/${from.path}`)} ${quoted(`b/${to.path}`)}`,
    ...modes(before, after),
    ...(from.path === to.path ? [] : [`rename from ${quoted(from.path)}`, `rename to ${quoted(to.path)}`]),
    ""
  ].join("\n")
  if (before?.text === null || after?.text === null) {
    const names = [sideName("a", before), sideName("b", after)].map((name) => name.trimEnd())
    return { added: null, removed: null, text: `${head}Binary files ${names[0]} and ${names[1]} differ\n` }
  }
  const hunks = hunksOf(before?.text ?? "", after?.text ?? "")
  const sides = hunks.length === 0 ? "" : `--- ${sideName("a", before)}\n+++ ${sideName("b", after)}\n`
  return {
    added: count(hunks, "+"),
    removed: count(hunks, "-"),
    text: `${head}${sides}${hunks.map(hunkText).join("")}`
  }
}

const sum = (a: number | null, b: number | null) => (a === null || b === null ? null : a + b)
/** What is no file any more, or became one, is taken away and made anew, as git does it. */
export const make = (before: Side | null, after: Side | null): FilePatch => {
  if (before === null || after === null || before.mode.slice(0, 3) === after.mode.slice(0, 3)) return one(before, after)
  const [gone, fresh] = [one(before, null), one(null, after)]
  return {
    added: sum(gone.added, fresh.added),
    removed: sum(gone.removed, fresh.removed),
    text: `${gone.text}${fresh.text}`
  }
}
