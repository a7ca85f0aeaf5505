/**
 * Text of others as a terminal may show it: what would move its cursor, colour or hide text, or turn the direction of what follows, is shown
 * as a sign of its own. Line breaks and tabs stay, and so do the few styles of the screen itself. Pure.
 */

const controls = "\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f"
/** Marks of direction, line separators, and what has no width: text could read otherwise than it is. */
const unseen = "\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff"
const styleCodes = "\\u001b\\[(?:1|2|22|31|32|33|36|39)m"
const unsafe = `[${controls}${unseen}]`
/** A carriage return in front of a line feed ends a line; a joiner between two pictures makes one of them. */
const harmless =
  "\\r(?=\\n)|(?<=\\p{Extended_Pictographic}[\\ufe0f\\u{1f3fb}-\\u{1f3ff}]?)\\u200d(?=\\p{Extended_Pictographic})"
const plain = new RegExp(`(${harmless})|${unsafe}`, "gu")
const styled = new RegExp(`(${harmless}|${styleCodes})|${unsafe}`, "gu")
const looksUnsafe = new RegExp(unsafe)

const sign = (one: string): string => {
  const code = one.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? "\u2421" : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`
}
const replaced = (text: string, pattern: RegExp): string =>
  looksUnsafe.test(text) ? text.replace(pattern, (one, kept: string | undefined) => kept ?? sign(one)) : text

export const visible = (text: string): string => replaced(text, plain)
/** For lines that the screen itself has styled. */
export const visibleStyled = (text: string): string => replaced(text, styled)

const breaks = /[\r\n\t\v\f\u0085\u2028\u2029]+/g
/** For the cell of a table, or a line of its own: line breaks are spaces. */
export const oneLine = (text: string): string => text.replace(breaks, " ")

/** The same value in JSON: what a terminal would act on is written as an escape. */
export const jsonText = (value: unknown, indent = 2): string =>
  JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
