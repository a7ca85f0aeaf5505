/**
 * What must hold of every decision, whatever the facts: S1 … S25. The gates are spelled out here a second time, independently of the table's.
 * A decision that breaks one yields its name.
 */
import type { Decision } from "../../src/model/Decision.ts"
import type { DocumentState, Facts } from "../../src/model/Facts.ts"
import { type Phase, phaseIndex } from "../../src/model/Phase.ts"

const settled = (state: DocumentState) => ["approved", "waived"].includes(state)

/** Which exits are open. */
export const open: { readonly [P in Phase]: (f: Facts) => boolean } = {
  draft: (f) => settled(f.spec),
  specified: (f) => settled(f.design) && settled(f.tasksDoc),
  planned: (f) => settled(f.qaPlan) && f.dep !== "unmet",
  ready: (f) => f.go === "ok" && f.claim === "held" && f.branch !== "none",
  implementation: (f) =>
    ![f.tVerify, f.tFailed, f.tReady, f.tRunning, f.tBlocked, f.tNone].includes(true) &&
    f.branch !== "conflict" &&
    f.pr === "open" &&
    f.ci === "green",
  review: (f) =>
    ["approved", "off"].includes(f.agentReview) && ["approved", "off"].includes(f.humanReview) && !f.threads,
  audit: (f) => f.audit === "off" || (f.audit === "present" && !f.findBlock && !f.findOpen && f.risk === "ok"),
  qa: (f) => f.qa === "passed" && f.evidence && ["ok", "off"].includes(f.uat),
  merge: (f) => f.merge === "merged" && (!f.deployReq || f.release === "live"),
  released: () => false
}

/** Which exits are shut, not merely waiting for something outside. */
const shut: { readonly [P in Phase]: (f: Facts) => boolean } = {
  ...(Object.fromEntries(Object.entries(open).map(([phase, isOpen]) => [phase, (f: Facts) => !isOpen(f)])) as {
    readonly [P in Phase]: (f: Facts) => boolean
  }),
  planned: (f) => !settled(f.qaPlan),
  implementation: (f) =>
    [f.tVerify, f.tFailed, f.tReady, f.tRunning, f.tBlocked, f.tNone].includes(true) ||
    f.branch === "conflict" ||
    f.pr !== "open" ||
    f.ci === "red"
}

const earlier: ReadonlyArray<Phase> = [
  "draft",
  "specified",
  "planned",
  "ready",
  "implementation",
  "review",
  "audit",
  "qa"
]
const sinks = (f: Facts): ReadonlyArray<Phase> =>
  f.merge === "merged" ? [] : earlier.filter((phase) => phaseIndex[phase] < phaseIndex[f.phase] && shut[phase](f))

/** All gates before merge stand open; while queued, CI may be pending because the queue runs it again. */
export const landable = (f: Facts): boolean =>
  earlier.every((phase) =>
    phase === "implementation" && f.merge === "queued" ? !shut.implementation(f) : open[phase](f)
  )

const inTrouble = ["L1", "C1", "C2", "C3", "C4", "C5", "C6"]
const unguarded = [...inTrouble, "C7", "H1", "H2"]
const loops = ["P2", "V3", "V4", "U4", "U6", "K3", "K6", "M10"]
const escalations = ["escalate-rework", "escalate-retries", "escalate-budget"]

export interface Invariant {
  readonly id: string
  readonly says: string
  readonly holds: (f: Facts, d: Decision) => boolean
}

const effect = (d: Decision) => d.kind === "do"
const byAgent = (d: Decision) => d.actor === "agent" && effect(d)
const does = (d: Decision, ...actions: ReadonlyArray<string>) => actions.includes(d.action)
const quiet = (f: Facts) =>
  f.integrity === "ok" && f.lifecycle === "active" && f.escalation === "none" && f.blocker === "none"
const workable = (f: Facts) =>
  quiet(f) &&
  !["rollbackFailed", "rollingBack", "unhealthy", "deploying", "verifying"].includes(f.release) &&
  !(f.release === "live" && f.incident)

