/** `sdlc import`: adopts foreign spec folders as features; their files stay where they are. */
import { type Candidate, type Files, formats, type LeftOut, type Source, textOf } from "../../importers/Foreign.ts"
import { fileOf, find, importers, missed } from "../../importers/Importers.ts"
import type { ArtifactKind } from "../../model/Artifact.ts"
import { documentKinds } from "../../model/Names.ts"
import { upstreamOf } from "../../derive/Verdicts.ts"
import * as Disk from "../../repo/Disk.ts"
import * as FeatureFile from "../../repo/FeatureFile.ts"
import * as Layout from "../../repo/Layout.ts"
import * as Repo from "../../repo/Repo.ts"
import { stateOf } from "../../repo/State.ts"
import { type Args, oneOf } from "../Args.ts"
import { Failure } from "../Failure.ts"
import * as Home from "../Home.ts"
import * as Identity from "../Identity.ts"
import { done, type Result, table } from "../Result.ts"
import * as Session from "../Session.ts"
import { relative, resolve, sep } from "node:path"

export const spec = {
  positionals: ["path-or-name..."],
  flags: { list: "flag", all: "flag", format: "value", copy: "flag" }
} as const

const textsOf = (tree: Disk.Tree): Files =>
  new Map([...tree].map(([path, content]) => [path, Buffer.from(content).toString("utf8")]))

