/**
 * One invocation: the repository, the feature it is about, what was observed, and the files to write.
 *
 * Promises that nothing is written before everything was checked, and that git is only asked when the answer depends on it.
 */
import { randomBytes } from "node:crypto"
import { realpathSync } from "node:fs"
import { decide } from "../derive/Decide.ts"
import { type DependencyNode, dependencyStatuses } from "../derive/Dependencies.ts"
import { derive } from "../derive/Derive.ts"
import { taskFacts } from "../derive/Work.ts"
import type { FeatureDecision } from "../model/Decision.ts"
import type { FactName, Facts } from "../model/Facts.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import type { Observed } from "../model/Observed.ts"
import type { Policy } from "../model/Policy.ts"
import type { Principal } from "../model/Principal.ts"
import * as Disk from "../repo/Disk.ts"
import * as Layout from "../repo/Layout.ts"
import * as Patch from "../repo/Patch.ts"
import * as Repo from "../repo/Repo.ts"
import { stateOf } from "../repo/State.ts"
import { type Args, nearest } from "./Args.ts"
import { exit, Failure } from "./Failure.ts"
import * as Git from "./Git.ts"
import * as History from "./History.ts"
import * as Home from "./Home.ts"
import * as Identity from "./Identity.ts"
import * as Landing from "./Landing.ts"

export interface Session {
  readonly root: string
  /** Where the command was called; paths on the command line are relative to it. */
  readonly cwd: string
  readonly env: Identity.Env
  /** Unix milliseconds. */
  readonly now: number
  /** The branch that `--branch` names as the one to write to. */
  readonly branch?: string
  /** Branches on which something was recorded. */
  readonly wrote: Set<string>
  /** Where the records of a feature may go, as far as it was looked at; `null` outside of git. */
  readonly homes: Map<string, string | null>
}

/** Finds the repository at or above a folder. */
export const open = (cwd: string, env: Identity.Env, now: number, needsProject = true, branch?: string): Session => {
  let from: string
  try {
    from = realpathSync(cwd)
  } catch {
    throw new Failure(`--cwd: ${cwd} does not exist.`, "name an existing folder.")
  }
  const root = Disk.findRoot(from)
  if (root === null && Git.read(from, "rev-parse", "--is-bare-repository") === "true")
    throw new Failure(
      "This is a bare repository: it has no files to look at.",
      "clone it, or add a work tree (git worktree add <folder> <branch>), and run the command there."
    )
  if (root === null)
    throw new Failure(
      "There is no project here: neither .sdlc nor .git in this folder or above it.",
      "run sdlc init in a git repository."
    )
  if (needsProject && !Disk.readPaths(root, [Layout.policyPath]).has(Layout.policyPath)) {
    throw new Failure(
      `${Layout.policyPath} is missing.`,
      "run sdlc init, or restore the file from git.",
      Disk.listFeatures(root).length > 0 ? exit.corrupt : exit.usage
    )
  }
  return { root, cwd: from, env, now, ...(branch === undefined ? {} : { branch }), wrote: new Set(), homes: new Map() }
}

/** The project's policy; refused as a whole when it is broken. */
export const policyOf = (session: Session): Policy => {
  const { errors, policy } = Repo.loadPolicy(Disk.readPaths(session.root, [Layout.policyPath]))
  const [error] = errors
  if (error !== undefined) throw new Failure(`${error.file}: ${error.problem}.`, error.fix ?? "", exit.corrupt)
  return policy
}

