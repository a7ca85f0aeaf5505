/**
 * Reads and checks `spec.md`: requirements in EARS form with REQ ids, scenarios with SC ids, in any language of the table. A text in
 * another language is told so once, by warnings: nobody can say what is wrong with its sentences.
 *
 * Promises the requirements and scenarios that the other artifacts refer to, whatever state the text is in.
 */
import { detect } from "../language/Detect.ts"
import { anyOf, type Language } from "../language/Language.ts"
import { english, languageOf } from "../language/Languages.ts"
import * as Delta from "../specs/Delta.ts"
import * as Ears from "./Ears.ts"
import { type Collector, collector } from "./Finding.ts"
import * as Markdown from "./Markdown.ts"

export interface Requirement {
  readonly id: string
  readonly line: number
  readonly text: string
}

export interface Scenario {
  readonly id: string
  readonly line: number
  readonly title: string
  /** The requirements it shows: those it names, else the one it stands under. */
  readonly requirements: ReadonlyArray<string>
}

export interface Spec {
  readonly requirements: ReadonlyArray<Requirement>
  readonly scenarios: ReadonlyArray<Scenario>
}

/** What a policy says about the form of requirements. */
export interface FormRules {
  /** BCP 47 tag, such as `de`; absent: found from the text. */
  readonly language?: string | undefined
  /** Absent: an error where the language's forms are known, else a warning. */
  readonly requirementForm?: "error" | "warn" | "off" | undefined
  /** What the spec changes in the living specs is read elsewhere: from the files that it was translated of. */
  readonly elsewhere?: boolean
}

/** Upper-case id with at least three digits, the only form other files may refer to. */
export const checkId = (collect: Collector, entry: Markdown.Entry, prefix: string): void => {
  const digits = entry.id.slice(prefix.length + 1)
  const wanted = `${prefix}-${digits.padStart(3, "0")}`
  if (entry.id !== wanted)
    collect.error("id-form", entry.line, `"${entry.id}" is not a well-formed id.`, `write ${wanted}.`)
}

/** Reports every second use of an id. */
export const checkUnique = (collect: Collector, entries: ReadonlyArray<Markdown.Entry>): void => {
  const first = new Map<string, number>()
  for (const entry of entries) {
    const earlier = first.get(entry.id)
    if (earlier === undefined) first.set(entry.id, entry.line)
    else
      collect.error(
        "duplicate-id",
        entry.line,
        `${entry.id} already stands on line ${earlier}.`,
        "give it the next free number."
      )
  }
}

const own = (entry: Markdown.Entry): ReadonlyArray<string> => {
  const lines = [
    entry.title,
    ...entry.body.filter((line) => !line.code && Markdown.headingLevel(line.text) === 0).map((line) => line.text)
  ]
  return lines.map((line) => line.replace(/^\s*(?:>|[-*+]|\d{1,9}[.)])\s+/, "").trim()).filter((line) => line !== "")
}

/** A requirement's text runs over several lines until a sentence ends; only the statement is judged, notes may follow. */
const statement = (entry: Markdown.Entry, language: Language): string => {
  const shall = anyOf(language.shall)
  const lines = own(entry)
  const at = lines.findIndex((line) => shall.test(line))
  if (at < 0) return lines.join(" ")
  let from = at
  while (
    from > 0 &&
    from > at - 6 &&
    !/[.!?:\u3002\uff01\uff1f\uff1a]$/.test(lines[from - 1] ?? "") &&
    !(from === 1 && entry.title !== "")
  )
    from--
  const first = lines[at] ?? ""
  return [
    ...lines.slice(from, at),
    language.order !== "verb-last" && first.replace(shall, "\0").trimEnd().endsWith("\0")
      ? `${first} ${lines[at + 1] ?? ""}`
      : first
  ].join(" ")
}

/** Entries that somebody has to build: not those below REMOVED and RENAMED, which carry the names and numbers of a living spec. */
const entriesOf = (document: Markdown.Document): ReadonlyArray<Markdown.Entry> => {
  const gone = Delta.goneLines(document)
  return Markdown.entries(document, ["REQ", "SC"]).filter((entry) => !gone.has(entry.line))
}

export const read = (document: Markdown.Document, language: Language = english): Spec => {
  const all = entriesOf(document)
  const requirements: Array<Requirement> = []
  const scenarios: Array<Scenario> = []
  for (const entry of all) {
    if (entry.id.startsWith("REQ")) {
      requirements.push({ id: entry.id, line: entry.line, text: statement(entry, language) })
      continue
    }
    const named = [...new Set(`${entry.title} ${own(entry).join(" ")}`.match(/\bREQ-\d{3,9}\b/g) ?? [])]
    const under = requirements.at(-1)?.id
    scenarios.push({
      id: entry.id,
      line: entry.line,
      title: entry.title,
      requirements: named.length > 0 ? named : under === undefined ? [] : [under]
    })
  }
  return { requirements, scenarios }
}

