/**
 * What may stand for one character, or for none, at a place of a text: percent, backslash and HTML escapes, also escaped more than
 * once, and terminal sequences. Reads bytes. Pure.
 */
import { isInvisible, ofPoint, type Symbols } from "./Symbols.ts"

/** Longest terminal sequence of the string kinds (titles, links) that is known as one; longer ones are text. */
export const maxSequence = 4_096
const maxControl = 64
const maxEntity = 12
const maxNesting = 4

/** The text ends before it is clear what stands here. */
export const incomplete = "incomplete"

const hex = (byte: number | undefined): number => {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** Reads `digits` hex digits; null when there are others, `incomplete` when the text ends. */
const number = (bytes: Uint8Array, at: number, end: number, digits: number): number | null | typeof incomplete => {
  let value = 0
  for (let i = 0; i < digits; i++) {
    if (at + i >= end) return incomplete
    const digit = hex(bytes[at + i])
    if (digit === -1) return null
    value = value * 16 + digit
  }
  return value
}

/** Where a terminal sequence ends whose introducer ends at `at`; null when it is none. `kind`: the byte that says which. */
const sequenceEnd = (bytes: Uint8Array, at: number, end: number, kind: number): number | null | typeof incomplete => {
  if (kind === 0x5b) {
    for (let q = at; q < at + maxControl; q++) {
      if (q >= end) return incomplete
      const byte = bytes[q] as number
      if (byte >= 0x40 && byte <= 0x7e) return q + 1
      if (byte < 0x20 || byte > 0x3f) return q
    }
    return null
  }
  for (let q = at; q < at + maxSequence; q++) {
    if (q >= end) return incomplete
    const byte = bytes[q] as number
    if (byte === 0x07) return q + 1
    if (byte === 0x1b) return q + 1 >= end ? incomplete : bytes[q + 1] === 0x5c ? q + 2 : q
    if (byte === 0xc2 && bytes[q + 1] === 0x9c) return q + 2
  }
  return null
}
const stringKinds: ReadonlySet<number> = new Set([0x5d, 0x50, 0x58, 0x5e, 0x5f])

/** After ESC at `at - 1`. */
const escapeEnd = (bytes: Uint8Array, at: number, end: number): number | null | typeof incomplete => {
  if (at >= end) return incomplete
  const kind = bytes[at] as number
  if (kind === 0x5b || stringKinds.has(kind)) return sequenceEnd(bytes, at + 1, end, kind)
  let q = at
  while (q < end && q < at + 4 && (bytes[q] as number) >= 0x20 && (bytes[q] as number) <= 0x2f) q++
  if (q >= end) return incomplete
  return (bytes[q] as number) >= 0x30 && (bytes[q] as number) <= 0x7e ? q + 1 : q
}

/** What was found at one place; one is kept for a whole scan, as there may be an escape in every few bytes. */
export class Reader {
  readonly symbols: Symbols
  bytes: Uint8Array = new Uint8Array(0)
  end = 0
  final = false
  unclear = false
  count = 0
  readonly lengths: Array<number> = []
  /** 0 = it stands for nothing that is looked at. */
  readonly values: Array<number> = []

  constructor(symbols: Symbols) {
    this.symbols = symbols
  }

  put(length: number, symbol: number): void {
    this.lengths[this.count] = length
    this.values[this.count++] = symbol
  }
}

/** An escaped ESC goes on as a terminal sequence does. */
const add = (reader: Reader, at: number, to: number, point: number): void => {
  reader.put(to - at, ofPoint(reader.symbols, point))
  if (point !== 0x1b) return
  const stop = escapeEnd(reader.bytes, to, reader.end)
  if (stop === incomplete) reader.unclear = true
  if (typeof stop === "number" && stop > to) reader.put(stop - at, 0)
}

/** A byte of UTF-8 that was escaped by itself is joined with those escaped after it. */
const addByte = (
  reader: Reader,
  at: number,
  to: number,
  byte: number,
  next: (at: number) => { readonly byte: number; readonly to: number } | null
): void => {
  const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1
  if (length === 1 || reader.symbols.wide.size === 0) return add(reader, at, to, byte < 0x80 ? byte : 0x200b)
  const bytes = [byte]
  let stop = to
  while (bytes.length < length) {
    const more = next(stop)
    if (more === null || more.byte < 0x80 || more.byte > 0xbf) return add(reader, at, to, 0x200b)
    bytes.push(more.byte)
    stop = more.to
  }
  add(reader, at, stop, Buffer.from(bytes).toString("utf8").codePointAt(0) ?? 0)
}

const percent = (reader: Reader, p: number): typeof incomplete | null => {
  const { bytes, end } = reader
  const one = (at: number) => {
    const byte = bytes[at] === 0x25 ? number(bytes, at + 1, end, 2) : null
    return typeof byte === "number" ? { byte, to: at + 3 } : null
  }
  let q = p + 1
  for (let nesting = 0; nesting < maxNesting; nesting++) {
    const byte = number(bytes, q, end, 2)
    if (byte === incomplete) return incomplete
    if (byte === null) break
    addByte(reader, p, q + 2, byte, one)
    if (byte !== 0x25) break
    q += 2
  }
  if (bytes[p + 1] === 0x75) {
    const point = number(bytes, p + 2, end, 4)
    if (point === incomplete) return incomplete
    if (point !== null) add(reader, p, p + 6, point)
  }
  return null
}

const braced = (reader: Reader, p: number, at: number): typeof incomplete | null => {
  const { bytes, end } = reader
  let point = 0
  for (let q = at; q < at + 9; q++) {
    if (q >= end) return incomplete
    if (bytes[q] === 0x7d) {
      if (q > at && point <= 0x10ffff) add(reader, p, q + 1, point)
      return null
    }
    const digit = hex(bytes[q])
    if (digit === -1) return null
    point = point * 16 + digit
  }
  return null
}

const octalAt = (bytes: Uint8Array, at: number, end: number): { readonly byte: number; readonly to: number } | null => {
  let [byte, q] = [0, at]
  while (q < end && q < at + 3 && (bytes[q] as number) >= 0x30 && (bytes[q] as number) <= 0x37)
    byte = byte * 8 + (bytes[q++] as number) - 0x30
  return q === at || byte > 255 ? null : { byte, to: q }
}

const hexByte = (bytes: Uint8Array, end: number) => (at: number) => {
  const byte = bytes[at] === 0x5c && bytes[at + 1] === 0x78 ? number(bytes, at + 2, end, 2) : null
  return typeof byte === "number" ? { byte, to: at + 4 } : null
}

const unicode = (reader: Reader, p: number): typeof incomplete | null => {
  const { bytes, end } = reader
  if (bytes[p + 2] === 0x7b) return braced(reader, p, p + 3)
  const point = number(bytes, p + 2, end, 4)
  if (typeof point !== "number") return point
  if (point < 0xd800 || point > 0xdbff) {
    add(reader, p, p + 6, point)
    return null
  }
  const low =
    bytes[p + 6] === 0x5c && bytes[p + 7] === 0x75 ? number(bytes, p + 8, end, 4) : p + 8 > end ? incomplete : null
  if (low === incomplete) return incomplete
  if (low !== null && low >= 0xdc00 && low <= 0xdfff)
    add(reader, p, p + 12, (point - 0xd800) * 0x400 + low - 0xdc00 + 0x10000)
  else add(reader, p, p + 6, 0x200b)
  return null
}

const backslash = (reader: Reader, p: number): typeof incomplete | null => {
  const { bytes, end } = reader
  if (p + 1 >= end) return incomplete
  const kind = bytes[p + 1] as number
  if (kind === 0x75) return p + 2 >= end ? incomplete : unicode(reader, p)
  if (kind === 0x55) {
    const point = number(bytes, p + 2, end, 8)
    if (typeof point === "number" && point <= 0x10ffff) add(reader, p, p + 10, point)
    return point === incomplete ? incomplete : null
  }
  if (kind === 0x78) {
    if (bytes[p + 2] === 0x7b) return braced(reader, p, p + 3)
    const byte = number(bytes, p + 2, end, 2)
    if (typeof byte === "number") addByte(reader, p, p + 4, byte, hexByte(bytes, end))
    return byte === incomplete ? incomplete : null
  }
  if (kind >= 0x30 && kind <= 0x37) {
    if (p + 5 > end && !reader.final) return incomplete
    for (const at of kind === 0x30 ? [p + 1, p + 2] : [p + 1]) {
      const octal = octalAt(bytes, at, end)
      if (octal !== null)
        addByte(reader, p, octal.to, octal.byte, (next) =>
          bytes[next] === 0x5c ? octalAt(bytes, next + 1, end) : null
        )
    }
    return null
  }
  // \n \r \t \b \f \v \a \e: a control character. Of punctuation nothing is left either way.
  if ("nrtbfva".includes(String.fromCharCode(kind))) reader.put(2, 0)
  else if (kind === 0x65) add(reader, p, p + 2, 0x1b)
  return null
}

const entityAt = (reader: Reader, p: number, at: number): number | null | typeof incomplete => {
  const { bytes, end } = reader
  let q = at
  while (q < end && q < at + maxEntity && bytes[q] !== 0x3b) {
    const byte = bytes[q] as number
    if (
      !(byte === 0x23 && q === at) &&
      !((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) &&
      !(byte >= 0x30 && byte <= 0x39)
    )
      return null
    q++
  }
  if (q >= end) return incomplete
  if (bytes[q] !== 0x3b || q === at) return null
  const name = Buffer.from(bytes.subarray(at, q)).toString("latin1")
  const decimal = /^#0*(\d{1,7})$/.exec(name)
  const hexadecimal = /^#[xX]0*([0-9a-fA-F]{1,6})$/.exec(name)
  const point =
    decimal !== null ? Number(decimal[1]) : hexadecimal !== null ? Number.parseInt(hexadecimal[1] ?? "0", 16) : 0
  // A name stands for punctuation, or for a letter that is not of ASCII.
  if (point <= 0x10ffff) add(reader, p, q + 1, point)
  return name === "amp" || point === 0x26 ? q + 1 : null
}

const entity = (reader: Reader, p: number): typeof incomplete | null => {
  let at: number = p + 1
  for (let nesting = 0; nesting < maxNesting; nesting++) {
    const next = entityAt(reader, p, at)
    if (next === incomplete) return incomplete
    if (next === null) return null
    at = next
  }
  return null
}

const c1Kinds: ReadonlyMap<number, number> = new Map([
  [0x9b, 0x5b],
  [0x90, 0x50],
  [0x98, 0x58],
  [0x9d, 0x5d],
  [0x9e, 0x5e],
  [0x9f, 0x5f]
])

/** Length of the character at `p`; 1 for what is no UTF-8. */
export const widthAt = (bytes: Uint8Array, p: number): number => {
  const byte = bytes[p] as number
  const width = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1
  for (let i = 1; i < width; i++) if (((bytes[p + i] ?? 0) & 0xc0) !== 0x80) return 1
  return width
}

/** The character beyond ASCII at `p`. */
export const pointAt = (bytes: Uint8Array, p: number, width: number): number => {
  let point = (bytes[p] as number) & (0xff >> (width + 1))
  for (let i = 1; i < width; i++) point = point * 64 + ((bytes[p + i] as number) & 0x3f)
  return isInvisible(point) || point > 0x10ffff ? 0x200b : point
}

/** Whether a special byte begins nothing, as far as the byte after it says. */
export const isPlain = (byte: number, after: number): boolean => {
  const lower = after | 0x20
  if (byte === 0x25) return !(after >= 0x30 && after <= 0x39) && !(lower >= 0x61 && lower <= 0x66) && after !== 0x75
  if (byte === 0x5c) return !((after >= 0x30 && after <= 0x37) || "uUxnrtbfvae".includes(String.fromCharCode(after)))
  if (byte === 0x26) return after !== 0x23 && !(lower >= 0x61 && lower <= 0x7a)
  return byte === 0xc2 && !c1Kinds.has(after)
}

/** Finds everything that may stand at `p`, where a special byte is, besides itself; false when the rest of it is still to come. */
export const read = (reader: Reader, p: number): boolean => {
  reader.count = 0
  reader.unclear = false
  const { bytes, end } = reader
  const byte = bytes[p] as number
  let stop: number | null | typeof incomplete = null
  if (byte === 0x25) stop = percent(reader, p)
  else if (byte === 0x5c) stop = backslash(reader, p)
  else if (byte === 0x26) stop = entity(reader, p)
  else if (byte === 0x1b) {
    stop = escapeEnd(bytes, p + 1, end)
    if (typeof stop === "number" && stop > p + 1) reader.put(stop - p, 0)
  } else if (byte === 0xc2 && p + 1 < end) {
    const kind = c1Kinds.get(bytes[p + 1] as number)
    stop = kind === undefined ? null : sequenceEnd(bytes, p + 2, end, kind)
    if (typeof stop === "number") reader.put(stop - p, 0)
  } else if (byte === 0xc2) stop = incomplete
  return reader.final || (stop !== incomplete && !reader.unclear)
}