/** The feature that is meant: the one named, else SDLC_FEATURE, else the one of the branch, else the only one. */
export const slugOf = (session: Session, named: string | undefined, archivedToo = false): string => {
  const all = Disk.listFeatures(session.root)
  const wanted = named ?? session.env["SDLC_FEATURE"]
  if (wanted !== undefined && wanted !== "") {
    if (all.includes(wanted)) return wanted
    if (Disk.listArchived(session.root).has(wanted)) {
      if (archivedToo) return wanted
      throw new Failure(
        `feature: ${wanted} is archived, and what is archived is not changed.`,
        `look at it with sdlc status, why, explain, replay, graph or show; sdlc new starts another.`
      )
    }
    const close = nearest(wanted, archivedToo ? [...all, ...Disk.listArchived(session.root).keys()] : all)
    throw new Failure(
      `feature: there is no "${wanted.slice(0, 80)}".`,
      close === null ? "sdlc features lists them; sdlc new creates one." : `did you mean ${close}?`
    )
  }
  if (all.length === 1 && all[0] !== undefined) return all[0]
  if (all.length === 0)
    throw new Failure("feature: the project has none yet.", 'create one with sdlc new <feature> --title "…".')
  const branch = Git.currentBranch(session.root)
  const own = all.find((slug) => branch === slug || branch?.endsWith(`/${slug}`) === true)
  if (own !== undefined) return own
  throw new Failure(
    `feature: the project has ${all.length}, and none was named.`,
    `name one: ${all.slice(0, 5).join(", ")}${all.length > 5 ? ", …" : ""}.`
  )
}

export const featureArg = (session: Session, args: Args, position: number): string =>
  slugOf(session, args.positionals[position] ?? args.value("feature"))

/** Like `featureArg`, for commands that only look: an archived feature can be named too. */
export const inspectArg = (session: Session, args: Args, position: number): string =>
  slugOf(session, args.positionals[position] ?? args.value("feature"), true)

const ofGit: ReadonlySet<FactName> = new Set<FactName>([
  "branch",
  "ci",
  "agentReview",
  "humanReview",
  "audit",
  "findBlock",
  "findOpen",
  "risk",
  "qa",
  "evidence",
  "uat",
  "mergeGate"
])

export interface View {
  readonly loaded: Repo.Loaded
  readonly state: FeatureState
  readonly facts: Facts
  readonly decision: FeatureDecision
}

const viewOf = (loaded: Repo.Loaded, observed: Observed, now: number): View => {
  const state = stateOf(loaded, observed)
  return { loaded, state, facts: derive(state, loaded.policy, now), decision: decide(state, loaded.policy, now) }
}

/** Heads that may hold a feature's work: its branch; without it, what results were recorded for. */
const headsOf = (root: string, state: FeatureState): ReadonlyArray<string> => {
  const own = state.branch === undefined ? null : Git.refOf(root, state.branch.name)
  return own === null ? state.ci.flatMap((run) => run.result?.sha ?? []).toReversed() : [own]
}

/** Whether the feature came into its base without the flow. */
const observeLanding = (root: string, state: FeatureState, bases: ReadonlyArray<string>): Observed => {
  if (state.branch === undefined || state.merge.status === "merged") return {}
  const { event, sha } = state.branch
  const tasks = taskFacts(state)
  const landed = Landing.find(root, {
    slug: state.feature.slug,
    heads: headsOf(root, state),
    bases,
    provisioned: { event, ...(sha === undefined ? {} : { sha }) },
    unfinished: tasks.tNone || tasks.tReady || tasks.tRunning || tasks.tFailed || tasks.tBlocked
  })
  return landed === null ? {} : { landed }
}

/** Files in which the feature's changes differ from those that earlier results hold for. */
const observeSince = (
  root: string,
  state: FeatureState,
  head: Git.Head,
  bases: ReadonlyArray<string>,
  own: Patch.Changes
): Readonly<Record<string, ReadonlyArray<string>>> => {
  const results = [state.reviews.at(-1), state.audits.at(-1), state.qa.at(-1)]
  const shas = [
    ...new Set(results.flatMap((run) => (run?.sha === undefined || run.tree === head.tree ? [] : [run.sha])))
  ]
  return Object.fromEntries(
    shas.flatMap((sha) => {
      const before = changesOf(root, sha, bases)
      const files = before === null ? [] : Patch.differing(before, own)
      return files.length === 0 ? [] : [[sha, files]]
    })
  )
}

/** What a commit changes of the base it left or last took in; of several bases the one that knows more of it counts. */
export const changesOf = (root: string, sha: string, bases: ReadonlyArray<string>): Patch.Changes | null => {
  const left = bases
    .flatMap((base) => Git.mergeBase(root, base, sha) ?? [])
    .reduce<string | null>((best, one) => (best === null || Git.reaches(root, one, best) ? one : best), null)
  return left === null ? null : Patch.changes(History.tree(root, left), History.tree(root, sha))
}

