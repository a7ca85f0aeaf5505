/**
 * `sdlc apply`: takes the one step that is the platform's, on a machine without a platform.
 *
 * Promises to take exactly the step that `sdlc next` names and no other, and to change git only for branches, base updates
 * and merges of the feature's own branch. Does not deploy, roll back or push: those are refused with the way to record them.
 */
import { gates } from "../../classify/Gates.ts"
import type { FeatureDecision } from "../../model/Decision.ts"
import type { Principal } from "../../model/Principal.ts"
import * as Layout from "../../repo/Layout.ts"
import type { Draft } from "../../repo/Repo.ts"
import * as Ulid from "../../repo/Ulid.ts"
import type { Args } from "../Args.ts"
import { exit, type ExitCode, Failure } from "../Failure.ts"
import * as Git from "../Git.ts"
import * as Home from "../Home.ts"
import * as Identity from "../Identity.ts"
import { done, type Result } from "../Result.ts"
import * as Session from "../Session.ts"
import * as Evidence from "./Evidence.ts"
import { jsonOf, line } from "./Next.ts"
import * as Tasks from "./Tasks.ts"

export const spec = { positionals: ["feature?"], flags: { ci: "values", all: "flag", base: "value" } } as const

/** Most steps that `--all` takes in one go; the longest way without a person is shorter. */
const maxSteps = 120

/** The platform's word on a machine of one's own. Where the policy has a keyring it needs a key like any other. */
const platform = (session: Session.Session): Principal => {
  const named = Identity.fromEnv(session.env)
  return named !== null && named.type === "platform" ? named : { id: "sdlc-local", type: "platform" }
}

interface Step {
  readonly session: Session.Session
  readonly seen: Session.View
  readonly decision: FeatureDecision
  readonly args: Args
}

const refuse = (decision: FeatureDecision, fix: string): never => {
  throw new Failure(`${decision.action}: this machine cannot do it.`, fix)
}

const move = ({ decision, seen }: Step): ReadonlyArray<Draft> => {
  if (decision.to === undefined || decision.to === "archived") return [{ type: "archived", data: {} }]
  return [
    {
      type: "phase-moved",
      data: {
        from: seen.state.phase,
        to: decision.to,
        rule: decision.rule,
        reason: decision.reason,
        policyRev: decision.policyRev,
        ...(decision.cause === undefined ? {} : { cause: decision.cause })
      }
    }
  ]
}

const provision = ({ args, session, seen }: Step): ReadonlyArray<Draft> => {
  if (Git.commit(session.root, "HEAD") === null)
    throw new Failure(
      "provision-workspace: the repository has no commit yet.",
      "commit once, then run the command again."
    )
  const busy = Git.inProgress(session.root)
  if (busy !== null)
    throw new Failure(
      `provision-workspace: a ${busy.what} is in progress.`,
      `finish or abort it (git ${busy.what} --abort), then run the command again.`
    )
  const { slug } = seen.state.feature
  const branch = `sdlc/${slug}`
  const current = Git.currentBranch(session.root)
  const base = Git.base(session.root, args.value("base"))
  if (base === null || current === null)
    throw new Failure(
      "provision-workspace: no branch is checked out that the feature could be merged into.",
      "check it out, or name it with --base."
    )
  // What a branch starts from is what it is merged into: from anywhere else it would carry somebody else's work along.
  if (current !== branch && current !== base)
    throw new Failure(
      `provision-workspace: ${current} is checked out, and ${slug} is to be merged into ${base}.`,
      `git switch ${base}; or say that ${current} is its base: sdlc apply ${slug} --base ${current}.`
    )
  const sha = Git.commit(session.root, base)
  if (current !== branch)
    Git.change(
      session.root,
      "switch",
      ...(Git.commit(session.root, `refs/heads/${branch}`) === null ? ["-c", branch] : [branch])
    )
  session.homes.set(slug, branch)
  return [{ type: "branch-provisioned", data: { branch, base, ...(sha === null ? {} : { sha }), resources: [branch] } }]
}

const materialise = ({ seen }: Step): ReadonlyArray<Draft> => {
  const tasks = seen.state.documents.tasks
  return [{ type: "tasks-materialised", data: { planHash: tasks.hash, tasks: [...(tasks.tasks ?? [])] } }]
}

