/**
 * Replaces secrets by `***` in text, JSON and bytes, at once or as they come. Whatever way a known secret is written (see Symbols,
 * Tokens, Forms) and wherever pieces of text are cut, what comes out does not hold it; text without secrets comes out as it is.
 *
 * Not recognised: a secret that was encrypted, compressed, or mixed with other letters or digits; parts of one; one of less than six
 * characters (see Secrets). What may still become a secret is held back, nothing nearly always and 256 KiB at most; of one that is
 * printed piecemeal its first three letters or digits may be seen.
 */
import type { Schema } from "effect"
import * as Automaton from "./Automaton.ts"
import * as Forms from "./Forms.ts"
import { type Range, Scan } from "./Scan.ts"
import * as Secrets from "./Secrets.ts"
import * as Shapes from "./Shapes.ts"
import { Bytes, type ByteStream, mask, type Search, Shown, type ShownStream, Text, type TextStream } from "./Streams.ts"
import * as Symbols from "./Symbols.ts"

export { mask } from "./Streams.ts"
/** A form with fewer letters and digits is looked for exactly. */
const minSymbols = 8
const minDigitSymbols = 12
/** From here on every form of a part of a secret has letters and digits enough to be looked for in any escapes. */
const minPart = 12
/** Longer forms are looked for by parts: whoever masks all parts masks the whole. */
const maxSymbols = 256

