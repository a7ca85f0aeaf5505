/**
 * A feature as its repository holds it: reads the files at the branch's head, adds what was observed, and writes events as
 * commits. The truth is in the repository; nothing here is remembered besides commits that cannot change.
 */
import { taskFacts } from "@rdev/sdlc/derive/Work"
import type { FeatureState } from "@rdev/sdlc/model/FeatureState"
import { policyFor } from "@rdev/sdlc/model/Presets"
import { type Policy, gateNames } from "@rdev/sdlc/model/Policy"
import type { Principal } from "@rdev/sdlc/model/Principal"
import * as Layout from "@rdev/sdlc/repo/Layout"
import * as Repo from "@rdev/sdlc/repo/Repo"
import { stateOf } from "@rdev/sdlc/repo/State"
import { Clock, Effect, Option } from "effect"
import { randomBytes } from "node:crypto"
import type { FeatureIndex } from "../../../domain/FeatureIndex.ts"
import type { Project } from "../../../domain/Project.ts"
import { BranchName, ForgeError, type RepositoryTarget, type Sha } from "../../../ports/infra/Forge.ts"
import { type FileChange, GitObjects, type TreeEntry } from "../../../ports/infra/GitObjects.ts"
import * as PolicyAuthority from "../../policy/PolicyAuthority.ts"
import { Redaction } from "../../redaction/Redaction.ts"
import type { WrittenEvent } from "../act/Examine.ts"
import * as Landing from "./Landing.ts"
import * as Observe from "./Observe.ts"
import { PlatformKey } from "../act/PlatformKey.ts"
import { RepositoryReader } from "./RepositoryReader.ts"
import { type Taker, takenBack } from "./Reverts.ts"
import * as Train from "../drive/Train.ts"

export const platformPrincipal: Principal = { id: "platform", type: "platform" }

export interface Snapshot {
  readonly project: Project
  readonly index: FeatureIndex
  readonly target: RepositoryTarget
  /** The branch whose head holds the feature's state now, and where the next event goes. */
  readonly branch: BranchName
  readonly sha: Sha
  /** Digest of the code tree at `sha`. */
  readonly tree: string
  readonly loaded: Repo.Loaded
  /** Which policy holds, and what another on the default branch would change. */
  readonly standing: PolicyAuthority.PolicyInForce
  /** Head of the default branch. */
  readonly mainSha: Sha
  /** The policy in force with the feature's presets. */
  readonly policy: Policy
  readonly state: FeatureState
  /** Gates that the policy lets an agent open. */
  readonly agentGates: ReadonlySet<string>
  /** What the budget leaves for the next agent run; null = no cap. */
  readonly remainingUsd: number | null
  /** The commit of the default branch that brought the feature's changes, while no event says so yet. */
  readonly landedSha: Sha | null
  /** What took a merge back that is on record, while no event says so. */
  readonly takenBack: Taker | null
  /** Where the branch left, or last took in, the default branch. */
  readonly mergeBase: Sha | null
}

export const targetOf = (project: Project): RepositoryTarget => ({ projectId: project.id, name: project.name })
export const branchOf = (slug: string): BranchName => BranchName.make(`feature/${slug}`)

interface Place {
  readonly branch: BranchName
  readonly sha: Sha
  readonly loaded: Repo.Loaded
}

const gone = (project: Project, branch: string) =>
  new ForgeError({
    operation: "GitObjects.head",
    reason: { _tag: "NotFound", message: `branch ${branch} of ${project.name} is gone` }
  })

/** Whether the default branch is where a feature goes on: it was merged and not reopened in a branch of its own since. */
const hasLanded = Effect.fn("FeatureFiles.hasLanded")(function* (target: RepositoryTarget, loaded: Repo.Loaded) {
  const state = stateOf(loaded)
  if (state.merge.status === "merged" || state.branch === undefined) return true
  const opened = Observe.openedPullRequest(loaded)
  if (opened === null || state.retiredPrs.includes(opened)) return false
  const pr = yield* (yield* RepositoryReader).pull(target, opened)
  return pr.state === "merged"
})

const landingOf = Effect.fn("FeatureFiles.landingOf")(function* (
  target: RepositoryTarget,
  slug: string,
  main: BranchName,
  mainSha: Sha,
  { branch, loaded, sha }: Place
) {
  if (loaded.integrity === "corrupt") return null
  const state = stateOf(loaded)
  if (state.branch === undefined || state.merge.status === "merged") return null
  const tasks = taskFacts(state)
  return yield* Landing.find({
    target,
    slug,
    main,
    mainSha,
    branch,
    sha,
    loaded,
    unfinished: tasks.tNone || tasks.tReady || tasks.tRunning || tasks.tFailed || tasks.tBlocked
  })
})

