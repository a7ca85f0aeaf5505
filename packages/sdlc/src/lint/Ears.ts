/**
 * The five EARS sentence forms (Mavin et al., "Easy Approach to Requirements Syntax", RE'09) and their combinations, in every
 * language of the table.
 *
 * Promises to say which form a sentence has, or what is missing from it. Does not judge what the sentence means.
 */
import { anyOf, type Condition, type Language } from "../language/Language.ts"
import { english } from "../language/Languages.ts"

export type Form = "ubiquitous" | Condition | "complex"

export type Parsed = { readonly _tag: "Ears"; readonly form: Form } | { readonly _tag: "Not"; readonly problem: string }

const not = (problem: string): Parsed => ({ _tag: "Not", problem })

/** Compiled once a language. */
interface Grammar {
  readonly language: Language
  readonly shall: RegExp
  readonly conditions: ReadonlyArray<readonly [Condition, RegExp]>
  readonly connective: RegExp
}
const grammars = new Map<string, Grammar>()
const grammarOf = (language: Language): Grammar => {
  const known = grammars.get(language.code)
  if (known !== undefined) return known
  // A condition opens a clause; where verbs come last, and in Chinese, it may close it too.
  const spaced = language.common.length > 0
  // What names a feature may end like what names a problem, so it is looked at first.
  const conditions = (["optional", "event", "state", "unwanted"] as const)
    .map((form) => [form, language.conditions[form]] as const)
    .map(
      ([form, words]) =>
        [
          form,
          spaced ? new RegExp(`^(?:${words.join("|")})(?![\\p{L}\\p{N}])`, "iu") : new RegExp(words.join("|"), "u")
        ] as const
    )
  const made: Grammar = {
    language,
    shall: anyOf(language.shall),
    conditions,
    connective: new RegExp(`^(?:${language.connectives.join("|")})${spaced ? "\\s+" : ""}`, "iu")
  }
  grammars.set(language.code, made)
  return made
}

const formOf = (grammar: Grammar, clause: string): Condition | null =>
  grammar.conditions.find(([, pattern]) => pattern.test(clause))?.[0] ?? null
const hasWords = (text: string): boolean => /[\p{L}\p{N}]/u.test(text)
const conclude = (grammar: Grammar, clauses: ReadonlyArray<string>, subject: string): Parsed => {
  const forms = clauses.flatMap((clause) => formOf(grammar, clause) ?? [])
  if (clauses.length > 0 && forms.length === 0)
    return not(`its condition does not begin with ${grammar.language.said.conditions}`)
  const unended = formOf(grammar, subject)
  // Scripts without spaces close a condition by a word of its own.
  if (unended !== null && grammar.language.common.length === 0) forms.push(unended)
  else if (unended !== null) return not(`its ${unended} condition is not closed by a comma`)
  return { _tag: "Ears", form: forms.length > 1 ? "complex" : (forms[0] ?? "ubiquitous") }
}

const verbLast = (grammar: Grammar, plain: string): Parsed => {
  const clauses = plain
    .split(grammar.language.clauseEnd)
    .map((clause) => clause.trim())
    .filter((clause) => clause !== "")
  const main = clauses.findLastIndex((clause) => grammar.shall.test(clause))
  // Commas may stand inside the response: only what comes before the system is a condition.
  const conditions = clauses.slice(0, Math.max(0, main)).filter((clause) => formOf(grammar, clause) !== null)
  const rest = clauses.slice(conditions.length).join("")
  if (!hasWords(rest.replace(grammar.shall, ""))) return not(`nothing stands before ${grammar.language.said.shall}`)
  return conclude(grammar, conditions, "")
}

const verbFirst = (grammar: Grammar, plain: string, at: number, length: number): Parsed => {
  const { language } = grammar
  const response = plain
    .slice(at + length)
    .replace(/^\s+(?:not|nicht|pas|no|não|non)(?![\p{L}])/iu, "")
    .trim()
  if (!hasWords(response)) return not(`nothing follows ${language.said.shall}`)
  const clauses = plain
    .slice(0, at)
    .split(language.clauseEnd)
    .map((clause) => clause.trim())
  const subject = (clauses.pop() ?? "")
    .replace(grammar.connective, "")
    .replace(new RegExp(`^(?:${language.connectives.join("|")})$`, "iu"), "")
  const inverted = language.order === "verb-second" && clauses.length > 0 && response.split(" ").length > 1
  if (subject === "" && !inverted) return not(`it does not name the system before ${language.said.shall}`)
  return conclude(grammar, clauses, subject)
}

/** The sentence form of a requirement. Emphasis and code marks are ignored; case does not matter. */
export const parse = (sentence: string, language: Language = english): Parsed => {
  const grammar = grammarOf(language)
  const plain = sentence.replace(/[*_`]/g, "").replace(/\s+/g, " ").trim()
  const shall = grammar.shall.exec(plain)
  if (shall === null)
    return not(
      language === english
        ? "it does not say what the system shall do"
        : `it does not say with ${language.said.shall} what the system has to do`
    )
  return language.order === "verb-last"
    ? verbLast(grammar, plain)
    : verbFirst(grammar, plain, shall.index, shall[0].length)
}