const runCi = ({ session, seen, args }: Step): ReadonlyArray<Draft> => {
  const head = Session.observeGit(session.root, seen.state).head
  if (head === undefined) throw new Failure("run-ci: there is no commit to check.", "commit the code first.")
  Git.requireClean(session.root)
  const commands =
    args.values("ci").length > 0 ? args.values("ci") : [...new Set(seen.state.tasks.flatMap((task) => task.verify))]
  if (commands.length === 0)
    throw new Failure("run-ci: there is no command to run.", 'name one: sdlc apply --ci "npm test".')
  const run = Ulid.make(session.now, Session.randomness())
  const ran = commands.map((command) => Evidence.run(session.root, command, session.env))
  const failed = ran.find((one) => one.exitCode !== 0)
  return [
    {
      type: "ci-recorded",
      data: {
        tree: head.tree,
        sha: head.sha,
        ...(head.patch === undefined ? {} : { patch: head.patch }),
        run,
        status: failed === undefined ? "passed" : "failed",
        ...(failed === undefined ? {} : { job: failed.command })
      }
    }
  ]
}

const baseOf = ({ args, decision, seen, session }: Step): string => {
  const base = Git.base(session.root, args.value("base") ?? seen.state.branch?.base)
  if (base === null)
    throw new Failure(`${decision.action}: the feature has no base.`, "name it: sdlc apply --base main.")
  return base
}

const merge = (step: Step): ReadonlyArray<Draft> => {
  const { session, seen } = step
  const branch = Home.requireOwn(session, seen.state, "merge")
  const base = baseOf(step)
  Git.requireClean(session.root)
  Git.change(session.root, "switch", base)
  try {
    Git.change(session.root, "merge", "--no-ff", "--no-edit", "-m", `Merge ${branch}`, branch)
  } catch (cause) {
    if (Git.commit(session.root, "MERGE_HEAD") !== null) Git.change(session.root, "merge", "--abort")
    Git.change(session.root, "switch", branch)
    throw cause
  }
  session.homes.set(seen.state.feature.slug, base)
  return [{ type: "merged", data: { sha: Git.commit(session.root, "HEAD") ?? "", outOfBand: false } }]
}

const escalate = ({ decision }: Step): ReadonlyArray<Draft> => [
  {
    type: "escalation-opened",
    data: {
      escalation: `e-${decision.idempotencyKey.slice(-8)}`,
      question: decision.reason,
      rule: decision.via ?? decision.rule
    }
  }
]

/** Checks out a branch at the base's tip: the old one when all of it is there already, else one with a number. Records that only the old one has come along. */
const freshBranch = (session: Session.Session, slug: string, base: string): string => {
  const here = Git.currentBranch(session.root)
  for (let n = 1; ; n++) {
    const name = n === 1 ? `sdlc/${slug}` : `sdlc/${slug}-${n}`
    const at = Git.commit(session.root, `refs/heads/${name}`)
    if (name === here || (at !== null && !Git.reaches(session.root, base, at))) continue
    Git.change(session.root, "branch", "--force", "--no-track", name, base)
    Git.change(session.root, "switch", name)
    if (here !== null && here !== base) Git.change(session.root, "checkout", here, "--", Layout.featureDir(slug))
    return name
  }
}

/** A rolled-back feature goes on in a branch that begins at the base, where its records are by now. */
const reopen = (step: Step): ReadonlyArray<Draft> => {
  const { decision, seen, session } = step
  const { slug } = seen.state.feature
  const cause = seen.state.release.detail ?? seen.state.incidents.at(-1)?.text ?? "the release was rolled back"
  const id = `task-${String(Math.max(900, ...seen.state.tasks.map((task) => Number(task.id.slice(5)))) + 1)}`
  const verify = [...new Set(seen.state.tasks.flatMap((task) => task.verify))]
  const base = baseOf(step)
  const sha = Git.commit(session.root, base)
  Git.requireClean(session.root)
  const branch = freshBranch(session, slug, base)
  session.homes.set(slug, branch)
  return [
    { type: "branch-provisioned", data: { branch, base, ...(sha === null ? {} : { sha }), resources: [branch] } },
    {
      type: "fix-tasks-added",
      data: {
        origin: "rollback",
        tasks: [{ id, title: `Repair what the rollback showed: ${cause}`, deps: [], covers: [], writes: [], verify }],
        reason: cause
      }
    },
    {
      type: "phase-moved",
      data: {
        from: seen.state.phase,
        to: "implementation",
        rule: decision.rule,
        reason: decision.reason,
        policyRev: decision.policyRev
      }
    }
  ]
}

