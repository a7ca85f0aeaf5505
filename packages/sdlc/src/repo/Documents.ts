/**
 * The documents of a feature as their content shows them: digest, lint findings, open questions, tasks and checks.
 *
 * Promises that a document read through `sources` is judged in its own terms: what the foreign format cannot say is a
 * warning, what would break the flow (cycles, dangling or double ids, no tasks) stays an error.
 */
import * as Foreign from "../importers/Foreign.ts"
import { fileOf, importers } from "../importers/Importers.ts"
import { collector, type LintFinding } from "../lint/Finding.ts"
import { lint, type Linted } from "../lint/Lint.ts"
import * as Markdown from "../lint/Markdown.ts"
import type { FormRules } from "../lint/Spec.ts"
import type { Artifact, ArtifactKind, Artifacts } from "../model/Artifact.ts"
import { artifactKinds } from "../model/Names.ts"
import * as Delta from "../specs/Delta.ts"
import type { Header } from "../specs/Header.ts"
import type { Told } from "../specs/Living.ts"
import * as Decode from "./Decode.ts"
import { md1, sha256 } from "./Digest.ts"
import type { Sources } from "./FeatureFile.ts"
import { documentPath } from "./Layout.ts"

export type Files = ReadonlyMap<string, string | Uint8Array>

export interface Document {
  readonly kind: ArtifactKind
  /** The files it was read from. */
  readonly paths: ReadonlyArray<string>
  /** In our own notation; translated when it has foreign sources. */
  readonly text: string
  readonly hash: string
  readonly linted: Linted
  /** What a spec changes in the living specs. */
  readonly changes: ReadonlyArray<Told>
}

export type Documents = { readonly [K in ArtifactKind]?: Document }

const lenient: ReadonlySet<string> = new Set([
  "no-requirements",
  "requirement-form",
  "scenario-form",
  "requirement-without-scenario",
  "scenario-without-requirement",
  "unknown-requirement",
  "uncovered-requirement",
  "covers-missing",
  "verify-missing",
  "no-checks",
  "method-missing",
  "unknown-scenario",
  "uncovered-scenario"
])

interface Read {
  readonly paths: ReadonlyArray<string>
  readonly text: string
  readonly hash: string
  readonly at: (line: number) => { readonly file: string; readonly line: number }
  readonly foreign: boolean
  /** The files that say what changes in the living specs, when it was translated. */
  readonly deltas: ReadonlyArray<Foreign.Source>
  /** What the author calls what has an id of ours. */
  readonly names: () => ReadonlyMap<string, string>
  /** Why it has no text. */
  readonly problem: string | null
}

/** An OpenSpec delta: what it changes is the living spec of the same folder name. */
const deltaPath = /^(.*?)openspec\/changes\/[^/]+\/specs\/(.+)\/spec\.md$/

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: make() }).value
}

const noNames = (): ReadonlyMap<string, string> => new Map()

const native = (files: Files, path: string): Read | null => {
  const content = files.get(path)
  if (content === undefined) return null
  const decoded = Decode.text(content)
  const at = (line: number) => ({ file: path, line })
  // The digest of unreadable bytes is theirs: a waiver of one heap of garbage must not hold for another.
  if (decoded._tag === "Bad")
    return {
      paths: [path],
      text: "",
      hash: `md1:${sha256(content)}`,
      at,
      foreign: false,
      deltas: [],
      names: noNames,
      problem: decoded.problem
    }
  return {
    paths: [path],
    text: decoded.value,
    hash: md1(decoded.value),
    at,
    foreign: false,
    deltas: [],
    names: noNames,
    problem: null
  }
}

const textsOf = (files: Files, paths: ReadonlyArray<string>): ReadonlyArray<Foreign.Source> =>
  paths.flatMap((path) => {
    const content = files.get(fileOf(path))
    const decoded = content === undefined ? null : Decode.text(content)
    return decoded?._tag === "Ok" ? [{ path, text: decoded.value }] : []
  })

const overlay = (files: Files, kind: ArtifactKind, sources: Sources): Read | null => {
  const wanted = sources[kind] ?? []
  const found = textsOf(files, wanted)
  if (found.length === 0) return null
  const translation = importers[sources.format].translate(kind, found, textsOf(files, sources.spec ?? []))
  return {
    paths: wanted.map(fileOf),
    text: Foreign.textOf(translation),
    hash: md1(translation.content),
    at: (line) => translation.lines[line - 1] ?? { file: found[0]?.path ?? "", line: 1 },
    foreign: true,
    deltas: kind === "spec" && sources.format === "openspec" ? found.filter(({ path }) => deltaPath.test(path)) : [],
    names: once(() => namesOf(translation, found, importers[sources.format])),
    problem: null
  }
}

const namesOf = (
  { lines }: Foreign.Translation,
  sources: ReadonlyArray<Foreign.Source>,
  { nameOf }: Foreign.Importer
): ReadonlyMap<string, string> => {
  const texts = new Map(sources.map(({ path, text }) => [path, text.split(/\r\n|\n|\r/)]))
  const names = new Map<string, string>()
  let last = ""
  for (const { file, line, text } of lines) {
    const alias = /^\s+- alias: (\S.*)$/.exec(text)?.[1]
    if (alias !== undefined) names.set(last, alias)
    const id = Foreign.definedBy(text)
    last = id ?? last
    if (id === null || names.has(id)) continue
    const name = nameOf?.(id) ?? Foreign.authorsName(text, texts.get(file)?.[line - 1] ?? "")
    if (name !== null) names.set(id, name)
  }
  return names
}

