/**
 * Splits a process's two output streams into lines. Keeps at most `maxLineChars` of a line and counts the bytes of the rest, so
 * that a line that never ends costs no memory. Invalid UTF-8 becomes U+FFFD.
 */
import type { OutputChunk } from "@rdev/core/ports/WorkspaceHost"

export interface Line {
  readonly stream: "stdout" | "stderr"
  readonly text: string
  /** Bytes cut off at its end. */
  readonly dropped: number
}

interface Partial {
  readonly decoder: TextDecoder
  text: string
  dropped: number
}

export interface Lines {
  readonly push: (chunk: OutputChunk) => ReadonlyArray<Line>
  /** What stood after the last line end of each stream. */
  readonly end: () => ReadonlyArray<Line>
}

export const make = (maxLineChars: number): Lines => {
  const open = (): Partial => ({ decoder: new TextDecoder("utf-8"), text: "", dropped: 0 })
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
  return {
    push: ({ data, stream }) => {
      const partial = streams[stream]
      const parts = partial.decoder.decode(data, { stream: true }).split("\n")
      const lines: Array<Line> = []
      parts.forEach((part, index) => {
        append(partial, part)
        if (index < parts.length - 1) lines.push(close(stream, partial))
      })
      return lines
    },
    end: () =>
      (["stdout", "stderr"] as const).flatMap((stream) => {
        const partial = streams[stream]
        append(partial, partial.decoder.decode())
        return partial.text === "" && partial.dropped === 0 ? [] : [close(stream, partial)]
      })
  }
}