/** Head and branch of the feature in the local repository. */
export const observeGit = (
  root: string,
  state: FeatureState,
  options: { readonly head?: string; readonly base?: string } = {}
): Observed => {
  const own = state.branch?.name
  const ref = own === undefined ? null : Git.refOf(root, own)
  const onto = own === undefined ? null : Git.base(root, options.base ?? state.branch?.base)
  const here = Git.commit(root, "HEAD")
  // A branch that is gone leaves nothing to judge, unless something else than the base stands in for it (a pull request's checkout).
  const lost =
    own !== undefined &&
    ref === null &&
    options.head === undefined &&
    (here === null || (onto !== null && Git.reaches(root, onto, here)))
  const head = lost ? null : Git.head(root, options.head ?? ref ?? "HEAD")
  if (options.head !== undefined && head === null)
    throw new Failure(`--head: "${options.head}" is no commit of this repository.`, "fetch it, or name another.")
  if (options.base !== undefined && Git.commit(root, options.base) === null)
    throw new Failure(`--base: "${options.base}" is no commit of this repository.`, "fetch it, or name another.")
  const bases = onto === null ? [] : Git.knownAs(root, onto)
  const landing = observeLanding(root, state, bases)
  if (lost) return { ...landing, branch: { relation: "none" } }
  if (own === undefined || head === null || onto === null) return head === null ? landing : { ...landing, head }
  const relation = Git.relation(root, head.sha, onto)
  const patch = changesOf(root, head.sha, bases)
  const since = patch === null ? {} : observeSince(root, state, head, bases, patch)
  const bound = {
    ...head,
    ...(patch === null ? {} : { patch: Patch.digest(patch) }),
    ...(Object.keys(since).length === 0 ? {} : { since })
  }
  return { ...landing, head: bound, ...(relation === null ? {} : { branch: relation }) }
}

/** How the feature's dependencies stand, with everything they depend on in turn. */
export const observeDeps = (session: Session, own: FeatureState): NonNullable<Observed["deps"]> => {
  const nodes = new Map<string, DependencyNode>()
  const queue: Array<{ readonly slug: string; readonly state: FeatureState | null }> = [
    { slug: own.feature.slug, state: own }
  ]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { slug, state } = next
    if (nodes.has(slug) || state === null) continue
    nodes.set(slug, { slug, deps: state.feature.deps, phase: state.phase, lifecycle: state.lifecycle })
    for (const dep of state.feature.deps) {
      const live = Disk.readEvents(session.root, dep)
      const found = nodes.has(dep)
        ? null
        : Repo.load(live.size > 0 ? live : Disk.readArchived(session.root, dep), dep, { policy: policyOf(session) })
      queue.push({ slug: dep, state: found === null || found.feature === null ? null : stateOf(found) })
    }
  }
  return dependencyStatuses([...nodes.values()])[own.feature.slug] ?? {}
}

/** Whether the names of its events leave open that a feature holds a slot: it took one and has not given it back since. */
export const mayHoldSlot = (names: ReadonlyArray<string>): boolean => {
  const last = (type: string): string => names.findLast((name) => name.endsWith(`-${type}.json`)) ?? ""
  const taken = last("claim-taken")
  return taken !== "" && taken > last("claim-released") && taken > last("cleanup-recorded") && last("archived") === ""
}

/** Slots that other features hold; counted no further than the policy has slots, since more change nothing. */
const observeWip = (session: Session, slug: string): number => {
  const policy = policyOf(session)
  let used = 0
  for (const other of Disk.listFeatures(session.root)) {
    if (used >= policy.wip) break
    // Of ten thousand features a handful hold one: the names tell which have to be read.
    if (other === slug || !mayHoldSlot(Disk.listEventNames(session.root, other))) continue
    const state = stateOf(Repo.load(Disk.readEvents(session.root, other), other, { policy }))
    if (state.claim !== undefined && state.lifecycle === "active" && state.phase !== "released") used++
  }
  return used
}

export interface ViewOptions {
  readonly head?: string
  readonly base?: string
  /** Observe everything, also what this decision does not need. */
  readonly whole?: boolean
}

