/**
 * Turns chunks of output into lines fit for logs: UTF-8 decoded across chunk borders, terminal control sequences and control
 * characters removed, a line of more than 8 KiB cut into several, the total bounded.
 */
import { StringDecoder } from "node:string_decoder"

export const maxLineChars = 8192

// CSI, OSC, other escapes, then every control character but tab.
// eslint-disable-next-line no-control-regex -- control characters are what is removed here
const sequences = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]|[\u0080-\u009f]|[\u0000-\u0008\u000b-\u001f\u007f]/g
export const clean = (text: string): string => text.replace(sequences, "")

export interface LineSplitter {
  /** Complete lines so far. */
  push(chunk: Uint8Array): ReadonlyArray<string>
  /** The last line, if it did not end with a line break. */
  end(): ReadonlyArray<string>
}

export const splitter = (): LineSplitter => {
  const decoder = new StringDecoder("utf8")
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
  const cut = (line: string): ReadonlyArray<string> => {
    const visible = clean(line.replace(/\r+$/, "").split("\r").at(-1) ?? "")
    if (visible.length <= maxLineChars) return [visible]
    return Array.from({ length: Math.ceil(visible.length / maxLineChars) }, (_, i) => visible.slice(i * maxLineChars, (i + 1) * maxLineChars))
  }
  return {
    push: (chunk) => take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))),
    end: () => {
      const last = rest + decoder.end()
      rest = ""
      return last === "" ? [] : cut(last)
    }
  }
}
