/**
 * Pure: what a push may change. Code is for everybody who may push; the policy, the keyring in it and what is recorded of features
 * are not: they are what scopes and gates guard, and a push would be a second road to it. The default branch is never rewritten.
 */
import type { FeatureEvent } from "@rdev/sdlc/model/FeatureEvent"
import type { KeyringEntry } from "@rdev/sdlc/model/Policy"
import * as Decode from "@rdev/sdlc/repo/Decode"
import { sha256 } from "@rdev/sdlc/repo/Digest"
import * as FeatureFile from "@rdev/sdlc/repo/FeatureFile"
import * as Layout from "@rdev/sdlc/repo/Layout"
import { signatureProblem } from "@rdev/sdlc/repo/Trust"
import { allows, type Principal } from "../../domain/Principal.ts"
import { folded } from "./RefNames.ts"

/** Files of a commit under `.sdlc` (and under what reads like it): path → `<mode> <object id>`. */
export type StateTree = ReadonlyMap<string, string>

export interface BranchPush {
  readonly branch: string
  readonly isDefault: boolean
  /** Nothing that was there is left behind: the branch is new, or what is pushed descends from it. */
  readonly forward: boolean
  /** Before and after; null = the branch is not there. */
  readonly old: StateTree | null
  readonly next: StateTree | null
  /** The default branch as it is; null = there is none yet. */
  readonly main: StateTree | null
  /** Where the pushed commit left the default branch; empty when they share no history. */
  readonly forks: ReadonlyArray<StateTree>
  /** Branches of the features that the new records belong to, by slug. */
  readonly features: ReadonlyMap<string, StateTree>
}

/** A file whose content has to be looked at before it may come in. */
export interface NewRecord {
  readonly path: string
  readonly slug: string
  readonly kind: "event" | "evidence" | "identity"
}
export interface Judged {
  readonly problems: ReadonlyArray<string>
  readonly records: ReadonlyArray<NewRecord>
}

/** What a person who may write features can say in a push in their own name: what opens no gate. */
const pushable: ReadonlySet<FeatureEvent["type"]> = new Set<FeatureEvent["type"]>([
  "feature-created",
  "feature-amended",
  "artifact-submitted",
  "task-started",
  "task-claimed",
  "task-failed",
  "task-blocked",
  "fix-tasks-added",
  "thread-opened",
  "blocker-opened",
  "evidence-attached",
  "rework-counted",
  "incident-opened",
  "paused",
  "cancelled"
])

const approve = "that takes a key with the scope sdlc:approve"
const recordPath = /^\.sdlc\/(features|archive)\/([^/]+)\/(?:(events|evidence)\/|feature\.yaml$)/

/** The feature that a record belongs to, and what sort it is; null for documents and everything else. */
const recordOf = (path: string): { readonly slug: string; readonly kind: "event" | "evidence" | "identity" } | null => {
  const [, place, folder, kind] = recordPath.exec(path) ?? []
  if (folder === undefined) return null
  const slug = place === "archive" ? (Layout.parseArchiveName(folder) ?? folder) : folder
  return { slug, kind: kind === "events" ? "event" : kind === "evidence" ? "evidence" : "identity" }
}

/** Slugs of which a push brings records that are new to its branch: their own branches are to be looked at, as `features`. */
export const slugsOf = (push: Pick<BranchPush, "old" | "next" | "main">): ReadonlySet<string> =>
  new Set(
    [...(push.next ?? [])].flatMap(([path, content]) => {
      const record = push.old?.get(path) === content || push.main?.get(path) === content ? null : recordOf(path)
      return record === null ? [] : [record.slug]
    })
  )

/** A name that a file system or a reader takes for `.sdlc` or the policy, and git does not. */
const impostor = (path: string): boolean => {
  const plain = path
    .split("/")
    .map((part) => folded(part.replace(/[\p{C}]/gu, "")).replace(/[. ]+$/, ""))
    .join("/")
  const isState = plain === ".sdlc" || plain.startsWith(".sdlc/")
  return (isState && !path.startsWith(".sdlc/")) || (plain === Layout.policyPath && path !== Layout.policyPath)
}

/** Rules of the branch itself, whoever pushes. */
const protectedProblems = (push: BranchPush, pusher: Principal): ReadonlyArray<string> => {
  const { branch, forward, isDefault, main, next, old } = push
  if (isDefault && next === null) return [`${branch}: the default branch cannot be deleted`]
  if (isDefault && !forward)
    return [
      `${branch}: the default branch is never rewritten; push a commit that builds on it (git pull, then push without --force)`
    ]
  if (allows(pusher, "sdlc:approve")) return []
  const driven =
    old !== null && branch.startsWith("feature/") && old.has(Layout.featurePath(branch.slice("feature/".length)))
  if (driven && next !== null && !forward)
    return [
      `${branch}: the platform drives this feature, and rewriting its branch would drop what others put there; ${approve}`
    ]
  if (next !== null || old === null) return []
  const lost = [...old].find(([path, content]) => recordOf(path) !== null && main?.get(path) !== content)
  return lost === undefined
    ? []
    : [
        `${branch}: it alone holds what is recorded of feature ${recordOf(lost[0])?.slug ?? ""}; to delete it ${approve}`
      ]
}

