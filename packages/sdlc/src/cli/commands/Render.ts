/** `sdlc render`: the agent commands for each harness, and on request the state in foreign files. */
import { documentState } from "../../derive/Documents.ts"
import { statusOf } from "../../derive/Work.ts"
import * as WriteBack from "../../importers/WriteBack.ts"
import { documentKinds } from "../../model/Names.ts"
import { policyFor } from "../../model/Presets.ts"
import * as Render from "../../render/Render.ts"
import * as Disk from "../../repo/Disk.ts"
import type * as Repo from "../../repo/Repo.ts"
import type { Args } from "../Args.ts"
import { exit, Failure } from "../Failure.ts"
import { done, type Result } from "../Result.ts"
import * as Session from "../Session.ts"
import { harnesses, rendered } from "./Setup.ts"

export const spec = { positionals: [], flags: { agents: "values", check: "flag", sources: "flag" } } as const

/** Harnesses whose files are there already. */
const present = (root: string): ReadonlyArray<Render.Harness> =>
  Render.harnesses.filter(
    (harness) =>
      Disk.readPaths(
        root,
        Render.render(harness).map((file) => file.path)
      ).size > 0
  )

/** Boxes and approvals of a feature's foreign files, as they should stand. */
const sources = (session: Session.Session, slug: string): ReadonlyArray<Repo.Write> => {
  const { loaded, state } = Session.intact(session, slug)
  const own = loaded.feature?.sources
  if (own === undefined) throw new Failure(`feature: ${slug} has no foreign sources.`, "nothing is to be written back.")
  const policy = policyFor(loaded.policy, state.feature)
  const done_ = new Set(state.tasks.filter((task) => statusOf(state, task) === "done").map((task) => task.id))
  const writes: Array<Repo.Write> = []
  const tree = Disk.readPaths(session.root, [
    ...(own.tasks ?? []),
    ...(own.spec ?? []).map((path) => path.replace(/[^/]+$/, "spec.json"))
  ])
  for (const path of own.tasks ?? []) {
    const content = tree.get(path)
    if (content === undefined || !path.endsWith(".md")) continue
    const text = Buffer.from(content).toString("utf8")
    const next = WriteBack.boxes(own.format, { path, text }, (id) => done_.has(id))
    if (next !== text) writes.push({ path, content: next })
  }
  for (const [path, content] of tree) {
    if (own.format !== "kiro" || !path.endsWith("/spec.json")) continue
    const next = WriteBack.specJson(Buffer.from(content).toString("utf8"), (kind) => {
      const document = documentKinds.find((candidate) => candidate === kind)
      return document !== undefined && documentState(state, policy, document) === "approved"
    })
    if (next !== null) writes.push({ path, content: next })
  }
  return writes
}

export const run = (session: Session.Session, args: Args): Result => {
  const wanted = args.values("agents").length > 0 ? harnesses(args.values("agents")) : present(session.root)
  const all = wanted.length === 0 && !args.has("sources") ? Render.harnesses : wanted
  const writes = args.has("sources")
    ? sources(session, Session.slugOf(session, args.value("feature")))
    : rendered(session.root, all)
  const paths = writes.map((write) => write.path)
  const branch =
    args.has("check") || !args.has("sources")
      ? null
      : Session.homeOf(session, Session.writable(session, Session.slugOf(session, args.value("feature"))).loaded)
  if (args.has("check"))
    return done(
      paths.length === 0 ? "Up to date." : `out of date:\n${paths.map((path) => `  ${path}`).join("\n")}`,
      { outOfDate: paths },
      paths.length === 0 ? exit.action : exit.failed
    )
  Session.write(session, branch, writes)
  return done(paths.length === 0 ? "Up to date." : paths.map((path) => `wrote ${path}`).join("\n"), { written: paths })
}