const step = (words: ReadonlyArray<string>, word: RegExp): boolean =>
  words.some((line) => word.test(line.replace(/[*_`]/g, "")))
const englishSteps = { when: /(^|[\s,:])when\b/i, outcome: /(^|[\s,:])then\b/i }
const stepNames = { when: "When", outcome: "Then" }

/** The language of the spec's own words: the policy's, else what the text shows; `null` = its forms are not known. */
const languageFor = (document: Markdown.Document, rules: FormRules): Language | null =>
  rules.language === undefined ? detect(document.lines.map((line) => line.text).join("\n")) : languageOf(rules.language)

const checkRequirement = (
  report: Report,
  id: string,
  line: number,
  sentence: string,
  language: Language | null
): void => {
  const parsed = Ears.parse(sentence, language ?? english)
  // A text may quote a requirement of another standard in English.
  if (parsed._tag === "Ears" || (language !== english && Ears.parse(sentence)._tag === "Ears")) return
  if (language !== null)
    report("requirement-form", line, `${id} is not an EARS requirement: ${parsed.problem}.`, language.hint)
  else
    report(
      "requirement-form",
      line,
      `${id}: the sentence forms of the spec's language are not known here, so its form was not checked.`,
      "set lint.requirementForm: off in .sdlc/policy.yaml, or language: to one that is known."
    )
}

const checkScenario = (report: Report, entry: Markdown.Entry, language: Language | null): void => {
  const words = [entry.title, ...own(entry)]
  const missing = (["when", "outcome"] as const).filter(
    (name) =>
      !step(words, englishSteps[name]) &&
      (language === null || language === english || !step(words, anyOf(language.steps[name])))
  )
  if (missing.length === 0) return
  report(
    "scenario-form",
    entry.line,
    `${entry.id} has no ${missing.map((name) => `"${stepNames[name]}"`).join(" and no ")} step.`,
    "write the steps as list items: - Given <state> - When <event> - Then <outcome>."
  )
}

/** A spec may do nothing but remove or rename. */
const onlyTakesAway = (document: Markdown.Document): boolean =>
  Delta.read(document, collector("")).changes.some(
    ({ operation }) => operation === "removed" || operation === "renamed"
  )

type Report = Collector["error"]

const reporter = (collect: Collector, language: Language | null, rules: FormRules): Report => {
  const severity = rules.requirementForm ?? (language === null ? "warn" : "error")
  return severity === "off" ? () => undefined : severity === "warn" ? collect.warning : collect.error
}

export const check = (collect: Collector, document: Markdown.Document, rules: FormRules = {}): Spec => {
  const all = entriesOf(document)
  const language = languageFor(document, rules)
  const report = reporter(collect, language, rules)
  const spec = read(document, language ?? english)
  checkUnique(collect, all)
  for (const entry of all) {
    const requirement = /^req/i.test(entry.id)
    checkId(collect, entry, requirement ? "REQ" : "SC")
    if (requirement) checkRequirement(report, entry.id, entry.line, statement(entry, language ?? english), language)
    else checkScenario(language === null ? collect.warning : collect.error, entry, language)
  }
  if (spec.requirements.length === 0 && !onlyTakesAway(document)) {
    collect.error(
      "no-requirements",
      1,
      "The spec has no requirement.",
      "add a heading or list item that starts with REQ-001, followed by one EARS sentence."
    )
  }
  const known = new Set(spec.requirements.map((requirement) => requirement.id))
  const shown = new Set(spec.scenarios.flatMap((scenario) => scenario.requirements))
  for (const requirement of spec.requirements) {
    if (!shown.has(requirement.id)) {
      collect.error(
        "requirement-without-scenario",
        requirement.line,
        `${requirement.id} has no scenario.`,
        `add an item SC-001 with Given/When/Then below it, or name ${requirement.id} in a scenario.`
      )
    }
  }
  for (const scenario of spec.scenarios) {
    const unknown = scenario.requirements.filter((id) => !known.has(id))
    if (unknown.length > 0)
      collect.error(
        "unknown-requirement",
        scenario.line,
        `${scenario.id} refers to ${unknown.join(", ")}, which the spec does not define.`,
        "name an existing requirement."
      )
    if (scenario.requirements.length === 0)
      collect.error(
        "scenario-without-requirement",
        scenario.line,
        `${scenario.id} belongs to no requirement.`,
        "place it below a requirement, or name one, such as (REQ-001)."
      )
  }
  return spec
}
