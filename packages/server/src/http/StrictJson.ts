/**
 * JSON that means one thing to everybody: what a lenient parser decides silently is refused, each with its place. Looks at text that
 * JSON.parse has taken, in one pass; keys that stand twice, numbers that lose digits, characters that no store keeps, and depth.
 */
import { pointer } from "./Failures.ts"

export interface Fault {
  readonly pointer: string
  readonly detail: string
}

/** Deeper than anything of the contract, and far from what a recursive reader can take. */
export const maxDepth = 64
const maxFaults = 20

interface Level {
  readonly keys: Set<string> | null
  index: number
  key: string | number
}

const closing = /[^"\\]*(?:\\.[^"\\]*)*"/y
const numeral = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y

const wrongText = (text: string): string | null => {
  if (text.includes("\u0000")) return "holds a NUL character, which cannot be kept"
  return text.isWellFormed() ? null : "holds half of a surrogate pair, which is no character"
}
const wrongNumber = (digits: string): string | null => {
  const value = Number(digits)
  if (!Number.isFinite(value)) return "is larger than a number can be"
  return Number.isInteger(value) && !Number.isSafeInteger(value)
    ? "is beyond the integers that are exact (2^53 - 1); send it as a string"
    : null
}

/** Empty when the text is unambiguous. `text` must be JSON. */
export const faults = (text: string): ReadonlyArray<Fault> => {
  const found: Array<Fault> = []
  const levels: Array<Level> = []
  const at = (...more: ReadonlyArray<string>) => pointer(...levels.map(({ key }) => key), ...more)
  const note = (where: string, detail: string | null) => {
    if (detail !== null && found.length < maxFaults) found.push({ pointer: where, detail })
  }
  /** The string whose opening quote is before `from`, and where it ends. */
  const stringAt = (from: number): { readonly value: string; readonly end: number } => {
    closing.lastIndex = from
    closing.test(text)
    const end = closing.lastIndex
    const raw = text.slice(from - 1, end)
    return { value: raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1), end }
  }
  const keyed = (level: Level, key: string) => {
    level.key = key
    if (level.keys?.has(key) === true) note(at(), "stands more than once; send it once")
    level.keys?.add(key)
    note(at(), wrongText(key) ?? (key === "__proto__" ? "is no name that may be used; remove it" : null))
  }
  let expectsKey = false
  for (let i = 0; i < text.length;) {
    const level = levels.at(-1)
    const char = text[i] ?? ""
    if (char === "{" || char === "[") {
      if (levels.length >= maxDepth) return [...found, { pointer: "", detail: `nested deeper than ${maxDepth}` }]
      levels.push({ keys: char === "{" ? new Set() : null, index: 0, key: char === "{" ? "" : 0 })
      expectsKey = char === "{"
      i++
    } else if (char === "}" || char === "]") {
      levels.pop()
      expectsKey = false
      i++
    } else if (char === ",") {
      if (level !== undefined && level.keys === null) level.key = ++level.index
      expectsKey = level?.keys !== null && level !== undefined
      i++
    } else if (char === '"') {
      const { end, value } = stringAt(i + 1)
      if (expectsKey && level !== undefined) keyed(level, value)
      else note(at(), wrongText(value))
      expectsKey = false
      i = end
    } else if (char === "-" || (char >= "0" && char <= "9")) {
      numeral.lastIndex = i
      numeral.test(text)
      note(at(), wrongNumber(text.slice(i, numeral.lastIndex)))
      i = numeral.lastIndex
    } else i++
  }
  return found
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
export type Read =
  | { readonly _tag: "Json"; readonly value: unknown }
  | { readonly _tag: "NotJson"; readonly why: string }
  | { readonly _tag: "Faults"; readonly faults: ReadonlyArray<Fault> }

export const read = (bytes: Uint8Array): Read => {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return { _tag: "NotJson", why: "The body is not UTF-8; encode it so" }
  }
  try {
    const value: unknown = JSON.parse(text)
    const wrong = faults(text)
    return wrong.length === 0 ? { _tag: "Json", value } : { _tag: "Faults", faults: wrong }
  } catch (cause) {
    // The engine's words name the place.
    return {
      _tag: "NotJson",
      why: `The body cannot be read as JSON (${cause instanceof Error ? cause.message.slice(0, 200) : "it is none"}); send one JSON object`
    }
  }
}
