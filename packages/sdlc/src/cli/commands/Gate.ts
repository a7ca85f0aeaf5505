/**
 * `sdlc gate`: may this phase be left, and for merges: may this commit land?
 *
 * Promises to judge the commit itself, not the work tree, and to hold it to the policy of the base, so that a branch cannot
 * loosen its own gates. Exit 0 passes, 10 pends, 1 fails, 3 corrupt.
 */
import type { gates } from "../../classify/Gates.ts"
import { derive } from "../../derive/Derive.ts"
import type { ChangedSince } from "../../explain/Words.ts"
import type { Facts } from "../../model/Facts.ts"
import type { FeatureState } from "../../model/FeatureState.ts"
import { own as ownOf } from "../../model/Own.ts"
import { phases } from "../../model/Phase.ts"
import * as Decode from "../../repo/Decode.ts"
import { canonicalJson } from "../../repo/Digest.ts"
import * as Layout from "../../repo/Layout.ts"
import * as Patch from "../../repo/Patch.ts"
import { stateOf } from "../../repo/State.ts"
import * as Repo from "../../repo/Repo.ts"
import { type Args, oneOf } from "../Args.ts"
import { exit, Failure } from "../Failure.ts"
import * as Git from "../Git.ts"
import { done, type Result } from "../Result.ts"
import * as Session from "../Session.ts"
import { since } from "../Since.ts"
import { judge, type Judged, mayMerge, show, type Verdict } from "./GateVerdict.ts"
import { contests } from "./Next.ts"

export const spec = {
  positionals: ["phase", "feature?"],
  flags: { head: "value", base: "value", "ci-passed": "flag", "require-feature": "flag", group: "flag", facts: "flag" }
} as const

const names = [...phases.slice(0, 8), "merge"] as const

const sameJson = (a: string | Uint8Array | undefined, b: string | Uint8Array | undefined): boolean => {
  if (a === undefined || b === undefined) return false
  const [x, y] = [a, b].map((content) => Decode.json(Buffer.from(content).toString("utf8")))
  return x?._tag === "Ok" && y?._tag === "Ok" && canonicalJson(x.value) === canonicalJson(y.value)
}

/**
 * Events and evidence are only ever added. A branch that drops a rejection, or writes an approval over it, is told; one that
 * mends a feature which was corrupt before may.
 */
const rewritten = (
  session: Session.Session,
  slug: string,
  head: string,
  base: string,
  tree: Repo.Files
): string | null => {
  const paths = Git.rewritten(session.root, base, head, slug)
  const parted = paths.length === 0 ? null : Git.mergeBase(session.root, base, head)
  const before = parted === null ? null : Git.readTree(session.root, parted)
  const path = before === null ? undefined : paths.find((one) => !sameJson(before.get(one), tree.get(one)))
  if (path === undefined || before === null || Repo.load(before, slug).integrity === "corrupt") return null
  return `${path}: it was ${tree.has(path) ? "changed" : "removed"} since ${base.slice(0, 10)}, and events and evidence are only ever added`
}

/**
 * Result of CI for a commit that a queue made of a pull request: that of the head it was made from, found by the changes, because the queue
 * runs CI on its own commit besides.
 */
const queuedCi = (state: FeatureState, patch: string | undefined): boolean =>
  patch !== undefined &&
  state.ci.findLast((run) => run.patch === patch && run.result !== undefined)?.result?.status === "passed"

const changedSince =
  (session: Session.Session, state: FeatureState): ChangedSince =>
  (tree, sha) => {
    const { head } = state.observed
    return head === undefined
      ? null
      : since(session.root, head.sha, tree, sha, sha === undefined ? undefined : ownOf(head.since, sha))
  }

