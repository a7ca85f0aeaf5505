/**
 * The documents of a feature as their content shows them: digest, lint findings, open questions, tasks and checks.
 *
 * Promises that a document read through `sources` is judged in its own terms: what the foreign format cannot say is a
 * warning, what would break the flow (cycles, dangling or double ids, no tasks) stays an error.
 */
import * as Foreign from "../importers/Foreign.ts"
import { fileOf, importers } from "../importers/Importers.ts"
import type { LintFinding } from "../lint/Finding.ts"
import { lint, type Linted } from "../lint/Lint.ts"
import type { FormRules } from "../lint/Spec.ts"
import type { Artifact, ArtifactKind, Artifacts } from "../model/Artifact.ts"
import { artifactKinds } from "../model/Names.ts"
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
  /** Why it has no text. */
  readonly problem: string | null
}

const native = (files: Files, path: string): Read | null => {
  const content = files.get(path)
  if (content === undefined) return null
  const decoded = Decode.text(content)
  const at = (line: number) => ({ file: path, line })
  // The digest of unreadable bytes is theirs: a waiver of one heap of garbage must not hold for another.
  if (decoded._tag === "Bad")
    return { paths: [path], text: "", hash: `md1:${sha256(content)}`, at, foreign: false, problem: decoded.problem }
  return { paths: [path], text: decoded.value, hash: md1(decoded.value), at, foreign: false, problem: null }
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
    problem: null
  }
}

const read = (files: Files, slug: string, kind: ArtifactKind, sources: Sources | undefined): Read | null =>
  sources?.[kind] === undefined ? native(files, documentPath(slug, kind)) : overlay(files, kind, sources)

const judge = (found: Read, kind: ArtifactKind, spec: string | null, rules: FormRules): Linted => {
  const linted = lint(kind, found.paths[0] ?? "", found.text, spec, rules)
  const placed = linted.findings.map((finding): LintFinding => {
    const { file, line } = found.at(finding.line)
    return {
      ...finding,
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
    documents[kind] = {
      kind,
      paths: found.paths,
      text: found.text,
      hash: found.hash,
      linted: judge(found, kind, kind === "spec" ? null : spec, rules)
    }
  }
  return documents
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