/** The feature as it is now. Git, other features and slots are looked at when the answer rests on them. */
export const view = (session: Session, slug: string, options: ViewOptions = {}): View => {
  const archived = !Disk.listFeatures(session.root).includes(slug) && Disk.listArchived(session.root).has(slug)
  const loaded = Repo.load(
    archived ? Disk.readArchivedWhole(session.root, slug) : Disk.readFeature(session.root, slug),
    slug
  )
  let observed: Observed = {}
  let seen = viewOf(loaded, observed, session.now)
  if (loaded.integrity === "corrupt") return seen
  if (seen.state.feature.deps.length > 0) observed = { ...observed, deps: observeDeps(session, seen.state) }
  const reads = (names: ReadonlySet<string>): boolean =>
    options.whole === true || seen.decision.facts.some((read) => names.has(read.fact))
  const away = seen.state.branch !== undefined && seen.state.merge.status !== "merged"
  if (away || reads(ofGit) || options.head !== undefined)
    observed = { ...observed, ...observeGit(session.root, seen.state, options) }
  if (Object.keys(observed).length > 0) seen = viewOf(loaded, observed, session.now)
  if (reads(new Set(["wip"])))
    seen = viewOf(loaded, { ...observed, wip: { used: observeWip(session, slug) } }, session.now)
  return seen
}

/** Like `view`, for commands that must not work on a corrupt feature. */
export const intact = (session: Session, slug: string, options: ViewOptions = {}): View => {
  const seen = view(session, slug, options)
  const [first] = seen.loaded.errors
  if (first !== undefined)
    throw new Failure(
      `${first.file}: ${first.problem}.${seen.loaded.errors.length > 1 ? ` (${seen.loaded.errors.length - 1} more; see sdlc doctor)` : ""}`,
      first.fix ?? "restore it from git.",
      exit.corrupt
    )
  return seen
}

/** Like `intact`, for commands that write: refuses at once when this is not the place to write to. */
export const writable = (session: Session, slug: string, options: ViewOptions = {}): View => {
  const seen = intact(session, slug, options)
  session.homes.set(slug, Home.require(session, seen.state))
  return seen
}

export const randomness = (): Uint8Array => randomBytes(10)

/** Writes files of a feature to the branch they belong to, and remembers which one that was. */
export const write = (session: Session, branch: string | null, files: ReadonlyArray<Repo.Write>): void => {
  Disk.write(session.root, files)
  if (branch !== null && files.length > 0) session.wrote.add(branch)
}

/** Where the records of this feature may go: as `writable` found it, else looked at now. */
export const homeOf = (session: Session, loaded: Repo.Loaded): string | null => {
  const known = session.homes.get(loaded.slug)
  return known === undefined ? Home.require(session, stateOf(loaded)) : known
}

/** Appends events in the name of `actor` and writes them, with any other files, in one go. */
export const record = (
  session: Session,
  loaded: Repo.Loaded,
  drafts: ReadonlyArray<Repo.Draft>,
  actor: Principal,
  files: ReadonlyArray<Repo.Write> = []
): ReadonlyArray<Repo.Appended> => {
  const branch = homeOf(session, loaded)
  const appended: Array<Repo.Appended> = []
  let current = loaded
  for (const draft of drafts) {
    const stamp = {
      ...Identity.signer(session.env, loaded.policy, actor, draft.type),
      timeMillis: session.now,
      random: randomness()
    }
    let next: Repo.Appended
    try {
      next = Repo.appendEvent(current, draft, stamp)
    } catch (cause) {
      if (cause instanceof RangeError) throw new Failure(`${cause.message}.`, "correct the field.")
      throw cause
    }
    appended.push(next)
    current = next.loaded
  }
  write(session, branch, [...files, ...appended])
  return appended
}

/** Exit code of a decision. */
export const codeOf = (decision: FeatureDecision): (typeof exit)[keyof typeof exit] => {
  if (decision.rule === "L1") return exit.corrupt
  switch (decision.kind) {
    case "done":
      return exit.done
    case "wait":
      return exit.wait
    case "hold":
      return exit.human
    case "approve":
      return decision.approver === "agent" ? exit.action : exit.human
    default:
      return exit.action
  }
}
