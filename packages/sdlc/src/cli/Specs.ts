/**
 * The living specs of a repository, what open features say about them, and which of these meet. Looks at the work tree and at the branches
 * of features beside it; nothing is looked at for a feature that says nothing about a living spec.
 */
import { realpathSync } from "node:fs"
import type { LintFinding } from "../lint/Finding.ts"
import { format } from "../lint/Finding.ts"
import * as Decode from "../repo/Decode.ts"
import * as Disk from "../repo/Disk.ts"
import type { Document } from "../repo/Documents.ts"
import * as Layout from "../repo/Layout.ts"
import * as Repo from "../repo/Repo.ts"
import * as Living from "../specs/Living.ts"
import * as Overlap from "../specs/Overlap.ts"
import { exit, Failure } from "./Failure.ts"
import * as Git from "./Git.ts"
import type { Session } from "./Session.ts"

type Spoken = ReturnType<typeof Repo.loadSpecChanges>

/** What a loaded spec says about living specs. */
export const spokenBy = (document: Document | undefined): Spoken => ({
  file: document?.paths[0] ?? "",
  changes: document?.changes ?? [],
  plain: document?.linted.delta.plain ?? []
})

const standard = [Layout.specsDir, "openspec/specs/"]

const textsOf = (tree: ReadonlyMap<string, string | Uint8Array>): ReadonlyMap<string, string> =>
  new Map(
    [...tree].flatMap(([path, content]) => {
      const decoded = Decode.text(content)
      return decoded._tag === "Ok" ? [[path, decoded.value] as const] : []
    })
  )

const foldersOf = (changes: ReadonlyArray<Living.Told>): ReadonlySet<string> =>
  new Set([...standard, ...changes.flatMap((one) => one.folder ?? [])])

/** The living specs of the work tree: ours, OpenSpec's, and those that the changes are kept beside. */
export const living = (root: string, changes: ReadonlyArray<Living.Told>): Living.Living =>
  Living.read(textsOf(Disk.readLiving(realpathSync(root), foldersOf(changes))))

/** The same at a commit; `null` when git does not have it. */
const livingAt = (root: string, revision: string, changes: ReadonlyArray<Living.Told>): Living.Living | null => {
  if (Git.commit(root, revision) === null) return null
  const paths = [...foldersOf(changes)].flatMap((folder) => Git.lists(root, revision, folder.replace(/\/$/, "")))
  const found = Git.objects(
    root,
    paths.filter((path) => path.endsWith(".md")).map((path) => `${revision}:${path}`)
  )
  return Living.read(textsOf(new Map([...found].map(([name, bytes]) => [name.slice(revision.length + 1), bytes]))))
}

/** A feature that is given up, archived, or whose changes are in the living specs already has nothing open. */
const isOpen = (names: ReadonlyArray<string>): boolean =>
  !names.some((name) => /-(?:cancelled|archived|sync-recorded|feature-imported)\.json$/.test(name))

export const isOpenHere = (root: string, slug: string): boolean => isOpen(Disk.listEventNames(root, slug))

/** Whether a spec says anything about a requirement that is, or could be, in a living spec. */
export const speaks = ({ changes, plain }: Spoken, specs: Living.Living): boolean =>
  changes.length > 0 || plain.some((one) => specs.byKey.has(one.key))

export const touchesOf = (
  slug: string,
  { changes, file, plain }: Spoken,
  specs: Living.Living
): ReadonlyArray<Overlap.Touch> => [
  ...changes.flatMap((one): ReadonlyArray<Overlap.Touch> => {
    const touch = { feature: slug, operation: one.operation, spec: Living.specOf(specs, one), file: one.file }
    return [one, ...(one.to === undefined || one.to.key === one.key ? [] : [one.to])].map(({ key, line, name }) => ({
      ...touch,
      name,
      key,
      line
    }))
  }),
  ...plain.flatMap((one): ReadonlyArray<Overlap.Touch> => {
    const places = specs.byKey.get(one.key)
    return places === undefined
      ? []
      : [
          {
            feature: slug,
            operation: "plain",
            name: one.name,
            key: one.key,
            spec: places.length === 1 ? (places[0]?.spec.path ?? null) : null,
            file,
            line: one.line
          }
        ]
  })
]

const eventNames = (tree: Buffer | undefined): ReadonlyArray<string> =>
  tree === undefined ? [] : (tree.toString("latin1").match(/[0-7][0-9A-Z]{25}-[a-z-]{1,60}\.json(?=\0)/g) ?? [])

interface Away {
  readonly branch: string
  readonly files: Repo.Files
}

