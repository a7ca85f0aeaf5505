/** `sdlc import`: adopts foreign spec folders as features; their files stay where they are. */
import { type Candidate, type Files, formats, textOf } from "../../importers/Foreign.ts"
import { fileOf, find, importers } from "../../importers/Importers.ts"
import type { ArtifactKind } from "../../model/Artifact.ts"
import { documentKinds } from "../../model/Names.ts"
import { upstreamOf } from "../../derive/Verdicts.ts"
import * as Disk from "../../repo/Disk.ts"
import * as Layout from "../../repo/Layout.ts"
import * as Repo from "../../repo/Repo.ts"
import { stateOf } from "../../repo/State.ts"
import { type Args, oneOf } from "../Args.ts"
import { Failure } from "../Failure.ts"
import * as Identity from "../Identity.ts"
import { done, type Result, table } from "../Result.ts"
import * as Session from "../Session.ts"

export const spec = { positionals: ["path-or-name..."], flags: { list: "flag", all: "flag", format: "value", copy: "flag" } } as const

const textsOf = (tree: Disk.Tree): Files => new Map([...tree].map(([path, content]) => [path, Buffer.from(content).toString("utf8")]))

const chosen = (candidates: ReadonlyArray<Candidate>, words: ReadonlyArray<string>): ReadonlyArray<Candidate> =>
  words.flatMap((word) => {
    const plain = word.replace(/\/+$/, "").replace(/^\.\//, "")
    const hits = candidates.filter((one) => one.slug === plain || one.root === plain || one.root.startsWith(`${plain}/`) || fileOf(one.root) === plain)
    if (hits.length === 0) throw new Failure(`path: nothing that can be adopted is at "${word}".`, "sdlc import --list shows what there is.")
    return hits
  })

const sourcesOf = (candidate: Candidate): Repo.NewFeature["sources"] => ({ format: candidate.format, ...Object.fromEntries(Object.entries(candidate.sources).map(([kind, paths]) => [kind, [...paths]])) })

/** Our own documents, translated once. Never in place of a file that is there. */
const copies = (candidate: Candidate, files: Files): ReadonlyArray<Repo.Write> =>
  (Object.entries(candidate.sources) as ReadonlyArray<[ArtifactKind, ReadonlyArray<string>]>).map(([kind, paths]) => {
    const path = Layout.documentPath(candidate.slug, kind)
    if (files.has(path)) throw new Failure(`--copy: ${path} exists already.`, "import without --copy; the files stay the source.")
    const sources = paths.map((source) => ({ path: source, text: files.get(fileOf(source)) ?? "" }))
    const text = textOf(importers[candidate.format].translate(kind, sources)).replace(/^- \[x\]/gm, "- [ ]")
    return { path, content: `---\nsdlc: { v: 1, kind: ${kind} }\n---\n${text.trim()}\n` }
  })

interface Adopted {
  readonly candidate: Candidate
  readonly writes: ReadonlyArray<Repo.Write>
  readonly submitted: ReadonlyArray<string>
  readonly claimed: ReadonlyArray<string>
}

const adopt = (session: Session.Session, candidate: Candidate, files: Files, all: ReadonlyArray<Candidate>, copy: boolean): Adopted => {
  const actor = Identity.current(session.env, session.root)
  const documents = copy ? copies(candidate, files) : []
  const tree = new Map(files)
  for (const write of documents) tree.set(write.path, write.content)
  const { policy } = Repo.loadPolicy(tree)
  const stamp = (type: Repo.Draft["type"]): Repo.Stamp => ({ ...Identity.signer(session.env, policy, actor, type), timeMillis: session.now, random: Session.randomness() })
  const known = new Set(all.map((one) => one.slug))
  const deps = candidate.dependsOn.filter((dep) => known.has(dep) && dep !== candidate.slug)
  const sources = sourcesOf(candidate)
  const created = Repo.createFeature(tree, { slug: candidate.slug, title: candidate.title, kind: "feature", ...(deps.length === 0 ? {} : { deps }), ...(copy || sources === undefined ? {} : { sources }) }, stamp("feature-created"))
  let { loaded } = created
  const appended: Array<Repo.Write> = []
  const append = (draft: Repo.Draft): void => {
    const next = Repo.appendEvent(loaded, draft, stamp(draft.type))
    appended.push(next)
    loaded = next.loaded
  }
  const state = stateOf(loaded)
  const submitted = documentKinds.filter((kind) => candidate.approved.includes(kind) && loaded.documents[kind] !== undefined)
  for (const kind of submitted) append({ type: "artifact-submitted", data: { kind, hash: loaded.documents[kind]?.hash ?? "", upstream: upstreamOf(state, kind) } })
  const plan = loaded.artifacts.tasks
  const ticked = (sources?.tasks ?? []).length > 0 ? importers[candidate.format].translate("tasks", (sources?.tasks ?? []).map((path) => ({ path, text: files.get(fileOf(path)) ?? "" }))).lines.flatMap((line) => /^- \[x\] (task-\d{3,6}):/.exec(line.text)?.[1] ?? []) : []
  const claimed = ticked.filter((id) => plan?.tasks?.some((task) => task.id === id) === true)
  if (plan !== undefined && claimed.length > 0) {
    append({ type: "tasks-materialised", data: { planHash: plan.hash, tasks: [...(plan.tasks ?? [])] } })
    for (const task of claimed) append({ type: "task-claimed", data: { task, note: `ticked in ${candidate.root}` } })
  }
  return { candidate, writes: [...documents, ...created.writes, ...appended], submitted, claimed }
}

export const run = (session: Session.Session, args: Args): Result => {
  const files = textsOf(Disk.readProject(session.root))
  const format = args.value("format")
  const wanted = format === undefined ? undefined : oneOf("--format", format, formats)
  const candidates = find(files).filter((one) => wanted === undefined || one.format === wanted)
  const taken = new Set(Disk.listFeatures(session.root).filter((slug) => files.has(Layout.featurePath(slug))))
  const listing = candidates.map((one) => ({ ...one, adopted: taken.has(one.slug) }))
  if (args.has("list")) {
    const rows = listing.map((one) => [one.slug, one.format, one.adopted ? "adopted" : "", one.root])
    return done(rows.length === 0 ? "Nothing to adopt." : table(rows), { candidates: listing })
  }
  const words = args.positionals
  if (words.length === 0 && !args.has("all")) throw new Failure(`path: name what to adopt${candidates.length === 0 ? "; nothing was found" : ""}.`, "sdlc import --list shows what there is; --all adopts everything.")
  const picked = (words.length === 0 ? candidates : chosen(candidates, words)).filter((one) => !taken.has(one.slug))
  const doubles = picked.filter((one, index) => picked.findIndex((other) => other.slug === one.slug) !== index)
  if (doubles[0] !== undefined) throw new Failure(`name: "${doubles[0].slug}" would be adopted twice (${doubles[0].root}).`, "name the folders one by one.")
  const adopted = picked.map((candidate) => adopt(session, candidate, files, candidates, args.has("copy")))
  Disk.write(session.root, adopted.flatMap((one) => one.writes))
  const lines = adopted.flatMap((one) => [
    `${one.candidate.slug}: adopted from ${one.candidate.root} (${one.candidate.format})`,
    ...(one.submitted.length === 0 ? [] : [`  submitted, since approvals elsewhere name neither a person nor a version: ${one.submitted.join(", ")}`]),
    ...(one.claimed.length === 0 ? [] : [`  claimed, to be verified: ${one.claimed.join(", ")}`]),
    ...one.candidate.waivers.map((waiver) => `  to waive: sdlc waive ${waiver.kind} ${one.candidate.slug} --reason "${waiver.reason}"`),
    ...one.candidate.notes.map((note) => `  note: ${note}`)
  ])
  return done(lines.length === 0 ? "Everything is adopted already." : lines.join("\n"), {
    adopted: adopted.map((one) => ({ feature: one.candidate.slug, format: one.candidate.format, root: one.candidate.root, submitted: one.submitted, claimed: one.claimed, waivers: one.candidate.waivers, notes: one.candidate.notes }))
  })
}
