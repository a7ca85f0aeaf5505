/**
 * `sdlc apply`: takes the one step that is the platform's, on a machine without a platform.
 *
 * Promises to take exactly the step that `sdlc next` names and no other, and to change git only for branches, base updates
 * and merges of the feature's own branch. Does not deploy, roll back or push: those are refused with the way to record them.
 */
import { gates } from "../../classify/Gates.ts"
import type { FeatureDecision } from "../../model/Decision.ts"
import type { Principal } from "../../model/Principal.ts"
import type { Draft } from "../../repo/Repo.ts"
import * as Ulid from "../../repo/Ulid.ts"
import type { Args } from "../Args.ts"
import { exit, Failure } from "../Failure.ts"
import * as Git from "../Git.ts"
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
  return [{ type: "phase-moved", data: { from: seen.state.phase, to: decision.to, rule: decision.rule, reason: decision.reason, policyRev: decision.policyRev } }]
}

const provision = ({ session, seen }: Step): ReadonlyArray<Draft> => {
  if (Git.commit(session.root, "HEAD") === null) throw new Failure("provision-workspace: the repository has no commit yet.", "commit once, then run the command again.")
  const branch = `sdlc/${seen.state.feature.slug}`
  const current = Git.currentBranch(session.root)
  const base = current === branch ? Git.base(session.root) : current
  if (base === null) throw new Failure("provision-workspace: no branch is checked out.", "check out the branch the feature is to be merged into.")
  if (current !== branch) Git.change(session.root, "switch", ...(Git.commit(session.root, branch) === null ? ["-c", branch] : [branch]))
  return [{ type: "branch-provisioned", data: { branch, base, resources: [branch] } }]
}

const materialise = ({ seen }: Step): ReadonlyArray<Draft> => {
  const tasks = seen.state.documents.tasks
  return [{ type: "tasks-materialised", data: { planHash: tasks.hash, tasks: [...(tasks.tasks ?? [])] } }]
}

const runCi = ({ session, seen, args }: Step): ReadonlyArray<Draft> => {
  const head = Session.observeGit(session.root, seen.state).head
  if (head === undefined) throw new Failure("run-ci: there is no commit to check.", "commit the code first.")
  Git.requireClean(session.root)
  const commands = args.values("ci").length > 0 ? args.values("ci") : [...new Set(seen.state.tasks.flatMap((task) => task.verify))]
  if (commands.length === 0) throw new Failure("run-ci: there is no command to run.", "name one: sdlc apply --ci \"npm test\".")
  const run = Ulid.make(session.now, Session.randomness())
  const ran = commands.map((command) => Evidence.run(session.root, command, session.env))
  const failed = ran.find((one) => one.exitCode !== 0)
  return [{ type: "ci-recorded", data: { ...head, run, status: failed === undefined ? "passed" : "failed", ...(failed === undefined ? {} : { job: failed.command }) } }]
}

const merge = (step: Step): ReadonlyArray<Draft> => {
  const { session, seen } = step
  const branch = seen.state.branch?.name
  const base = Git.base(session.root, step.args.value("base") ?? seen.state.branch?.base)
  if (branch === undefined || base === null) throw new Failure("merge: the feature has no branch or no base.", "name the base: sdlc apply --base main.")
  Git.requireClean(session.root)
  Git.change(session.root, "switch", base)
  try {
    Git.change(session.root, "merge", "--no-ff", "--no-edit", "-m", `Merge ${branch}`, branch)
  } catch (cause) {
    if (Git.commit(session.root, "MERGE_HEAD") !== null) Git.change(session.root, "merge", "--abort")
    Git.change(session.root, "switch", branch)
    throw cause
  }
  return [{ type: "merged", data: { sha: Git.commit(session.root, "HEAD") ?? "", outOfBand: false } }]
}

const escalate = ({ decision }: Step): ReadonlyArray<Draft> => [
  { type: "escalation-opened", data: { escalation: `e-${decision.idempotencyKey.slice(-8)}`, question: decision.reason, rule: decision.via ?? decision.rule } }
]

const reopen = ({ decision, seen }: Step): ReadonlyArray<Draft> => {
  const cause = seen.state.release.detail ?? seen.state.incidents.at(-1)?.text ?? "the release was rolled back"
  const id = `task-${String(Math.max(900, ...seen.state.tasks.map((task) => Number(task.id.slice(5)))) + 1)}`
  const verify = [...new Set(seen.state.tasks.flatMap((task) => task.verify))]
  return [
    { type: "fix-tasks-added", data: { origin: "rollback", tasks: [{ id, title: `Repair what the rollback showed: ${cause}`, deps: [], covers: [], writes: [], verify }], reason: cause } },
    { type: "phase-moved", data: { from: seen.state.phase, to: "implementation", rule: decision.rule, reason: decision.reason, policyRev: decision.policyRev } }
  ]
}

