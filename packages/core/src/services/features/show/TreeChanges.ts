/** What two trees differ in, file by file, with renames found as git finds them: by the same content, else by half of it. Pure. */
import type { TreeEntry } from "../../../ports/infra/GitObjects.ts"

export interface TreeChange {
  readonly status: "added" | "deleted" | "modified" | "renamed"
  readonly before: TreeEntry | null
  readonly after: TreeEntry | null
}
/** Content by object id; what was not read has no likeness. */
export type Contents = ReadonlyMap<string, Uint8Array>

/** More pairs than this are not compared: 100 deleted files against 100 added ones are. */
const mostPairs = 10_000
const leastLikeness = 0.5

export const pathOf = ({ after, before }: TreeChange): string => after?.path ?? before?.path ?? ""
const byPath = (a: TreeChange, b: TreeChange) => (pathOf(a) < pathOf(b) ? -1 : 1)
const isFile = (entry: TreeEntry) => entry.mode.startsWith("100")
const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1)

/** Without looking for renames. */
export const between = (
  before: ReadonlyArray<TreeEntry>,
  after: ReadonlyArray<TreeEntry>
): ReadonlyArray<TreeChange> => {
  const was = new Map(before.map((entry) => [entry.path, entry]))
  const is = new Map(after.map((entry) => [entry.path, entry]))
  const changes: Array<TreeChange> = []
  for (const entry of after) {
    const old = was.get(entry.path)
    if (old === undefined) changes.push({ status: "added", before: null, after: entry })
    else if (old.oid !== entry.oid || old.mode !== entry.mode)
      changes.push({ status: "modified", before: old, after: entry })
  }
  for (const entry of before) if (!is.has(entry.path)) changes.push({ status: "deleted", before: entry, after: null })
  return changes.sort(byPath)
}

/** How many bytes each line has in all its places. */
const weigh = (content: Uint8Array): ReadonlyMap<string, number> => {
  const weights = new Map<string, number>()
  for (const line of Buffer.from(content)
    .toString("latin1")
    .split(/(?<=\n)/))
    weights.set(line, (weights.get(line) ?? 0) + line.length)
  return weights
}
const likeness = (a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>, longer: number): number => {
  let common = 0
  for (const [line, weight] of a) common += Math.min(weight, b.get(line) ?? 0)
  return longer === 0 ? 0 : common / longer
}

interface Pair {
  readonly from: TreeEntry
  readonly to: TreeEntry
  readonly score: number
}
const best = (a: Pair, b: Pair) =>
  b.score - a.score || (a.from.path < b.from.path ? -1 : a.from.path > b.from.path ? 1 : a.to.path < b.to.path ? -1 : 1)

/** Takes pairs while neither end is taken. */
const match = (pairs: Array<Pair>, taken: Set<TreeEntry>): ReadonlyArray<Pair> =>
  pairs.sort(best).filter(({ from, to }) => {
    if (taken.has(from) || taken.has(to)) return false
    taken.add(from)
    taken.add(to)
    return true
  })

/** The same changes, deleted and added files that are one and the same as renamed ones. */
export const withRenames = (changes: ReadonlyArray<TreeChange>, contents: Contents): ReadonlyArray<TreeChange> => {
  const gone = changes.flatMap(({ after, before }) =>
    after === null && before !== null && isFile(before) ? [before] : []
  )
  const fresh = changes.flatMap(({ after, before }) =>
    before === null && after !== null && isFile(after) ? [after] : []
  )
  if (gone.length * fresh.length > mostPairs || gone.length === 0 || fresh.length === 0) return changes
  const taken = new Set<TreeEntry>()
  const pair = (score: (from: TreeEntry, to: TreeEntry) => number): Array<Pair> =>
    gone.flatMap((from) =>
      fresh.flatMap((to) => {
        if (taken.has(from) || taken.has(to)) return []
        const found = score(from, to)
        return found >= leastLikeness ? [{ from, to, score: found }] : []
      })
    )
  // Of several files with the same content the one that keeps its name.
  const same = match(
    pair((from, to) => (from.oid !== to.oid ? 0 : baseName(from.path) === baseName(to.path) ? 2 : 1)),
    taken
  )
  const weights = new Map<string, ReadonlyMap<string, number>>()
  const weightsOf = ({ oid }: TreeEntry) => {
    const content = contents.get(oid)
    const known = weights.get(oid) ?? (content === undefined ? null : weigh(content))
    if (known !== null) weights.set(oid, known)
    return known
  }
  const alike = match(
    pair((from, to) => {
      const [a, b] = [weightsOf(from), weightsOf(to)]
      const sizes = [contents.get(from.oid)?.byteLength ?? 0, contents.get(to.oid)?.byteLength ?? 0] as const
      const longer = Math.max(...sizes)
      return a === null || b === null || Math.min(...sizes) < longer * leastLikeness ? 0 : likeness(a, b, longer)
    }),
    taken
  )
  const renamed = [...same, ...alike].map(({ from, to }): TreeChange => ({
    status: "renamed",
    before: from,
    after: to
  }))
  const rest = changes.filter(({ after, before }) => {
    const entry = after ?? before
    return entry === null || !taken.has(entry)
  })
  return [...rest, ...renamed].sort(byPath)
}
