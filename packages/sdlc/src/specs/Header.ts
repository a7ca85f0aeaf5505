/**
 * The name of a requirement, as headers in living specs and in the specs of features write it. Names are compared without regard to case,
 * white space, width of characters and marks of emphasis: two people write one header in many ways. Pure.
 */
import * as Headings from "../language/Headings.ts"

export interface Header {
  /** As it is written. */
  readonly name: string
  /** What is compared. */
  readonly key: string
  readonly line: number
}

const requirement = new RegExp(`^${Headings.requirement}(?:\\s+(?:REQ-)?[\\d.]{1,12})?\\s*[:\\uff1a]\\s*(.*)$`, "iu")
const scenario = new RegExp(`^${Headings.scenario}(?:\\s+[\\d.]{1,12})?\\s*[:\\uff1a]`, "iu")
const id = /^(REQ-\d{1,9})(?![\w-])\s*(?:\*\*|__|`)?\s*[:.)\u2013\u2014-]?\s*(.*)$/i

/** A name without the marks around it: `**Greet** ##` and `` `Greet` `` are `Greet`. */
const bare = (text: string): string =>
  text
    .trim()
    .replace(/\s+#+$/, "")
    .replace(/^(?:\*\*|__|[`*_])+|(?:\*\*|__|[`*_])+$/g, "")
    .trim()

export const keyOf = (name: string): string =>
  bare(name)
    .normalize("NFKC")
    // By way of capitals, so that "Straße" and "STRASSE" are one word.
    .toUpperCase()
    .toLowerCase()
    .normalize("NFC")
    .replace(/[\u200b-\u200d\u2060\ufeff\u00ad]/g, "")
    .replace(/[\u2018\u2019\u201b\u02bc]/g, "'")
    .replace(/[\u201c-\u201f\u00ab\u00bb]/g, '"')
    .replace(/[\u2010-\u2015\u2212]/g, "-")
    .replace(/[*`]/g, "")
    .replace(/\s+/g, " ")
    .replace(/[\s.:\u3002]+$/u, "")
    .trim()

/** The name in `Requirement: Greet` or `REQ-001: Greet`; `null` when the text is no header of a requirement. */
export const nameIn = (text: string): string | null => {
  const plain = bare(
    text
      .trim()
      .replace(/^`+|`+$/g, "")
      .replace(/^#{1,6}\s+/, "")
  ).replace(/^(?:\*\*|__|`)+/, "")
  const worded = requirement.exec(plain)?.[1]
  const rest = worded ?? plain
  const numbered = id.exec(rest)
  if (worded === undefined && numbered === null) return null
  const name = bare(numbered?.[2] ?? rest).replace(/^(?:\*\*|__)\s*/, "")
  return name === "" ? (numbered?.[1] ?? null) : name
}

export const isScenario = (text: string): boolean => scenario.test(text.trim()) || /^\**SC-\d/i.test(text.trim())

const distance = (a: string, b: string, most: number): number => {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1))
      )
    if (Math.min(...next) > most) return most + 1
    row = next
  }
  return row[b.length] ?? 0
}

const words = (key: string): ReadonlySet<string> => new Set(key.match(/[\p{L}\p{N}]+/gu) ?? [])

/** From 0 (nothing in common) to 1 (the same): by letters for slips of the pen, by words for names that were put differently. */
const likeness = (a: string, b: string): number => {
  const [x, y] = [a.slice(0, 120), b.slice(0, 120)]
  const most = Math.max(2, Math.floor(Math.max(x.length, y.length) / 3))
  const far = distance(x, y, most)
  const letters = far > most ? 0 : 1 - far / Math.max(1, x.length, y.length)
  const [left, right] = [words(x), words(y)]
  const shared = [...left].filter((word) => right.has(word)).length
  return Math.max(letters, shared / Math.max(1, new Set([...left, ...right]).size))
}

/** Names looked at for a suggestion: a spec with more has names that nobody confuses. */
const mostCandidates = 2_000

/** The candidate that was most likely meant, or `null` when none is close. */
export const nearest = <T extends { readonly key: string }>(key: string, candidates: ReadonlyArray<T>): T | null => {
  let best: { readonly one: T; readonly like: number } | null = null
  for (const one of candidates.slice(0, mostCandidates)) {
    const like = likeness(key, one.key)
    if (like >= 0.34 && (best === null || like > best.like)) best = { one, like }
  }
  return best?.one ?? null
}
