/**
 * Pure: examines what an agent hands back before any branch moves. An agent may write documents, code and its own events; it may
 * not write in another's name, change what is recorded, touch the policy, or reach into another feature.
 */
import type { EventType } from "@rdev/sdlc/model/FeatureEvent"
import type { TreeEntry } from "../../ports/Forge.ts"

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
  readonly before: ReadonlyArray<TreeEntry>
  /** The default branch, whose content an agent may bring in as it is: that is what merging it does. */
  readonly base: ReadonlyArray<TreeEntry>
  readonly after: ReadonlyArray<TreeEntry>
  /** The events that `after` has and `before` has not, decoded. */
  readonly written: ReadonlyArray<WrittenEvent>
  /** Gates that the policy lets an agent open. */
  readonly agentGates: ReadonlySet<string>
}

const state = (entries: ReadonlyArray<TreeEntry>) =>
  new Map(entries.filter((entry) => entry.path.startsWith(".sdlc/")).map((entry) => [entry.path, `${entry.mode} ${entry.oid}`]))

const isRecord = (path: string) => /^\.sdlc\/features\/[^/]+\/(?:events|evidence)\//.test(path)

const treeProblems = (examination: Examination): ReadonlyArray<string> => {
  const before = state(examination.before)
  const base = state(examination.base)
  const after = state(examination.after)
  const own = `.sdlc/features/${examination.slug}/`
  const problems: Array<string> = []
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const was = before.get(path)
    const is = after.get(path)
    const recorded = isRecord(path) && was !== undefined
    if (was === is || (is !== undefined && is === base.get(path) && !recorded)) continue
    if (path === ".sdlc/policy.yaml") problems.push(`${path}: an agent may not change the policy`)
    else if (recorded) problems.push(`${path}: recorded events and evidence are append-only; it was ${is === undefined ? "deleted" : "changed"}`)
    else if (path.startsWith(".sdlc/features/") && !path.startsWith(own)) problems.push(`${path}: belongs to another feature`)
  }
  for (const entry of examination.after) {
    if (entry.path.startsWith(".sdlc/") && entry.mode !== "100644") problems.push(`${entry.path}: only plain files belong under .sdlc (mode ${entry.mode})`)
  }
  return problems
}

const eventProblems = (examination: Examination): ReadonlyArray<string> =>
  examination.written.flatMap((event) => {
    if (event.actor.type !== "agent" || event.actor.id !== examination.agent) {
      return [`${event.file}: written by ${examination.agent} in the name of ${event.actor.type} ${event.actor.id}`]
    }
    if (event.type === "verdict" && event.gate !== undefined && examination.agentGates.has(event.gate)) return []
    return agentEvents.has(event.type) ? [] : [`${event.file}: an agent may not write ${event.type}${event.gate === undefined ? "" : ` (${event.gate})`}`]
  })

/** Everything that is wrong with the handover; empty = it may land. */
export const problems = (examination: Examination): ReadonlyArray<string> => [...treeProblems(examination), ...eventProblems(examination)]
