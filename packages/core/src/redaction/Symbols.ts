/**
 * What a search for secrets looks at: letters and digits alone, without their case, and characters beyond ASCII that stand in a
 * secret. Everything else is passed over, in text and secrets alike, so that line breaks, wrapping, quotes, separators and invisible
 * characters hide nothing, and `+/` and `-_` are one alphabet of base64. Pure.
 */
export const dropped = 0
/** May begin an escape or a terminal sequence (see Tokens). */
export const special = 255

export interface Symbols {
  /** By byte: `dropped`, `special`, or a symbol from 1 on. */
  readonly code: Uint8Array
  /** Symbols of the characters beyond ASCII that secrets have; empty = none has any. */
  readonly wide: ReadonlyMap<number, number>
  /** Symbols and `dropped`. */
  readonly count: number
  readonly exact: boolean
}

const narrow = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30 + 1
  const lower = byte | 0x20
  return byte < 0x80 && lower >= 0x61 && lower <= 0x7a ? lower - 0x61 + 11 : dropped
}
const narrowCount = 37
const maxWide = 200

/** Characters that show nothing, or change how others are shown. */
export const isInvisible = (point: number): boolean =>
  point === 0xad ||
  point === 0x34f ||
  point === 0x61c ||
  point === 0x115f ||
  point === 0x1160 ||
  point === 0x17b4 ||
  point === 0x17b5 ||
  (point >= 0x180b && point <= 0x180f) ||
  (point >= 0x200b && point <= 0x200f) ||
  (point >= 0x2028 && point <= 0x202e) ||
  (point >= 0x2060 && point <= 0x206f) ||
  point === 0x3164 ||
  (point >= 0xfe00 && point <= 0xfe0f) ||
  point === 0xfeff ||
  point === 0xffa0 ||
  (point >= 0xfff9 && point <= 0xfffb) ||
  (point >= 0x1bca0 && point <= 0x1bca3) ||
  (point >= 0x1d173 && point <= 0x1d17a) ||
  (point >= 0xe0000 && point <= 0xe0fff)

const introducers = [0x25, 0x26, 0x5c, 0x1b, 0xc2]

/** Of letters and digits, and of what else `values` are written with. */
export const loose = (values: ReadonlyArray<string>): Symbols => {
  const code = Uint8Array.from({ length: 256 }, (_, byte) => narrow(byte))
  for (const byte of introducers) code[byte] = special
  const wide = new Map<number, number>()
  for (const value of values) {
    for (const character of value.toLowerCase()) {
      const point = character.codePointAt(0) ?? 0
      if (point >= 0x80 && !isInvisible(point) && !wide.has(point) && wide.size < maxWide)
        wide.set(point, narrowCount + wide.size)
    }
  }
  if (wide.size > 0) for (let byte = 0xc2; byte < 0xf5; byte++) code[byte] = special
  return { code, wide, count: narrowCount + wide.size, exact: false }
}

/** Of every byte but line breaks: for secrets that have few letters and digits, or are short. 254 never stands in UTF-8. */
export const exact: Symbols = {
  code: Uint8Array.from({ length: 256 }, (_, byte) =>
    byte === 0x0a || byte === 0x0d ? dropped : Math.min(byte + 1, 254)
  ),
  wide: new Map(),
  count: 255,
  exact: true
}

/** A text as symbols, without what is dropped. */
export const of = (symbols: Symbols, text: string): ReadonlyArray<number> => {
  if (symbols.exact)
    return [...Buffer.from(text)].map((byte) => symbols.code[byte] ?? dropped).filter((symbol) => symbol !== dropped)
  const found: Array<number> = []
  for (const character of text.toLowerCase()) {
    const point = character.codePointAt(0) ?? 0
    const symbol = point < 0x80 ? narrow(point) : (symbols.wide.get(point) ?? dropped)
    if (symbol !== dropped) found.push(symbol)
  }
  return found
}

/** Of one code point as a scan reads it. */
export const ofPoint = (symbols: Symbols, point: number): number => {
  if (point < 0x80) return narrow(point)
  const symbol = symbols.wide.get(point)
  if (symbol !== undefined || symbols.wide.size === 0) return symbol ?? dropped
  return symbols.wide.get(String.fromCodePoint(point).toLowerCase().codePointAt(0) ?? 0) ?? dropped
}
