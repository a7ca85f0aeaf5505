/**
 * What a feature's branch changes of its base, as patches to look at before they are approved. Secrets are masked in the files before they
 * are compared, so that none is cut apart by a line's sign. Bounded: what is left out is said.
 */
import * as Layout from "@rdev/sdlc/repo/Layout"
import { codeSubject } from "@rdev/sdlc/derive/Verdicts"
import { Effect } from "effect"
import { BranchName, type RepositoryTarget, type Sha } from "../../../ports/infra/Forge.ts"
import { GitObjects, type TreeEntry } from "../../../ports/infra/GitObjects.ts"
import type { Redactor } from "../../../redaction/Redactor.ts"
import { Redaction } from "../../redaction/Redaction.ts"
import type * as FeatureFiles from "../read/FeatureFiles.ts"
import { RepositoryReader } from "../read/RepositoryReader.ts"
import * as FilePatch from "./FilePatch.ts"
import * as TreeChanges from "./TreeChanges.ts"

export interface ChangedFile {
  readonly path: string
  /** Of a renamed file. */
  readonly previousPath: string | null
  readonly status: TreeChanges.TreeChange["status"]
  readonly binary: boolean
  /** Null where lines were not counted: of what is no text, and of what is too large. */
  readonly added: number | null
  readonly removed: number | null
  /** In git's form; null when it is left out. */
  readonly patch: string | null
  /** The patch is left out because it, or all before it, is too large. */
  readonly truncated: boolean
}
export interface Changes {
  /** Null when the branch has no history in common with the default branch: then everything is new. */
  readonly base: Sha | null
  readonly head: Sha
  /** What a verdict about the code names: these changes, or the tree where they are not known. */
  readonly subject: string | null
  readonly files: ReadonlyArray<ChangedFile>
  /** How many files changed, those that are not listed among them. */
  readonly total: number
  /** Files of the feature's own records that changed besides: its events and evidence. */
  readonly records: number
  readonly truncated: boolean
}

export const mostFiles = 1_000
/** All patches together, and the text of one file on one side. */
export const mostPatchBytes = 512 * 1024
export const mostFileBytes = 256 * 1024
/** Of all files on both sides, to look through for secrets and to compare. */
const mostComparedBytes = 8 * 1024 * 1024

const isOwnRecord = (slug: string) => {
  const folder = Layout.featureDir(slug)
  return (path: string) => path.startsWith(`${folder}events/`) || path.startsWith(`${folder}evidence/`)
}

/** From where to where: a merged feature's changes are what its merge brought. */
const rangeOf = Effect.fnUntraced(function* (snapshot: FeatureFiles.Snapshot) {
  const { branch, mainSha, sha, target } = snapshot
  const reader = yield* RepositoryReader
  const main = BranchName.make(snapshot.project.defaultBranch)
  if (branch !== main) {
    const { mergeBase } = yield* reader.compare(target, { branch: main, sha: mainSha }, { branch, sha })
    return { base: mergeBase, head: sha }
  }
  const merge = snapshot.state.merge.sha ?? snapshot.landedSha
  if (merge === null) return { base: sha, head: sha }
  const [commit] = yield* reader.line(target, merge, { since: null, limit: 1 })
  return { base: commit?.parents[0] ?? null, head: merge }
})

/** All at once, or one by one where all together are more than a forge reads: what is too large for it is left out. */
const read = Effect.fnUntraced(function* (
  target: RepositoryTarget,
  sha: Sha | null,
  entries: ReadonlyArray<TreeEntry>
) {
  const files = entries.filter(({ mode }) => mode !== "160000")
  const contents = new Map<string, Uint8Array>()
  if (sha === null || files.length === 0) return contents
  const git = yield* GitObjects
  const fetch = (paths: ReadonlyArray<string>) =>
    Effect.map(git.readFiles(target, sha, paths), (found) => {
      for (const { oid, path } of files) {
        const content = found.get(path)
        if (content !== undefined) contents.set(oid, content)
      }
    })
  const isTooMuch = ({ reason }: { readonly reason: { readonly _tag: string } }) => reason._tag === "ResourceExhausted"
  yield* Effect.catchIf(fetch(files.map(({ path }) => path)), isTooMuch, () =>
    Effect.forEach(files, ({ path }) => Effect.catchIf(fetch([path]), isTooMuch, () => Effect.void), {
      discard: true
    })
  )
  return contents
})

