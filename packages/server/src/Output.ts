/**
 * Output of a process as lines for the event log: complete lines at once, cleaned and without secrets (these first, so that none
 * is kept in halves), long ones cut, and at most `maxBytes` in all; the rest is counted.
 */
import { type OutputLine, pieces } from "@rdev/core/domain/OutputLines"
import type { Redactor, TextStream } from "@rdev/core/redaction/Redactor"
import { StringDecoder } from "node:string_decoder"

export const maxLineBytes = 4_096
export const maxBytes = 8 * 1024 * 1024
/** Lines that are kept: a line costs something even when it is empty. */
export const maxLines = 200_000

export type Line = OutputLine

const shown = (text: string): string => text.replaceAll("\r", "")

export class Lines {
  private readonly decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") }
  private readonly masked: { readonly stdout: TextStream; readonly stderr: TextStream }
  private readonly rest = { stdout: "", stderr: "" }
  private kept = 0
  private told = 0
  dropped = 0
  /** Of what was kept in bytes. */
  droppedLines = 0

  constructor(redactor: Redactor) {
    this.masked = { stdout: redactor.textStream(), stderr: redactor.textStream() }
  }

  /** Masks what this one knows from here on. */
  use(redactor: Redactor): void {
    this.masked.stdout.use(redactor)
    this.masked.stderr.use(redactor)
  }

  push(stream: "stdout" | "stderr", data: Uint8Array): ReadonlyArray<Line> {
    if (this.kept >= maxBytes) {
      this.dropped += data.byteLength
      return []
    }
    this.kept += data.byteLength
    return this.within(this.split(stream, this.masked[stream].push(this.decoders[stream].write(Buffer.from(data)))))
  }

  private within(lines: ReadonlyArray<Line>): ReadonlyArray<Line> {
    const kept = lines.slice(0, Math.max(0, maxLines - this.told))
    this.told += kept.length
    this.droppedLines += lines.length - kept.length
    return kept
  }

  private split(stream: "stdout" | "stderr", text: string): Array<Line> {
    const parts = (this.rest[stream] + text).split("\n")
    this.rest[stream] = parts.pop() ?? ""
    const lines: Array<Line> = []
    for (const part of parts) {
      // A line costs something even when it is empty: most need no cut and no list of their own.
      if (part.length <= maxLineBytes) lines.push({ stream, line: part.includes("\r") ? shown(part) : part })
      else lines.push(...this.cut(stream, part))
    }
    const [rest = "", ...full] = pieces(this.rest[stream], maxLineBytes).toReversed()
    this.rest[stream] = rest
    for (const piece of full.toReversed()) lines.push({ stream, line: shown(piece) })
    return lines
  }

  /** What has no line end. */
  end(): ReadonlyArray<Line> {
    return this.within(
      (["stdout", "stderr"] as const).flatMap((stream) => {
        const lines = this.split(
          stream,
          this.masked[stream].push(this.decoders[stream].end()) + this.masked[stream].end()
        )
        const last = this.rest[stream]
        this.rest[stream] = ""
        return last === "" ? lines : [...lines, ...this.cut(stream, last)]
      })
    )
  }

  private cut(stream: "stdout" | "stderr", text: string): Array<Line> {
    return pieces(text, maxLineBytes).map((piece) => ({ stream, line: shown(piece) }))
  }
}