/** A word is a name, or a path from the root or from where the person stands. */
const chosen = (
  session: Session.Session,
  candidates: ReadonlyArray<Candidate>,
  words: ReadonlyArray<string>
): ReadonlyArray<Candidate> =>
  words.flatMap((word) => {
    const plain = word.replace(/\/+$/, "").replace(/^\.\//, "")
    const here = relative(session.root, resolve(session.cwd, word)).split(sep).join("/")
    const isAt = (one: Candidate, path: string) =>
      one.root === path || one.root.startsWith(`${path}/`) || fileOf(one.root) === path
    const hits = candidates.filter((one) => one.slug === plain || isAt(one, plain) || (here !== "" && isAt(one, here)))
    if (hits.length === 0)
      throw new Failure(`path: nothing that can be adopted is at "${word}".`, "sdlc import --list shows what there is.")
    return hits
  })

const sourcesOf = (candidate: Candidate): Repo.NewFeature["sources"] => ({
  format: candidate.format,
  ...Object.fromEntries(Object.entries(candidate.sources).map(([kind, paths]) => [kind, [...paths]]))
})

const textsAt = (files: Files, paths: ReadonlyArray<string>): ReadonlyArray<Source> =>
  paths.map((path) => ({ path, text: files.get(fileOf(path)) ?? "" }))

/** Our own documents, translated once. Never in place of a file that is there. */
const copies = (candidate: Candidate, files: Files): ReadonlyArray<Repo.Write> =>
  (Object.entries(candidate.sources) as ReadonlyArray<[ArtifactKind, ReadonlyArray<string>]>).map(([kind, paths]) => {
    const path = Layout.documentPath(candidate.slug, kind)
    if (files.has(path))
      throw new Failure(`--copy: ${path} exists already.`, "import without --copy; the files stay the source.")
    const text = textOf(
      importers[candidate.format].translate(kind, textsAt(files, paths), textsAt(files, candidate.sources.spec ?? []))
    ).replace(/^- \[x\]/gm, "- [ ]")
    return { path, content: `---\nsdlc: { v: 1, kind: ${kind} }\n---\n${text.trim()}\n` }
  })

interface Adopted {
  readonly candidate: Candidate
  readonly writes: ReadonlyArray<Repo.Write>
  readonly submitted: ReadonlyArray<string>
  readonly claimed: ReadonlyArray<string>
}

const adopt = (
  session: Session.Session,
  candidate: Candidate,
  files: Files,
  all: ReadonlyArray<Candidate>,
  copy: boolean
): Adopted => {
  const actor = Identity.current(session.env, session.root)
  const documents = copy ? copies(candidate, files) : []
  const tree = new Map(files)
  for (const write of documents) tree.set(write.path, write.content)
  const { policy } = Repo.loadPolicy(tree)
  const stamp = (type: Repo.Draft["type"]): Repo.Stamp => ({
    ...Identity.signer(session.env, policy, actor, type),
    timeMillis: session.now,
    random: Session.randomness()
  })
  const known = new Set(all.map((one) => one.slug))
  const deps = candidate.dependsOn.filter((dep) => known.has(dep) && dep !== candidate.slug)
  const sources = sourcesOf(candidate)
  const created = Repo.createFeature(
    tree,
    {
      slug: candidate.slug,
      title: candidate.title,
      kind: "feature",
      ...(deps.length === 0 ? {} : { deps }),
      ...(copy || sources === undefined ? {} : { sources })
    },
    stamp("feature-created")
  )
  let { loaded } = created
  const appended: Array<Repo.Write> = []
  const append = (draft: Repo.Draft): void => {
    const next = Repo.appendEvent(loaded, draft, stamp(draft.type))
    appended.push(next)
    loaded = next.loaded
  }
  const state = stateOf(loaded)
  const submitted = documentKinds.filter(
    (kind) => candidate.approved.includes(kind) && loaded.documents[kind] !== undefined
  )
  for (const kind of submitted)
    append({
      type: "artifact-submitted",
      data: { kind, hash: loaded.documents[kind]?.hash ?? "", upstream: upstreamOf(state, kind) }
    })
  const plan = loaded.artifacts.tasks
  const ticked =
    (sources?.tasks ?? []).length > 0
      ? importers[candidate.format]
          .translate("tasks", textsAt(files, sources?.tasks ?? []))
          .lines.flatMap((line) => /^- \[x\] (task-\d{3,6}):/.exec(line.text)?.[1] ?? [])
      : []
  const claimed = ticked.filter((id) => plan?.tasks?.some((task) => task.id === id) === true)
  if (plan !== undefined && claimed.length > 0) {
    append({ type: "tasks-materialised", data: { planHash: plan.hash, tasks: [...(plan.tasks ?? [])] } })
    for (const task of claimed) append({ type: "task-claimed", data: { task, note: `ticked in ${candidate.root}` } })
  }
  if (candidate.finished !== null)
    append({
      type: "feature-imported",
      data: { from: candidate.root, says: candidate.finished, evidence: "imported, unverified" }
    })
  return { candidate, writes: [...documents, ...created.writes, ...appended], submitted, claimed }
}

/** Adopted already: a feature reads these very files, or has the name and documents of its own. */
const adoptedIn = (session: Session.Session, files: Files): ((candidate: Candidate) => boolean) => {
  const features = Disk.listFeatures(session.root).flatMap((slug) => {
    const text = files.get(Layout.featurePath(slug))
    const parsed = text === undefined ? null : FeatureFile.parse(text)
    return text === undefined ? [] : [{ slug, sources: parsed?._tag === "Ok" ? parsed.value.sources : undefined }]
  })
  const read = new Set(
    features.flatMap(({ sources }) =>
      sources === undefined ? [] : Object.values(sources).flatMap((paths) => (typeof paths === "string" ? [] : paths))
    )
  )
  const own = new Set(features.filter(({ sources }) => sources === undefined).map(({ slug }) => slug))
  return (candidate) =>
    own.has(candidate.slug) ||
    Object.values(candidate.sources)
      .flat()
      .some((path) => read.has(path))
}

const counted = (read: number, adopted: number, leftOut: ReadonlyArray<LeftOut>): ReadonlyArray<string> => [
  `read ${read}, adopted ${adopted}, left out ${leftOut.length}`,
  ...leftOut.map(({ what, why }) => `  left out: ${what}: ${why}`)
]

const told = (one: Adopted): ReadonlyArray<string> => [
  `${one.candidate.slug}: adopted from ${one.candidate.root} (${one.candidate.format})${one.candidate.finished === null ? "" : ` as released: ${one.candidate.finished}; imported, unverified`}`,
  ...(one.submitted.length === 0
    ? []
    : [`  submitted, since approvals elsewhere name neither a person nor a version: ${one.submitted.join(", ")}`]),
  ...(one.claimed.length === 0 ? [] : [`  claimed, to be verified: ${one.claimed.join(", ")}`]),
  ...one.candidate.waivers.map(
    (waiver) => `  to waive: sdlc waive ${waiver.kind} ${one.candidate.slug} --reason ${JSON.stringify(waiver.reason)}`
  ),
  ...one.candidate.notes.map((note) => `  note: ${note}`)
]

export const run = (session: Session.Session, args: Args): Result => {
  const files = textsOf(Disk.readProject(session.root))
  const format = args.value("format")
  const wanted = format === undefined ? undefined : oneOf("--format", format, formats)
  const candidates = find(files).filter((one) => wanted === undefined || one.format === wanted)
  const others = missed(files).filter((one) => wanted === undefined || one.format === wanted)
  const isAdopted = adoptedIn(session, files)
  const listing = candidates.map((one) => ({ ...one, adopted: isAdopted(one) }))
  const lost = [...candidates.flatMap((one) => one.leftOut), ...others]
  if (args.has("list")) {
    const rows = listing.map((one) => [
      one.slug,
      one.format,
      one.adopted ? "adopted" : one.finished === null ? "" : "finished",
      one.root
    ])
    const missing = lost.map(({ what, why }) => `cannot be adopted: ${what}: ${why}`)
    return done([rows.length === 0 ? "Nothing to adopt." : table(rows), ...missing].join("\n"), {
      candidates: listing,
      leftOut: lost
    })
  }
  const words = args.positionals
  if (words.length === 0 && !args.has("all"))
    throw new Failure(
      `path: name what to adopt${candidates.length === 0 ? "; nothing was found" : ""}.`,
      "sdlc import --list shows what there is; --all adopts everything."
    )
  const meant = words.length === 0 ? candidates : chosen(session, candidates, words)
  const picked = meant.filter((one) => !isAdopted(one))
  const taken = new Set(Disk.listFeatures(session.root).filter((slug) => files.has(Layout.featurePath(slug))))
  const doubles = picked.filter(
    (one, index) => taken.has(one.slug) || picked.findIndex((other) => other.slug === one.slug) !== index
  )
  if (doubles[0] !== undefined)
    throw new Failure(
      `name: "${doubles[0].slug}" (${doubles[0].root}) is the name of another feature.`,
      "rename one of the folders, or adopt them one by one."
    )
  const adopted = picked.map((candidate) => adopt(session, candidate, files, candidates, args.has("copy")))
  Session.write(
    session,
    adopted.length === 0 ? null : Home.requireNamed(session, adopted[0]?.candidate.slug ?? null),
    adopted.flatMap((one) => one.writes)
  )
  const leftOut = [...picked.flatMap((one) => one.leftOut), ...(words.length === 0 ? others : [])]
  const headline =
    meant.length === 0
      ? ["Nothing to adopt was found."]
      : picked.length === 0
        ? [leftOut.length === 0 ? "Everything is adopted already." : "What can be adopted is adopted already."]
        : []
  return done(
    [
      ...headline,
      ...adopted.flatMap(told),
      ...counted(meant.length + (words.length === 0 ? others.length : 0), adopted.length, leftOut)
    ].join("\n"),
    {
      read: meant.length,
      adopted: adopted.map((one) => ({
        feature: one.candidate.slug,
        format: one.candidate.format,
        root: one.candidate.root,
        finished: one.candidate.finished,
        submitted: one.submitted,
        claimed: one.claimed,
        waivers: one.candidate.waivers,
        notes: one.candidate.notes
      })),
      leftOut
    }
  )
}