export const invariants: ReadonlyArray<Invariant> = [
  {
    id: "S1",
    says: "corrupt state is repaired before anything else, and only then",
    holds: (f, d) => (f.integrity === "corrupt") === does(d, "repair-state")
  },
  {
    id: "S2",
    says: "an incident tied to a live release rolls it back, ahead of pause, cancel and budget",
    holds: (f, d) => f.integrity === "corrupt" || f.release !== "live" || !f.incident || does(d, "rollback")
  },
  {
    id: "S3",
    says: "an unhealthy release is rolled back; nothing else ever is",
    holds: (f, d) =>
      (f.release === "unhealthy" && f.integrity === "ok" ? does(d, "rollback") : true) &&
      (!does(d, "rollback") || f.release === "unhealthy" || (f.release === "live" && f.incident))
  },
  {
    id: "S4",
    says: "only what was cancelled and cleaned is archived",
    holds: (f, d) => !does(d, "archive") || (f.lifecycle === "cancelled" && f.cleanup === "done")
  },
  {
    id: "S5",
    says: "done means archived, or released, merged, live, synced and clean; living specs change only for what is merged and live",
    holds: (f, d) =>
      (d.kind !== "done" ||
        f.lifecycle === "archived" ||
        (quiet(f) && f.phase === "released" && f.sync === "done" && f.cleanup === "done")) &&
      (!(d.kind === "done" || does(d, "sync-specs")) || f.lifecycle === "archived" || open.merge(f))
  },
  {
    id: "S6",
    says: "no slot is claimed beyond the limit or twice",
    holds: (f, d) => !does(d, "claim-slot") || (f.wip === "free" && f.claim === "none")
  },
  {
    id: "S7",
    says: "nobody reviews, audits, tests or lands code without green CI",
    holds: (f, d) => !does(d, "review-code", "audit", "run-qa", "merge", "requeue-merge") || f.ci === "green"
  },
  {
    id: "S8",
    says: "code lands only when every gate holds, the branch is fresh, nothing is frozen, dependencies are met and the merge is approved",
    holds: (f, d) =>
      !does(d, "merge", "requeue-merge") ||
      (landable(f) && f.branch === "ok" && !f.freeze && f.dep === "met" && f.mergeGate === "ok" && f.merge !== "merged")
  },
  {
    id: "S9",
    says: "only merged code that still wants it is deployed, and a first deploy not during a freeze",
    holds: (f, d) =>
      !does(d, "deploy", "retry-deploy") ||
      (f.merge === "merged" &&
        f.deployReq &&
        (does(d, "retry-deploy") ? f.release === "failed" : f.release === "none" && !f.freeze))
  },
  {
    id: "S10",
    says: "while work is in flight no new effect begins",
    holds: (f, d) => f.lease === "none" || !effect(d) || unguarded.includes(d.rule) || does(d, "escalate-rework")
  },
  { id: "S11", says: "without budget no agent works", holds: (f, d) => f.budget === "ok" || !byAgent(d) },
  { id: "S12", says: "without confirmation no agent works", holds: (f, d) => f.autonomy === "auto" || !byAgent(d) },
  {
    id: "S13",
    says: "after too many failures only escalations and safety effects remain",
    holds: (f, d) => f.attempts === "ok" || !effect(d) || unguarded.includes(d.rule) || does(d, ...escalations)
  },
  {
    id: "S14",
    says: "after too much rework no loop goes on",
    holds: (f, d) => f.rework === "ok" || !loops.includes(d.rule)
  },
  {
    id: "S15",
    says: "an open escalation stops agents",
    holds: (f, d) => f.escalation === "none" || d.actor !== "agent"
  },
  {
    id: "S16",
    says: "a paused feature keeps agents still",
    holds: (f, d) => f.lifecycle !== "paused" || d.actor !== "agent"
  },
  {
    id: "S17",
    says: "a blocker for a person keeps agents still",
    holds: (f, d) => f.blocker !== "human" || d.actor !== "agent"
  },
  {
    id: "S18",
    says: "an archived or cancelled feature keeps agents still",
    holds: (f, d) => f.lifecycle === "active" || f.lifecycle === "paused" || d.actor !== "agent"
  },
  {
    id: "S19",
    says: "no work on tasks without an approved plan, a start and a slot",
    holds: (f, d) =>
      !does(
        d,
        "implement-task",
        "retry-task",
        "verify-task",
        "materialise-tasks",
        "open-pr",
        "fix-ci",
        "resolve-conflicts"
      ) ||
      (open.draft(f) && open.specified(f) && settled(f.qaPlan) && open.ready(f) && f.merge !== "merged")
  },
  {
    id: "S20",
    says: "what is queued is safe to land or leaves the queue",
    holds: (f, d) =>
      f.merge !== "queued" ||
      inTrouble.includes(d.rule) ||
      does(d, "dequeue-merge") ||
      (f.phase === "merge" && quiet(f) && f.dep === "met" && f.mergeGate === "ok" && !f.freeze && sinks(f).length === 0)
  },
  {
    id: "S21",
    says: "only a rolled-back release is reopened",
    holds: (f, d) =>
      d.action !== "reopen" || (f.release === "rolledBack" && f.phase === "merge" && f.merge === "merged")
  },
  {
    id: "S22",
    says: "an advance goes one phase on, through an open gate with no shut one behind it (or records a merge out of band); a regression goes to the first shut one",
    holds: (f, d) => {
      if (d.kind !== "move")
        return (
          d.to === undefined ||
          (d.action === "archive" && d.to === "archived") ||
          (d.action === "reopen" && d.to === "implementation")
        )
      const to = phaseIndex[d.to as Phase]
      const from = phaseIndex[f.phase]
      if (d.action === "advance")
        return (
          to === from + 1 &&
          workable(f) &&
          sinks(f).length === 0 &&
          (open[f.phase](f) || (f.merge === "merged" && from < phaseIndex.merge))
        )
      return (
        to < from &&
        workable(f) &&
        (sinks(f)[0] ?? "merge") === d.to &&
        (sinks(f).length > 0 || (f.phase === "released" && !open.merge(f)))
      )
    }
  },
  {
    id: "S23",
    says: "a guard stands in for an effect or a loop, and names it",
    holds: (_, d) => d.rule.startsWith("G") === (d.via !== undefined)
  },
  {
    id: "S24",
    says: "nobody plans, submits or approves tasks on a design that nobody approved",
    holds: (f, d) => !/^T[1-7]$/.test(d.via ?? d.rule) || settled(f.design)
  },
  {
    id: "S25",
    says: "without an audit nobody is asked about findings or their risk",
    holds: (f, d) => f.audit !== "off" || !/^U[4-7]$/.test(d.via ?? d.rule)
  }
]

export const violations = (facts: Facts, decision: Decision): ReadonlyArray<string> =>
  invariants.filter((invariant) => !invariant.holds(facts, decision)).map((invariant) => invariant.id)