/** In pieces of at most `maxSymbols`, the last as long as the others. */
const windows = (pattern: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> => {
  if (pattern.length <= maxSymbols) return [pattern]
  const starts = Array.from({ length: Math.floor(pattern.length / maxSymbols) }, (_, i) => i * maxSymbols)
  return [...starts, pattern.length - maxSymbols].map((from) => pattern.slice(from, from + maxSymbols))
}

const isStrong = (pattern: ReadonlyArray<number>) =>
  pattern.length >= (pattern.every((symbol) => symbol <= 10) ? minDigitSymbols : minSymbols)

/** Of `whole` values only the plain form is looked for: parts of them have all. */
const searches = (secrets: ReadonlyArray<string>, whole: ReadonlySet<string>): ReadonlyArray<Search> => {
  const symbols = Symbols.loose(secrets)
  const loose: Array<ReadonlyArray<number>> = []
  const exact: Array<ReadonlyArray<number>> = []
  const addExact = (text: string) => {
    const pattern = Symbols.of(Symbols.exact, text)
    if (pattern.length >= Secrets.minLength) exact.push(...windows(pattern))
  }
  for (const secret of secrets) {
    const plain = Symbols.of(symbols, secret)
    if (isStrong(plain)) loose.push(...windows(plain))
    else for (const form of Forms.escaped(secret)) addExact(form)
    for (const form of whole.has(secret) ? [] : Forms.encoded(secret)) {
      const pattern = Symbols.of(symbols, form)
      if (isStrong(pattern)) loose.push(...windows(pattern))
      else for (const written of new Set([form, encodeURIComponent(form)])) addExact(written)
    }
  }
  const found: Array<Search> = [{ automaton: Automaton.make(loose, Shapes.hints, symbols.count), symbols }]
  return exact.length === 0
    ? found
    : [...found, { automaton: Automaton.make(exact, [], Symbols.exact.count), symbols: Symbols.exact }]
}

export type { ByteStream, MaskedBytes, ShownStream, TextStream } from "./Streams.ts"

export interface Redactor {
  /** Whether a secret stands in it. */
  holds(content: string | Uint8Array): boolean
  text(text: string): string
  bytes(bytes: Uint8Array): Uint8Array
  /** Strings, keys and numbers, at every depth. The same value when nothing in it is a secret. */
  json<A extends Schema.Json>(value: A): A
  byteStream(): ByteStream
  textStream(): TextStream
  /** For what came through a byte stream of this redactor: masks what cleaning alone brings to light. */
  shownStream(): ShownStream
  /** Where secrets stand, ascending and apart. Yields after every few milliseconds of work. */
  find(bytes: Uint8Array): Generator<void, ReadonlyArray<Range>>
}

const scanned = ({ automaton, symbols }: Search, bytes: Uint8Array): Scan => {
  const scan = new Scan(automaton, symbols, 0)
  scan.run(bytes, 0, true)
  return scan
}

/** Looked through at once: 4 ms at most. */
const findBytes = 4_096
const scratch = Buffer.allocUnsafe(65_536)

class Known implements Redactor {
  readonly searches: ReadonlyArray<Search>
  constructor(from: ReadonlyArray<Search>) {
    this.searches = from
  }

  holds(content: string | Uint8Array): boolean {
    const isText = typeof content === "string"
    if (content.length < Secrets.minLength) return false
    const bytes = !isText
      ? content
      : content.length * 3 <= scratch.byteLength
        ? scratch.subarray(0, scratch.write(content))
        : Buffer.from(content)
    return this.searches.some((one) => {
      const scan = scanned(one, bytes)
      return scan.found.length > 0 || scan.hints.some((hint) => typeof Shapes.check(bytes, hint, true) === "object")
    })
  }

  text(text: string): string {
    return this.holds(text) ? Buffer.from(this.bytes(Buffer.from(text))).toString("utf8") : text
  }

  bytes(bytes: Uint8Array): Uint8Array {
    const stream = new Bytes(this.searches)
    return Buffer.concat([stream.push(bytes), stream.end()])
  }

  json<A extends Schema.Json>(value: A): A {
    return this.holds(typeof value === "string" ? value : JSON.stringify(value)) ? (this.deep(value) as A) : value
  }

  private deep(value: Schema.Json): Schema.Json {
    if (typeof value === "string") return this.text(value)
    if (typeof value === "number") return this.holds(String(value)) ? mask : value
    if (Array.isArray(value)) return value.map((item: Schema.Json) => this.deep(item))
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [this.text(name), this.deep(item)]))
  }

  byteStream(): ByteStream {
    return new Bytes(this.searches)
  }
  textStream(): TextStream {
    return new Text(this.searches)
  }
  shownStream(): ShownStream {
    return new Shown(this.searches)
  }

  *find(bytes: Uint8Array): Generator<void, ReadonlyArray<Range>> {
    const all: Array<Range> = []
    for (const { automaton, symbols } of this.searches) {
      const scan = new Scan(automaton, symbols, 0)
      for (let to = 0; to < bytes.byteLength;) {
        to = Math.min(to + findBytes, bytes.byteLength)
        scan.run(bytes.subarray(0, to), 0, to === bytes.byteLength)
        all.push(...scan.found)
        for (const hint of scan.hints) {
          const found = Shapes.check(bytes, hint, true)
          if (typeof found === "object") all.push(found)
        }
        yield
      }
    }
    all.sort((a, b) => a.from - b.from)
    const apart: Array<Range> = []
    for (const range of all) {
      const last = apart.at(-1)
      if (last !== undefined && range.from < last.to)
        apart[apart.length - 1] = { from: last.from, to: Math.max(last.to, range.to) }
      else apart.push(range)
    }
    return apart
  }
}

/** Knows nothing but the shapes of keys. */
export const none: Redactor = new Known(searches([], new Set()))

/** `values` are credentials as they are stored; what in them is secret by itself (a URL's password, a key's lines) is found here. */
export const make = (values: ReadonlyArray<string>): Redactor => {
  const parts = [...new Set(values)].map(Secrets.partsOf)
  const secrets = [...new Set(parts.flat())]
  const whole = new Set(
    parts.flatMap(([first, ...rest]) =>
      first !== undefined && rest.some((part) => part.length >= minPart && first.includes(part)) ? [first] : []
    )
  )
  return secrets.length === 0 ? none : new Known(searches(secrets, whole))
}