const updateBranch = (step: Step): ReadonlyArray<Draft> => {
  const { session, seen } = step
  const branch = Home.requireOwn(session, seen.state, "update-branch")
  const base = baseOf(step)
  Git.requireClean(session.root)
  try {
    Git.change(session.root, "merge", "--no-edit", "-m", `Merge ${base} into ${branch}`, base)
  } catch (cause) {
    if (Git.commit(session.root, "MERGE_HEAD") !== null) Git.change(session.root, "merge", "--abort")
    throw cause
  }
  const from = seen.state.observed.head?.patch
  const to = Session.observeGit(session.root, seen.state, { base }).head?.patch
  return from === undefined || to === undefined || from === to
    ? []
    : [{ type: "branch-updated", data: { base: Git.commit(session.root, base) ?? base, from, to } }]
}

const recordIt = (step: Step): never =>
  refuse(
    step.decision,
    `do it, then record what came out with sdlc record (${step.decision.action === "deploy" || step.decision.action === "retry-deploy" ? "deploy-started, then deploy-recorded; or set deploy: none in the policy" : step.decision.action === "verify-release" ? "release-verified or release-unhealthy" : "rollback-started, then rollback-recorded"}).`
  )

const steps: Readonly<Record<string, (step: Step) => ReadonlyArray<Draft>>> = {
  advance: move,
  regress: move,
  archive: move,
  "claim-slot": () => [{ type: "claim-taken", data: { slot: "local" } }],
  "provision-workspace": provision,
  "materialise-tasks": materialise,
  "open-pr": ({ seen }) => [{ type: "pr-opened", data: { number: seen.state.retiredPrs.length + 1 } }],
  "run-ci": runCi,
  "update-branch": updateBranch,
  merge: merge,
  "requeue-merge": merge,
  "dequeue-merge": ({ decision }) => [{ type: "merge-dequeued", data: { reason: decision.reason } }],
  reopen: reopen,
  "cleanup-workspace": ({ seen }) => [
    { type: "cleanup-recorded", data: { resources: [...(seen.state.branch?.resources ?? [])] } }
  ],
  "escalate-rework": escalate,
  "escalate-retries": escalate,
  "escalate-budget": escalate,
  deploy: recordIt,
  "retry-deploy": recordIt,
  "verify-release": recordIt,
  rollback: recordIt
}

/** Phases that a move would pass must have their gate open; a bug in the table must not be able to skip one here. */
const checkMove = ({ decision, seen }: Step): void => {
  if (decision.action !== "advance" || decision.rule === "P1" || seen.state.phase === "released") return
  if (gates[seen.state.phase](seen.facts) !== "pass")
    throw new Failure(`advance: the ${seen.state.phase} gate does not hold.`, "report this as a defect.", exit.failed)
}

/** What happened outside is put on record before anything rests on it: a merge that the flow did not make, and that it was taken back. */
const landing = ({ state }: Session.View): { readonly drafts: ReadonlyArray<Draft>; readonly text: string } | null => {
  const { landed } = state.observed
  if (landed === undefined || state.merge.status === "merged") return null
  const back = landed.reverted
  return {
    drafts: [
      { type: "merged", data: { sha: landed.sha, outOfBand: true } },
      ...(back === undefined
        ? []
        : [
            {
              type: "rollback-recorded" as const,
              data: {
                deploy: landed.sha,
                status: "succeeded" as const,
                error: `${back.slice(0, 10)} took the changes back`
              }
            }
          ])
    ],
    text: `merged outside of the flow: ${landed.sha.slice(0, 10)} (${landed.how})${back === undefined ? "" : `, taken back by ${back.slice(0, 10)}`}; put on record`
  }
}

