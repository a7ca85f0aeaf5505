/**
 * Turns chunks of a process's output into lines: UTF-8 decoded across chunk borders (what is none becomes U+FFFD), secrets masked before
 * anything is cut, so that none is kept in halves, and long lines bounded. What a line means is up to whoever reads it.
 */
import * as LineText from "@rdev/core/domain/LineText"
import type { OutputChunk } from "@rdev/core/ports/infra/WorkspaceHost"
import type { Redactor } from "@rdev/core/redaction/Redactor"
import { StringDecoder } from "node:string_decoder"

export const maxLineChars = 8192

/** Bytes to text without secrets, text to lines. */
const stream = (maxChars: number, redactor: Redactor, emit: (text: string, ends: boolean) => void) => {
  const decoder = new StringDecoder("utf8")
  const masked = redactor.textStream()
  const lines = new LineText.LineSplitter(maxChars, emit)
  return {
    push: (chunk: Uint8Array): void =>
      lines.push(masked.push(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)))),
    end: (): void => {
      lines.push(masked.push(decoder.end()) + masked.end())
      lines.end()
    }
  }
}

export interface LogSplitter {
  /** Complete lines so far. */
  push(chunk: Uint8Array): ReadonlyArray<string>
  /** The last line, if it did not end with a line break. */
  end(): ReadonlyArray<string>
}

/** Lines fit for logs: what a terminal would show of each, and one of more than 8 KiB as several. */
export const forLog = (redactor: Redactor): LogSplitter => {
  let found: Array<string> = []
  const take = (): ReadonlyArray<string> => {
    const lines = found
    found = []
    return lines
  }
  // Four times as long as what is kept of a line: a progress bar writes over the line that it began.
  const lines = stream(maxLineChars * 4, redactor, (text) => {
    found.push(...LineText.pieces(text.replace(/\r+$/, "").split("\r").at(-1) ?? "", maxLineChars))
  })
  return {
    push: (chunk) => {
      lines.push(chunk)
      return take()
    },
    end: () => {
      lines.end()
      return take()
    }
  }
}

export interface Line {
  readonly stream: "stdout" | "stderr"
  readonly text: string
  /** Bytes cut off at its end. */
  readonly dropped: number
}
export interface Lines {
  readonly push: (chunk: OutputChunk) => ReadonlyArray<Line>
  /** What stood after the last line end of each stream. */
  readonly end: () => ReadonlyArray<Line>
}

/** Lines of both streams as they are: of each at most `maxChars` are kept, and the bytes of the rest counted. */
export const bounded = (maxChars: number, redactor: Redactor): Lines => {
  let found: Array<Line> = []
  const open = (name: Line["stream"]) => {
    let [text, dropped, begun] = ["", 0, false]
    return stream(maxChars, redactor, (part, ends) => {
      if (!begun) text = part
      else dropped += Buffer.byteLength(part)
      begun = !ends
      if (!ends) return
      found.push({ stream: name, text, dropped })
      ;[text, dropped] = ["", 0]
    })
  }
  const streams = { stdout: open("stdout"), stderr: open("stderr") }
  const take = (): ReadonlyArray<Line> => {
    const lines = found
    found = []
    return lines
  }
  return {
    push: ({ data, stream: name }) => {
      streams[name].push(data)
      return take()
    },
    end: () => {
      streams.stdout.end()
      streams.stderr.end()
      return take()
    }
  }
}
