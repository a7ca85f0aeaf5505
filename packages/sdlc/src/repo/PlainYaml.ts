/**
 * The part of YAML that our own files use: block maps and lists, plain and double-quoted scalars, comments.
 *
 * Promises either the value that the `yaml` package would give or `null` for "not mine"; whoever gets `null` asks the
 * package. It exists because loading the package takes longer than everything else that `sdlc next` does.
 */

interface Line {
  readonly indent: number
  readonly text: string
}

const decline = Symbol("decline")

/** Plain scalars are words that no YAML schema could take for anything else. */
const plain = /^[\p{L}\p{N}](?:[\p{L}\p{N} _./+()?;=@*&%$<>\u2013\u2014-]|,(?=\S| )|:(?=[^\s,])|'(?=\S))*$/u
const reserved = /^(?:true|false|null|yes|no|on|off|y|n)$/i
const numberLike = /^[-+.]?\d[\d_.,:]*(?:[eExXoObB][-+]?[\da-fA-F_]*)?$/
const integer = /^(?:0|[1-9]\d{0,14})$/
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/
const quoted = /^"(?:[^"\\\u0000-\u001f\u007f-\u00a0\u2028\u2029\ufeff]|\\["\\nt])*"$/

const scalar = (text: string): unknown => {
  if (text === "true" || text === "false") return text === "true"
  if (text === "[]") return []
  if (text === "{}") return {}
  if (integer.test(text)) return Number(text)
  if (instant.test(text)) return text
  if (quoted.test(text)) return JSON.parse(text)
  return plain.test(text) && !reserved.test(text) && !numberLike.test(text) ? text : decline
}

/** A line without its comment, or `decline` where a `#` could be either. */
const withoutComment = (line: string): string | typeof decline => {
  const at = line.search(/(?:^|\s)#/)
  if (at < 0) return line.trimEnd()
  const before = line.slice(0, at)
  return /["']/.test(before) ? decline : before.trimEnd()
}

const linesOf = (text: string): ReadonlyArray<Line> | null => {
  const lines: Array<Line> = []
  for (const raw of text.split("\n")) {
    if (/[\t\r\u0085\u2028\u2029\ufeff]/.test(raw)) return null
    const line = withoutComment(raw)
    if (typeof line === "symbol") return null
    if (line === "") continue
    if (/^(?:---|\.\.\.|%)/.test(line)) return null
    const indent = line.length - line.trimStart().length
    lines.push({ indent, text: line.slice(indent) })
  }
  return lines
}

const entry = /^([A-Za-z_][A-Za-z0-9_-]*):(?: +(\S.*))?$/

class Reader {
  private at = 0
  private readonly lines: Array<Line>
  constructor(lines: ReadonlyArray<Line>) {
    this.lines = [...lines]
  }

  document(): unknown {
    const first = this.lines[0]
    if (first === undefined || first.indent !== 0) return decline
    const value = this.block(0)
    return this.at === this.lines.length ? value : decline
  }

  private block(indent: number): unknown {
    return this.lines[this.at]?.text.startsWith("- ") === true ? this.list(indent) : this.map(indent)
  }

  private map(indent: number): unknown {
    const result: Record<string, unknown> = {}
    for (let line = this.lines[this.at]; line !== undefined && line.indent >= indent; line = this.lines[this.at]) {
      const match = line.indent === indent ? entry.exec(line.text) : null
      const key = match?.[1]
      if (
        match === null ||
        key === undefined ||
        key === "__proto__" ||
        Object.hasOwn(result, key) ||
        reserved.test(key)
      )
        return decline
      this.at++
      const value = match[2] === undefined ? this.nested(indent) : scalar(match[2])
      if (value === decline) return decline
      result[key] = value
    }
    return result
  }

  /** What stands below `key:`; nothing at all is null, which our files never say. */
  private nested(indent: number): unknown {
    const next = this.lines[this.at]
    if (next === undefined) return decline
    if (next.indent > indent) return this.block(next.indent)
    return next.indent === indent && next.text.startsWith("- ") ? this.list(indent) : decline
  }

  private list(indent: number): unknown {
    const result: Array<unknown> = []
    for (
      let line = this.lines[this.at];
      line !== undefined && line.indent === indent && line.text.startsWith("- ");
      line = this.lines[this.at]
    ) {
      const rest = line.text.slice(2)
      const inner = rest.trimStart()
      let value: unknown
      if (entry.test(inner)) {
        const deeper = indent + 2 + (rest.length - inner.length)
        this.lines[this.at] = { indent: deeper, text: inner }
        value = this.map(deeper)
      } else {
        this.at++
        value = inner.startsWith("- ") ? decline : scalar(inner)
      }
      if (value === decline) return decline
      result.push(value)
    }
    const next = this.lines[this.at]
    return next !== undefined && next.indent > indent ? decline : result
  }
}

/** The value of a document, or `null` when it uses more of YAML than this reader knows. */
export const read = (text: string): { readonly value: unknown } | null => {
  const lines = linesOf(text)
  if (lines === null) return null
  const value = new Reader(lines).document()
  return value === decline ? null : { value }
}
