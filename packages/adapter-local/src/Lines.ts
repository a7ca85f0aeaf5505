/**
 * Turns chunks of output into lines fit for logs: UTF-8 decoded across chunk borders, terminal control sequences and control
 * characters removed, a line of more than 8 KiB cut into several, the total bounded.
 */
import { StringDecoder } from "node:string_decoder"

export const maxLineChars = 8192

// CSI, the string types (OSC, DCS, SOS, PM, APC) and other escapes, also in their 8-bit forms; then every control character but tab
// and line feed.
// eslint-disable-next-line no-control-regex -- control characters are what is removed here
const sequences = /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g
export const clean = (text: string): string => text.replace(sequences, "")

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
  const cut = (line: string): ReadonlyArray<string> => pieces(clean(line.replace(/\r+$/, "").split("\r").at(-1) ?? ""), maxLineChars)
  return {
    push: (chunk) => take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))),
    end: () => {
      const last = rest + decoder.end()
      rest = ""
      return last === "" ? [] : cut(last)
    }
  }
}
