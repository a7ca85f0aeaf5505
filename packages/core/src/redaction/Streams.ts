/** Masks text and bytes as they come, wherever their pieces are cut (see Redactor for what is promised). */
import { StringDecoder } from "node:string_decoder"
import type { Automaton } from "./Automaton.ts"
import { Cleaner } from "./Clean.ts"
import type { Redactor } from "./Redactor.ts"
import { type Range, Scan } from "./Scan.ts"
import * as Shapes from "./Shapes.ts"
import type { Symbols } from "./Symbols.ts"

export const mask = "***"

export interface Search {
  readonly automaton: Automaton
  readonly symbols: Symbols
}
/** Every redactor is made in Redactor.ts, and has them. */
const searchesOf = (redactor: Redactor) =>
  (redactor as unknown as { readonly searches: ReadonlyArray<Search> }).searches

declare const masked: unique symbol
/** Came through a byte stream; nothing else makes such. */
export type MaskedBytes = Uint8Array & { readonly [masked]: true }

export interface ByteStream {
  /** What is certain so far, masked. */
  push(bytes: Uint8Array): MaskedBytes
  end(): MaskedBytes
  /** Knows what this redactor knows from here on. */
  use(redactor: Redactor): void
}
export interface TextStream {
  /** Text, cleaned (see Clean) and masked; a carriage return that ends no line is left. */
  push(text: string): string
  end(): string
  use(redactor: Redactor): void
}

/** Text of bytes that are masked already, cleaned, and masked once more: what cleaning removes may have stood within a secret. */
export interface ShownStream {
  push(bytes: MaskedBytes): string
  end(): string
  use(redactor: Redactor): void
}

/** Bytes kept of what was handed out, to see what stands before a find. */
const context = 64
const maskBytes = Buffer.from(mask)
const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")
const lineBreaks = (bytes: Uint8Array): Uint8Array => bytes.filter((byte) => byte === 0x0a)

export class Bytes implements ByteStream {
  private searches: ReadonlyArray<Search>
  private scans: ReadonlyArray<Scan>
  private held: Uint8Array = new Uint8Array(0)
  private base = 0
  /** Up to where everything has been handed out, as it was or masked. */
  private done = 0
  /** Where the last masked range ends. */
  private maskedTo = -1
  private ranges: Array<Range> = []
  /** Where something begins that is not whole yet. */
  private open: ReadonlyArray<number> = []

  constructor(from: ReadonlyArray<Search>) {
    this.searches = from
    this.scans = from.map(({ automaton, symbols }) => new Scan(automaton, symbols, 0))
  }

  use(redactor: Redactor): void {
    const next = searchesOf(redactor)
    if (next === this.searches) return
    this.searches = next
    this.scans = next.map(({ automaton, symbols }) => new Scan(automaton, symbols, this.base))
  }

  push(bytes: Uint8Array): MaskedBytes {
    return this.advance(bytes, false) as MaskedBytes
  }
  end(): MaskedBytes {
    return this.advance(new Uint8Array(0), true) as MaskedBytes
  }

  private advance(bytes: Uint8Array, final: boolean): Uint8Array {
    const all =
      this.held.byteLength === 0 ? bytes : bytes.byteLength === 0 ? this.held : Buffer.concat([this.held, bytes])
    let safe = this.base + all.byteLength
    const hints = [...this.open]
    for (const scan of this.scans) {
      safe = Math.min(safe, scan.run(all, this.base, final))
      this.ranges.push(...scan.found)
      hints.push(...scan.hints)
    }
    if (hints.length > 0) safe = Math.min(safe, this.look(all, hints, final))
    if (final) safe = this.base + all.byteLength
    const out = this.out(all, safe)
    this.held = all.slice(Math.max(0, safe - this.base - context))
    this.base += all.byteLength - this.held.byteLength
    return out
  }

  /** Checks what looks like a secret; where the first begins of which it is not clear yet. */
  private look(all: Uint8Array, hints: ReadonlyArray<number>, final: boolean): number {
    const open: Array<number> = []
    let safe = Number.POSITIVE_INFINITY
    for (const hint of hints) {
      const found = Shapes.check(all, hint - this.base, final)
      if (found === "open") {
        open.push(hint)
        safe = Math.min(safe, hint - (all[hint - this.base] === 0x42 ? 11 : 0))
      } else if (found !== "none") this.ranges.push({ from: this.base + found.from, to: this.base + found.to })
    }
    this.open = open
    return Math.max(this.base, safe)
  }

  private out(all: Uint8Array, safe: number): Uint8Array {
    const part = (from: number, to: number) => all.subarray(from - this.base, to - this.base)
    if (this.ranges.length === 0) {
      const from = Math.max(this.done, this.base)
      this.done = Math.max(this.done, safe)
      return from >= safe ? new Uint8Array(0) : part(from, safe).slice()
    }
    const parts: Array<Uint8Array> = []
    for (const { from, to } of this.ranges.sort((a, b) => a.from - b.from || b.to - a.to)) {
      if (from >= safe) break
      if (to <= this.done) continue
      if (from > this.done) parts.push(part(this.done, from))
      // What overlaps a masked range belongs to it.
      if (from >= this.maskedTo) parts.push(maskBytes)
      parts.push(lineBreaks(part(Math.max(from, this.done), to)))
      this.done = to
      this.maskedTo = to
    }
    this.ranges = this.ranges.filter(({ to }) => to > this.done)
    if (this.done < safe) {
      parts.push(part(this.done, safe))
      this.done = safe
    }
    return Buffer.concat(parts)
  }
}

/** Masks before and after cleaning: a sequence that is cleaned away may take a secret's first character with it, or stand within one. */
export class Text implements TextStream {
  private readonly cleaner = new Cleaner()
  /** The first half of a character. */
  private half = ""
  private readonly before: Bytes
  private readonly after: Bytes

  constructor(from: ReadonlyArray<Search>) {
    this.before = new Bytes(from)
    this.after = new Bytes(from)
  }

  use(redactor: Redactor): void {
    this.before.use(redactor)
    this.after.use(redactor)
  }

  push(text: string): string {
    const all = this.half + text
    this.half = /[\ud800-\udbff]$/.exec(all)?.[0] ?? ""
    const masked = textOf(this.before.push(Buffer.from(this.half === "" ? all : all.slice(0, -1))))
    return masked === "" ? "" : textOf(this.after.push(Buffer.from(this.cleaner.push(masked))))
  }

  end(): string {
    const masked = Buffer.concat([this.before.push(Buffer.from(this.half)), this.before.end()]).toString("utf8")
    this.half = ""
    const last = this.cleaner.push(masked) + this.cleaner.end()
    return Buffer.concat([this.after.push(Buffer.from(last)), this.after.end()]).toString("utf8")
  }
}

export class Shown implements ShownStream {
  private readonly decoder = new StringDecoder("utf8")
  private readonly cleaner = new Cleaner()
  private readonly after: Bytes

  constructor(from: ReadonlyArray<Search>) {
    this.after = new Bytes(from)
  }

  use(redactor: Redactor): void {
    this.after.use(redactor)
  }

  push(bytes: MaskedBytes): string {
    const text = this.decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    return text === "" ? "" : textOf(this.after.push(Buffer.from(this.cleaner.push(text))))
  }

  end(): string {
    const last = this.cleaner.push(this.decoder.end()) + this.cleaner.end()
    return Buffer.concat([this.after.push(Buffer.from(last)), this.after.end()]).toString("utf8")
  }
}
