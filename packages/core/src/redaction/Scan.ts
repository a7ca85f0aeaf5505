/**
 * Looks through bytes that come in pieces for what an automaton knows, however it is escaped, wrapped or interrupted. Where an
 * escape may stand, both readings are followed until they agree again, a few bytes later; everywhere else it is one table look-up
 * per byte.
 *
 * Bounds: a find has at most `maxGap` bytes between two of its characters, and `maxHeld` in all; 32 readings are followed at once.
 */
import { type Automaton, step } from "./Automaton.ts"
import { ofPoint, special, type Symbols } from "./Symbols.ts"
import * as Tokens from "./Tokens.ts"

export const maxGap = 512
export const maxHeld = 262_144
const maxReadings = 32
/** So few symbols of what may become a find are let go at the end of a piece, or nearly every line would wait for the next one. */
export const shownSymbols = 3

/** An escape that was read as what it stands for. */
interface Jump {
  readonly from: number
  readonly to: number
  readonly symbols: number
  readonly before: Jump | null
}
/** One way to read the text up to `at`. `last`: behind the last symbol or escape. */
interface Reading {
  at: number
  state: number
  last: number
  jumps: Jump | null
}

export interface Range {
  readonly from: number
  readonly to: number
}

export class Scan {
  private readonly automaton: Automaton
  private readonly symbols: Symbols
  private readonly reader: Tokens.Reader
  private bytes: Uint8Array = new Uint8Array(0)
  /** Position in the whole text of the first byte held. */
  private base = 0
  /** All stand at `at`. */
  private readings: Array<Reading>
  /** Stand further on, behind an escape. */
  private waiting: Array<Reading> = []
  private at: number
  found: Array<Range> = []
  /** Where something begins that may be known by its look. */
  hints: Array<number> = []

  /** `at`: position in the whole text from which on it looks. */
  constructor(automaton: Automaton, symbols: Symbols, at: number) {
    this.automaton = automaton
    this.symbols = symbols
    this.reader = new Tokens.Reader(symbols)
    this.at = at
    this.readings = [{ at, state: 0, last: at, jumps: null }]
  }

  /**
   * Goes on to the end of `bytes`, which begin at `base` of the whole text and hold everything from the last answer on. What was found is
   * in `found` and `hints`; nothing more will be found that begins before the answer, but for its first few symbols.
   */
  run(bytes: Uint8Array, base: number, final: boolean): number {
    this.bytes = bytes
    this.base = base
    this.found = []
    this.hints = []
    this.reader.bytes = bytes
    this.reader.end = bytes.byteLength
    this.reader.final = final
    const end = base + bytes.byteLength
    while (this.at < end) {
      if (this.waiting.length === 0) {
        if (this.readings.length === 1) this.glide()
        else this.march()
      }
      if (this.at < end && (this.readings.length > 1 || this.isSpecial(this.at - base)) && !this.turn()) break
    }
    const safe = this.safe()
    if (this.at - safe <= maxHeld) return safe
    this.readings = [{ at: this.at, state: 0, last: this.at, jumps: null }]
    this.waiting = []
    return this.at
  }

  private isSpecial(i: number): boolean {
    return this.symbols.code[this.bytes[i] as number] === special || this.waiting.length > 0
  }

  /** Where the earliest of what may still become a find begins, of which more than a few symbols are there. */
  private safe(): number {
    let safe = this.at
    const { depth } = this.automaton
    for (const reading of this.readings) {
      const count = depth[reading.state] as number
      if (count > shownSymbols && this.at - reading.last <= maxGap)
        safe = Math.min(safe, this.start(reading, count, this.at))
    }
    for (const reading of this.waiting) {
      const count = depth[reading.state] as number
      if (count > shownSymbols) safe = Math.min(safe, this.start(reading, count, reading.at))
    }
    return safe
  }

