/**
 * Pure: examines what an agent hands back before any branch moves. An agent may write documents, code and its own events; it may
 * not write in another's name, change what is recorded, touch the policy, or reach into another feature. Under `.sdlc/` a path is allowed
 * or refused, whatever it is; outside, everything is code, which the reviews, the pipeline and the merge judge.
 */
import type { EventType } from "@rdev/sdlc/model/FeatureEvent"
import { parseEventName, parseEvidenceName } from "@rdev/sdlc/repo/Layout"
import type { TreeEntry } from "../../../ports/infra/GitObjects.ts"
import * as ForgePath from "../../../ports/infra/ForgePath.ts"

/** Types of events that an agent may write; the rest is the platform's or a human's to say. */
export const agentEvents: ReadonlySet<string> = new Set<EventType>([
  "artifact-submitted",
  "task-started",
  "task-claimed",
  "task-failed",
  "task-blocked",
  "fix-tasks-added",
  "review-started",
  "review-recorded",
  "thread-opened",
  "thread-resolved",
  "audit-started",
  "audit-recorded",
  "finding-disposed",
  "qa-started",
  "qa-recorded",
  "evidence-attached",
  "blocker-opened",
  "blocker-cleared",
  "rework-counted",
  "sync-recorded"
])

export interface WrittenEvent {
  readonly file: string
  readonly type: string
  readonly actor: { readonly id: string; readonly type: string }
  /** Of a verdict: the gate it speaks about. */
  readonly gate?: string
}

export interface Examination {
  readonly slug: string
  readonly agent: string
  /** The branch's head that the work lands on. */
  readonly before: ReadonlyArray<TreeEntry>
  /** Trees of the default branch, whose content an agent may bring in as it is: that is what merging it does. */
  readonly allowed: ReadonlyArray<ReadonlyArray<TreeEntry>>
  readonly after: ReadonlyArray<TreeEntry>
  /** The events that `after` has and neither `before` nor `allowed`, decoded. */
  readonly written: ReadonlyArray<WrittenEvent>
  /** Gates that the policy lets an agent open. */
  readonly agentGates: ReadonlySet<string>
}

const root = ".sdlc/"
const submodule = "160000"

/** The path as a file system may read it that ignores case, composes letters, skips invisible ones (HFS+) or cuts trailing dots and spaces off (NTFS). */
const folded = (path: string): string =>
  path
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u206a-\u206f\ufeff]/g, "")
    .split("/")
    .map((segment) => segment.replace(/[. ]+$/, ""))
    .join("/")
/** The same without the names of streams (NTFS). */
const withoutStreams = (path: string): string => folded(path.replace(/:[^/]*/g, ""))

/** Whether some system takes the path for one of the state's: by another spelling, or by the short name `SDLC~1`. */
const looksLikeState = (path: string): boolean => {
  const first = withoutStreams(path).split("/")[0] ?? ""
  return first === ".sdlc" || /^\.?sdlc~\d+$/.test(first)
}

const isRecord = (path: string) => /^\.sdlc\/features\/[^/]+\/(?:events|evidence)\//.test(path)

const signature = (entry: TreeEntry) => `${entry.mode} ${entry.oid}`
const byPath = (entries: ReadonlyArray<TreeEntry>) => new Map(entries.map((entry) => [entry.path, signature(entry)]))

/** Why an agent may not write this file of the state, or null. */
const stateProblem = (path: string, own: string): string | null => {
  if (path === ".sdlc/policy.yaml") return "an agent may not change the policy"
  if (path.startsWith(".sdlc/features/") && !path.startsWith(own)) return "belongs to another feature"
  if (!path.startsWith(own)) return path.startsWith(".sdlc/specs/") ? null : "belongs to the platform"
  const inside = path.slice(own.length)
  if (inside === "feature.yaml") return "what a feature is was said when it was created, and stays"
  const read = withoutStreams(inside)
  const found = /^(events|evidence)(?:\/|$)/.exec(read)?.[1]
  if (found === "events")
    return inside.startsWith("events/") && parseEventName(inside.slice("events/".length)) !== null
      ? null
      : "is not the name of an event file"
  if (found === "evidence")
    return inside.startsWith("evidence/") && parseEvidenceName(inside.slice("evidence/".length)) !== null
      ? null
      : "is not the name of an evidence file"
  return read === "feature.yaml" ? "is another spelling of feature.yaml" : null
}

/** What is wrong with one path that is not as it was; `is` = its mode and object, undefined = it was deleted. */
const pathProblem = (path: string, is: string | undefined, own: string): string | null => {
  if (is === undefined) return path.startsWith(root) ? stateProblem(path, own) : null
  const unstorable = ForgePath.invalid(path)
  if (unstorable !== null) return unstorable
  if (is.startsWith(submodule)) return "is a repository of its own; remove its .git folder to hand its files over"
  if (!path.startsWith(root)) return looksLikeState(path) ? `is another spelling of ${root}` : null
  return is.startsWith("100644 ")
    ? stateProblem(path, own)
    : `only plain files belong under ${root} (mode ${is.slice(0, 6)})`
}

const treeProblems = (examination: Examination): ReadonlyArray<string> => {
  const own = `.sdlc/features/${examination.slug}/`
  const before = byPath(examination.before)
  const allowed = examination.allowed.map(byPath)
  const after = byPath(examination.after)
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path)
  )
  const problems = changed.flatMap((path): ReadonlyArray<string> => {
    const is = after.get(path)
    const recorded = isRecord(path) && path.startsWith(own) && before.has(path)
    // The default branch's deletions count for what is not the feature's own.
    const asAllowed = allowed.some((tree) => tree.get(path) === is && (is !== undefined || !path.startsWith(own)))
    if (asAllowed && !recorded) return []
    if (isRecord(path) && before.has(path))
      return [
        `${path}: recorded events and evidence are append-only; it was ${is === undefined ? "deleted" : "changed"}`
      ]
    const why = pathProblem(path, is, own)
    return why === null ? [] : [`${path}: ${why}`]
  })
  const spellings = new Map<string, string>()
  const isNew = new Set(changed)
  const twice = examination.after.flatMap(({ path }): ReadonlyArray<string> => {
    if (!path.startsWith(root)) return []
    const other = spellings.get(folded(path))
    spellings.set(folded(path), path)
    return other !== undefined && (isNew.has(path) || isNew.has(other))
      ? [`${path}: some systems take it for ${other}`]
      : []
  })
  return [...problems, ...twice]
}

const eventProblems = (examination: Examination): ReadonlyArray<string> =>
  examination.written.flatMap((event) => {
    if (event.actor.type !== "agent" || event.actor.id !== examination.agent) {
      return [`${event.file}: written by ${examination.agent} in the name of ${event.actor.type} ${event.actor.id}`]
    }
    if (event.type === "verdict" && event.gate !== undefined && examination.agentGates.has(event.gate)) return []
    return agentEvents.has(event.type)
      ? []
      : [`${event.file}: an agent may not write ${event.type}${event.gate === undefined ? "" : ` (${event.gate})`}`]
  })

/** Everything that is wrong with the handover; empty = it may land. */
export const problems = (examination: Examination): ReadonlyArray<string> => [
  ...treeProblems(examination),
  ...eventProblems(examination)
]