const updateBranch = ({ session, seen, args }: Step): ReadonlyArray<Draft> => {
  const base = Git.base(session.root, args.value("base") ?? seen.state.branch?.base)
  Git.requireClean(session.root)
  Git.change(session.root, "merge", "--no-edit", base ?? "main")
  return []
}

const recordIt = (step: Step): never => refuse(step.decision, `do it, then record what came out with sdlc record (${step.decision.action === "deploy" || step.decision.action === "retry-deploy" ? "deploy-started, then deploy-recorded; or set deploy: none in the policy" : step.decision.action === "verify-release" ? "release-verified or release-unhealthy" : "rollback-started, then rollback-recorded"}).`)

const steps: Readonly<Record<string, (step: Step) => ReadonlyArray<Draft>>> = {
  "advance": move,
  "regress": move,
  "archive": move,
  "claim-slot": () => [{ type: "claim-taken", data: { slot: "local" } }],
  "provision-workspace": provision,
  "materialise-tasks": materialise,
  "open-pr": ({ seen }) => [{ type: "pr-opened", data: { number: seen.state.retiredPrs.length + 1 } }],
  "run-ci": runCi,
  "update-branch": updateBranch,
  "merge": merge,
  "requeue-merge": merge,
  "dequeue-merge": ({ decision }) => [{ type: "merge-dequeued", data: { reason: decision.reason } }],
  "reopen": reopen,
  "cleanup-workspace": ({ seen }) => [{ type: "cleanup-recorded", data: { resources: [...(seen.state.branch?.resources ?? [])] } }],
  "escalate-rework": escalate,
  "escalate-retries": escalate,
  "escalate-budget": escalate,
  "deploy": recordIt,
  "retry-deploy": recordIt,
  "verify-release": recordIt,
  "rollback": recordIt
}

/** Phases that a move would pass must have their gate open; a bug in the table must not be able to skip one here. */
const checkMove = ({ decision, seen }: Step): void => {
  if (decision.action !== "advance" || decision.rule === "P1" || seen.state.phase === "released") return
  if (gates[seen.state.phase](seen.facts) !== "pass") throw new Failure(`advance: the ${seen.state.phase} gate does not hold.`, "report this as a defect.", exit.failed)
}

const one = (session: Session.Session, slug: string, args: Args): { readonly text: string; readonly decision: FeatureDecision; readonly ok: boolean } => {
  const base = args.value("base")
  const seen = Session.intact(session, slug, base === undefined ? {} : { base })
  const { decision } = seen
  if (decision.actor !== "platform" || decision.kind === "wait" || decision.kind === "done") {
    throw new Failure(`The next step is not the platform's: ${decision.action} (${decision.actor}). ${decision.reason}`, decision.actor === "agent" && decision.kind === "do" ? `follow sdlc next ${slug}.` : "see sdlc why.", Session.codeOf(decision) === exit.action ? exit.usage : Session.codeOf(decision))
  }
  const step: Step = { session, seen, decision, args }
  if (decision.action === "verify-task") {
    const task = seen.state.tasks.find((candidate) => candidate.id === decision.taskId)
    if (task === undefined) throw new Failure("verify-task: no task is claimed.", "report this as a defect.", exit.failed)
    const { passed } = Tasks.verify(session, seen, task, platform(session))
    return { text: `${decision.rule} ${decision.action} ${task.id}: ${passed ? "done" : "failed"}`, decision, ok: passed }
  }
  const perform = steps[decision.action]
  if (perform === undefined) return refuse(decision, decision.action === "repair-state" ? "restore the named files from git." : "leave it to the platform.")
  checkMove(step)
  const drafts = perform(step)
  const { loaded } = drafts.length === 0 ? seen : Session.intact(session, slug)
  if (drafts.length > 0) Session.record(session, loaded, drafts, platform(session))
  const ci = drafts.find((draft) => draft.type === "ci-recorded")
  const ok = ci?.type !== "ci-recorded" || ci.data.status === "passed"
  return { text: `${decision.rule} ${decision.action}${decision.to === undefined ? "" : ` \u2192 ${decision.to}`}${ok ? "" : ": red"}`, decision, ok }
}

export const run = (session: Session.Session, args: Args): Result => {
  const slug = Session.featureArg(session, args, 0)
  const lines: Array<string> = []
  const taken: Array<object> = []
  let ok = true
  let clock = session
  for (let count = 0; count < (args.has("all") ? maxSteps : 1); count++) {
    if (count > 0) {
      const { decision } = Session.view(clock, slug)
      if (decision.actor !== "platform" || decision.kind === "wait" || decision.kind === "done") break
      clock = { ...session, now: Math.max(Date.now(), clock.now + 1) }
    }
    const result = one(clock, slug, args)
    lines.push(result.text)
    taken.push({ rule: result.decision.rule, action: result.decision.action, ok: result.ok })
    ok = result.ok
    if (!ok) break
  }
  const { decision } = Session.view(clock, slug)
  return done(`${lines.join("\n")}\n${line(decision)}`, { applied: taken, next: jsonOf(decision) }, ok ? exit.action : exit.failed)
}
