/**
 * Splits a process's two output streams into lines, cleaned and without secrets: these are masked before anything is cut, so that none
 * is kept in halves. Keeps at most `maxLineChars` of a line and counts the bytes of the rest, so that a line that never ends costs no
 * memory. Invalid UTF-8 becomes U+FFFD.
 */
import type { Redactor, TextStream } from "@rdev/core/redaction/Redactor"
import type { OutputChunk } from "@rdev/core/ports/infra/WorkspaceHost"

export interface Line {
  readonly stream: "stdout" | "stderr"
  readonly text: string
  /** Bytes cut off at its end. */
  readonly dropped: number
}

interface Partial {
  readonly decoder: TextDecoder
  readonly masked: TextStream
  text: string
  dropped: number
}

export interface Lines {
  readonly push: (chunk: OutputChunk) => ReadonlyArray<Line>
  /** What stood after the last line end of each stream. */
  readonly end: () => ReadonlyArray<Line>
}

export const make = (maxLineChars: number, redactor: Redactor): Lines => {
  const open = (): Partial => ({
    decoder: new TextDecoder("utf-8"),
    masked: redactor.textStream(),
    text: "",
    dropped: 0
  })
  const streams = { stdout: open(), stderr: open() }
  const append = (partial: Partial, text: string): void => {
    const fits = text.slice(0, partial.dropped > 0 ? 0 : Math.max(0, maxLineChars - partial.text.length))
    // Not the first half of a character whose second does not fit.
    const kept = fits.length < text.length ? fits.replace(/[\ud800-\udbff]$/, "") : fits
    partial.text += kept
    partial.dropped += kept.length === text.length ? 0 : Buffer.byteLength(text.slice(kept.length))
  }
  const close = (stream: Line["stream"], partial: Partial): Line => {
    const line = { stream, text: partial.text, dropped: partial.dropped }
    partial.text = ""
    partial.dropped = 0
    return line
  }
  const take = (stream: Line["stream"], partial: Partial, text: string): ReadonlyArray<Line> => {
    const parts = text.split("\n")
    const lines: Array<Line> = []
    parts.forEach((part, index) => {
      append(partial, part)
      if (index < parts.length - 1) lines.push(close(stream, partial))
    })
    return lines
  }
  return {
    push: ({ data, stream }) => {
      const partial = streams[stream]
      return take(stream, partial, partial.masked.push(partial.decoder.decode(data, { stream: true })))
    },
    end: () =>
      (["stdout", "stderr"] as const).flatMap((stream) => {
        const partial = streams[stream]
        const lines = take(stream, partial, partial.masked.push(partial.decoder.decode()) + partial.masked.end())
        return partial.text === "" && partial.dropped === 0 ? lines : [...lines, close(stream, partial)]
      })
  }
}
