/**
 * Makes what an agent printed safe to store and to show: no control sequences, no binary, bounded. Pure.
 *
 * Promises that the result holds no C0/C1 control character but tab and line feed, no escape sequence and no bidirectional
 * override, and that `bound` keeps the JSON encoding of a text within the given number of bytes.
 */
import { clean } from "@rdev/core/redaction/Clean"

export { clean }

const binaryShare = 0.3

/** One printed line as a terminal would leave it: what stands after the last carriage return, cleaned. Binary is only named. */
export const line = (raw: string): string => {
  const ended = raw.endsWith("\r") ? raw.slice(0, -1) : raw
  const unreadable = ended.match(/[\u0000-\u0006\u000e-\u001a\u001c-\u001f\ufffd]/g)?.length ?? 0
  if (unreadable > 4 && unreadable > ended.length * binaryShare) return `[binary output, ${ended.length} characters]`
  const at = ended.lastIndexOf("\r")
  return clean(at < 0 ? ended : ended.slice(at + 1))
}

/** Bytes of the text as a JSON string in UTF-8, quotes included. */
export const encodedBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text))

// The longest prefix that fits, found by halving; never ends inside a surrogate pair.
const prefix = (text: string, maxBytes: number): string => {
  let low = 0
  let high = text.length
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (encodedBytes(text.slice(0, middle)) <= maxBytes) low = middle
    else high = middle - 1
  }
  const last = text.charCodeAt(low - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? low - 1 : low)
}

const room = 64

/** The text, or its beginning with a mark that says how much is missing. `dropped` counts characters. */
export const bound = (text: string, maxBytes: number): { readonly text: string; readonly dropped: number } => {
  if (text.length * 6 + 2 <= maxBytes || encodedBytes(text) <= maxBytes) return { text, dropped: 0 }
  const kept = prefix(text, maxBytes - room)
  return { text: `${kept}… [${text.length - kept.length} more characters]`, dropped: text.length - kept.length }
}

/** The text in pieces that each fit, cut at line ends where there are any. */
export const pieces = (text: string, maxBytes: number): ReadonlyArray<string> => {
  const result: Array<string> = []
  let rest = text
  while (encodedBytes(rest) > maxBytes) {
    const head = prefix(rest, maxBytes)
    const at = head.lastIndexOf("\n")
    const cut = at > head.length / 2 ? at + 1 : head.length
    result.push(rest.slice(0, cut))
    rest = rest.slice(cut)
  }
  return [...result, rest]
}