type Text =
  | { readonly _tag: "Text"; readonly side: FilePatch.Side; readonly bytes: number }
  | { readonly _tag: "TooLarge" }
/** A side of a change, masked; of a submodule its commit, as git shows it. */
const sideOf = (entry: TreeEntry, contents: TreeChanges.Contents, redactor: Redactor): Text => {
  const path = redactor.text(entry.path)
  if (entry.mode === "160000") {
    const text = `Subproject commit ${entry.oid}\n`
    return { _tag: "Text", side: { path, mode: entry.mode, text }, bytes: text.length }
  }
  const content = contents.get(entry.oid)
  if (content === undefined) return { _tag: "TooLarge" }
  const isText = FilePatch.textOf(content.subarray(0, 8_000).includes(0) ? content.subarray(0, 8_000) : content)
  if (isText !== null && content.byteLength > mostFileBytes) return { _tag: "TooLarge" }
  const text = isText === null ? null : redactor.text(isText)
  return { _tag: "Text", side: { path, mode: entry.mode, text }, bytes: text === null ? 0 : content.byteLength }
}

/** What is left of the bounds while files are shown in order. */
interface Budget {
  compared: number
  patches: number
}
const shown = (
  change: TreeChanges.TreeChange,
  contents: TreeChanges.Contents,
  redactor: Redactor,
  budget: Budget
): ChangedFile => {
  const { after, before, status } = change
  const file = {
    path: redactor.text(TreeChanges.pathOf(change)),
    previousPath: status === "renamed" && before !== null ? redactor.text(before.path) : null,
    status
  }
  const leftOut = { ...file, binary: false, added: null, removed: null, patch: null, truncated: true }
  if (budget.compared <= 0) return leftOut
  const [was, is] = [before, after].map((entry) => (entry === null ? null : sideOf(entry, contents, redactor)))
  if (was?._tag === "TooLarge" || is?._tag === "TooLarge") return leftOut
  budget.compared -= (was?.bytes ?? 0) + (is?.bytes ?? 0)
  const { added, removed, text } = FilePatch.make(was?.side ?? null, is?.side ?? null)
  const binary = was?.side.text === null || is?.side.text === null
  const bytes = Buffer.byteLength(text)
  const fits = bytes <= budget.patches
  // What does not fit ends it: what is shown is shown in order, without a gap.
  budget.patches = fits ? budget.patches - bytes : 0
  return { ...file, binary, added, removed, patch: fits ? text : null, truncated: !fits }
}

/** `under`: only this file, or the files below this folder. */
export const of = Effect.fn("Changes.of")(function* (snapshot: FeatureFiles.Snapshot, under: string | null) {
  const reader = yield* RepositoryReader
  const { target } = snapshot
  const { base, head } = yield* rangeOf(snapshot)
  const before = base === null ? [] : (yield* reader.commit(target, base)).entries
  const after = (yield* reader.commit(target, head)).entries
  const isRecord = isOwnRecord(snapshot.index.slug)
  const all = TreeChanges.between(before, after)
  const plain = all.filter((change) => !isRecord(TreeChanges.pathOf(change)))
  const [was, is] = yield* Effect.all([
    read(
      target,
      base,
      plain.flatMap((change) => change.before ?? [])
    ),
    read(
      target,
      head,
      plain.flatMap((change) => change.after ?? [])
    )
  ])
  const contents = new Map([...was, ...is])
  const wanted = under === null ? null : under.replace(/\/+$/, "")
  const changes = TreeChanges.withRenames(plain, contents).filter(
    (change) =>
      wanted === null ||
      [change.before?.path, change.after?.path].some((path) => path === wanted || path?.startsWith(`${wanted}/`))
  )
  const redactor = yield* (yield* Redaction).of(snapshot.project.id)
  const budget: Budget = { compared: mostComparedBytes, patches: mostPatchBytes }
  const files: Array<ChangedFile> = []
  for (const change of changes.slice(0, mostFiles)) {
    files.push(shown(change, contents, redactor, budget))
    yield* Effect.yieldNow
  }
  return {
    base,
    head,
    subject: codeSubject(snapshot.state),
    files,
    total: changes.length,
    records: all.length - plain.length,
    truncated: changes.length > files.length || files.some(({ truncated }) => truncated)
  } satisfies Changes
})