  /** Where the last `count` symbols of a reading begin, that stands at `end`. */
  private start(reading: Reading, count: number, end: number): number {
    const { base, bytes } = this
    let [q, left, jump] = [end, count, reading.jumps]
    while (left > 0 && q > base) {
      if (jump !== null && jump.to === q) {
        q = jump.from
        left -= jump.symbols
        jump = jump.before
        continue
      }
      q -= 1
      const byte = bytes[q - base] as number
      if (byte < 0x80) {
        const code = this.symbols.code[byte] as number
        if (code !== 0 && code !== special) left -= 1
      } else if (this.symbols.exact) left -= 1
      else if (this.symbols.wide.size > 0) {
        for (let width = 1; width < 4 && q > base && (bytes[q - base] as number) < 0xc0; width++) q -= 1
        if (this.wide(q - base, Tokens.widthAt(bytes, q - base)) !== 0) left -= 1
      }
    }
    return Math.max(q, base)
  }

  private wide(i: number, width: number): number {
    return width === 1 ? 0 : ofPoint(this.symbols, Tokens.pointAt(this.bytes, i, width))
  }

  private mark(reading: Reading, end: number): void {
    const { hint, hit } = this.automaton
    const length = hit[reading.state] as number
    if (length > 0) this.found.push({ from: this.start(reading, length, end), to: end })
    const hinted = hint[reading.state] as number
    if (hinted > 0) this.hints.push(this.start(reading, hinted, end))
  }

  /** While there is one reading: to the next byte that may begin an escape. */
  private glide(): void {
    const { automaton, base, bytes } = this
    const { dense, fail, marked, next, only, row, stride } = automaton
    const { code } = this.symbols
    const narrow = this.symbols.wide.size === 0
    const reading = this.readings[0] as Reading
    let state = reading.state
    let last = reading.last - base
    let i = this.at - base
    const size = bytes.byteLength
    for (; i < size; i++) {
      const symbol = code[bytes[i] as number] as number
      if (symbol === 0) continue
      if (symbol === special) {
        if (i + 1 < size && narrow && Tokens.isPlain(bytes[i] as number, bytes[i + 1] as number)) continue
        break
      }
      if (i - last > maxGap) state = 0
      for (;;) {
        const at = row[state] as number
        if (at >= 0) {
          state = dense[at * stride + symbol] as number
          break
        }
        if (only[state] === symbol) {
          state = next[state] as number
          break
        }
        state = fail[state] as number
      }
      last = i + 1
      if (marked[state] !== 0) {
        reading.state = state
        this.mark(reading, base + i + 1)
      }
    }
    this.at = base + i
    reading.state = state
    reading.last = base + last
    if (state === 0) reading.jumps = null
  }

  /** While there are some readings and none waits: to the next special byte, or until they agree. */
  private march(): void {
    const { automaton, base, bytes, readings } = this
    const { marked } = automaton
    const { code } = this.symbols
    const narrow = this.symbols.wide.size === 0
    const size = bytes.byteLength
    let i = this.at - base
    for (; i < size && readings.length > 1; i++) {
      const symbol = code[bytes[i] as number] as number
      if (symbol === 0) continue
      if (symbol === special) {
        if (i + 1 < size && narrow && Tokens.isPlain(bytes[i] as number, bytes[i + 1] as number)) continue
        break
      }
      const to = base + i + 1
      let same = false
      for (let r = 0; r < readings.length; r++) {
        const reading = readings[r] as Reading
        const state = step(automaton, to - reading.last > maxGap ? 0 : reading.state, symbol)
        reading.state = state
        reading.last = to
        if (marked[state] !== 0) this.mark(reading, to)
        if (r > 0 && state === (readings[r - 1] as Reading).state) same = true
      }
      this.at = to
      if (same || readings.length > 2) this.agree()
    }
    this.at = base + i
  }

