/**
 * Checks one artifact, given the artifacts it builds on.
 *
 * Promises for every text a finite list of findings with file, line and fix, the number of open clarifications, and what
 * the text defines (requirements, scenarios, tasks, checks). Pure and total; does not read files.
 */
import type { ArtifactKind } from "../model/Artifact.ts"
import * as Delta from "../specs/Delta.ts"
import { conflictLines } from "./Conflict.ts"
import { collector, type LintFinding } from "./Finding.ts"
import * as Markdown from "./Markdown.ts"
import * as QaPlan from "./QaPlan.ts"
import * as Spec from "./Spec.ts"
import * as TaskPlan from "./TaskPlan.ts"

/** Texts above this many characters are refused: nobody reviews them, and every rule here is meant for people. */
export const maxCharacters = 1_000_000

export interface Linted {
  readonly kind: ArtifactKind
  readonly findings: ReadonlyArray<LintFinding>
  readonly clarifications: ReadonlyArray<Markdown.Clarification>
  readonly requirements: ReadonlyArray<Spec.Requirement>
  readonly scenarios: ReadonlyArray<Spec.Scenario>
  readonly tasks: ReadonlyArray<TaskPlan.PlannedTask>
  readonly checks: ReadonlyArray<QaPlan.Check>
  /** What a spec changes in the living specs. */
  readonly delta: Delta.Delta
}

const empty = { requirements: [], scenarios: [], tasks: [], checks: [], delta: Delta.nothing }

const hasWords = (document: Markdown.Document): boolean =>
  document.lines.some((line) => Markdown.headingLevel(line.text) === 0 && /[\p{L}\p{N}]/u.test(line.text))

/** `sdlc: { v, id, kind }` in the front matter, inline or nested; a document in the wrong place or of a later format is refused. */
const checkFrontMatter = (
  collect: ReturnType<typeof collector>,
  document: Markdown.Document,
  kind: ArtifactKind
): void => {
  const lines = document.frontMatter?.lines ?? []
  const at = lines.findIndex((line) => /^sdlc\s*:/.test(line))
  if (at < 0) return
  const end = lines.findIndex((line, index) => index > at && !/^\s/.test(line))
  const block = lines.slice(at, end < 0 ? undefined : end).join("\n")
  const line = (document.frontMatter?.line ?? 1) + at
  const named = /\bkind\s*:\s*["']?([\w-]+)/.exec(block)?.[1]
  if (named !== undefined && named !== kind)
    collect.error(
      "front-matter",
      line,
      `The front matter says kind ${named}, the file is the ${kind}.`,
      `write kind: ${kind}, or move the file.`
    )
  const version = /\bv\s*:\s*["']?(\d+)/.exec(block)?.[1]
  if (version !== undefined && version !== "1")
    collect.error(
      "front-matter",
      line,
      `The front matter says format ${version}; this tool knows 1.`,
      "use a newer version of the tool, or write v: 1."
    )
}

const checkDesign = (collect: ReturnType<typeof collector>, document: Markdown.Document, spec: Spec.Spec): void => {
  const text = document.lines.map((line) => line.raw).join("\n")
  const named = new Set(text.match(/\bREQ-\d{3,9}\b/g) ?? [])
  const known = new Set(spec.requirements.map((requirement) => requirement.id))
  const unknown = [...named].filter((id) => !known.has(id))
  if (unknown.length > 0)
    collect.error(
      "unknown-requirement",
      1,
      `The design refers to ${unknown.join(", ")}, which the spec does not define.`,
      "name an existing requirement."
    )
  for (const requirement of spec.requirements) {
    if (!named.has(requirement.id))
      collect.warning(
        "requirement-not-mentioned",
        1,
        `The design does not mention ${requirement.id}.`,
        `say which part of the design meets ${requirement.id}.`
      )
  }
}

/**
 * Lints one artifact. `spec` is the text of the feature's spec, for the kinds that refer to its requirements and scenarios;
 * without it those references are not checked. `rules` is what the policy says about language and form.
 */
export const lint = (
  kind: ArtifactKind,
  file: string,
  text: string,
  spec: string | null,
  rules: Spec.FormRules = {}
): Linted => {
  const collect = collector(file)
  if (text.length > maxCharacters) {
    collect.error(
      "too-large",
      1,
      `The file has ${text.length} characters; ${maxCharacters} are the limit.`,
      "split the feature or move attachments out of the document."
    )
    return { kind, findings: collect.findings, clarifications: [], ...empty }
  }
  const document = Markdown.scan(text)
  const clarifications = Markdown.clarifications(document)
  const upstream = spec === null || spec.length > maxCharacters ? null : Spec.read(Markdown.scan(spec))
  const delta = kind === "spec" && rules.elsewhere !== true ? Delta.read(document, collect) : Delta.nothing
  const result = { kind, findings: collect.findings, clarifications, ...empty, delta }
  checkFrontMatter(collect, document, kind)
  for (const line of conflictLines(text))
    collect.error(
      "conflict-marker",
      line,
      "A merge was not finished here: the line is a conflict marker of git.",
      "decide between the two versions and remove the markers; indent them if they are meant as text."
    )
  if (!hasWords(document) && delta.changes.length === 0) {
    collect.error("empty", 1, "The document has no text.", "write it, or delete the file.")
    return result
  }
  switch (kind) {
    case "spec":
      return { ...result, ...Spec.check(collect, document, rules) }
    case "design":
      if (upstream !== null) checkDesign(collect, document, upstream)
      return result
    case "tasks":
      return { ...result, tasks: TaskPlan.check(collect, document, upstream?.requirements ?? null) }
    case "qa-plan":
      return { ...result, checks: QaPlan.check(collect, document, upstream?.scenarios ?? null) }
    default:
      return result
  }
}

export const errors = (linted: Linted): ReadonlyArray<LintFinding> =>
  linted.findings.filter((finding) => finding.severity === "error")
