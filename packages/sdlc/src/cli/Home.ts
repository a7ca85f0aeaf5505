/**
 * Where a feature's records belong, and the refusal to write them anywhere else.
 *
 * Promises that nothing is recorded on a branch that is not the feature's, on a detached head, or in the midst of a rebase: such a
 * record would land with somebody else's work or be lost with the next checkout. Changes nothing itself.
 */
import type { FeatureState } from "../model/FeatureState.ts"
import * as Layout from "../repo/Layout.ts"
import { Failure } from "./Failure.ts"
import * as Git from "./Git.ts"
import type { Session } from "./Session.ts"

/** Branches that this tool and the platform give to a feature. */
export const branchNames = (slug: string): ReadonlyArray<string> => [`sdlc/${slug}`, `feature/${slug}`]

const switchTo = (session: Session, branch: string): string => {
  if (Git.commit(session.root, `refs/heads/${branch}`) === null)
    return `fetch it and check it out: git switch ${branch}.`
  const elsewhere = Git.workTreeOf(session.root, branch)
  return elsewhere === null ? `git switch ${branch}.` : `it is checked out in ${elsewhere}: run the command there.`
}

/** The branch that is checked out, or why nothing may be written. `null` outside of git. */
const current = (session: Session): string | null => {
  const at = Git.checkedOut(session.root)
  if (at.kind === "none") return null
  const busy = Git.inProgress(session.root)
  if (busy?.detaches === true)
    throw new Failure(
      `A ${busy.what}${busy.branch === null ? "" : ` of ${busy.branch}`} is in progress, so there is no branch to write to.`,
      `finish or abort it (git ${busy.what} --abort), then run the command again.`
    )
  if (at.kind === "branch") return at.branch
  const tip = session.branch === undefined ? null : Git.commit(session.root, `refs/heads/${session.branch}`)
  if (tip !== null && tip === Git.commit(session.root, "HEAD")) return session.branch ?? null
  throw new Failure(
    "HEAD is detached, so what is written would belong to no branch.",
    session.branch === undefined
      ? "check out the branch, or name the one whose tip this is with --branch."
      : `${session.branch} is ${tip === null ? "no local branch" : "at another commit"}: check it out.`
  )
}

/** A branch on which the feature already goes on, although this work tree does not know. */
const ahead = (session: Session, slug: string): string | null =>
  branchNames(slug).find((branch) =>
    Git.lists(session.root, `refs/heads/${branch}`, `${Layout.featureDir(slug)}events`).some((path) =>
      path.endsWith("-branch-provisioned.json")
    )
  ) ?? null

/** Whether the feature goes on in its base: merged by the flow, or from outside together with its records. */
const merged = (session: Session, state: FeatureState, base: string): boolean => {
  if (state.merge.status !== "merged") return state.observed.landed?.records === true
  if (state.merge.outOfBand !== true || state.branch === undefined) return true
  return (
    Git.lists(session.root, base, Layout.eventPath(state.feature.slug, state.branch.event, "branch-provisioned"))
      .length > 0
  )
}

/** The one branch that the records of this feature belong to now; `null` while any will do. */
export const branchOf = (
  session: Session,
  state: FeatureState
): { readonly branch: string; readonly why: string } | null => {
  const { slug } = state.feature
  const base = Git.base(session.root, state.branch?.base)
  if (base !== null && merged(session, state, base))
    return { branch: base, why: `${slug} is merged, and goes on where it was merged to` }
  // A branch that is gone everywhere cannot be checked out: what is recorded then is that it is gone.
  if (state.branch !== undefined)
    return Git.exists(session.root, state.branch.name)
      ? { branch: state.branch.name, why: `${slug} goes on in its own branch` }
      : null
  if (state.lifecycle === "archived" || state.lifecycle === "cancelled") return null
  const branch = ahead(session, slug)
  return branch === null
    ? null
    : { branch, why: `${slug} goes on in a branch of its own since ${branch} was provisioned` }
}

/** Another feature whose branch this is. */
const foreign = (slug: string, branch: string): string | null => {
  const owner = /^(?:sdlc|feature)\/([a-z0-9-]+)$/.exec(branch)?.[1]
  return owner === undefined || owner === slug ? null : owner
}

/**
 * Refuses unless the work tree is where the feature's records belong; returns the branch, `null` outside of git.
 * `--branch` is the word of whoever calls that another branch is meant; the work tree must be on it all the same.
 */
export const require = (session: Session, state: FeatureState): string | null => {
  const at = current(session)
  if (at === null) return null
  if (session.branch !== undefined) {
    if (session.branch === at) return at
    throw new Failure(`--branch: ${session.branch} is not checked out, ${at} is.`, switchTo(session, session.branch))
  }
  const home = branchOf(session, state)
  if (home !== null) {
    const { landed } = state.observed
    if (home.branch === at && landed?.records === true && !Git.reaches(session.root, "HEAD", landed.sha))
      throw new Failure(
        `${at} here does not have ${landed.sha.slice(0, 10)} yet, which merged ${state.feature.slug}.`,
        "git pull, then run the command again."
      )
    if (home.branch === at) return at
    throw new Failure(
      `${at} is checked out, but ${home.why}: ${home.branch}.`,
      `${switchTo(session, home.branch).replace(/\.$/, "")}; or name this branch with --branch ${at}, if you mean it.`
    )
  }
  const owner = foreign(state.feature.slug, at)
  if (owner !== null)
    throw new Failure(
      `${at} is the branch of ${owner}, and ${state.feature.slug} has nothing to do with it.`,
      `check out the branch that ${state.feature.slug} is to start from; or name this one with --branch ${at}, if you mean it.`
    )
  return at
}

/** For writes that belong to no feature yet: a named branch is all they need. */
export const requireNamed = (session: Session, slug: string | null): string | null => {
  const at = current(session)
  if (at === null || session.branch === at) return at
  if (session.branch !== undefined)
    throw new Failure(`--branch: ${session.branch} is not checked out, ${at} is.`, switchTo(session, session.branch))
  const owner = slug === null ? null : foreign(slug, at)
  if (owner !== null)
    throw new Failure(
      `${at} is the branch of ${owner}; ${slug ?? ""} would land together with it.`,
      `check out the branch that it is to start from; or name this one with --branch ${at}, if you mean it.`
    )
  return at
}

/** For steps that move branches: the feature's own is checked out, whatever was named, and git is not in the midst of anything. */
export const requireOwn = (session: Session, state: FeatureState, action: string): string => {
  const at = Git.checkedOut(session.root)
  const busy = Git.inProgress(session.root)
  if (busy !== null)
    throw new Failure(
      `${action}: a ${busy.what} is in progress.`,
      `finish or abort it (git ${busy.what} --abort), then run the command again.`
    )
  const own = state.branch?.name
  if (own === undefined)
    throw new Failure(`${action}: ${state.feature.slug} has no branch.`, "sdlc next says what is due.")
  if (at.kind !== "branch" || at.branch !== own)
    throw new Failure(
      `${action}: ${at.kind === "branch" ? `${at.branch} is checked out` : "HEAD is detached"}, and only ${own} may be moved.`,
      switchTo(session, own)
    )
  return own
}
