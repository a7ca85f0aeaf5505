/**
 * Turns chunks of output into lines fit for logs: UTF-8 decoded across chunk borders, without terminal sequences, invisible characters
 * and secrets, then a line of more than 8 KiB cut into several.
 */
import { pieces } from "@rdev/core/domain/OutputLines"
import type { Redactor } from "@rdev/core/redaction/Redactor"
import { StringDecoder } from "node:string_decoder"

export const maxLineChars = 8192

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
