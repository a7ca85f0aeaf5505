/**
 * One row per feature, with an index in `.sdlc/cache` that spares reading the events of features that did not change.
 *
 * Promises the rows that reading everything gives, but for an event file that was overwritten in place, which `sdlc doctor` and every
 * command on that feature see. The index decides nothing: a row whose stamp, policy or tool differs is read anew.
 */
import { tableRev } from "../classify/Table.ts"
import { fold } from "../derive/Fold.ts"
import type { Policy } from "../model/Policy.ts"
import { policyRev } from "../model/Presets.ts"
import * as Disk from "../repo/Disk.ts"
import * as Repo from "../repo/Repo.ts"

export interface Row {
  readonly feature: string
  readonly title: string
  readonly kind: string
  readonly phase: string
  readonly lifecycle: string
  readonly integrity: "ok" | "corrupt"
}

/** Fewer features are read faster than an index is. */
const worthAnIndex = 200
const file = "features.json"

const rowOf = (root: string, policy: Policy, slug: string): Row => {
  const loaded = Repo.loadEvents(Disk.readEvents(root, slug), slug, { policy })
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

/** By slug: the stamp, then the row's fields. */
type Entries = Record<string, readonly [stamp: string, title: string, kind: string, phase: string, lifecycle: string]>
interface Index {
  readonly of: string
  readonly entries: Entries
}

const read = (root: string, of: string): Entries => {
  const text = Disk.readCache(root, file)
  if (text === null) return {}
  try {
    const index = JSON.parse(text) as Partial<Index>
    return index.of === of && typeof index.entries === "object" ? index.entries : {}
  } catch {
    // Half a file or somebody else's: the rows are read anew, and it is replaced.
    return {}
  }
}

const isEntry = (entry: unknown): entry is Entries[string] =>
  Array.isArray(entry) && entry.length === 5 && entry.every((part) => typeof part === "string")

/** The rows of all features, by slug. `now`: Unix milliseconds. */
export const rows = (root: string, policy: Policy, now: number): ReadonlyArray<Row> => {
  const slugs = Disk.listFeatures(root)
  if (slugs.length < worthAnIndex) return slugs.map((slug) => rowOf(root, policy, slug))
  const of = `1 ${policyRev(policy)} ${tableRev()}`
  const known = read(root, of)
  const entries: Entries = {}
  let fresh = 0
  const all = slugs.map((feature): Row => {
    const stamp = Disk.featureStamp(root, feature, now)
    const entry = Object.hasOwn(known, feature) ? known[feature] : undefined
    if (stamp !== null && isEntry(entry) && entry[0] === stamp) {
      const [, title, kind, phase, lifecycle] = entry
      entries[feature] = entry
      return { feature, title, kind, phase, lifecycle, integrity: "ok" }
    }
    const row = rowOf(root, policy, feature)
    if (stamp !== null && row.integrity === "ok") {
      entries[feature] = [stamp, row.title, row.kind, row.phase, row.lifecycle]
      fresh++
    }
    return row
  })
  if (fresh > 0 || Object.keys(known).length !== Object.keys(entries).length)
    Disk.writeCache(root, file, JSON.stringify({ of, entries } satisfies Index))
  return all
}