/** The policy is what was accepted, made stricter by what the default branch proposes: a feature's own branch has no say. */
const place = Effect.fn("FeatureFiles.place")(function* (project: Project, slug: string) {
  const git = yield* GitObjects
  const reader = yield* RepositoryReader
  const target = targetOf(project)
  const main = BranchName.make(project.defaultBranch)
  const mainSha = yield* git.head(target, main)
  if (Option.isNone(mainSha)) return yield* gone(project, main)
  const standing = yield* PolicyAuthority.standing(project.id, target, mainSha.value)
  const at = Effect.fnUntraced(function* (branch: BranchName, sha: Sha) {
    return { branch, sha, loaded: yield* reader.feature(target, sha, slug, standing) } satisfies Place
  })
  const landed = (yield* reader.state(target, mainSha.value)).has(Layout.featurePath(slug))
    ? yield* at(main, mainSha.value)
    : null
  if (landed !== null && (yield* hasLanded(target, landed.loaded)))
    return Option.some({ place: landed, mainSha: mainSha.value, landing: null, standing })
  const branch = branchOf(slug)
  const sha = yield* git.head(target, branch)
  if (Option.isNone(sha))
    return landed === null
      ? Option.none()
      : Option.some({ place: landed, mainSha: mainSha.value, landing: null, standing })
  const own = yield* at(branch, sha.value)
  const landing = yield* landingOf(target, slug, main, mainSha.value, own)
  // Merged by somebody with git, records and all: it goes on where it is now.
  const moved = landing?.records === true && landed !== null
  return Option.some({ place: moved ? landed : own, mainSha: mainSha.value, landing, standing })
})

/**
 * Only what nothing is under way for: a deploy or a rollback that ends later would be recorded over it. A feature that was given up has no
 * answer to give.
 */
const unseenRevert = Effect.fnUntraced(function* (
  target: RepositoryTarget,
  mainSha: Sha,
  { loaded }: Place,
  given: Observe.KnownFacts
) {
  if (loaded.integrity === "corrupt" || given.lease !== undefined) return null
  const { lifecycle, merge, release } = stateOf(loaded)
  const settled = release.status === "none" || release.status === "failed" || release.status === "live"
  if (merge.status !== "merged" || merge.sha === undefined || !settled || lifecycle !== "active") return null
  const taker = yield* takenBack(target, mainSha, merge.sha)
  const known = (sha: Sha) =>
    loaded.events.some((event) => event.type === "rollback-recorded" && event.data.error?.startsWith(sha) === true)
  return taker === null || known(taker.sha) ? null : taker
})

const remaining = (policy: Policy, state: FeatureState) => {
  const cap = policy.budget.usd
  return cap === undefined ? null : Math.max(0, cap + (state.granted.usd ?? 0) - (state.cost.usd ?? 0))
}

/** None when no branch holds the feature. */
export const load = Effect.fn("FeatureFiles.load")(function* (
  project: Project,
  index: FeatureIndex,
  observation: Observe.KnownFacts = {}
) {
  const reader = yield* RepositoryReader
  const target = targetOf(project)
  const found = yield* place(project, index.slug)
  if (Option.isNone(found)) return Option.none<Snapshot>()
  const {
    landing,
    mainSha,
    place: { branch, loaded, sha },
    standing
  } = found.value
  const commit = yield* reader.commit(target, sha)
  const observed = yield* Observe.observe(
    { project, index, target, branch, sha, mainSha, tree: commit.tree, loaded },
    observation
  )
  const landed = landing !== null && stateOf(loaded).merge.status !== "merged" ? { landed: landing } : {}
  const state = stateOf(loaded, { ...observed.observed, ...landed })
  const policy = policyFor(loaded.policy, state.feature)
  const snapshot: Snapshot = {
    project,
    index,
    target,
    branch,
    sha,
    loaded,
    policy,
    state,
    standing,
    mainSha,
    tree: commit.tree,
    agentGates: new Set(gateNames.filter((gate) => policy.gates[gate] === "agent")),
    remainingUsd: remaining(policy, state),
    landedSha: observed.landedSha ?? landed.landed?.sha ?? null,
    takenBack: yield* unseenRevert(target, mainSha, { branch, loaded, sha }, observation),
    mergeBase: observed.mergeBase
  }
  return Option.some(yield* Train.place(snapshot, branchOf))
})

