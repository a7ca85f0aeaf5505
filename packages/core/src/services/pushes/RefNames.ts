/**
 * Pure: which refs a push may name. An allow-list: branches and tags, with names that nobody, and no tool, can take for another.
 * Everything else git keeps under `refs/` (replace, notes, remotes, the platform's own) changes what a repository says about its
 * history, and is the server's alone.
 */
import type { Sha } from "../../ports/infra/Forge.ts"

/** One line of a push: null = the ref is not there (before, after). */
export interface RefCommand {
  readonly ref: string
  readonly old: Sha | null
  readonly next: Sha | null
}

const kinds = ["refs/heads/", "refs/tags/"] as const
const maxNameBytes = 200
/** First parts of a path that git looks up elsewhere: `notes/x` is `refs/notes/x` to it before it is a branch. */
const reservedFirst = new Set([
  "refs",
  "heads",
  "tags",
  "remotes",
  "notes",
  "replace",
  "bisect",
  "worktree",
  "main-worktree",
  "worktrees"
])
/** Names of git's own for commits. */
const pseudo = new Set([
  "@",
  "head",
  "fetch_head",
  "orig_head",
  "merge_head",
  "cherry_pick_head",
  "revert_head",
  "rebase_head",
  "bisect_head",
  "auto_merge"
])
const looksLikeCommit = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/i

/** The same for two names that a file system, a terminal or a reader takes for one. */
export const folded = (text: string): string => text.normalize("NFKC").toLowerCase().normalize("NFKC")

const shown = (ref: string): string => JSON.stringify(ref.length > 120 ? `${ref.slice(0, 120)}…` : ref)

/** Why a branch or tag cannot have this name; null when it can. */
const nameProblem = (name: string): string | null => {
  if (name === "" || Buffer.byteLength(name) > maxNameBytes) return `a name has 1 to ${maxNameBytes} bytes`
  if (/[\p{C}\p{Z}]/u.test(name)) return "a name has no control characters, spaces or invisible characters"
  if (name !== name.normalize("NFC")) return "a name is written in Unicode's composed form (NFC)"
  if (/[~^:?*[\\]|\.\.|@\{|\/\/|^\/|[/.]$/.test(name)) return "git does not take such a name"
  const parts = name.split("/")
  if (parts.some((part) => part.startsWith("-")))
    return "no part of a name may start with a dash, which a command line would take for an option"
  if (parts.some((part) => part.startsWith("."))) return "no part of a name may start with a dot"
  if (parts.some((part) => /\.lock$/i.test(part)))
    return "no part of a name may end in .lock, which git's own lock files do"
  if ((parts.length > 1 || parts[0] === "refs") && reservedFirst.has(folded(parts[0] ?? "")))
    return `a name may not begin with ${parts[0]}/, which git reads as a place of its own`
  if (parts.some((part) => pseudo.has(folded(part)))) return "git has such a name for something else"
  if (looksLikeCommit.test(name)) return "it would be taken for a commit"
  return null
}

/** Why this line of a push is refused whoever pushes it; null when it is not. What is there under a bad name may be deleted. */
const commandProblem = ({ next, ref }: RefCommand): string | null => {
  const kind = kinds.find((prefix) => ref.startsWith(prefix))
  if (kind === undefined) return `${shown(ref)}: only branches (refs/heads/…) and tags (refs/tags/…) can be pushed`
  if (next === null) return null
  const problem = nameProblem(ref.slice(kind.length))
  return problem === null ? null : `${shown(ref)}: ${problem}`
}

/** Names that come twice, or that differ from one that stays in letter case or Unicode form alone. */
const twinProblems = (commands: ReadonlyArray<RefCommand>, existing: ReadonlyArray<string>): ReadonlyArray<string> => {
  const gone = new Set(commands.flatMap(({ next, ref }) => (next === null ? [ref] : [])))
  const there = new Map<string, string>()
  for (const ref of existing) if (!gone.has(ref)) there.set(folded(ref), ref)
  const seen = new Set<string>()
  const problems: Array<string> = []
  for (const { next, ref } of commands) {
    if (seen.has(ref)) problems.push(`${shown(ref)}: it stands twice in this push`)
    seen.add(ref)
    if (next === null || existing.includes(ref)) continue
    const twin = there.get(folded(ref))
    if (twin !== undefined && twin !== ref)
      problems.push(`${shown(ref)}: it differs from ${shown(twin)} in letter case or form alone`)
    there.set(folded(ref), ref)
  }
  return problems
}

/** What is wrong with the names of a push. `existing`: the refs there are; empty where they are not known yet. */
export const problems = (
  commands: ReadonlyArray<RefCommand>,
  existing: ReadonlyArray<string>
): ReadonlyArray<string> => [
  ...commands.flatMap((command) => commandProblem(command) ?? []),
  ...twinProblems(commands, existing)
]