const one = (
  session: Session.Session,
  slug: string,
  args: Args
): { readonly text: string; readonly decision: FeatureDecision; readonly ok: boolean } => {
  const base = args.value("base")
  const seen = Session.writable(session, slug, base === undefined ? {} : { base })
  const { decision } = seen
  if (decision.actor !== "platform" || decision.kind === "wait" || decision.kind === "done") {
    throw new Failure(
      `The next step is not the platform's: ${decision.action} (${decision.actor}). ${decision.reason}`,
      decision.actor === "agent" && decision.kind === "do" ? `follow sdlc next ${slug}.` : "see sdlc why.",
      Session.codeOf(decision) === exit.action ? exit.usage : Session.codeOf(decision)
    )
  }
  const found = landing(seen)
  if (found !== null) {
    Session.record(session, seen.loaded, found.drafts, platform(session))
    return { text: found.text, decision, ok: true }
  }
  const step: Step = { session, seen, decision, args }
  if (decision.action === "verify-task") {
    const task = seen.state.tasks.find((candidate) => candidate.id === decision.taskId)
    if (task === undefined)
      throw new Failure("verify-task: no task is claimed.", "report this as a defect.", exit.failed)
    const { passed } = Tasks.verify(session, seen, task, platform(session))
    return {
      text: `${decision.rule} ${decision.action} ${task.id}: ${passed ? "done" : "failed"}`,
      decision,
      ok: passed
    }
  }
  const perform = steps[decision.action]
  if (perform === undefined)
    return refuse(
      decision,
      decision.action === "repair-state" ? "restore the named files from git." : "leave it to the platform."
    )
  checkMove(step)
  const drafts = perform(step)
  const { loaded } = drafts.length === 0 ? seen : Session.intact(session, slug)
  if (drafts.length > 0) Session.record(session, loaded, drafts, platform(session))
  const ci = drafts.find((draft) => draft.type === "ci-recorded")
  const ok = ci?.type !== "ci-recorded" || ci.data.status === "passed"
  return {
    text: `${decision.rule} ${decision.action}${decision.to === undefined ? "" : ` \u2192 ${decision.to}`}${ok ? "" : ": red"}`,
    decision,
    ok
  }
}

interface Taken {
  readonly rule: string
  readonly action: string
  readonly ok: boolean
}

/** Steps done before something went wrong are named together with it: nobody has to guess how far it came. */
const stopped = (
  lines: ReadonlyArray<string>,
  taken: ReadonlyArray<Taken>,
  problem: string,
  fix: string,
  code: ExitCode
): Result =>
  done(
    [
      ...lines,
      `stopped after ${taken.length} ${taken.length === 1 ? "step" : "steps"}: ${problem}`,
      `  fix: ${fix}`
    ].join("\n"),
    { applied: taken, error: { message: problem, fix, code } },
    code
  )

const isPlatforms = (decision: FeatureDecision): boolean =>
  decision.actor === "platform" && decision.kind !== "wait" && decision.kind !== "done"

export const run = (session: Session.Session, args: Args): Result => {
  const slug = Session.featureArg(session, args, 0)
  const base = args.value("base")
  const options = base === undefined ? {} : { base }
  const most = args.has("all") ? maxSteps : 1
  const lines: Array<string> = []
  const taken: Array<Taken> = []
  let clock = session
  for (;;) {
    let result: ReturnType<typeof one>
    try {
      result = one(clock, slug, args)
    } catch (cause) {
      if (!(cause instanceof Failure) || taken.length === 0) throw cause
      return stopped(lines, taken, cause.message, cause.fix, cause.code)
    }
    const { decision, ok, text } = result
    lines.push(text)
    taken.push({ rule: decision.rule, action: decision.action, ok })
    clock = { ...session, now: Math.max(Date.now(), clock.now + 1) }
    const next = Session.view(clock, slug, options).decision
    if (next.rule === decision.rule && next.idempotencyKey === decision.idempotencyKey) {
      return stopped(
        lines,
        taken,
        `${decision.action} changed nothing; it is due again, for the same reason: ${next.reason}`,
        `sdlc why ${slug} shows what the reason rests on.`,
        exit.failed
      )
    }
    if (!ok || !isPlatforms(next) || taken.length >= most) {
      if (ok && args.has("all") && isPlatforms(next))
        return stopped(
          lines,
          taken,
          `${maxSteps} steps did not lead anywhere to rest; ${next.action} is due.`,
          "report this as a defect.",
          exit.failed
        )
      return done(
        `${lines.join("\n")}\n${line(next)}`,
        { applied: taken, next: jsonOf(next) },
        ok ? exit.action : exit.failed
      )
    }
  }
}