  /** Where an escape that stands for nothing has only plain bytes in it, as most terminal sequences do: both readings go on behind it. */
  private hop(i: number, length: number): boolean {
    const { base, bytes } = this
    const { code } = this.symbols
    for (let k = i + 1; k < i + length; k++) if (code[bytes[k] as number] === special) return false
    const literal = this.readings[0] as Reading
    const to = base + i + length
    const { state } = literal
    const other: Reading = {
      at: to,
      state,
      last: to,
      jumps: state === 0 ? null : { from: base + i, to, symbols: 0, before: literal.jumps }
    }
    for (let k = i + 1; k < i + length; k++) {
      const symbol = code[bytes[k] as number] as number
      this.at = base + k + 1
      if (symbol !== 0) this.read(literal, symbol)
    }
    this.at = to
    if (literal.state === 0 && state === 0) literal.last = to
    else this.readings.push(other)
    if (this.readings.length > 1 && literal.state === state) this.agree()
    return true
  }

  /** One character with every reading; false when the rest of it has not come yet. */
  private turn(): boolean {
    const { base, bytes, reader, symbols } = this
    const i = this.at - base
    const byte = bytes[i] as number
    let [width, symbol] = [1, symbols.code[byte] as number]
    if (symbol === special) {
      if (!Tokens.read(reader, i)) return false
      if (
        reader.count === 1 &&
        reader.values[0] === 0 &&
        this.readings.length === 1 &&
        this.waiting.length === 0 &&
        this.hop(i, reader.lengths[0] as number)
      )
        return true
      if (byte >= 0xc2 && symbols.wide.size > 0) {
        if (!reader.final && i + 4 > bytes.byteLength) return false
        width = Tokens.widthAt(bytes, i)
      }
      symbol = this.wide(i, width)
      const { length } = this.readings
      for (let t = 0; t < reader.count; t++)
        for (let r = 0; r < length; r++)
          this.wait(this.readings[r] as Reading, reader.lengths[t] as number, reader.values[t] as number)
    }
    this.at += width
    if (symbol !== 0) for (const reading of this.readings) this.read(reading, symbol)
    if (this.waiting.length > 0) this.join()
    if (this.readings.length > 1) this.agree()
    return true
  }

  private join(): void {
    const { waiting } = this
    let kept = 0
    for (const reading of waiting) {
      if (reading.at <= this.at) this.readings.push(reading)
      else waiting[kept++] = reading
    }
    waiting.length = kept
  }

  /** `this.at` is behind the symbol. */
  private read(reading: Reading, symbol: number): void {
    reading.state = step(this.automaton, this.at - reading.last > maxGap ? 0 : reading.state, symbol)
    reading.last = this.at
    if (reading.state === 0) reading.jumps = null
    else if (this.automaton.marked[reading.state] !== 0) this.mark(reading, this.at)
  }

  /** Follows the reading in which something of this length stands for this symbol. */
  private wait(reading: Reading, length: number, symbol: number): void {
    const to = this.at + length
    const state =
      symbol === 0 ? reading.state : step(this.automaton, this.at - reading.last > maxGap ? 0 : reading.state, symbol)
    const next: Reading = {
      at: to,
      state,
      last: to,
      jumps: state === 0 ? null : { from: this.at, to, symbols: symbol === 0 ? 0 : 1, before: reading.jumps }
    }
    if (symbol !== 0 && this.automaton.marked[state] !== 0) this.mark(next, to)
    this.waiting.push(next)
  }

  /** Of readings that have come to the same, the one that began first is kept. */
  private agree(): void {
    const { readings } = this
    const { depth } = this.automaton
    for (let i = readings.length - 1; i > 0; i--) {
      const one = readings[i] as Reading
      for (let j = 0; j < i; j++) {
        const other = readings[j] as Reading
        if (other.state !== one.state) continue
        const count = depth[one.state] as number
        if (
          count > 0 &&
          one.jumps !== other.jumps &&
          this.start(one, count, this.at) < this.start(other, count, this.at)
        )
          readings[j] = one
        readings[i] = readings[readings.length - 1] as Reading
        readings.length -= 1
        break
      }
    }
    if (readings.length <= maxReadings) return
    readings.sort((a, b) => (depth[b.state] as number) - (depth[a.state] as number))
    readings.length = maxReadings
  }
}
