/**
 * Turns chunks of output into lines fit for logs: UTF-8 decoded across chunk borders, without terminal sequences, invisible characters
 * and secrets, then a line of more than 8 KiB cut into several.
 */
import type { Redactor } from "@rdev/core/redaction/Redactor"
import { StringDecoder } from "node:string_decoder"

export const maxLineChars = 8192

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

export interface LineSplitter {
  /** Complete lines so far. */
  push(chunk: Uint8Array): ReadonlyArray<string>
  /** The last line, if it did not end with a line break. */
  end(): ReadonlyArray<string>
}

export const splitter = (redactor: Redactor): LineSplitter => {
  const decoder = new StringDecoder("utf8")
  const masked = redactor.textStream()
  let rest = ""
  const take = (text: string): ReadonlyArray<string> => {
    // A carriage return rewrites the line on a terminal: what stands after the last one is what a person would have seen.
    const parts = (rest + text).split("\n")
    rest = parts.pop() ?? ""
    const lines = parts.flatMap(cut)
    if (rest.length > maxLineChars * 4) {
      lines.push(...cut(rest))
      rest = ""
    }
    return lines
  }
  const cut = (line: string): ReadonlyArray<string> =>
    pieces(line.replace(/\r+$/, "").split("\r").at(-1) ?? "", maxLineChars)
  return {
    push: (chunk) => take(masked.push(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)))),
    end: () => {
      const lines = take(masked.push(decoder.end()) + masked.end())
      const last = rest
      rest = ""
      return last === "" ? lines : [...lines, ...cut(last)]
    }
  }
}
