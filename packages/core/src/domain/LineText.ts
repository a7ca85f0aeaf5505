/**
 * Text as lines: of a whole text, of its end, and of text that arrives in pieces. A line ends with a line feed; a carriage return before
 * it belongs to the line end in a whole text, and to the line in a stream, where it may say that a terminal would write over it. Pure.
 */

/** The lines of a text, without what would stand after the last line end. */
export const linesOf = (text: string): ReadonlyArray<string> => {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === "") lines.pop()
  return lines
}

/** At most `count` lines from the end of a text, blank space around them left out: what is worth showing of a long output. */
export const lastLines = (text: string, count: number): ReadonlyArray<string> => linesOf(text.trim()).slice(-count)

/** At least one piece; each has at most `maxChars` code units and none ends inside a character. */
export const pieces = (text: string, maxChars: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  let from = 0
  while (text.length - from > maxChars) {
    const last = text.charCodeAt(from + maxChars - 1)
    const to = from + maxChars - (last >= 0xd800 && last <= 0xdbff ? 1 : 0)
    found.push(text.slice(from, to))
    from = to
  }
  return [...found, text.slice(from)]
}

/**
 * Lines of a text that arrives in pieces: the same ones wherever it was divided. A line of more than `maxChars` comes in several parts, as
 * soon as they are full, so that one that never ends costs no memory; `ends` says of the last part of a line that the line ends there.
 */
export class LineSplitter {
  private readonly maxChars: number
  private readonly emit: (text: string, ends: boolean) => void
  private rest = ""
  constructor(maxChars: number, emit: (text: string, ends: boolean) => void) {
    this.maxChars = Math.max(2, maxChars)
    this.emit = emit
  }

  push(text: string): void {
    const parts = text.split("\n")
    const last = parts.length - 1
    for (let i = 0; i < last; i++) {
      // Joined and not searched again: of a long line every character is looked at once.
      this.complete(i === 0 ? this.rest + (parts[i] ?? "") : (parts[i] ?? ""))
      this.rest = ""
    }
    this.rest += parts[last] ?? ""
    if (this.rest.length > this.maxChars) this.rest = this.overflow(this.rest)
  }

  /** What stands after the last line end, if there is something. */
  end(): void {
    const { rest } = this
    this.rest = ""
    if (rest !== "") this.complete(rest)
  }

  private complete(line: string): void {
    this.emit(line.length <= this.maxChars ? line : this.overflow(line), true)
  }

  /** Tells all parts but the last. */
  private overflow(line: string): string {
    const parts = pieces(line, this.maxChars)
    for (let i = 0; i < parts.length - 1; i++) this.emit(parts[i] ?? "", false)
    return parts.at(-1) ?? ""
  }
}
