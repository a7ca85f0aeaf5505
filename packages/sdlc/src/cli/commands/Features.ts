/** `sdlc features`: all features with their phase. The hot path: identity and events only, no documents. */
import { fold } from "../../derive/Fold.ts"
import type { Policy } from "../../model/Policy.ts"
import * as Disk from "../../repo/Disk.ts"
import * as Repo from "../../repo/Repo.ts"
import type { Args } from "../Args.ts"
import { exit } from "../Failure.ts"
import { done, type Result, table } from "../Result.ts"
import * as Session from "../Session.ts"

export const spec = { positionals: [], flags: { phase: "value", all: "flag" } } as const

interface Row {
  readonly feature: string
  readonly title: string
  readonly kind: string
  readonly phase: string
  readonly lifecycle: string
  readonly integrity: "ok" | "corrupt"
}

const rowOf = (session: Session.Session, policy: Policy, slug: string): Row => {
  const loaded = Repo.loadEvents(Disk.readEvents(session.root, slug), slug, { policy })
  const state = fold(loaded.integrity === "ok" ? loaded.events : [], {}, {})
  const corrupt = loaded.integrity === "corrupt" || state.integrity.length > 0
  return {
    feature: slug,
    title: loaded.feature?.title ?? "",
    kind: loaded.feature?.kind ?? "",
    phase: corrupt ? "draft" : state.phase,
    lifecycle: corrupt ? "active" : state.lifecycle,
    integrity: corrupt ? "corrupt" : "ok"
  }
}

export const run = (session: Session.Session, args: Args): Result => {
  const phase = args.value("phase")
  const policy = Session.policyOf(session)
  const rows = Disk.listFeatures(session.root)
    .map((slug) => rowOf(session, policy, slug))
    .filter((row) => (args.has("all") || row.lifecycle !== "archived") && (phase === undefined || row.phase === phase))
  const text = rows.length === 0 ? "No features." : table(rows.map((row) => [row.feature, row.integrity === "corrupt" ? "corrupt" : row.lifecycle === "active" ? row.phase : `${row.phase} (${row.lifecycle})`, row.title]))
  return done(text, { features: rows }, rows.some((row) => row.integrity === "corrupt") ? exit.corrupt : exit.action)
}