const maxRaces = 8

/**
 * Commits events (and files that belong to them) after everything recorded so far. When somebody else committed first, the
 * events are appended to the newer state; each is written once.
 */
export const record = Effect.fn("FeatureFiles.record")(function* (
  snapshot: Pick<Snapshot, "project" | "index" | "branch" | "sha" | "loaded">,
  given: ReadonlyArray<Repo.Draft>,
  options: { readonly files?: ReadonlyArray<FileChange>; readonly actor?: Principal } = {}
) {
  if (given.length === 0 && (options.files ?? []).length === 0) return snapshot.sha
  const git = yield* GitObjects
  const reader = yield* RepositoryReader
  const key = yield* PlatformKey
  // A commit cannot be cleaned afterwards, and a reason or an answer may quote what a program printed.
  const redactor = yield* (yield* Redaction).of(snapshot.project.id)
  const files = (options.files ?? []).map((file) =>
    typeof file.content === "string" ? { ...file, content: redactor.text(file.content) } : file
  )
  const drafts = given.map((draft) => redactor.json(draft as never) as Repo.Draft)
  const target = targetOf(snapshot.project)
  const slug = snapshot.index.slug
  const actor = options.actor ?? platformPrincipal
  let { loaded, sha } = snapshot
  for (let race = 0; race < maxRaces; race++) {
    const now = yield* Clock.currentTimeMillis
    const changes: Array<FileChange> = [...files]
    let next = loaded
    for (const draft of drafts) {
      const appended = Repo.appendEvent(next, draft, {
        actor,
        timeMillis: now,
        random: randomBytes(10),
        ...(key === null ? {} : { key })
      })
      changes.push({ path: appended.path, content: appended.content })
      next = appended.loaded
    }
    const done = yield* git
      .commit(target, {
        branch: snapshot.branch,
        expectedHead: sha,
        changes,
        message: `sdlc(${slug}): ${drafts.map((draft) => draft.type).join(", ") || "files"}`,
        author: { name: actor.id, email: `${actor.type}@rdev` }
      })
      .pipe(
        Effect.asSome,
        Effect.catchIf(
          (error) => error.reason._tag === "Conflict",
          () => Effect.succeedNone
        )
      )
    if (Option.isSome(done)) return done.value
    const head = yield* git.head(target, snapshot.branch)
    if (Option.isNone(head)) return yield* gone(snapshot.project, snapshot.branch)
    sha = head.value
    loaded = Repo.load(yield* reader.state(target, sha), slug, { policy: loaded.policy })
  }
  return yield* new ForgeError({
    operation: "GitObjects.commit",
    reason: { _tag: "Conflict", message: `${snapshot.branch} moved ${maxRaces} times while an event was recorded` }
  })
})

/** The events of this feature that a handed-over commit adds to what was known, and what is unreadable in it. */
export const eventsWritten = Effect.fn("FeatureFiles.eventsWritten")(function* (
  snapshot: Snapshot,
  known: ReadonlySet<string>,
  head: Sha,
  after: ReadonlyArray<TreeEntry>
) {
  const reader = yield* RepositoryReader
  const dir = `.sdlc/features/${snapshot.index.slug}/events/`
  const fresh = new Set(after.map((entry) => entry.path).filter((path) => path.startsWith(dir) && !known.has(path)))
  const files = yield* reader.state(snapshot.target, head)
  const loaded = Repo.load(files, snapshot.index.slug, { policy: snapshot.loaded.policy })
  const events = loaded.events.flatMap((event): ReadonlyArray<WrittenEvent> => {
    const file = `${dir}${event.id}-${event.type}.json`
    return fresh.delete(file)
      ? [{ file, type: event.type, actor: event.actor, ...(event.type === "verdict" ? { gate: event.data.gate } : {}) }]
      : []
  })
  // A file that was not read as an event was not examined as one either, and another reader may see more in it.
  const unread = [...fresh]
    .filter((file) => !loaded.errors.some((error) => error.file === file))
    .map((file) => `${file}: is not an event`)
  return { events, problems: [...loaded.errors.map((error) => `${error.file}: ${error.problem}`), ...unread] }
})
