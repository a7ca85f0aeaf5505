/**
 * What the linter and the importers know of a human language: the words of the EARS forms, of Given/When/Then and of the headings
 * that spec tools write. Plain data; a language is added by adding a row to `Languages`.
 */

/** Where the word of obligation stands. */
export type Order =
  /** `When <trigger>, the system shall <response>`. */
  | "subject-first"
  /** Also `Wenn <trigger>, muss das System <response>`: after a condition the verb may come before the system. */
  | "verb-second"
  /** The obligation ends the sentence, after the response: Japanese, Korean. */
  | "verb-last"

export type Condition = "event" | "state" | "unwanted" | "optional"

export interface Language {
  /** BCP 47 primary language, such as `de`. */
  readonly code: string
  readonly order: Order
  /** Words that say what the system has to do, as sources of regular expressions. */
  readonly shall: ReadonlyArray<string>
  /** What opens a condition (in Japanese, Korean and Chinese also: what closes it), as sources of regular expressions. */
  readonly conditions: Readonly<Record<Condition, ReadonlyArray<string>>>
  /** What may stand between a condition and the system. */
  readonly connectives: ReadonlyArray<string>
  /** Steps of a scenario; the English words always count too. */
  readonly steps: {
    readonly given: ReadonlyArray<string>
    readonly when: ReadonlyArray<string>
    readonly outcome: ReadonlyArray<string>
  }
  /** What separates the clauses of a sentence. */
  readonly clauseEnd: RegExp
  /** Frequent small words, by which a text in this language is known. Empty where the script tells. */
  readonly common: ReadonlyArray<string>
  /** How a message names the word of obligation and what opens a condition. */
  readonly said: { readonly shall: string; readonly conditions: string }
  /** Shown to who has to write one. */
  readonly hint: string
}

/** `source` as a whole word; scripts without spaces have no word borders. */
export const word = (source: string): string =>
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(source)
    ? source
    : `(?<![\\p{L}\\p{N}])(?:${source})(?![\\p{L}\\p{N}])`

/** Compiled once for a list and its flags: lists are those of the table. */
const compiled = new WeakMap<ReadonlyArray<string>, Map<string, RegExp>>()

/** Any of the words. Without the flag `g` the result keeps no position, so it may be shared. */
export const anyOf = (sources: ReadonlyArray<string>, flags = "iu"): RegExp => {
  const known = compiled.get(sources) ?? new Map<string, RegExp>()
  compiled.set(sources, known)
  const found = known.get(flags) ?? new RegExp(sources.length === 0 ? "(?!)" : sources.map(word).join("|"), flags)
  known.set(flags, found)
  return found
}
