/**
 * Finds the language of a text by its script and its small words. Promises a row of the table, or `null` for a text in a language
 * whose forms are not known; a text that is too short to tell counts as English.
 */
import { anyOf, type Language } from "./Language.ts"
import { english, languages, languageOf } from "./Languages.ts"

/** Fewer words than this say nothing. */
const fewWords = 12
/** Share of small words from which a text is in a language. Running English has 0.3 to 0.45, a text of another Latin language at most 0.1 by chance. */
const enough = 0.12
/** Texts are looked at up to here: the first pages tell, and a text may be 1 MB. */
const maxCharacters = 20_000

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0

const byScript = (text: string, letters: number): Language | null | undefined => {
  const han = count(text, /\p{Script=Han}/gu)
  const kana = count(text, /[\p{Script=Hiragana}\p{Script=Katakana}]/gu)
  const hangul = count(text, /\p{Script=Hangul}/gu)
  // These scripts say in one character what takes Latin five.
  if (kana * 10 > letters && kana * 10 >= han) return languageOf("ja")
  if (hangul * 10 > letters) return languageOf("ko")
  if (han * 10 > letters) return languageOf("zh")
  return count(text, /\p{Script=Latin}/gu) * 2 < letters ? null : undefined
}

const commonWords = new Map(languages.map((language) => [language, new Set(language.common)]))

const byWords = (text: string): Language | null => {
  const words = text.toLowerCase().match(/[\p{L}]+/gu) ?? []
  let best: { readonly language: Language; readonly share: number } | null = null
  for (const language of languages) {
    if (language.common.length === 0) continue
    const common = commonWords.get(language) ?? new Set()
    const modal = count(text, anyOf(language.shall, "giu"))
    const share = (words.filter((word) => common.has(word)).length + modal) / Math.max(1, words.length)
    if (best === null || share > best.share) best = { language, share }
  }
  // "shall" is a word of no other language, while its "a" is a word of several.
  if (best !== null && anyOf(english.shall).test(text) && !anyOf(best.language.shall).test(text)) return english
  if (best !== null && best.share >= enough && (best.language === english || words.length >= 4)) return best.language
  return words.length < fewWords || anyOf(english.shall).test(text) ? english : null
}

/** Ids, code, paths and addresses are of no language. */
const prose = (text: string): string =>
  text
    .slice(0, maxCharacters)
    .replace(/```[\s\S]*?(?:```|$)/g, " ")
    .replace(/`[^`\n]*`/g, " ")
    .replace(/\b(?:REQ|SC|QA|FR|NFR|US|AC|task)-?\d+\b/gi, " ")
    .replace(/\bhttps?:\S+|\S*[/\\@_]\S*/g, " ")
    // What spec tools write in English around a text of any language.
    .replace(/\b(?:given|when|then|and|but|must|shall|should|mvp)\b/gi, (word) =>
      word === word.toUpperCase() || /^[A-Z]/.test(word) ? " " : word
    )

export const detect = (text: string): Language | null => {
  const plain = prose(text)
  const letters = count(plain, /\p{L}/gu)
  if (letters === 0) return english
  const scripted = byScript(plain, letters)
  return scripted === undefined ? byWords(plain) : scripted
}