/** How one path changed that a key without `sdlc:approve` may not change; null when it may. */
const pathProblem = (
  push: BranchPush,
  path: string,
  pusher: Principal,
  known: ReadonlyArray<StateTree>
): string | NewRecord | null => {
  const [was, is] = [push.old?.get(path), push.next?.get(path)]
  const record = recordOf(path)
  if (record !== null && was !== undefined && was !== is)
    return `${path}: what is recorded stays as it was, and this push ${is === undefined ? "deletes" : "changes"} it; ${approve}`
  if (known.some((tree) => tree.get(path) === is)) return null
  if (impostor(path))
    return `${path}: some file systems take this name for another of the feature state; choose another name`
  if (path === Layout.policyPath)
    return `${path}: this push ${is === undefined ? "deletes" : "changes"} the project's policy; ${approve}, and then it is accepted with rdev policy accept`
  if (is !== undefined && path.startsWith(".sdlc/") && !is.startsWith("100644 "))
    return `${path}: only plain files belong under .sdlc (mode ${is.slice(0, is.indexOf(" "))})`
  if (record === null) return null
  if (is === undefined || known.some((tree) => tree.has(path)))
    return `${path}: what is recorded stays as it was, and this push ${is === undefined ? "deletes" : "changes"} it; ${approve}`
  if (!allows(pusher, "sdlc:write"))
    return `${path}: this push records something about feature ${record.slug}; that takes a key with the scope sdlc:write`
  return { path, slug: record.slug, kind: record.kind }
}

const maxProblems = 20

/** What is wrong with a push to a branch, and which new files have to be looked at (`recordProblem`) before it may land. */
export const judge = (push: BranchPush, pusher: Principal): Judged => {
  const problems: Array<string> = [...protectedProblems(push, pusher)]
  const records: Array<NewRecord> = []
  const { next } = push
  if (problems.length > 0 || next === null || allows(pusher, "sdlc:approve")) return { problems, records }
  // The default branch is compared with itself alone; another may hold whatever the default branch held where it left it.
  const own = push.old === null ? [] : [push.old]
  const known = push.isDefault
    ? own.length === 0
      ? [new Map<string, string>()]
      : own
    : [
        ...own,
        ...(push.main === null ? [] : [push.main]),
        ...(push.forks.length === 0 ? [new Map<string, string>()] : push.forks)
      ]
  for (const path of new Set([...next.keys(), ...known.flatMap((tree) => [...tree.keys()])])) {
    const slug = recordOf(path)?.slug
    const feature = slug === undefined ? undefined : push.features.get(slug)
    const isNew = push.isDefault && slug !== undefined && next.has(path) && push.old?.get(path) !== next.get(path)
    const theirs =
      feature !== undefined &&
      (feature.get(path) === next.get(path) || push.old?.has(Layout.featurePath(slug ?? "")) !== true)
    if (isNew && theirs) {
      problems.push(
        `${path}: feature ${slug} is driven on its branch feature/${slug}, and its merge is what the gates decide: leave it to the platform; to merge it by hand ${approve}`
      )
    } else {
      const found = pathProblem(
        push,
        path,
        pusher,
        push.isDefault || feature === undefined ? known : [...known, feature]
      )
      if (typeof found === "string") problems.push(found)
      else if (found !== null) records.push(found)
    }
    if (problems.length >= maxProblems) break
  }
  return { problems, records }
}

/** Why a new record may not come in by this key's push; null when it may. `keyring`: that of the default branch. */
export const recordProblem = (
  record: NewRecord,
  content: Uint8Array,
  pusher: Principal,
  keyring: ReadonlyArray<KeyringEntry>
): string | null => {
  const name = record.path.slice(record.path.lastIndexOf("/") + 1)
  const wrong = (problem: string) => `${record.path}: ${problem}`
  if (record.kind === "evidence")
    return Layout.parseEvidenceName(name) === sha256(content)
      ? null
      : wrong("evidence is named by the digest of its content (<sha256>.intoto.json)")
  const text =
    content.byteLength > Layout.maxStateBytes
      ? Decode.bad(`larger than ${Layout.maxStateBytes} bytes`)
      : Decode.text(content)
  if (record.kind === "identity") {
    const feature = text._tag === "Bad" ? text : FeatureFile.parse(text.value)
    return feature._tag === "Bad"
      ? wrong(`it is no feature: ${feature.problem}`)
      : feature.value.slug === record.slug
        ? null
        : wrong(`it says that it is feature ${feature.value.slug}`)
  }
  const named = Layout.parseEventName(name)
  const parsed = text._tag === "Bad" ? text : Decode.json(text.value)
  const decoded = parsed._tag === "Bad" ? parsed : Decode.event(parsed.value)
  if (named === null) return wrong("it is no event file (<ulid>-<type>.json)")
  if (decoded._tag === "Bad") return wrong(`it is no event: ${decoded.problem}`)
  const event = decoded.value
  if (event.id !== named.id || event.type !== named.type)
    return wrong(`its name says ${named.id}-${named.type}, its content ${event.id}-${event.type}`)
  if (event.signature !== undefined && signatureProblem(event, keyring) === null) return null
  if (event.actor.type !== pusher.type || event.actor.id !== pusher.name) {
    return wrong(
      `it speaks for ${event.actor.type} ${event.actor.id}, and this key is ${pusher.type} ${pusher.name} (write events with SDLC_PRINCIPAL=${pusher.type}:${pusher.name}); to bring in others' events ${approve}`
    )
  }
  return pushable.has(event.type)
    ? null
    : wrong(
        `${event.type} opens or closes a way in the life cycle: say it through the platform (rdev, the API); in a push ${approve}`
      )
}