const atCommit = (
  session: Session.Session,
  slug: string,
  { base, head, squashed }: Subject,
  ciPassed: boolean
): { readonly judged: Judged | null; readonly problem: string; readonly warnings?: ReadonlyArray<string> } => {
  const plain = Git.readTree(session.root, head)
  if (plain === null)
    throw new Failure(`--head: git cannot read the tree of ${head}.`, "fetch the commit (a shallow clone may lack it).")
  const first = Layout.unarchived(plain, slug)
  const sources = Object.values(Repo.load(first, slug).feature?.sources ?? {})
    .flat()
    .map((path) => path.replace(/#.*$/, ""))
  const tree =
    sources.length === 0 ? first : Layout.unarchived(Git.readTree(session.root, head, sources) ?? plain, slug)
  const baseTree = base === null ? null : Git.readTree(session.root, base)
  const basePolicy = baseTree === null ? null : Repo.loadPolicy(baseTree)
  const loaded = Repo.load(
    tree,
    slug,
    basePolicy !== null && basePolicy.errors.length === 0 ? { policy: basePolicy.policy } : {}
  )
  const [error] = loaded.errors
  if (error !== undefined) return { judged: null, problem: `${error.file}: ${error.problem}` }
  const lost = base === null ? null : rewritten(session, slug, head, base, tree)
  if (lost !== null) return { judged: null, problem: lost }
  const own = Git.head(session.root, head)
  const relation = base === null ? null : Git.relation(session.root, head, base)
  const changed = base === null ? null : Session.changesOf(session.root, head, [base])
  const patch = changed === null ? undefined : Patch.digest(changed)
  const green = ciPassed || (squashed && queuedCi(stateOf(loaded), patch))
  const observed = {
    ...(own === null ? {} : { head: { ...own, ...(patch === undefined ? {} : { patch }) } }),
    ...(relation === null ? {} : { branch: relation }),
    ...(green && own !== null ? { ci: { tree: own.tree, status: "passed" as const } } : {})
  }
  const deps = Session.observeDeps(session, stateOf(loaded))
  const state = stateOf(loaded, { ...observed, deps })
  const facts = derive(state, loaded.policy, session.now)
  return { judged: { facts, state, changed: changedSince(session, state) }, problem: "", warnings: contests(state) }
}

const codes = { pass: exit.action, pend: exit.wait, fail: exit.failed, corrupt: exit.corrupt } as const
const worst = (verdicts: ReadonlyArray<Verdict>): Verdict["passage"] =>
  (["corrupt", "fail", "pend"] as const).find((passage) => verdicts.some((verdict) => verdict.passage === passage)) ??
  "pass"

interface Subject {
  readonly head: string
  readonly base: string | null
  readonly slugs: ReadonlyArray<string>
  /** A queue made it of a pull request by squashing or rebasing: it holds the changes that were reviewed, on another base. */
  readonly squashed: boolean
}

/**
 * What a commit brings along. A merge queue's commit holds several pull requests one after another. Of a merge commit the own head is judged,
 * because that is the code that was reviewed; squashed and rebased ones are judged by what they change, feature by feature.
 */
const subjectsOf = (
  session: Session.Session,
  args: Args,
  head: string,
  base: string | null
): ReadonlyArray<Subject> => {
  const named = args.positionals[1] ?? args.value("feature")
  const slugs = (from: string | null, to: string): ReadonlyArray<string> =>
    named !== undefined ? [named] : from === null ? [] : Git.changedFeatures(session.root, from, to)
  if (!args.has("group")) return [{ head, base, slugs: slugs(base, head), squashed: false }]
  if (base === null) throw new Failure("--base: a merge group needs one.", "give the commit the group is stacked on.")
  const found: Array<Subject> = []
  let open: Subject | null = null
  const close = (): void => {
    if (open !== null) found.push(open)
    open = null
  }
  for (const { parents, sha } of Git.stacked(session.root, base, head)) {
    const [onto = base, own] = parents
    if (own !== undefined) {
      close()
      found.push({ head: own, base: onto, slugs: slugs(onto, own), squashed: false })
      continue
    }
    const touched = slugs(onto, sha)
    const known: ReadonlyArray<string> = (open as Subject | null)?.slugs ?? []
    // Commits of one rebased pull request stand together; another feature's records begin the next.
    if (known.length > 0 && touched.some((slug) => !known.includes(slug))) close()
    open = {
      head: sha,
      base: (open as Subject | null)?.base ?? onto,
      slugs: [...new Set([...((open as Subject | null)?.slugs ?? []), ...touched])],
      squashed: true
    }
  }
  close()
  return found
}

/** The records of a feature that was given up may land, its code may not. */
const givenUp = (session: Session.Session, facts: Facts, { base, head }: Subject): boolean => {
  if (base === null || (facts.lifecycle !== "cancelled" && facts.lifecycle !== "archived")) return false
  const parted = Git.mergeBase(session.root, base, head)
  return parted !== null && Git.head(session.root, parted)?.tree === Git.head(session.root, head)?.tree
}

/** Without the base, or the commit at which the two parted, nobody can say what lands: that must not read like nothing. */
const requireHistory = (session: Session.Session, base: string | null, head: string): void => {
  if (base === null)
    throw new Failure(
      "--base: the branch that the commit is to land on is not known here.",
      "name it with --base, and fetch it if it is not here."
    )
  if (Git.mergeBase(session.root, base, head) === null)
    throw new Failure(
      `--base: ${base} and ${head.slice(0, 10)} have no history in common here${Git.isShallow(session.root) ? "; the clone is shallow" : ""}.`,
      "fetch the whole history: git fetch --unshallow, or fetch-depth: 0 for actions/checkout."
    )
}

const merge = (session: Session.Session, args: Args): Result => {
  const head = Git.commit(session.root, args.value("head") ?? "HEAD")
  if (head === null)
    throw new Failure(
      `--head: "${args.value("head") ?? "HEAD"}" is no commit of this repository.`,
      "fetch it, or name another."
    )
  const base = Git.base(session.root, args.value("base"))
  if (args.value("base") !== undefined && Git.commit(session.root, args.value("base") ?? "") === null)
    throw new Failure(
      `--base: "${args.value("base") ?? ""}" is no commit of this repository.`,
      "fetch it, or name another."
    )
  requireHistory(session, base, head)
  const subjects = subjectsOf(session, args, head, base)
  if (subjects.every((subject) => subject.slugs.length === 0)) {
    if (args.has("require-feature"))
      return done("No feature belongs to this commit.", { passage: "fail", features: [] }, exit.failed)
    return done("No feature belongs to this commit; nothing to hold it to.", { passage: "pass", features: [] })
  }
  const verdicts = subjects.flatMap((subject) =>
    subject.slugs.map((slug): Verdict => {
      const { judged, problem, warnings } = atCommit(session, slug, subject, args.has("ci-passed"))
      if (judged === null)
        return {
          feature: slug,
          passage: "corrupt",
          missing: [{ gate: "integrity", passage: "fail", facts: [problem], says: [problem] }]
        }
      const said = warnings === undefined || warnings.length === 0 ? {} : { warnings }
      return {
        ...(judged.facts.merge === "merged" || givenUp(session, judged.facts, subject)
          ? { feature: slug, passage: "pass" as const, missing: [] }
          : mayMerge(judged, slug)),
        ...said
      }
    })
  )
  const passage = worst(verdicts)
  return done(
    verdicts.map((verdict) => show(verdict, args.has("facts"))).join("\n"),
    { passage, head, base, features: verdicts },
    codes[passage]
  )
}

export const run = (session: Session.Session, args: Args): Result => {
  const phase = oneOf("phase", args.positionals[0] ?? "", names)
  if (phase === "merge") return merge(session, args)
  const slug = Session.featureArg(session, args, 1)
  const { facts, state } = Session.intact(session, slug, { whole: true })
  const judged = { facts, state, changed: changedSince(session, state) }
  const verdict = judge(judged, [phase as keyof typeof gates], slug)
  return done(show(verdict, args.has("facts")), verdict, codes[verdict.passage])
}