/** A finding about a translated text in the words and lines of its author; our id stands behind, since commands take it. */
const inOwnWords = (found: Read, finding: LintFinding, file: string): Pick<LintFinding, "message" | "fix"> => {
  const names = found.names()
  const said = (text: string): string =>
    text
      .replace(/\b(?:REQ|SC|QA|task)-\d{3,9}\b/g, (id) => (names.has(id) ? `${names.get(id) ?? id} (${id})` : id))
      .replace(/\bon line (\d+)\b/g, (_whole, line: string) => {
        const place = found.at(Number(line))
        return `on line ${place.line}${place.file === file ? "" : ` of ${place.file}`}`
      })
  return { message: said(finding.message), fix: said(finding.fix) }
}

const read = (files: Files, slug: string, kind: ArtifactKind, sources: Sources | undefined): Read | null =>
  sources?.[kind] === undefined ? native(files, documentPath(slug, kind)) : overlay(files, kind, sources)

/** What the files of a translated spec change, with findings in their own lines. */
const foreignChanges = (
  found: Read
): { readonly changes: ReadonlyArray<Told>; readonly findings: ReadonlyArray<LintFinding> } => {
  const read = found.deltas.map(({ path, text }) => {
    const [, prefix = "", capability = null] = deltaPath.exec(path) ?? []
    const collect = collector(path)
    const { changes } = Delta.read(Markdown.scan(text), collect, capability)
    const folder = `${prefix}openspec/specs/`
    return { changes: changes.map((one): Told => ({ ...one, file: path, folder })), findings: collect.findings }
  })
  return { changes: read.flatMap((one) => one.changes), findings: read.flatMap((one) => one.findings) }
}

const judge = (found: Read, kind: ArtifactKind, spec: string | null, rules: FormRules): Linted => {
  const linted = lint(kind, found.paths[0] ?? "", found.text, spec, { ...rules, elsewhere: found.foreign })
  const placed = linted.findings.map((finding): LintFinding => {
    const { file, line } = found.at(finding.line)
    return {
      ...finding,
      ...(found.foreign ? inOwnWords(found, finding, file) : {}),
      file,
      line,
      severity: found.foreign && lenient.has(finding.rule) ? "warning" : finding.severity
    }
  })
  if (found.problem === null) return { ...linted, findings: placed }
  const encoding = found.problem === "not UTF-8 text"
  const finding = { severity: "error", file: found.paths[0] ?? "", line: 1 } as const
  return {
    ...linted,
    findings: [
      encoding
        ? { ...finding, rule: "not-utf8", message: "The file is not UTF-8 text.", fix: "save it as UTF-8." }
        : {
            ...finding,
            rule: "unreadable",
            message: `The file cannot be read: ${found.problem}.`,
            fix: "put a Markdown file in its place."
          }
    ]
  }
}

/** Reads and lints every document that exists. `rules` is what the policy says about language and form. */
export const load = (files: Files, slug: string, sources: Sources | undefined, rules: FormRules = {}): Documents => {
  const spec = read(files, slug, "spec", sources)?.text ?? null
  const documents: { [K in ArtifactKind]?: Document } = {}
  for (const kind of artifactKinds) {
    const found = read(files, slug, kind, sources)
    if (found === null) continue
    const linted = judge(found, kind, kind === "spec" ? null : spec, rules)
    const foreign = foreignChanges(found)
    const file = found.paths[0] ?? ""
    documents[kind] = {
      kind,
      paths: found.paths,
      text: found.text,
      hash: found.hash,
      linted: { ...linted, findings: [...linted.findings, ...foreign.findings] },
      changes: [...linted.delta.changes.map((one): Told => ({ ...one, file, folder: null })), ...foreign.changes]
    }
  }
  return documents
}

/** What a feature's spec says about the living specs, without judging the text: for looking at many features. */
export const specChanges = (
  files: Files,
  slug: string,
  sources: Sources | undefined
): { readonly file: string; readonly changes: ReadonlyArray<Told>; readonly plain: ReadonlyArray<Header> } => {
  const found = read(files, slug, "spec", sources)
  const file = found?.paths[0] ?? documentPath(slug, "spec")
  if (found === null) return { file, changes: [], plain: [] }
  if (found.foreign) return { file, changes: foreignChanges(found).changes, plain: [] }
  const delta = Delta.read(Markdown.scan(found.text), collector(file))
  return { file, changes: delta.changes.map((one): Told => ({ ...one, file, folder: null })), plain: delta.plain }
}

const taskId = /^task-\d{3,6}$/

/** What the classifier's state needs of a document. */
const artifact = (document: Document): Artifact => ({
  kind: document.kind,
  hash: document.hash,
  lint: document.linted.findings,
  openQuestions: document.linted.clarifications.length,
  ...(document.kind === "qa-plan" ? { checks: document.linted.checks.map((check) => check.id) } : {}),
  ...(document.kind === "tasks"
    ? {
        tasks: document.linted.tasks
          .filter((task) => taskId.test(task.id))
          .map(({ id, title, deps, covers, writes, verify }) => ({ id, title, deps, covers, writes, verify }))
      }
    : {})
})

export const artifacts = (documents: Documents): Artifacts => {
  const result: { [K in ArtifactKind]?: Artifact } = {}
  for (const document of Object.values(documents)) result[document.kind] = artifact(document)
  return result
}
