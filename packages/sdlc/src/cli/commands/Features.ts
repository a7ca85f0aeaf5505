/** `sdlc features`: all features with their phase. The hot path: identity and events only, no documents. */
import type { Args } from "../Args.ts"
import { exit } from "../Failure.ts"
import * as Listing from "../Listing.ts"
import { done, type Result, table } from "../Result.ts"
import * as Session from "../Session.ts"

export const spec = { positionals: [], flags: { phase: "value", all: "flag" } } as const

export const run = (session: Session.Session, args: Args): Result => {
  const phase = args.value("phase")
  const policy = Session.policyOf(session)
  const rows = Listing.rows(session.root, policy, Date.now()).filter(
    (row) => (args.has("all") || row.lifecycle !== "archived") && (phase === undefined || row.phase === phase)
  )
  const text =
    rows.length === 0
      ? "No features."
      : table(
          rows.map((row) => [
            row.feature,
            row.integrity === "corrupt"
              ? "corrupt"
              : row.lifecycle === "active"
                ? row.phase
                : `${row.phase} (${row.lifecycle})`,
            row.title
          ])
        )
  return done(text, { features: rows }, rows.some((row) => row.integrity === "corrupt") ? exit.corrupt : exit.action)
}
