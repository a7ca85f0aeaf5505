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
import type { FeatureDecision } from "../model/Decision.ts"
import type { FactName, Facts } from "../model/Facts.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import type { Observed } from "../model/Observed.ts"
import type { Policy } from "../model/Policy.ts"
import type { Principal } from "../model/Principal.ts"
import * as Disk from "../repo/Disk.ts"
import * as Layout from "../repo/Layout.ts"
import * as Repo from "../repo/Repo.ts"
import { stateOf } from "../repo/State.ts"
import { type Args, nearest } from "./Args.ts"
import { exit, Failure } from "./Failure.ts"
import * as Git from "./Git.ts"
import * as Identity from "./Identity.ts"

export interface Session {
  readonly root: string
  /** Where the command was called; paths on the command line are relative to it. */
  readonly cwd: string
  readonly env: Identity.Env
  /** Unix milliseconds. */
  readonly now: number
}

/** Finds the repository at or above a folder. */
export const open = (cwd: string, env: Identity.Env, now: number, needsProject = true): Session => {
  let from: string
  try {
    from = realpathSync(cwd)
  } catch {
    throw new Failure(`--cwd: ${cwd} does not exist.`, "name an existing folder.")
  }
  const root = Disk.findRoot(from)
  if (root === null) throw new Failure("There is no project here: neither .sdlc nor .git in this folder or above it.", "run sdlc init in a git repository.")
  if (needsProject && !Disk.readPaths(root, [Layout.policyPath]).has(Layout.policyPath)) {
    throw new Failure(`${Layout.policyPath} is missing.`, "run sdlc init, or restore the file from git.", Disk.listFeatures(root).length > 0 ? exit.corrupt : exit.usage)
  }
  return { root, cwd: from, env, now }
}

/** The project's policy; refused as a whole when it is broken. */
export const policyOf = (session: Session): Policy => {
  const { errors, policy } = Repo.loadPolicy(Disk.readPaths(session.root, [Layout.policyPath]))
  const [error] = errors
  if (error !== undefined) throw new Failure(`${error.file}: ${error.problem}.`, error.fix ?? "", exit.corrupt)
  return policy
}

/** The feature that is meant: the one named, else SDLC_FEATURE, else the one of the branch, else the only one. */
export const slugOf = (session: Session, named: string | undefined): string => {
  const all = Disk.listFeatures(session.root)
  const wanted = named ?? session.env["SDLC_FEATURE"]
  if (wanted !== undefined && wanted !== "") {
    if (all.includes(wanted)) return wanted
    const close = nearest(wanted, all)
    throw new Failure(`feature: there is no "${wanted.slice(0, 80)}".`, close === null ? "sdlc features lists them; sdlc new creates one." : `did you mean ${close}?`)
  }
  if (all.length === 1 && all[0] !== undefined) return all[0]
  if (all.length === 0) throw new Failure("feature: the project has none yet.", "create one with sdlc new <feature> --title \"…\".")
  const branch = Git.currentBranch(session.root)
  const own = all.find((slug) => branch === slug || branch?.endsWith(`/${slug}`) === true)
  if (own !== undefined) return own
  throw new Failure(`feature: the project has ${all.length}, and none was named.`, `name one: ${all.slice(0, 5).join(", ")}${all.length > 5 ? ", …" : ""}.`)
}

export const featureArg = (session: Session, args: Args, position: number): string => slugOf(session, args.positionals[position] ?? args.value("feature"))

const ofGit: ReadonlySet<FactName> = new Set<FactName>(["branch", "ci", "agentReview", "humanReview", "audit", "findBlock", "findOpen", "risk", "qa", "evidence", "uat", "mergeGate"])

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

/** Head and branch of the feature in the local repository. */
export const observeGit = (root: string, state: FeatureState, options: { readonly head?: string; readonly base?: string } = {}): Observed => {
  const own = state.branch?.name
  const revision = options.head ?? (own !== undefined && Git.commit(root, own) !== null ? own : "HEAD")
  const head = Git.head(root, revision)
  if (options.head !== undefined && head === null) throw new Failure(`--head: "${options.head}" is no commit of this repository.`, "fetch it, or name another.")
  if (own === undefined || head === null) return head === null ? {} : { head }
  const onto = Git.base(root, options.base ?? state.branch?.base)
  if (options.base !== undefined && (onto === null || Git.commit(root, options.base) === null)) throw new Failure(`--base: "${options.base}" is no commit of this repository.`, "fetch it, or name another.")
  const relation = onto === null ? null : Git.relation(root, head.sha, onto)
  return relation === null ? { head } : { head, branch: relation }
}

/** How the feature's dependencies stand, with everything they depend on in turn. */
export const observeDeps = (session: Session, own: FeatureState): NonNullable<Observed["deps"]> => {
  const nodes = new Map<string, DependencyNode>()
  const queue: Array<{ readonly slug: string; readonly state: FeatureState | null }> = [{ slug: own.feature.slug, state: own }]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { slug, state } = next
    if (nodes.has(slug) || state === null) continue
    nodes.set(slug, { slug, deps: state.feature.deps, phase: state.phase, lifecycle: state.lifecycle })
    for (const dep of state.feature.deps) {
      const live = Disk.readEvents(session.root, dep)
      const found = nodes.has(dep) ? null : Repo.load(live.size > 0 ? live : Disk.readArchived(session.root, dep), dep, { policy: policyOf(session) })
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
  const loaded = Repo.load(Disk.readFeature(session.root, slug), slug)
  let observed: Observed = {}
  let seen = viewOf(loaded, observed, session.now)
  if (loaded.integrity === "corrupt") return seen
  if (seen.state.feature.deps.length > 0) observed = { ...observed, deps: observeDeps(session, seen.state) }
  const reads = (names: ReadonlySet<string>): boolean => options.whole === true || seen.decision.facts.some((read) => names.has(read.fact))
  if (reads(ofGit) || options.head !== undefined) observed = { ...observed, ...observeGit(session.root, seen.state, options) }
  if (Object.keys(observed).length > 0) seen = viewOf(loaded, observed, session.now)
  if (reads(new Set(["wip"]))) seen = viewOf(loaded, { ...observed, wip: { used: observeWip(session, slug) } }, session.now)
  return seen
}

/** Like `view`, for commands that must not work on a corrupt feature. */
export const intact = (session: Session, slug: string, options: ViewOptions = {}): View => {
  const seen = view(session, slug, options)
  const [first] = seen.loaded.errors
  if (first !== undefined) throw new Failure(`${first.file}: ${first.problem}.${seen.loaded.errors.length > 1 ? ` (${seen.loaded.errors.length - 1} more; see sdlc doctor)` : ""}`, first.fix ?? "restore it from git.", exit.corrupt)
  return seen
}

export const randomness = (): Uint8Array => randomBytes(10)

/** Appends events in the name of `actor` and writes them, with any other files, in one go. */
export const record = (session: Session, loaded: Repo.Loaded, drafts: ReadonlyArray<Repo.Draft>, actor: Principal, files: ReadonlyArray<Repo.Write> = []): ReadonlyArray<Repo.Appended> => {
  const appended: Array<Repo.Appended> = []
  let current = loaded
  for (const draft of drafts) {
    const stamp = { ...Identity.signer(session.env, loaded.policy, actor, draft.type), timeMillis: session.now, random: randomness() }
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
  Disk.write(session.root, [...files, ...appended])
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
