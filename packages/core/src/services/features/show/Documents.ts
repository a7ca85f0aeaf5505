/** The documents of a feature as they stand at its branch, and which of them a verdict given now would be about. Secrets are masked. */
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import { artifactKinds } from "@rdev/sdlc/model/Names"
import type { VerdictGate } from "@rdev/sdlc/model/Verdict"
import * as Layout from "@rdev/sdlc/repo/Layout"
import { Effect } from "effect"
import { Redaction } from "../../redaction/Redaction.ts"
import { subjectAt } from "../act/Gate.ts"
import type * as FeatureFiles from "../read/FeatureFiles.ts"
import { RepositoryReader } from "../read/RepositoryReader.ts"
import { textOf } from "./FilePatch.ts"

export interface Document {
  /** `idea`, `spec`, `design`, `tasks`, `qa-plan`, `review`, `audit`, `qa-report`, or the name of another Markdown file beside them. */
  readonly name: string
  /** The files it was read from. */
  readonly paths: ReadonlyArray<string>
  readonly sizeBytes: number
  /** Digest of exactly this content; what a verdict about the document names. Null for what no verdict is about. */
  readonly digest: string | null
  readonly text: string
  /** The text is cut off at its end. */
  readonly truncated: boolean
}
/** What a verdict given now is about. */
export interface Due {
  readonly gate: VerdictGate
  readonly subject: string | null
  /** Names of the documents to look at. */
  readonly documents: ReadonlyArray<string>
  /** The change itself is to be looked at, too. */
  readonly code: boolean
}

export const mostTextBytes = 256 * 1024
/** Words that people use for a document. */
const otherNames: Readonly<Record<string, string>> = { requirements: "spec", plan: "tasks", qa: "qa-report" }

const lookedAt: Readonly<Record<VerdictGate, { readonly documents: ReadonlyArray<string>; readonly code: boolean }>> = {
  spec: { documents: ["spec"], code: false },
  design: { documents: ["design"], code: false },
  tasks: { documents: ["tasks"], code: false },
  "qa-plan": { documents: ["qa-plan"], code: false },
  start: { documents: ["spec", "design", "tasks", "qa-plan"], code: false },
  "human-review": { documents: ["review"], code: true },
  risk: { documents: ["audit"], code: false },
  uat: { documents: ["qa-report"], code: true },
  merge: { documents: [], code: true },
  action: { documents: [], code: false }
}

/** No more than so many bytes, and no half character. */
const cut = (text: string, bytes: number): string =>
  Buffer.byteLength(text) <= bytes
    ? text
    : new TextDecoder().decode(Buffer.from(text).subarray(0, bytes)).replace(/\uFFFD$/, "")

export const all = Effect.fn("Documents.all")(function* (snapshot: FeatureFiles.Snapshot) {
  const redactor = yield* (yield* Redaction).of(snapshot.project.id)
  const { slug } = snapshot.index
  const state = yield* (yield* RepositoryReader).state(snapshot.target, snapshot.sha)
  const folder = Layout.featureDir(slug)
  const files = Layout.unarchived(state, slug)
  const make = (name: string, paths: ReadonlyArray<string>, content: string, digest: string | null): Document => {
    const text = cut(redactor.text(content), mostTextBytes)
    const sizeBytes = Buffer.byteLength(content)
    return {
      name,
      paths: paths.map((path) => redactor.text(path)),
      sizeBytes,
      digest,
      text,
      truncated: sizeBytes > mostTextBytes
    }
  }
  const known = artifactKinds.flatMap((kind) => {
    const found = snapshot.loaded.documents[kind]
    return found === undefined ? [] : [make(kind, found.paths, found.text, found.hash)]
  })
  const ofKinds = new Set(artifactKinds.map((kind) => Layout.documentPath(slug, kind)))
  const others = [...files]
    .flatMap(([path, content]) => {
      const name =
        path.startsWith(folder) && !ofKinds.has(path) ? /^([^/]+)\.md$/.exec(path.slice(folder.length))?.[1] : undefined
      const text = name === undefined ? null : textOf(content)
      return name === undefined || text === null ? [] : [make(redactor.text(name), [path], text, null)]
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const [idea, rest] = [others.filter(({ name }) => name === "idea"), others.filter(({ name }) => name !== "idea")]
  return [...idea, ...known, ...rest]
})

export const find = (documents: ReadonlyArray<Document>, name: string): Document | null => {
  const wanted = name.replace(/\.md$/, "")
  return (
    documents.find((one) => one.name === wanted) ?? documents.find((one) => one.name === otherNames[wanted]) ?? null
  )
}

/** About the given gate, or the one that waits; null when nothing waits for a verdict. */
export const due = (
  { snapshot, decision }: { readonly snapshot: FeatureFiles.Snapshot; readonly decision: FeatureDecision },
  documents: ReadonlyArray<Document>,
  gate: VerdictGate | null
): Due | null => {
  const at = subjectAt(snapshot.state, decision, gate)
  if (at === null) return null
  const { code, documents: wanted } = lookedAt[at.gate]
  const there = new Set(documents.map(({ name }) => name))
  return { gate: at.gate, subject: at.subject, documents: wanted.filter((name) => there.has(name)), code }
}
