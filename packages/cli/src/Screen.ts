/**
 * Writes to the terminal: lines that stay, and on a TTY one line at the bottom that changes. Each change is a single write, so
 * nothing flickers; without a TTY only the lines are written.
 */
import { stripVTControlCharacters } from "node:util"
import { oneLine, visible, visibleStyled } from "./TerminalText.ts"

const tick = 100
const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
const clear = "\r\u001b[2K"

export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const colour = (open: number, close: number) => (text: string) => `\u001b[${open}m${text}\u001b[${close}m`
const plainText = (text: string) => text
const styles = {
  bold: colour(1, 22),
  dim: colour(2, 22),
  green: colour(32, 39),
  yellow: colour(33, 39),
  red: colour(31, 39),
  cyan: colour(36, 39)
}
export type Styles = Readonly<Record<keyof typeof styles, (text: string) => string>>
const noStyles: Styles = {
  bold: plainText,
  dim: plainText,
  green: plainText,
  yellow: plainText,
  red: plainText,
  cyan: plainText
}

/** 340 ms, 4.1 s, 1 min 05 s */
export const duration = (millis: number): string => {
  if (millis < 1000) return `${Math.round(millis)} ms`
  if (millis < 60_000) return `${(millis / 1000).toFixed(1)} s`
  const seconds = Math.round(millis / 1000)
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`
}

export class Screen {
  readonly isLive: boolean
  readonly style: Styles
  private status: (() => string) | null = null
  private timer: NodeJS.Timeout | null = null
  private frame = 0
  private shown = false
  private readonly output: Output

  constructor(output: Output, env: Readonly<Record<string, string | undefined>> = process.env) {
    this.output = output
    this.isLive = output.isTTY === true && env["TERM"] !== "dumb" && env["CI"] === undefined
    this.style = output.isTTY === true && env["NO_COLOR"] === undefined ? styles : noStyles
  }

  /** Whoever the text is of: nothing in it but this screen's own styles acts on the terminal. */
  line(text = ""): void {
    const shown = this.style === styles ? visibleStyled(text) : visible(text)
    this.output.write(`${this.shown ? clear : ""}${shown}\n${this.statusText()}`)
    this.shown = this.status !== null && this.isLive
  }

  /** What the changing line says; it is asked ten times a second. Null takes it away. */
  live(status: (() => string) | null): void {
    this.status = status
    if (!this.isLive) return
    if (status === null) {
      if (this.timer !== null) clearInterval(this.timer)
      this.timer = null
      if (this.shown) this.output.write(clear)
      this.shown = false
      return
    }
    this.timer ??= setInterval(() => this.redraw(), tick)
    this.redraw()
  }

  private redraw(): void {
    this.frame = (this.frame + 1) % frames.length
    this.output.write(`${clear}${this.statusText()}`)
    this.shown = true
  }

  private statusText(): string {
    if (this.status === null || !this.isLive) return ""
    const width = (this.output.columns || 80) - 3
    const text = visible(stripVTControlCharacters(this.status())).replaceAll(/\s/g, " ")
    return `${this.style.cyan(frames[this.frame] ?? "")} ${text.length > width ? `${text.slice(0, width - 1)}…` : text}`
  }
}

/** Columns as wide as their widest cell; the last one is not padded. Line breaks in a cell are spaces: a row is a line. */
export const table = (cells: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const rows = cells.map((row) => row.map((cell) => oneLine(cell)))
  const widths: Array<number> = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, stripVTControlCharacters(cell).length)
    })
  return rows.map((row) =>
    row
      .map((cell, i) =>
        i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - stripVTControlCharacters(cell).length)
      )
      .join("  ")
      .trimEnd()
  )
}