/** Features as the tips of their own branches have them, besides the one that is checked out. */
const elsewhere = (root: string): ReadonlyMap<string, Away | null> => {
  const refs = (Git.read(root, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes") ?? "").split("\n")
  const here = Git.currentBranch(root)
  const found = new Map<string, string>()
  for (const ref of refs) {
    const slug = ref.slice(ref.lastIndexOf("/") + 1)
    const branch = ref.replace(/^refs\/(?:heads\/|remotes\/[^/]+\/)/, "")
    // Local branches come first in the list; what was fetched of one says nothing newer that could be worked on here.
    if (branch === here || branch === "HEAD" || found.has(slug) || !Layout.slugPattern.test(slug)) continue
    found.set(slug, ref)
  }
  const parts = [...found].map(([slug, ref]) => ({
    slug,
    branch: ref.replace(/^refs\/(?:heads|remotes)\//, ""),
    events: `${ref}:${Layout.featureDir(slug)}events`,
    identity: `${ref}:${Layout.featurePath(slug)}`,
    spec: `${ref}:${Layout.documentPath(slug, "spec")}`
  }))
  const objects = Git.objects(
    root,
    parts.flatMap(({ events, identity, spec }) => [events, identity, spec])
  )
  return new Map(
    parts.flatMap(({ branch, events, identity, slug, spec }): ReadonlyArray<readonly [string, Away | null]> => {
      const [known, text] = [objects.get(identity), objects.get(spec)]
      if (known === undefined) return []
      if (!isOpen(eventNames(objects.get(events)))) return [[slug, null]]
      const files: ReadonlyArray<readonly [string, Buffer]> = [
        [Layout.featurePath(slug), known],
        ...(text === undefined ? [] : [[Layout.documentPath(slug, "spec"), text] as const])
      ]
      return [[slug, { branch, files: new Map(files) }]]
    })
  )
}

/** What open features touch, from the work tree and from branches of features; `known` are those that were read already. */
export const openTouches = (
  session: Session,
  specs: Living.Living,
  known: ReadonlyMap<string, Spoken>,
  openHere: (slug: string) => boolean = (slug) => isOpenHere(session.root, slug)
): ReadonlyArray<Overlap.Touch> => {
  const root = realpathSync(session.root)
  const branches = elsewhere(root)
  const slugs = new Set([...Disk.listFeatures(root), ...branches.keys()])
  return [...slugs].toSorted().flatMap((slug) => {
    const away = branches.get(slug)
    // Closed on its branch, or closed here after the merge: closed.
    if (away === null || !openHere(slug)) return []
    if (away?.files.has(Layout.documentPath(slug, "spec")) !== true)
      return touchesOf(slug, known.get(slug) ?? Repo.loadSpecChanges(Disk.readSpec(root, slug), slug), specs)
    return touchesOf(slug, Repo.loadSpecChanges(away.files, slug), specs).map((touch) => ({
      ...touch,
      // As `git show` takes it: the file is not in this work tree as it is there.
      file: `${away.branch}:${touch.file}`
    }))
  })
}

/** What is not true of the living specs in an open feature's spec. */
export const problems = (root: string, spoken: Spoken): ReadonlyArray<LintFinding> =>
  spoken.changes.length === 0 ? [] : Living.check(living(root, spoken.changes), spoken.changes)

/** Other open features that touch what this one touches. */
export const overlapsOf = (session: Session, loaded: Repo.Loaded): ReadonlyArray<Overlap.Overlap> => {
  const { slug } = loaded
  const spoken = spokenBy(loaded.documents.spec)
  const specs = living(session.root, spoken.changes)
  if (!isOpen(loaded.events.map(({ id, type }) => `${id}-${type}.json`)) || !speaks(spoken, specs)) return []
  return Overlap.overlaps(openTouches(session, specs, new Map([[slug, spoken]])), touchesOf(slug, spoken, specs))
}

export const warningsOf = (found: ReadonlyArray<Overlap.Overlap>): ReadonlyArray<string> =>
  found.length === 0
    ? []
    : [
        ...found.map((one) => `  overlap: ${Overlap.sentence(one)}`),
        `  ${Overlap.advice.charAt(0).toUpperCase()}${Overlap.advice.slice(1)}`
      ]

/** Overlaps as programs get them; nothing when there are none. */
export const jsonOf = (found: ReadonlyArray<Overlap.Overlap>): { readonly overlaps?: ReadonlyArray<object> } =>
  found.length === 0
    ? {}
    : {
        overlaps: found.map(({ count, others, touch }) => ({
          requirement: touch.name,
          operation: touch.operation,
          spec: touch.spec,
          file: touch.file,
          line: touch.line,
          count,
          with: others.map(({ feature, file, line, operation }) => ({ feature, operation, file, line }))
        }))
      }

export const findingOf = (overlap: Overlap.Overlap): LintFinding => ({
  rule: "overlap",
  severity: "warning",
  file: overlap.touch.file,
  line: overlap.touch.line,
  message: Overlap.sentence(overlap),
  fix: Overlap.advice
})

/** Refuses when the living specs do not show what a released feature changed, or it changed what was never there. */
export const requireFolded = (session: Session, loaded: Repo.Loaded): void => {
  const { changes } = spokenBy(loaded.documents.spec)
  if (changes.length === 0) return
  const shas = loaded.events.flatMap((event) =>
    event.type === "branch-provisioned"
      ? (event.data.sha ?? [])
      : event.type === "merged"
        ? [event.data.sha, `${event.data.sha}^1`]
        : []
  )
  const before = [...new Set(shas)].flatMap((sha) => livingAt(session.root, sha, changes) ?? [])
  const found = Living.settled(living(session.root, changes), before, changes)
  const [first] = found
  if (first !== undefined)
    throw new Failure(
      `living specs: ${found.length} of its changes ${found.length === 1 ? "is" : "are"} not there as the spec says. ${format(first)}`,
      "fold the spec's changes into the living specs (or mend its headers), then run the command again.",
      exit.failed
    )
}
